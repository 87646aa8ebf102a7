"""Who is asking, in a browser: the session in a cookie, and what protects it from other pages.

The cookie is sent by the browser, whoever wrote the page that asks. So what changes anything also
has to bring a token along that only our own page can know: it is made of the cookie's secret, and
what is stored of that is a digest. What asks for a session has none yet; there, what the browser
says of the page that it comes from has to do.
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tripmeter.api.call import Route
from tripmeter.api.exchange import Incoming
from tripmeter.control.access import digest
from tripmeter.control.members import ADMINS, ENGINE
from tripmeter.model.errors import (
    AccountClosed,
    NotForViewers,
    ParameterInvalid,
    ParameterMissing,
    RequestForged,
    SignInRequired,
)
from tripmeter.model.member import SIGNED_IN_MS, Member, SignedIn
from tripmeter.model.scope import Identity, Scope
from tripmeter.ports import Clock, Session, Store

COOKIE: Final = "__Host-tripmeter_session"
"""Browsers take a cookie of such a name only if it is Secure, of the path / and of one host."""

CSRF: Final = b"tripmeter-csrf"
ACCOUNT: Final = b"tripmeter-account"
MODE: Final = b"tripmeter-mode"

NOBODY: Final = Identity(ENGINE, "nobody")
"""Who asks for a session."""

_MODES: Final = {"test": False, "live": True}


class SessionAuthenticator:
    """Finds whom a session stands for. Nothing of it is kept: it ends when it is ended."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def identity(self, incoming: Incoming, route: Route) -> Identity:
        """The member who asks, in which account and mode.

        Raises SignInRequired, RequestForged, AccountClosed, NotForViewers, ParameterMissing or
        ParameterInvalid.
        """
        token = session_token(incoming)
        if token is None:
            raise SignInRequired()
        with self._store.reader() as session:
            signed_in = self._signed_in(session, token)
            _check_intent(incoming, signed_in)
            scope = ENGINE
            if route.auth != "member":
                scope = _scope(session, incoming, route, signed_in.member)
        if incoming.method != "GET" and not route.for_viewers and not signed_in.member.is_admin:
            raise NotForViewers(ADMINS)
        return Identity(scope, signed_in.member.id, None, signed_in)

    def _signed_in(self, session: Session, token: str) -> SignedIn:
        hashed = digest(token)
        found = session.sign_ins.find(hashed)
        if found is None or not hmac.compare_digest(found.digest, hashed):
            raise SignInRequired()
        if found.expires_ms <= self._clock.now_ms():
            raise SignInRequired()
        kept = session.members.find(ENGINE, found.member)
        if kept is None or kept.value.password is None:
            raise SignInRequired()
        return SignedIn(kept.value, hashed, found.expires_ms, csrf_of(token))


def session_token(incoming: Incoming) -> str | None:
    """The token in the cookie, if there is one."""
    header = incoming.header(b"cookie")
    if not header or COOKIE not in header:
        return None
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and value:
            return value
    return None


def csrf_of(token: str) -> str:
    """What requests have to bring along; it gives nothing away of the token."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def cookie_of(token: str) -> str:
    """The header that has a browser keep a token."""
    return _cookie(token, SIGNED_IN_MS // 1000)


def no_cookie() -> str:
    """The header that has a browser forget it."""
    return _cookie("", 0)


def _cookie(value: str, lasts_s: int) -> str:
    return f"{COOKIE}={value}; Path=/; Max-Age={lasts_s}; Secure; HttpOnly; SameSite=Strict"


def check_own_page(incoming: Incoming) -> None:
    """Raises RequestForged for what a browser says to come from a page of somebody else's.

    Nobody is to be signed in, unasked, as somebody else. What is no browser says nothing.
    """
    site = incoming.header(b"sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise RequestForged("it comes from another site")
    origin, host = incoming.header(b"origin"), incoming.header(b"host")
    if site is None and origin is not None and urlsplit(origin).netloc != host:
        raise RequestForged("it comes from another site")


def _check_intent(incoming: Incoming, signed_in: SignedIn) -> None:
    if incoming.method == "GET":
        return
    given = incoming.header(CSRF)
    if given is None:
        raise RequestForged("the header Tripmeter-CSRF is missing")
    if not hmac.compare_digest(given.encode(), signed_in.csrf.encode()):
        raise RequestForged("the header Tripmeter-CSRF is not that of this session")


def _scope(session: Session, incoming: Incoming, route: Route, member: Member) -> Scope:
    """The account and mode that a request names, if they are open to the member."""
    account, mode = _named(incoming, route)
    if account is None:
        raise ParameterMissing("Tripmeter-Account")
    if mode is None:
        raise ParameterMissing("Tripmeter-Mode")
    if mode not in _MODES:
        raise ParameterInvalid("Tripmeter-Mode", f"Tripmeter-Mode must be test or live: {mode!r}")
    own = Scope(account, livemode=True)
    if not member.belongs_to(account) or session.accounts.find(own, account) is None:
        raise AccountClosed(account)
    return Scope(account, _MODES[mode])


def _named(incoming: Incoming, route: Route) -> tuple[str | None, str | None]:
    account, mode = incoming.header(ACCOUNT), incoming.header(MODE)
    if account is None and route.streams:  # an EventSource sends no headers
        query = parse_qs(incoming.query.decode("latin-1"))
        account, mode = query.get("account", [None])[-1], query.get("mode", [None])[-1]
    return account, mode
