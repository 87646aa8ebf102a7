"""When something is to be expected, if it goes on as it did."""

from hypothesis import given
from hypothesis import strategies as st

from tripmeter.rules.projections import FARTHEST_MS, SHORTEST_MS, projected_ms

HOUR = 3_600_000


def test_what_takes_as_long_again_comes_as_much_later() -> None:
    assert projected_ms(5, 5, 10 * HOUR, 20 * HOUR) == 30 * HOUR
    assert projected_ms(1, 3, 10 * HOUR, 20 * HOUR) == 20 * HOUR + 12_000_000


def test_without_a_pace_nothing_is_expected() -> None:
    assert projected_ms(5, 0, 0, HOUR) is None
    assert projected_ms(5, -1, 0, HOUR) is None
    assert projected_ms(10**30, 1, 0, HOUR) is None


def test_a_moment_is_no_pace() -> None:
    assert projected_ms(5, 5, HOUR - 1, HOUR) == HOUR + SHORTEST_MS


@given(
    remaining=st.integers(1, 10**40),
    used=st.integers(1, 10**40),
    since=st.integers(0, 10**12),
    took=st.integers(-(10**9), 10**12),
)
def test_it_is_ahead_and_not_too_far(remaining: int, used: int, since: int, took: int) -> None:
    now = since + took
    expected = projected_ms(remaining, used, since, now)
    assert expected is None or now < expected <= now + FARTHEST_MS
