"""A clock that moves only when it is told to."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

START_MS = 1_772_360_430_456
"""2026-03-01T10:20:30.456Z: no whole minute, hour or day."""


class SettableClock:
    """The Clock port, held by the test. It may be moved backwards, as wall clocks are."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return self._now_ms

    def elapsed_ms(self) -> int:
        """Milliseconds that have passed: steps back take none away."""
        return self._elapsed_ms

    def advance(self, ms: int) -> None:
        """Let time pass; a negative number is a step back."""
        self._now_ms += ms
        self._elapsed_ms += max(ms, 0)

    def set(self, now_ms: int) -> None:
        """Make it a certain time."""
        self._now_ms = now_ms
