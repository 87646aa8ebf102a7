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
    """Tallies written beside one commit, at least."""
    lag: int = 500_000
    """Positions that memory may be ahead before it is frozen: bounds the replay to twice that."""
    lag_per_tally: int = 4
    """With many customers in use memory may be further ahead, by so many positions for each: else
    nearly every event would have a total written."""
    tallies_kept: int = 1_000_000
    """Tallies kept in memory once they are stored; beyond that, all are let go when all are."""


STEADY: Final = Pace()

LEAP_MS: Final = 7 * 86_400_000
"""A clock may leap ahead by so much, and back again, before a window is forgotten too early."""


def due(state: State, pace: Pace) -> bool:
    """Whether something is to be written beside a commit."""
    return state.frozen is not None or state.position - state.frozen_to >= _lag(state, pace)


def _lag(state: State, pace: Pace) -> int:
    return max(pace.lag, pace.lag_per_tally * state.tallies.size)


def write_slice(state: State, now_ms: int, pace: Pace, counted: int = 0) -> None:
    """Write the next tallies and their hours. Call inside a transaction.

    Beside a commit that `counted` many events the slice grows with them, so that what is frozen is
    stored before as much again has been counted.
    """
    frozen = state.frozen or _freeze(state)
    usage = state.session.usage
    size = max(pace.slice, 2 * frozen.size * counted // _lag(state, pace))
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
    usage.set_flushed_position(frozen.position)
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
