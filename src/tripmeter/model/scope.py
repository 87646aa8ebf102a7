"""Whose data a row is, and who asks: every row and every query carries a scope."""

from typing import NamedTuple, Protocol, Self

from tripmeter.model.access import Permissions
from tripmeter.model.member import SignedIn


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
    """What a secret stands for: an API key, a meter event session, or a member's session."""

    scope: Scope
    id: str
    """Of the key, the session or the member; safe to log."""
    permissions: Permissions | None = None
    """None: everything that the route's way of authentication opens."""
    signed_in: SignedIn | None = None
    """The member who asks, where it is no key that does."""
    hint: str = ""
    """What may be shown of the key."""


class Caller(NamedTuple):
    """Who asks, and by which request: what events say of their cause."""

    scope: Scope
    request_id: str | None = None
    idempotency_key: str | None = None
    permissions: Permissions | None = None
    """What the key is restricted to; None if it is not."""
