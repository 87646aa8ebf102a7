"""The overview: put together of counts, once a second at most for everybody who looks at it."""

from typing import Final, NamedTuple

from tripmeter.model.pulse import MINUTE_MS, Counts, MinuteCounts
from tripmeter.model.scope import Scope
from tripmeter.pipeline.pulse import Pulse
from tripmeter.ports import Clock, Session, Store
from tripmeter.wire.looking import OverviewObject, overview_object

DAY: Final = 24 * 60
"""Minutes."""

_WEEK: Final = 7 * DAY

FRESH_MS: Final = 900
"""How long an overview is shown to others, too."""


class _Stored(NamedTuple):
    """What was read of the store, and when it will not be true any more."""

    saves: int
    minute: int
    rows: list[MinuteCounts]
    """Of the last day, or of today, whichever began earlier."""
    fired_week: int


class Overviews:
    """Makes overviews; in any thread."""

    def __init__(self, store: Store, clock: Clock, pulse: Pulse) -> None:
        self._store = store
        self._clock = clock
        self._pulse = pulse
        self._stored: dict[Scope, _Stored] = {}
        self._made: dict[Scope, tuple[int, OverviewObject]] = {}

    def of(self, scope: Scope) -> OverviewObject:
        """How things are in an account and mode."""
        elapsed_ms = self._clock.elapsed_ms()
        made = self._made.get(scope)
        if made is not None and elapsed_ms - made[0] < FRESH_MS:
            return made[1]
        with self._store.reader() as session:
            overview = self._make(session, scope, self._clock.now_ms())
        self._made[scope] = (elapsed_ms, overview)
        return overview

    def now(self, scope: Scope) -> OverviewObject:
        """As `of`, made anew."""
        with self._store.reader() as session:
            return self._make(session, scope, self._clock.now_ms())

    def _make(self, session: Session, scope: Scope, now_ms: int) -> OverviewObject:
        minute = now_ms // MINUTE_MS
        stored = self._read(session, scope, minute)
        unsaved = self._pulse.unsaved(scope)
        by_minute: dict[int, Counts] = {}
        for row in (*stored.rows, *unsaved):
            by_minute[row.minute] = by_minute.get(row.minute, Counts()).plus(row.counts)
        fired = sum(row.counts.fired for row in unsaved)
        return overview_object(
            scope,
            now_ms,
            self._pulse.last_second(scope, now_ms),
            by_minute,
            stored.fired_week + fired,
            session.looking.pending(scope),
        )

    def _read(self, session: Session, scope: Scope, minute: int) -> _Stored:
        """What is stored changes when counts are saved, and falls out of the day by the minute."""
        saves, known = self._pulse.saves, self._stored.get(scope)
        if known is not None and (known.saves, known.minute) == (saves, minute):
            return known
        since = min(minute - DAY + 1, minute // DAY * DAY)
        looking = session.looking
        rows, fired = looking.counts(scope, since), looking.fired(scope, minute - _WEEK + 1)
        read = self._stored[scope] = _Stored(saves, minute, rows, fired)
        return read
