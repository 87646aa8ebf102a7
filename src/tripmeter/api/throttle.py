"""Rate limits at the door: the buckets of those who asked lately."""

from collections.abc import Hashable

from tripmeter.api.call import Route
from tripmeter.model.access import Limit
from tripmeter.model.errors import RateLimited
from tripmeter.model.scope import Identity
from tripmeter.rules.rate_limit import NEW, REFILL_MS, NoRoom, Policy, limits_of, take

Named = tuple[str, Limit]
"""A limit and what it is for: an endpoint, or `""` for all that a caller does."""

Bucket = tuple[Hashable, str]
"""Whose it is, and what it is for."""


class Throttle:
    """Refuses those who ask faster than a policy allows. Used by the event loop alone.

    Callers are keys; on the stream, whose tokens come and go, they are scopes. Buckets are kept in
    two generations: what nobody touched for the length of one is full again and is forgotten, so
    that memory holds the callers of the last two seconds at most.
    """

    def __init__(self, policy: Policy) -> None:
        self._off = policy == "off"
        self._policy = policy
        self._limits: dict[tuple[int, bool], list[Named]] = {}
        self._young: dict[Bucket, int] = {}
        self._old: dict[Bucket, int] = {}
        self._born_ms = 0

    def count_request(self, identity: Identity, route: Route, now_ms: int) -> None:
        """Count one request, or the first of its events. Raises RateLimited, and counts nothing."""
        if not self._off:
            self._take(identity, route, self._limits_of(identity, route), now_ms)

    def count_events(self, identity: Identity, route: Route, now_ms: int, events: int) -> None:
        """Count the other events of a request, where events are limited. Raises RateLimited."""
        if not self._off and events > 1:
            limits = self._limits_of(identity, route)
            by_event = [named for named in limits if named[1].unit == "events"]
            self._take(identity, route, by_event, now_ms, events - 1)

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._young.keys() | self._old.keys())

    def _limits_of(self, identity: Identity, route: Route) -> list[Named]:
        livemode = identity.scope.livemode
        found = self._limits.get((id(route), livemode))
        if found is None:
            endpoint = f"{route.method} {route.path}"
            limits = limits_of(self._policy, endpoint, livemode=livemode)
            found = [(endpoint if one.reason == "endpoint-rate" else "", one) for one in limits]
            self._limits[id(route), livemode] = found
        return found

    def _take(
        self,
        identity: Identity,
        route: Route,
        limits: list[Named],
        now_ms: int,
        count: int = 1,
    ) -> None:
        """From every bucket, or from none."""
        if not 0 <= now_ms - self._born_ms < REFILL_MS:
            self._age(now_ms)
        caller = identity.scope if route.auth == "stream_token" else identity.id
        taken = []
        for name, limit in limits:
            bucket = (caller, name)
            full_at = self._young.get(bucket) or self._old.get(bucket, NEW)
            after = take(full_at, limit.per_second, now_ms, count)
            if isinstance(after, NoRoom):
                raise RateLimited(limit, -(-after.wait_ms // 1000))
            taken.append((bucket, after))
        self._young.update(taken)

    def _age(self, now_ms: int) -> None:
        """Begin a new generation; after a step back of the clock, let the young one live on."""
        if now_ms > self._born_ms:
            self._old, self._young = self._young, {}
        self._born_ms = now_ms
