"""Moves tallies and hours from memory into the store, in small slices beside the usual commits.

What was counted up to one position is frozen, sorted, and then written block by block, while
counting goes on. Every stored tally says up to which position its total is true, and up to which
its hours are; the log is read again from where the last complete freeze ended.
"""

from typing import Final, NamedTuple

from tripmeter.failpoints import reach
from tripmeter.pipeline.hours import Frozen
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tallies
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS, MAX_AGE_MS
from tripmeter.rules.aggregate import WINDOW_MS


class Pace(NamedTuple):
    """How far memory may run ahead of the store, and how it catches up."""

    slice: int = 200
    """Tallies written at a time, at least: fewer are left for a later commit."""
    lag: int = 500_000
    """Positions that memory may be ahead before it is frozen: bounds the replay to twice that."""
    lag_per_tally: int = 4
    """With many customers in use memory may be further ahead, by so many positions for each: a
    block costs the same to write, whether one of its customers was counted or all."""
    tallies_kept: int = 1_000_000
    """Tallies kept in memory once they are stored; beyond that, all are let go when all are."""


STEADY: Final = Pace()

LEAP_MS: Final = 7 * 86_400_000
"""A clock may leap ahead by so much, and back again, before a window is forgotten too early."""


def _lag(state: State, pace: Pace) -> int:
    return max(pace.lag, pace.lag_per_tally * state.tallies.size)


def write_beside(state: State, now_ms: int, pace: Pace, counted: int) -> None:
    """Beside a commit of so many events, write what is owed. Call inside a transaction.

    What is frozen is to be stored before half as much again has been counted. Slices have a cost of
    their own, so little is owed until it comes to one.
    """
    lag = _lag(state, pace)
    frozen = state.frozen
    if frozen is None:
        if state.position - state.frozen_to < lag:
            return
        frozen = _freeze(state)
    frozen.counted += counted
    owed = 2 * frozen.size * frozen.counted // lag - frozen.saved
    if owed >= min(pace.slice, frozen.size - frozen.saved):
        _write(state, frozen, now_ms, pace, owed)


def write_at_rest(state: State, now_ms: int, pace: Pace, reports: int) -> None:
    """Write as much as beside a commit of so many. Call inside a transaction."""
    frozen = state.frozen or _freeze(state)
    share = 2 * frozen.size * reports // _lag(state, pace)
    _write(state, frozen, now_ms, pace, max(pace.slice, share))


def _write(state: State, frozen: Frozen, now_ms: int, pace: Pace, size: int) -> None:
    """Write the next tallies and their hours."""
    reach("flush.begun")
    rows = frozen.save_next(state.session, size)
    reach("flush.hours")
    if state.tallies.holders:
        for row in rows.tolist():
            _forget_old_windows(state.tallies, row, now_ms)
    state.tallies.save(rows, state.position, frozen.position)
    reach("flush.tallies")
    if frozen.pending:
        return
    state.session.usage.set_flushed_position(frozen.position)
    state.frozen = None
    if not state.behind and state.tallies.size > pace.tallies_kept:
        state.tallies = Tallies(state.session)


def _freeze(state: State) -> Frozen:
    minutes, singles = state.minutes.take(), state.singles.take()
    state.frozen = Frozen(state.tallies, minutes, singles, state.position)
    state.frozen_to = state.position
    return state.frozen


def _forget_old_windows(tallies: Tallies, row: int, now_ms: int) -> None:
    """Windows that no event can reach any more keep their value in the total alone."""
    holders = tallies.holders.get(row)
    if not holders:
        return
    meter = tallies.meters[int(tallies.meter_no[row])].meter
    if meter.window is None or meter.formula == "last":
        return
    oldest = (now_ms - MAX_AGE_MS - CANCEL_WITHIN_MS - LEAP_MS) // WINDOW_MS[meter.window] - 1
    for key in [key for key in holders if key < oldest]:
        del holders[key]
