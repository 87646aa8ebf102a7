"""What events amount to, for every formula and every window."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.meter import Formula, Window
from tripmeter.model.usage import MinuteEvent
from tripmeter.rules.aggregate import (
    aggregate,
    is_superseding,
    superseding_window,
)

HOUR = 3_600_000
DAY = 24 * HOUR

SUM, COUNT, LAST = Formula.SUM, Formula.COUNT, Formula.LAST
SUPERSEDING = [
    (LAST, None),
    *[(formula, window) for formula in (SUM, COUNT, LAST) for window in Window],
]

moments = st.integers(0, 3 * DAY)
arrivals = st.lists(st.tuples(moments, st.integers(-50, 50)), max_size=30)


def received(*events: tuple[int, int]) -> list[MinuteEvent]:
    """Events of (timestamp, quantity), in the order of their receipt."""
    return [MinuteEvent(position, at, value) for position, (at, value) in enumerate(events, 1)]


@pytest.mark.parametrize(
    ("formula", "window", "expected"),
    [
        (SUM, None, False),
        (COUNT, None, False),
        (LAST, None, True),
        (SUM, Window.HOUR, True),
        (COUNT, Window.DAY, True),
        (LAST, Window.DAY, True),
    ],
)
def test_an_event_can_supersede_another_with_last_or_with_a_window(
    formula: Formula, window: Window | None, expected: bool
) -> None:
    assert is_superseding(formula, window) is expected


class TestSupersedingWindow:
    def test_there_is_none_where_events_add_up(self) -> None:
        assert superseding_window(SUM, None, 5) is None

    @given(moments, moments)
    def test_last_has_one_for_all_time_since_alerts_follow_arrival(self, a: int, b: int) -> None:
        for window in (None, *Window):
            assert superseding_window(LAST, window, a) == superseding_window(LAST, window, b)

    @given(moments, moments)
    def test_others_have_one_for_each_utc_hour_or_day(self, a: int, b: int) -> None:
        for window, length in ((Window.HOUR, HOUR), (Window.DAY, DAY)):
            shared = superseding_window(SUM, window, a) == superseding_window(SUM, window, b)
            assert shared == (a // length == b // length)


class TestAggregate:
    @pytest.mark.parametrize(("formula", "window"), SUPERSEDING)
    def test_nothing_amounts_to_nothing(self, formula: Formula, window: Window | None) -> None:
        assert aggregate(formula, window, []) == 0

    def test_last_is_the_value_of_the_newest_timestamp(self) -> None:
        assert aggregate(LAST, None, received((20, 7), (10, 9))) == 7

    def test_of_equal_timestamps_the_one_received_later(self) -> None:
        assert aggregate(LAST, None, received((20, 7), (20, 9), (10, 1))) == 9

    def test_within_a_window_only_the_event_received_last_counts(self) -> None:
        late_for_the_first_hour = received((HOUR - 1, 5), (HOUR, 3), (0, 1))
        assert aggregate(SUM, Window.HOUR, late_for_the_first_hour) == 1 + 3
        assert aggregate(SUM, Window.DAY, late_for_the_first_hour) == 1

    def test_last_with_a_window_is_what_counts_for_the_newest_window(self) -> None:
        events = received((HOUR + 9, 5), (HOUR + 1, 3), (0, 1))
        assert aggregate(LAST, Window.HOUR, events) == 3

    @pytest.mark.parametrize(("formula", "window"), SUPERSEDING)
    @given(arrivals, st.randoms(use_true_random=False))
    def test_the_order_in_which_events_are_read_does_not_matter(
        self,
        formula: Formula,
        window: Window | None,
        given_: list[tuple[int, int]],
        by: random.Random,
    ) -> None:
        events = received(*given_)
        shuffled = by.sample(events, len(events))
        assert aggregate(formula, window, shuffled) == aggregate(formula, window, events)

    @given(arrivals)
    def test_windows_add_up(self, given_: list[tuple[int, int]]) -> None:
        events = received(*given_)
        for window, length in ((Window.HOUR, HOUR), (Window.DAY, DAY)):
            pieces = [
                aggregate(SUM, window, [e for e in events if e.timestamp_ms // length == number])
                for number in range(3 * DAY // length + 1)
            ]
            assert aggregate(SUM, window, events) == sum(pieces)

    @given(arrivals, moments, st.integers(-50, 50))
    def test_the_event_received_last_always_holds_its_window(
        self, given_: list[tuple[int, int]], at: int, value: int
    ) -> None:
        events = received(*given_, (at, value))
        for window, length in ((Window.HOUR, HOUR), (Window.DAY, DAY)):
            others = [e for e in events if e.timestamp_ms // length != at // length]
            assert aggregate(SUM, window, events) == aggregate(SUM, window, others) + value
