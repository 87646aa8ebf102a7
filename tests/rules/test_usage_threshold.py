"""When a usage alert fires: once per activation, when usage since then reaches the line."""

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.alert import Activation, ActivationKind, CountFrom, FiredMark
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import Join
from tripmeter.rules.alerts.usage_threshold import (
    Standing,
    Watch,
    baseline,
    current_activation,
    line,
)

ALERT, OTHER = 1, 2

amounts = st.integers(1, 5 * SCALE)
lines = st.integers(1, 20)


def opened(number: int, position: int) -> Activation:
    return Activation(number, ActivationKind.OPEN, position)


def rearmed(number: int, position: int) -> Activation:
    return Activation(number, ActivationKind.REARM, position)


def fired(activation: int, position: int, alert: int = ALERT) -> FiredMark:
    return FiredMark(alert, activation, position)


def watching(
    gte: int, *activations: Activation, count_from: CountFrom = CountFrom.CREATION
) -> Watch:
    return Watch(ALERT, gte, count_from, activations or (opened(1, 0),))


class TestActivation:
    def test_the_first_applies_until_there_is_another(self) -> None:
        assert current_activation([opened(1, 0)], []) == (opened(1, 0), Standing.WAITING)

    def test_it_fires_once(self) -> None:
        found = current_activation([opened(1, 0)], [fired(1, 5)])
        assert found == (opened(1, 0), Standing.FIRED)

    def test_rearming_applies_where_the_alert_had_fired(self) -> None:
        found = current_activation([opened(1, 0), rearmed(2, 7)], [fired(1, 5)])
        assert found == (rearmed(2, 7), Standing.WAITING)

    def test_and_nowhere_else(self) -> None:
        found = current_activation([opened(1, 0), rearmed(2, 7)], [])
        assert found == (opened(1, 0), Standing.WAITING)

    def test_firing_after_it_does_not_make_it_apply(self) -> None:
        found = current_activation([opened(1, 0), rearmed(2, 7)], [fired(1, 8)])
        assert found == (opened(1, 0), Standing.FIRED)

    def test_the_event_before_it_is_before_it(self) -> None:
        found = current_activation([opened(1, 0), rearmed(2, 7)], [fired(1, 7)])
        assert found == (rearmed(2, 7), Standing.WAITING)

    def test_rearming_twice_in_a_row_applies_once(self) -> None:
        story = [opened(1, 0), rearmed(2, 7), rearmed(3, 9)]
        assert current_activation(story, [fired(1, 5)])[0] == rearmed(2, 7)

    def test_rearming_after_each_firing_applies_each_time(self) -> None:
        story = [opened(1, 0), rearmed(2, 7), rearmed(3, 9)]
        found = current_activation(story, [fired(1, 5), fired(2, 8)])
        assert found == (rearmed(3, 9), Standing.WAITING)

    @given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 50))
    def test_an_activation_in_which_it_never_fired_is_never_left_by_rearming(
        self, positions: list[int], first: int
    ) -> None:
        story = [opened(1, first)]
        story += [rearmed(number, at) for number, at in enumerate(sorted(positions), 2)]
        assert current_activation(story, []) == (story[0], Standing.WAITING)


class TestBaseline:
    def test_lifetime_counts_everything(self) -> None:
        assert baseline(CountFrom.LIFETIME, opened(1, 9), []) == 0

    def test_creation_counts_from_the_first_join_at_or_after_the_activation(self) -> None:
        joins = [Join(3, 30), Join(9, 90), Join(12, 120)]
        found = [baseline(CountFrom.CREATION, opened(1, at), joins) for at in (0, 3, 4, 9, 10)]
        assert found == [30, 30, 90, 90, 120]

    def test_an_activation_that_has_not_joined_has_none(self) -> None:
        with pytest.raises(LookupError):
            baseline(CountFrom.CREATION, opened(1, 4), [Join(3, 30)])


class TestLine:
    def test_is_the_line_above_the_baseline(self) -> None:
        drawn = line(watching(10), [Join(0, 3 * SCALE)], [])
        assert (drawn.baseline, drawn.at) == (3 * SCALE, 13 * SCALE)

    def test_moves_below_zero_with_the_baseline(self) -> None:
        assert line(watching(10), [Join(0, -30 * SCALE)], []).at == -20 * SCALE

    def test_is_at_the_threshold_itself_for_lifetime(self) -> None:
        watch = watching(10, count_from=CountFrom.LIFETIME)
        assert line(watch, [Join(0, 3 * SCALE)], []).at == 10 * SCALE

    def test_firings_of_other_alerts_do_not_count(self) -> None:
        marks = [fired(1, 5, alert=OTHER)]
        assert line(watching(10), [Join(0, 0)], marks).standing is Standing.WAITING

    def test_is_drawn_anew_by_rearming(self) -> None:
        watch = watching(10, opened(1, 0), rearmed(2, 7))
        drawn = line(watch, [Join(0, 0), Join(7, 12 * SCALE)], [fired(1, 5)])
        assert (drawn.standing, drawn.at) == (Standing.WAITING, 22 * SCALE)


def crossing(watch: Watch, begin: int, amounts: Sequence[int]) -> int | None:
    """How much usage had been reported, exactly, when the alert fired; None if it did not."""
    at = line(watch, [Join(0, begin)], []).at
    totals = accumulate(amounts, initial=begin)
    next(totals)  # an alert is evaluated on events, not before the first
    return next((total - begin for total in totals if total >= at), None)


@given(lines, st.integers(-(10**20), 10**20), st.lists(amounts, min_size=1, max_size=15))
def test_it_fires_on_the_very_event_with_which_usage_reaches_the_line(
    gte: int, begin: int, events: list[int]
) -> None:
    used = crossing(watching(gte), begin, events)
    reached = [total for total in accumulate(events) if total >= gte * SCALE]
    assert used == (reached[0] if reached else None)


@given(lines, st.lists(amounts, min_size=1, max_size=8), st.data())
def test_cutting_usage_into_smaller_events_changes_no_crossing(
    gte: int, events: list[int], data: st.DataObject
) -> None:
    pieces: list[int] = []
    for event in events:
        cuts = sorted(data.draw(st.sets(st.integers(1, event), max_size=3)) | {event})
        pieces += [end - start for start, end in zip([0, *cuts], cuts, strict=False)]
    assert sum(pieces) == sum(events)
    whole, cut = crossing(watching(gte), 0, events), crossing(watching(gte), 0, pieces)
    assert (whole is None) == (cut is None)
    if whole is not None and cut is not None:
        assert gte * SCALE <= cut <= whole


@given(lines, st.lists(amounts, min_size=1, max_size=8), st.integers(-(10**20), 10**20))
def test_what_was_used_before_changes_no_crossing(gte: int, events: list[int], before: int) -> None:
    assert crossing(watching(gte), before, events) == crossing(watching(gte), 0, events)
