"""Whose data a row is, and who asks: every row and every query carries a scope."""

from typing import NamedTuple, Protocol, Self

from tripmeter.model.access import Permissions


class Owned(Protocol):
    """A row, or a part of one: it belongs to an account in one mode."""

    @property
    def account(self) -> str:
        """The account's id."""
        ...

    @property
    def livemode(self) -> bool:
        """False in test mode."""
        ...


class Scope(NamedTuple):
    """One account in one mode. A key belongs to exactly one scope."""

    account: str
    livemode: bool

    @classmethod
    def of(cls, owned: Owned) -> Self:
        """The scope that a row belongs to."""
        return cls(owned.account, owned.livemode)


class Identity(NamedTuple):
    """What a secret stands for: an API key, or a meter event session."""

    scope: Scope
    id: str
    """Of the key or the session; safe to log."""
    permissions: Permissions | None = None
    """None: everything that the route's way of authentication opens."""


class Caller(NamedTuple):
    """Who asks, and by which request: what events say of their cause."""

    scope: Scope
    request_id: str | None = None
    idempotency_key: str | None = None
    permissions: Permissions | None = None
    """What the key is restricted to; None if it is not."""
