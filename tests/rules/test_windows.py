"""A span of time is cut into whole UTC windows, newest first."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.meter import Window
from tripmeter.rules.windows import cut

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIDNIGHT = 1_772_323_200_000
"""2026-03-01T00:00:00Z."""


def pieces_of(start: int, end: int, window: Window | None) -> list[tuple[int, int]]:
    """All windows of a span."""
    windows_ = cut(start, end, window)
    return windows_.part(0, windows_.size)


STEP = {None: MINUTE, Window.HOUR: HOUR, Window.DAY: DAY}
windows = st.sampled_from([None, Window.HOUR, Window.DAY])


def test_without_a_window_the_span_is_one_piece() -> None:
    span = (MIDNIGHT + MINUTE, MIDNIGHT + 90 * MINUTE)
    assert pieces_of(*span, None) == [span]


def test_hours_come_newest_first() -> None:
    assert pieces_of(MIDNIGHT, MIDNIGHT + 2 * HOUR, Window.HOUR) == [
        (MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR),
        (MIDNIGHT, MIDNIGHT + HOUR),
    ]


def test_days_begin_at_midnight_utc() -> None:
    assert pieces_of(MIDNIGHT, MIDNIGHT + DAY, Window.DAY) == [(MIDNIGHT, MIDNIGHT + DAY)]


@pytest.mark.parametrize("end", [MIDNIGHT, MIDNIGHT - DAY])
def test_the_end_is_later_than_the_start(end: int) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        cut(MIDNIGHT, end, None)
    assert refused.value.param == "end_time"


@pytest.mark.parametrize(
    ("window", "off", "borders"),
    [
        (None, 1_000, "minute boundaries"),
        (Window.HOUR, MINUTE, "whole hours"),
        (Window.DAY, HOUR, "UTC midnights"),
    ],
)
def test_the_bound_that_is_not_aligned_is_named_with_one_that_is(
    window: Window | None, off: int, borders: str
) -> None:
    for span, param in [
        ((MIDNIGHT + off, MIDNIGHT + 2 * DAY), "start_time"),
        ((MIDNIGHT - DAY, MIDNIGHT + off), "end_time"),
    ]:
        with pytest.raises(ParameterInvalid) as refused:
            cut(*span, window)
        assert refused.value.param == param
        assert borders in refused.value.message
        assert str(MIDNIGHT // 1_000) in refused.value.message


@given(st.integers(0, 30_000), st.integers(1, 200), windows)
def test_the_pieces_cover_the_span_without_gap_or_overlap(
    begin: int, pieces: int, window: Window | None
) -> None:
    start = begin * STEP[window]
    end = start + pieces * STEP[window]
    found = pieces_of(start, end, window)
    assert found[0][1] == end
    assert found[-1][0] == start
    assert all(newer[0] == older[1] for newer, older in pairwise(found))
    if window is not None:
        assert all(piece[1] - piece[0] == STEP[window] for piece in found)


@given(st.integers(0, 10 * DAY), st.integers(0, 10 * DAY), windows)
def test_a_span_is_cut_exactly_when_both_bounds_are_aligned(
    start: int, end: int, window: Window | None
) -> None:
    step = STEP[window]
    fits = end > start and start % step == 0 and end % step == 0
    try:
        cut(start, end, window)
    except ParameterInvalid:
        assert not fits
    else:
        assert fits


@given(st.integers(0, 30_000), st.integers(1, 200), st.sampled_from([Window.HOUR, Window.DAY]))
def test_a_window_is_found_by_its_start_and_nothing_else_is(
    begin: int, pieces: int, window: Window
) -> None:
    start = begin * STEP[window]
    windows_ = cut(start, start + pieces * STEP[window], window)
    for place, (first, _) in enumerate(windows_.part(0, windows_.size)):
        assert windows_.index_of(first) == place
    assert windows_.index_of(start - STEP[window]) is None
    assert windows_.index_of(start + 1) is None


def test_a_span_of_fifty_years_by_the_hour_is_only_numbers() -> None:
    years = cut(0, 50 * 365 * DAY, Window.HOUR)
    assert years.size == 438_000
    assert years.part(0, 1) == [(50 * 365 * DAY - HOUR, 50 * 365 * DAY)]
