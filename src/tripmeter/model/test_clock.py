"""Test clocks: a time of their own for some customers of a test mode."""

from typing import Literal

import msgspec


class TestClock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A clock that stands still until it is advanced."""

    __test__ = False  # of no interest to pytest, whatever its name

    id: str
    account: str
    livemode: bool
    created_ms: int
    frozen_ms: int
    """What it shows."""
    deletes_after_ms: int
    status: Literal["ready", "advancing", "internal_failure"] = "ready"
    name: str | None = None
    target_ms: int | None = None
    """What it is on its way to, while it is advancing."""
