"""The last requests of each account and mode, for people to look at: who asked what, what for.

Unlike the request log (`request_log`), this shows what was asked, for its readers are the callers'
own people. So it stays in memory, is bounded, and has no secret in it: what is called like one is
cut out, and what signs people in is not kept at all.
"""

from collections import deque
from collections.abc import Iterator, Set
from itertools import islice
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from tripmeter.api.call import Reply, Route
from tripmeter.api.exchange import Incoming
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.scope import Identity, Scope
from tripmeter.model.stored import Page

KEPT: Final = 1_000
"""Requests of an account and mode that are remembered."""

BODY: Final = 4_096
"""Characters that are kept of a body."""

_READ: Final = 64 * 1024
"""Bytes of a body that are looked at; of larger ones nothing is kept."""

REDACTED: Final = "[redacted]"

SECRETS: Final = frozenset(
    "secret password current_password token authentication_token client_secret api_key".split()
)
"""What is called so is a secret, wherever it stands."""

ADDRESSES: Final = ("/v1/billing/alert_targets", "/v1/billing_portal/sessions")
"""Paths at which a `url` is one, too: who knows it can write to a channel, or has the page."""


class Entry(NamedTuple):
    """A request, and what came of it."""

    id: str
    created_ms: int
    method: str
    path: str
    query: str | None
    status: int
    duration_ms: int
    scope: Scope
    key: str | None
    """What may be shown of the key that asked."""
    member: str | None
    """The id of the member who asked."""
    request_body: str | None
    response_body: str | None


class Logbook:
    """Remembers requests. Used by the event loop; others may read."""

    def __init__(self) -> None:
        self._entries: dict[Scope, deque[Entry]] = {}

    def note(
        self,
        incoming: Incoming,
        route: Route,
        identity: Identity,
        reply: Reply,
        *,
        request_id: str,
        created_ms: int,
        duration_ms: int,
    ) -> None:
        """Remember a request, unless it is usage that was counted, or the page that looks on."""
        by_page = identity.signed_in is not None and incoming.method == "GET"
        if reply.status < 400 and (route.is_usage or route.streams or by_page):
            return
        if not identity.scope.account:
            return  # who signs in, or sees to members, asks in no account
        secrets = SECRETS | {"url"} if incoming.path in ADDRESSES else SECRETS
        is_open = route.auth in ("key", "stream_token") and incoming.method != "GET"
        signed_in = identity.signed_in
        entry = Entry(
            id=request_id,
            created_ms=created_ms,
            method=incoming.method,
            path=incoming.path,
            query=_form(incoming.query, secrets) if incoming.query else None,
            status=reply.status,
            duration_ms=duration_ms,
            scope=identity.scope,
            key=identity.hint if signed_in is None else None,
            member=signed_in.member.id if signed_in else None,
            request_body=_body(incoming, secrets) if is_open else None,
            response_body=_json(reply.body, secrets) if is_open or reply.status >= 400 else None,
        )
        entries = self._entries.get(identity.scope)
        if entries is None:
            entries = self._entries.setdefault(identity.scope, deque(maxlen=KEPT))
        entries.appendleft(entry)

    def find(self, scope: Scope, id: str) -> Entry:
        """One of them. Raises ResourceMissing."""
        for entry in self._of(scope):
            if entry.id == id:
                return entry
        raise ResourceMissing("request", id)

    def page(
        self, scope: Scope, page: Page, method: str | None, outcome: str | None, path: str | None
    ) -> tuple[list[Entry], bool]:
        """Those that match, the newest first, and whether there are more."""
        entries = list(self._of(scope))
        if page.ending_before is not None:
            end = entries.index(self._found(scope, page.ending_before, "ending_before"))
            matching = list(_matching(entries[:end], method, outcome, path))
            return matching[-page.limit :], len(matching) > page.limit
        if page.starting_after is not None:
            begin = entries.index(self._found(scope, page.starting_after, "starting_after"))
            entries = entries[begin + 1 :]
        found = list(islice(_matching(entries, method, outcome, path), page.limit + 1))
        return found[: page.limit], len(found) > page.limit

    def _found(self, scope: Scope, id: str, param: str) -> Entry:
        try:
            return self.find(scope, id)
        except ResourceMissing as missing:
            raise ResourceMissing("request", id, param) from missing

    def _of(self, scope: Scope) -> tuple[Entry, ...]:
        return tuple(self._entries.get(scope, ()))


def _matching(
    entries: list[Entry], method: str | None, outcome: str | None, path: str | None
) -> Iterator[Entry]:
    for entry in entries:
        succeeded = "succeeded" if entry.status < 400 else "failed"
        is_wanted = method in (None, entry.method) and outcome in (None, succeeded)
        if is_wanted and entry.path.startswith(path or ""):
            yield entry


# what is kept of bodies


def _body(incoming: Incoming, secrets: Set[str]) -> str | None:
    body = incoming.read_body
    if not body or len(body) > _READ:
        return None
    return _json(body, secrets) if incoming.is_json else _form(body, secrets)


def _form(body: bytes, secrets: Set[str]) -> str | None:
    """A form, or a query, without its secrets."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1_000)
    except ValueError:
        return None
    shown = [(name, REDACTED if _last(name) in secrets else value) for name, value in pairs]
    return _clipped(urlencode(shown, safe="[]/:@, "))


def _last(name: str) -> str:
    """`secret` of `a[secret]`."""
    return name.rstrip("]").rpartition("[")[2]


def _json(body: bytes, secrets: Set[str]) -> str | None:
    """JSON without its secrets."""
    if not body or len(body) > _READ:
        return None
    try:
        shown = _without(msgspec.json.decode(body), secrets)
        return _clipped(msgspec.json.format(msgspec.json.encode(shown)).decode())
    except (msgspec.MsgspecError, ValueError, RecursionError):  # it may not even be text
        return None


def _without(value: Any, secrets: Set[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: REDACTED if name in secrets and inner is not None else _without(inner, secrets)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without(inner, secrets) for inner in value]
    return value


def _clipped(text: str) -> str:
    return text if len(text) <= BODY else text[: BODY - 1] + "…"
