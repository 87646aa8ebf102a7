"""How many invoices there may be in a time: held to every stretch of time, by its definition."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tripmeter.rules.invoice_rate import DAY_MS, MINUTE_MS, allowed_at


@given(
    st.lists(st.integers(0, 3 * MINUTE_MS), min_size=1, max_size=40).map(sorted),
    st.integers(1, 4),
    st.none() | st.integers(1, 9),
)
def test_no_minute_and_no_day_has_more(asked: list[int], a_minute: int, a_day: int | None) -> None:
    made: list[int] = []
    for at in asked:
        made.append(allowed_at(made, a_minute, a_day, max([at, *made[-1:]])))
    assert all(later >= earlier for earlier, later in pairwise(made))
    for at in made:
        assert sum(at - MINUTE_MS < one <= at for one in made) <= a_minute
        if a_day is not None:
            assert sum(at - DAY_MS < one <= at for one in made) <= a_day


@given(st.lists(st.integers(0, 1_000), max_size=50))
def test_without_limits_it_is_always_now(made: list[int]) -> None:
    assert allowed_at(made, None, None, 1_000) == 1_000
