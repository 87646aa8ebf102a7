"""How often passwords were tried of late: for an e-mail address, and from a network address."""

from typing import Final

from tripmeter.model.errors import TooManyTries
from tripmeter.rules.members import BY_ADDRESS, BY_EMAIL, Tries, tried
from tripmeter.rules.rate_limit import NoRoom

REMEMBERED: Final = 20_000
"""Buckets that are kept; the oldest go first."""


class TriesOfLate:
    """Refuses whoever tries too often. Used by the event loop alone.

    A try counts before it is known what comes of it, so that many at once gain nothing; one that
    succeeds is taken back.
    """

    def __init__(self) -> None:
        self._full_at: dict[tuple[str, str], int] = {}

    def enter(self, email: str, address: str, now_ms: int) -> None:
        """Count a try. Raises TooManyTries, and counts nothing.

        For an unknown e-mail address it is the same as for a known one.
        """
        self._make_room()
        taken = {
            key: self._take(key, tries, now_ms) for key, tries in _buckets(email, address).items()
        }
        for key, full_at in taken.items():
            self._full_at.pop(key, None)
            self._full_at[key] = full_at

    def forgive(self, email: str, address: str) -> None:
        """It was the right password: the tries before it are forgotten, of the address this one."""
        by_email, by_address = _buckets(email, address)
        self._full_at.pop(by_email, None)
        if by_address in self._full_at:
            self._full_at[by_address] -= BY_ADDRESS.again_ms

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._full_at)

    def _take(self, key: tuple[str, str], tries: Tries, now_ms: int) -> int:
        after = tried(self._full_at.get(key, 0), tries, now_ms)
        if isinstance(after, NoRoom):
            raise TooManyTries(-(-after.wait_ms // 1000))
        return after

    def _make_room(self) -> None:
        """The ones at the front were used the longest ago."""
        while len(self._full_at) >= REMEMBERED:
            del self._full_at[next(iter(self._full_at))]


def _buckets(email: str, address: str) -> dict[tuple[str, str], Tries]:
    return {("email", email.lower()): BY_EMAIL, ("address", address): BY_ADDRESS}
