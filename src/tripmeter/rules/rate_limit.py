"""How fast a caller may ask: which limits a request counts against, and whether they have room.

Owns the limits that Stripe documents, and the token bucket. Owns neither the buckets nor the clock:
both come as arguments. Stripe documents rates only; that a second's worth may come at once is ours.

A bucket is one integer: when it will be full again. It counts in steps of 1/rate of a millisecond,
so that nothing is ever rounded, and a bucket that is full again need not be remembered.
"""

from typing import Final, Literal, NamedTuple

from tripmeter.model.access import Limit

Policy = Literal["off", "stripe"] | int
"""No limits, Stripe's, or so many requests a second for all that one key does."""

REFILL_MS: Final = 1_000
"""How long an empty bucket takes until it is full."""

NEW: Final = 0
"""A bucket that nothing was taken from yet."""


class NoRoom(NamedTuple):
    """The bucket is too empty; it has room again after `wait_ms`, rounded up."""

    wait_ms: int


LIVE: Final = Limit(100)
SANDBOX: Final = Limit(25)
ENDPOINT: Final = Limit(25, "endpoint-rate")
"""Stripe's limit for every endpoint that has none of its own."""

OWN: Final = {
    "POST /v1/billing/meter_events": Limit(1_000, "endpoint-rate"),
    "POST /v2/billing/meter_event_stream": Limit(10_000, "endpoint-rate", "events"),
}
"""Endpoints whose live limit takes the place of both others (Stripe)."""


def limits_of(policy: Policy, endpoint: str, *, livemode: bool) -> tuple[Limit, ...]:
    """What a request to an endpoint, such as `GET /v1/customers`, counts against."""
    if policy == "off":
        return ()
    if policy != "stripe":
        return (Limit(policy),)
    if not livemode:
        return (SANDBOX,)
    own = OWN.get(endpoint)
    return (LIVE, ENDPOINT) if own is None else (own,)


def take(full_at: int, per_second: int, now_ms: int, count: int = 1) -> int | NoRoom:
    """Take `count`, 1..per_second, from a bucket; the bucket as it is then, or NoRoom.

    `full_at` is NEW, or what an earlier call gave for the same rate. Nobody waits longer than twice
    REFILL_MS: a bucket from further ahead was used before the clock was set back, and is NEW.
    """
    now = now_ms * per_second
    capacity = REFILL_MS * per_second
    empty = now + capacity
    if full_at > empty + capacity:
        full_at = NEW
    taken = max(full_at, now) + REFILL_MS * count
    if taken <= empty:
        return taken
    return NoRoom(-((empty - taken) // per_second))
