"""Moves tallies and minutes from memory into the store, in small slices beside the usual commits.

Every stored tally says up to which position it is true, so slices may be written in any order; the
log is read again from the oldest position that is not stored yet.
"""

from collections import defaultdict
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from tripmeter.model.stored import HourRow
from tripmeter.model.usage import MinuteEvent, MinuteTotal
from tripmeter.pipeline.state import MINUTES_PER_HOUR, State
from tripmeter.pipeline.tally import Tally
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS, MAX_AGE_MS
from tripmeter.rules.aggregate import WINDOW_MS


class Pace(NamedTuple):
    """How far memory may run ahead of the store, and how it catches up."""

    slice: int = 100
    """Tallies written beside one commit, at least."""
    lag: int = 50_000
    """Positions that memory may be ahead before slices are written: bounds the replay."""
    tallies_kept: int = 1_000_000
    """Tallies kept in memory once they are stored; beyond that, all that are stored are let go."""


STEADY: Final = Pace()

EVENTS_PER_TALLY: Final = 10
"""One more tally is written beside a commit for so many events in it."""


def due(state: State, pace: Pace) -> bool:
    """Whether the store has fallen far enough behind for a slice to be written."""
    oldest = next(iter(state.dirty.values()), None)
    if oldest is None or oldest.dirty_from is None:
        return False
    return state.position - oldest.dirty_from >= pace.lag


def write_slice(state: State, now_ms: int, pace: Pace, counted: int = 0) -> None:
    """Write the tallies that have waited longest. Call inside a transaction.

    Beside a commit that `counted` many events the slice grows with them, so that memory cannot run
    away; a commit that waits behind a slice waits for a few milliseconds.
    """
    usage = state.session.usage
    size = pace.slice + counted // EVENTS_PER_TALLY
    oldest = [tally for _, tally in zip(range(size), state.dirty.values(), strict=False)]
    for tally in oldest:
        _forget_old_windows(tally, now_ms)
    usage.save_tallies(tally.row() for tally in oldest)
    usage.save_hours(hour for tally in oldest for hour in _hours(state, tally))
    for tally in oldest:
        _settle(tally)
        del state.dirty[tally.meter.no, tally.customer_no]
    behind = next(iter(state.dirty.values()), None)
    unflushed = behind.dirty_from if behind and behind.dirty_from else state.position + 1
    usage.set_flushed_position(unflushed - 1)
    if not state.dirty and len(state.tallies) > pace.tallies_kept:
        state.tallies.clear()


def _settle(tally: Tally) -> None:
    tally.dirty_from = None
    tally.minutes = {}
    tally.singles = None
    tally.removed = None


def _forget_old_windows(tally: Tally, now_ms: int) -> None:
    """Windows that no event can reach any more keep their value in the total alone."""
    window = tally.meter.meter.window
    if window is None or not tally.holders or tally.meter.meter.formula == "last":
        return
    oldest = (now_ms - MAX_AGE_MS - CANCEL_WITHIN_MS) // WINDOW_MS[window] - 1
    for key in [key for key in tally.holders if key < oldest]:
        del tally.holders[key]


def _hours(state: State, tally: Tally) -> list[HourRow]:
    """The stored hours that a tally's minutes touch, with these minutes added."""
    touched = {m // MINUTES_PER_HOUR for m in (*tally.minutes, *(tally.singles or ()))}
    return [merged_hour(state, tally, hour) for hour in sorted(touched)]


def merged_hour(state: State, tally: Tally, hour: int) -> HourRow:
    """One hour, stored and unstored parts together."""
    stored = state.session.usage.hours(tally.meter.no, tally.customer_no, hour, hour + 1)
    row = stored[0] if stored else None
    if tally.meter.superseding:
        events = _merged_singles(tally, hour, row)
        total = MinuteTotal(0, sum(map(len, events.values())))
        return HourRow(tally.meter.no, tally.customer_no, hour, total, {}, events)
    minutes = dict(row.minutes) if row else {}
    for minute, (quantity, events_) in tally.minutes.items():
        if minute // MINUTES_PER_HOUR == hour:
            before = minutes.get(minute, MinuteTotal(0, 0))
            minutes[minute] = MinuteTotal(before.quantity + quantity, before.events + events_)
    total = MinuteTotal(
        sum(minute.quantity for minute in minutes.values()),
        sum(minute.events for minute in minutes.values()),
    )
    return HourRow(tally.meter.no, tally.customer_no, hour, total, minutes, {})


def _merged_singles(tally: Tally, hour: int, row: HourRow | None) -> dict[int, list[MinuteEvent]]:
    merged: dict[int, list[MinuteEvent]] = defaultdict(list)
    removed: AbstractSet[int] = tally.removed or frozenset()
    for minutes in (row.events if row else {}), (tally.singles or {}):
        for minute, events in minutes.items():
            if minute // MINUTES_PER_HOUR == hour:
                merged[minute] += [event for event in events if event.position not in removed]
    return {minute: events for minute, events in merged.items() if events}
