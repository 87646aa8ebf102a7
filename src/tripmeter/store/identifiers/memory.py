"""Identifiers of the last day in memory, in one table per hour of receipt.

An hour is dropped as a whole once all of it is older than 24 hours, so a key is remembered for
24 to 25 hours. Rebuilt from the usage log at start.
"""

from typing import Final

HOUR_MS: Final = 3_600_000

KEEP_HOURS: Final = 24
"""An identifier is unique for at least this long after its receipt (Stripe)."""


class MemoryIdentifiers:
    """Keys are 16-byte digests; their value is the position of the event."""

    def __init__(self) -> None:
        self._hours: dict[int, dict[bytes, int]] = {}

    def find(self, key: bytes) -> int | None:
        """The position of the event with this key, if it was received in the last 24 h."""
        for table in reversed(self._hours.values()):
            position = table.get(key)
            if position is not None:
                return position
        return None

    def add(self, key: bytes, position: int, received_ms: int) -> None:
        """Remember a key."""
        hour = received_ms // HOUR_MS
        table = self._hours.get(hour)
        if table is None:
            table = self._hours[hour] = {}
        table[key] = position

    def expire(self, now_ms: int) -> None:
        """Forget what is older than 24 h, and at most 25 h."""
        oldest = now_ms // HOUR_MS - KEEP_HOURS
        for hour in [hour for hour in self._hours if hour < oldest]:
            del self._hours[hour]

    def clear(self) -> None:
        """Forget everything, before a rebuild."""
        self._hours.clear()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return sum(len(table) for table in self._hours.values())
