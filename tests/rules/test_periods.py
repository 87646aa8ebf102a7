"""Billing periods: they tile time without a gap, and come back to the anchor's day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.catalogue import Interval, Recurring
from tripmeter.rules.periods import DAY_MS, add_months, boundary, period_at

MONTH = Recurring(Interval.MONTH)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("anchor", "number", "expected"),
    [
        ("2026-01-31T12:00:05", 1, "2026-02-28T12:00:05"),
        ("2026-01-31T12:00:05", 2, "2026-03-31T12:00:05"),
        ("2026-01-31T12:00:05", 3, "2026-04-30T12:00:05"),
        ("2027-12-31T00:00:00", 2, "2028-02-29T00:00:00"),
        ("2026-03-31T00:00:00", -1, "2026-02-28T00:00:00"),
    ],
)
def test_months_follow_the_day_of_the_anchor(anchor: str, number: int, expected: str) -> None:
    assert boundary(at(anchor), MONTH, number) == at(expected)


def test_a_leap_day_comes_back_every_four_years() -> None:
    year = Recurring(Interval.YEAR)
    days = [boundary(at("2028-02-29T01:00:00"), year, number) for number in range(5)]
    expected = ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
    assert days == [at(f"{day}T01:00:00") for day in expected]


@pytest.mark.parametrize(
    ("interval", "count", "days"), [(Interval.DAY, 3, 3), (Interval.WEEK, 2, 14)]
)
def test_days_and_weeks_have_one_length(interval: Interval, count: int, days: int) -> None:
    period = period_at(0, Recurring(interval, count), 100 * days * DAY_MS + 5)
    assert period == (100 * days * DAY_MS, 101 * days * DAY_MS)


recurrings = st.builds(Recurring, st.sampled_from(Interval), st.integers(1, 36))
moments = st.integers(at("2000-01-01T00:00:00"), at("2100-01-01T00:00:00"))


@given(moments, recurrings, moments)
def test_every_moment_is_in_one_period_and_the_next_begins_where_it_ends(
    anchor_ms: int, recurring: Recurring, moment_ms: int
) -> None:
    start_ms, end_ms = period_at(anchor_ms, recurring, moment_ms)
    assert start_ms <= moment_ms < end_ms
    assert period_at(anchor_ms, recurring, end_ms).start_ms == end_ms
    assert period_at(anchor_ms, recurring, end_ms - 1) == (start_ms, end_ms)
    assert period_at(anchor_ms, recurring, anchor_ms).start_ms == anchor_ms


@given(moments, st.integers(0, 48))
def test_months_keep_the_time_of_day(moment_ms: int, months: int) -> None:
    assert add_months(moment_ms, months) % DAY_MS == moment_ms % DAY_MS
