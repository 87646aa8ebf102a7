"""Where a customer stands with its limits: what is used of each, and whether it may go on."""

from enum import StrEnum
from typing import NamedTuple

from tripmeter.model.usage_limit import UsageLimit


class Reason(StrEnum):
    """Why access is as it is."""

    NO_LIMIT = "no_limit"
    WITHIN_LIMIT = "within_limit"
    RESTORED = "restored"
    """A limit is reached, and access was restored all the same."""
    LIMIT_REACHED = "limit_reached"
    ALL_RESERVED = "all_reserved"
    """What is left under a limit is reserved."""
    REVOKED = "revoked"


class Bound(NamedTuple):
    """A limit as the data plane compares it."""

    limit: UsageLimit
    at: int
    """The usage at which it is reached; scaled."""


class Measured(NamedTuple):
    """A limit and how much of it is used."""

    limit: UsageLimit
    at: int
    """Scaled, as `used`."""
    used: int
    period_start_ms: int = 0
    resets_ms: int | None = None

    @property
    def is_reached(self) -> bool:
        """Whether usage has come to it."""
        return self.used >= self.at


class Measures(NamedTuple):
    """All that is known of a customer's usage of a meter."""

    used: int
    """All there ever was; scaled, as `reserved`."""
    reserved: int
    limits: tuple[Measured, ...]


class Standing(NamedTuple):
    """Whether a customer may go on, and how far."""

    allowed: bool
    reason: Reason
    used: int
    """Of the period of the limit that leaves the least; scaled, as all of them."""
    limit: int | None
    remaining: int | None
    """None without a limit."""
    reserved: int
    resets_ms: int | None
    usage_limit: str | None = None
    note: str = ""
    """What was said when access was taken away."""
