"""Whose data a row is: every row and every query carries a scope."""

from typing import NamedTuple


class Scope(NamedTuple):
    """One account in one mode. A key belongs to exactly one scope."""

    account: str
    livemode: bool


class Caller(NamedTuple):
    """Who asks, and by which request: what events say of their cause."""

    scope: Scope
    request_id: str | None = None
    idempotency_key: str | None = None
