"""Whose data a row is, and who asks: every row and every query carries a scope."""

from typing import NamedTuple

from tripmeter.model.access import Permissions


class Scope(NamedTuple):
    """One account in one mode. A key belongs to exactly one scope."""

    account: str
    livemode: bool


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
