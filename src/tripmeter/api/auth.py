"""Who is asking: API keys by bearer or basic authentication, and meter event session tokens.

A secret is looked up by its SHA-256. How long an index takes to find a digest may tell something of
the digests in it, and that opens nothing: what has to be shown is the secret, 190 random bits that
no digest gives away. Whether the row that was found is the right one is compared in constant time.
"""

import base64
import binascii
import hmac
from typing import Final, NamedTuple

from tripmeter.control.access import TOKEN_PREFIX, digest, hint
from tripmeter.model.errors import KeyRevoked, NotAuthenticated, SessionExpired
from tripmeter.model.scope import Identity, Scope
from tripmeter.ports import Clock, Store

CACHED_MS: Final = 100
"""How long a key is believed before it is looked up again; a revocation takes this long at most."""


class _Known(NamedTuple):
    """A key as it was when it was looked up."""

    looked_up_ms: int
    identity: Identity
    revoked: str | None
    """The hint of a key that was revoked."""


class Authenticator:
    """Finds whom a secret stands for."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cache: dict[bytes, _Known] = {}

    def by_key(self, authorization: str | None) -> Identity:
        """Whom an API key stands for. Raises NotAuthenticated or KeyRevoked."""
        secret = secret_of(authorization)
        if secret is None:
            raise NotAuthenticated()
        known = self._known(digest(secret))
        if known is None:
            raise NotAuthenticated(hint(secret))
        if known.revoked is not None:
            raise KeyRevoked(known.revoked)
        return known.identity

    def by_token(self, authorization: str | None) -> Identity:
        """Whom a meter event session token stands for. Raises SessionExpired."""
        secret = secret_of(authorization)
        if secret is None:
            raise NotAuthenticated()
        if not secret.startswith(TOKEN_PREFIX):
            raise SessionExpired()
        hashed = digest(secret)
        with self._store.reader() as session:
            opened = session.stream_by_digest(hashed)
        if opened is None or not hmac.compare_digest(opened.digest, hashed):
            raise SessionExpired()
        if opened.expires_ms <= self._clock.now_ms():
            raise SessionExpired()
        return Identity(Scope.of(opened), opened.id)

    def _known(self, hashed: bytes) -> _Known | None:
        now_ms = self._clock.now_ms()
        cached = self._cache.get(hashed)
        if cached is not None and abs(now_ms - cached.looked_up_ms) < CACHED_MS:
            return cached
        with self._store.reader() as session:
            key = session.key_by_digest(hashed)
        if key is None or not hmac.compare_digest(key.digest, hashed):
            return None
        identity = Identity(Scope.of(key), key.id, key.permissions, None, key.hint)
        known = _Known(now_ms, identity, None if key.revoked_ms is None else key.hint)
        self._cache[hashed] = known
        return known


def secret_of(authorization: str | None) -> str | None:
    """The secret in an Authorization header: a bearer token, or the user name of basic."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
