"""How much happens: counts by the minute and by the second, and word of each event."""

from typing import Final, NamedTuple

from tripmeter.model.scope import Scope

MINUTE_MS: Final = 60_000
KEPT_MINUTES: Final = 8 * 24 * 60
"""How long counts are kept: a week, and a day for a clock that was ahead."""


class Counts(NamedTuple):
    """What happened in a stretch of time, in one account and mode."""

    counted: int = 0
    """Meter events."""
    refused: int = 0
    """Meter events; those that were counted before are none of them."""
    fired: int = 0
    """Alerts."""
    delivered: int = 0
    """Events, each once per endpoint."""
    undelivered: int = 0
    """Those that were given up."""

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(*(one + two for one, two in zip(self, other, strict=True)))


class MinuteCounts(NamedTuple):
    """The counts of one minute."""

    scope: Scope
    minute: int
    """Minutes since the epoch."""
    counts: Counts


class Told(NamedTuple):
    """Word of an event that was written."""

    scope: Scope
    id: str
    type: str
    created_ms: int
    object_id: str | None
    customer: str | None


class Pending(NamedTuple):
    """What is on its way to the endpoints of a scope."""

    deliveries: int
    oldest_ms: int | None
    """When the oldest of them was due for the first time."""
