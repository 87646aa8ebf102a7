"""Who is asking: API keys by bearer or basic authentication, and meter event session tokens."""

import base64
import binascii
from typing import Final

from tripmeter.control.access import TOKEN_PREFIX, digest
from tripmeter.model.access import ApiKey
from tripmeter.model.errors import KeyRevoked, NotAuthenticated, SessionExpired
from tripmeter.model.scope import Scope
from tripmeter.ports import Clock, Store

CACHED_MS: Final = 100
"""How long a key is believed before it is looked up again; a revocation takes this long at most."""


class Authenticator:
    """Finds the scope that a secret opens. Secrets are compared by their SHA-256 alone."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cache: dict[bytes, tuple[int, ApiKey]] = {}

    def by_key(self, authorization: str | None) -> Scope:
        """The scope of an API key. Raises NotAuthenticated or KeyRevoked."""
        secret = secret_of(authorization)
        if secret is None:
            raise NotAuthenticated()
        key = self._key(digest(secret))
        if key is None:
            raise NotAuthenticated(_masked(secret))
        if key.revoked_ms is not None:
            raise KeyRevoked(key.hint)
        return Scope(key.account, key.livemode)

    def by_token(self, authorization: str | None) -> Scope:
        """The scope of a meter event session token. Raises SessionExpired."""
        secret = secret_of(authorization)
        if secret is None:
            raise NotAuthenticated()
        if not secret.startswith(TOKEN_PREFIX):
            raise SessionExpired()
        with self._store.reader() as session:
            opened = session.stream_by_digest(digest(secret))
        if opened is None or opened.expires_ms <= self._clock.now_ms():
            raise SessionExpired()
        return Scope(opened.account, opened.livemode)

    def _key(self, hashed: bytes) -> ApiKey | None:
        now_ms = self._clock.now_ms()
        cached = self._cache.get(hashed)
        if cached is not None and abs(now_ms - cached[0]) < CACHED_MS:
            return cached[1]
        with self._store.reader() as session:
            key = session.key_by_digest(hashed)
        if key is not None:
            self._cache[hashed] = (now_ms, key)
        return key


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


def _masked(secret: str) -> str:
    """A wrong key as the error shows it: its kind and its last four characters."""
    kind = next(
        (p for p in ("sk_test_", "sk_live_", "rk_test_", "rk_live_") if secret.startswith(p)), ""
    )
    visible = secret[-4:] if len(secret) >= len(kind) + 8 else ""
    return f"{kind}****{visible}"
