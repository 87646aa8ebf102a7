"""Prorations: whole periods cost whole amounts, and parts of one add up to the last minor unit."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tripmeter.model.catalogue import Interval, Recurring
from tripmeter.rules.periods import DAY_MS, Period, at_day, period_at, period_from
from tripmeter.rules.prorations import Paid, changed, net_of, part, remaining

OCTOBER = Period(1_790_812_800_000, 1_793_491_200_000)

amounts = st.integers(-(10**12), 10**12)
prices = st.integers(0, 10**12)
seconds = st.integers(0, 4_000_000_000)
lengths = st.integers(1, 94_000_000)
fractions = st.integers(0, 999)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    begin = draw(seconds)
    return Period(begin * 1000 + draw(fractions), (begin + draw(lengths)) * 1000 + draw(fractions))


@st.composite
def moments(draw: st.DrawFn) -> tuple[Period, list[int]]:
    """A period with moments of it, in order."""
    period = draw(periods())
    inside = st.integers(period.start_ms, period.end_ms)
    return period, sorted(draw(st.lists(inside, min_size=1, max_size=6)))


@given(amounts, periods())
def test_a_whole_period_costs_the_whole_amount(amount: int, period: Period) -> None:
    assert remaining(amount, period, period.start_ms) == amount
    assert remaining(amount, period, period.end_ms) == 0
    assert part(amount, period, period) == amount


@given(prices, moments())
def test_what_remains_never_grows_and_is_a_share(
    amount: int, found: tuple[Period, list[int]]
) -> None:
    period, at = found
    left = [remaining(amount, period, moment) for moment in at]
    assert left == sorted(left, reverse=True)
    assert all(0 <= one <= amount for one in left)


@given(amounts, moments())
def test_the_parts_of_a_period_add_up_to_the_whole(
    amount: int, found: tuple[Period, list[int]]
) -> None:
    period, at = found
    edges = [period.start_ms, *at, period.end_ms]
    parts = [part(amount, period, Period(one, other)) for one, other in itertools.pairwise(edges)]
    assert sum(parts) == amount


@given(amounts, moments())
def test_a_quantity_that_stays_costs_nothing_more(
    amount: int, found: tuple[Period, list[int]]
) -> None:
    period, at = found
    same = changed(amount, amount, period, at[0])
    assert same.credit + same.charge == 0


@given(prices, prices, moments())
def test_a_change_that_is_taken_back_costs_what_it_was_for(
    before: int, after: int, found: tuple[Period, list[int]]
) -> None:
    period, at = found
    there, back = (
        changed(before, after, period, at[0]),
        changed(after, before, period, at[-1]),
    )
    meanwhile = Period(at[0], at[-1])
    assert sum((*there, *back)) == part(after, period, meanwhile) - part(before, period, meanwhile)


@given(prices, periods(), fractions)
def test_moments_count_by_their_second(amount: int, period: Period, later: int) -> None:
    second = period.start_ms // 1000 * 1000
    assert remaining(amount, period, second + later) == amount


def test_ten_days_of_october() -> None:
    assert changed(3_100, 9_300, OCTOBER, OCTOBER.start_ms + 10 * DAY_MS) == (-2_100, 6_300)


@given(prices, st.lists(st.tuples(prices, prices), min_size=1, max_size=4))
def test_what_was_discounted_is_worth_what_was_paid(
    amount: int, found: list[tuple[int, int]]
) -> None:
    paid = [Paid(max(pair), min(pair)) for pair in found]
    assume(sum(one.gross for one in paid) > 0)
    assert 0 <= net_of(amount, paid) <= amount
    assert net_of(amount, [Paid(one.gross, one.gross) for one in paid]) == amount
    assert net_of(amount, [Paid(one.gross, 0) for one in paid]) == 0


# --- periods that begin in the middle ----------------------------------------------------------


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@given(seconds, seconds, st.sampled_from(Interval), st.integers(1, 12))
def test_a_part_of_a_period_ends_with_it(
    anchor: int, start: int, interval: Interval, count: int
) -> None:
    recurring = Recurring(interval, count)
    whole = period_at(anchor * 1000, recurring, start * 1000)
    own = period_from(anchor * 1000, recurring, start * 1000)
    assert (own.start_ms, own.end_ms) == (start * 1000, whole.end_ms)
    assert 0 <= part(1_000, whole, own) <= 1_000


@pytest.mark.parametrize(
    ("start", "day", "said", "expected"),
    [
        ("2026-11-25T10:00:00", 25, {}, "2026-11-25T10:00:00"),
        ("2026-11-25T10:00:00", 25, {"hour": 9}, "2026-12-25T09:00:00"),
        ("2026-11-25T10:00:00", 1, {"hour": 0, "minute": 0, "second": 0}, "2026-12-01T00:00:00"),
        ("2027-02-10T10:00:00", 31, {}, "2027-03-31T10:00:00"),
        ("2027-02-10T10:00:00", 31, {"month": 2}, "2027-02-28T10:00:00"),
        ("2027-03-10T10:00:00", 31, {"month": 2}, "2028-02-29T10:00:00"),
    ],
)
def test_the_next_time_that_a_day_comes(
    start: str, day: int, said: dict[str, int], expected: str
) -> None:
    assert at_day(at(start), day, **said) == at(expected)
