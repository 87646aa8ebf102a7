"""How much happens, for those who look on: counts, and word of each event. Costs a commit next to
nothing: it adds up what the commit has counted anyway.

Counts are for looking at. They are saved every few seconds and not with what they count, so a crash
loses the last ones; the usage log and the firings are what is true.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tripmeter.model.pulse import KEPT_MINUTES, MINUTE_MS, Counts, MinuteCounts, Told
from tripmeter.model.scope import Scope
from tripmeter.ports import Work

SECONDS: Final = 10
"""How many seconds are kept singly."""

Tell = Callable[[Sequence[Told]], None]
"""Hears of events once they are durable; called by the writer's thread, and must not take long."""


def silence(_: Sequence[Told]) -> None:
    """Nobody listens."""


class Pulse:
    """Counts what happens; any thread may add, and look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unsaved: defaultdict[tuple[Scope, int], Counts] = defaultdict(Counts)
        self._seconds: dict[Scope, deque[tuple[int, int]]] = {}
        self.saves = 0
        """How often counts were saved: what is stored is the same until then."""
        self.tell: Tell = silence

    def add(self, counts: Mapping[Scope, Counts], now_ms: int) -> None:
        """Add what a commit, or a delivery, has counted."""
        with self._lock:
            for scope, own in counts.items():
                key = scope, now_ms // MINUTE_MS
                self._unsaved[key] = self._unsaved[key].plus(own)
                if own.counted:
                    self._add_second(scope, now_ms // 1000, own.counted)

    def _add_second(self, scope: Scope, second: int, counted: int) -> None:
        seconds = self._seconds.setdefault(scope, deque(maxlen=SECONDS))
        if seconds and seconds[-1][0] == second:
            seconds[-1] = (second, seconds[-1][1] + counted)
        else:
            seconds.append((second, counted))

    def last_second(self, scope: Scope, now_ms: int) -> int:
        """The meter events of the last second that is over."""
        with self._lock:
            return sum(
                counted
                for second, counted in self._seconds.get(scope, ())
                if second == now_ms // 1000 - 1
            )

    def unsaved(self, scope: Scope | None = None) -> list[MinuteCounts]:
        """What is not in the store yet, of one scope or of all."""
        with self._lock:
            return [
                MinuteCounts(own, minute, counts)
                for (own, minute), counts in self._unsaved.items()
                if scope is None or own == scope
            ]

    def saved(self, rows: Sequence[MinuteCounts]) -> None:
        """These are in the store now."""
        with self._lock:
            for scope, minute, counts in rows:
                left = self._unsaved[scope, minute].plus(Counts(*(-one for one in counts)))
                if any(left):
                    self._unsaved[scope, minute] = left
                else:
                    del self._unsaved[scope, minute]
            self.saves += 1


def save(work: Work, rows: Sequence[MinuteCounts]) -> None:
    """Store counts, and forget old ones of the same scopes."""
    work.session.looking.add_counts(rows)
    oldest = work.now_ms // MINUTE_MS - KEPT_MINUTES
    for scope in {row.scope for row in rows}:
        work.session.looking.drop_counts(scope, oldest)
