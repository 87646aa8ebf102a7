"""Accounts and API keys."""

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace: the owner of everything else."""

    id: str
    created_ms: int
    name: str


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key. Only the SHA-256 of the secret is kept; `hint` is what people may see of it."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    name: str
    digest: bytes
    hint: str
    revoked_ms: int | None = None


class StreamSession(msgspec.Struct, frozen=True, kw_only=True):
    """A meter event session: its token opens the stream for 15 minutes."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    expires_ms: int
    digest: bytes
