"""Columns of quantities say what single quantities do, at any size within their limits."""

from typing import Final

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.quantities import (
    Quantities,
    at_least,
    group_sums,
    of_integers,
    parse_column,
    plus,
    total,
)
from tripmeter.model.quantity import MAX_DIGITS, NotANumber, TooManyDigits, parse

LARGEST: Final = 10**36
"""A thousand million million million units, scaled."""

scaled = st.integers(-LARGEST, LARGEST) | st.integers(-(10**19), 10**19)
columns = st.lists(scaled, min_size=1, max_size=60)

written = st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{1,16})?", fullmatch=True)
anything = st.text(st.sampled_from("0123456789.-+e \0\u0661x"), max_size=24)


def exact(text: str) -> int | None:
    """What a text says by itself."""
    try:
        return parse(text)
    except (NotANumber, TooManyDigits):
        return None


def values(quantities: Quantities) -> list[int]:
    return [quantities.at(index) for index in range(len(quantities.high))]


@given(st.lists(written | anything, min_size=1, max_size=80))
def test_what_is_read_from_a_column_is_what_each_text_says(texts: list[str]) -> None:
    read, known = parse_column(texts)
    for text, value, is_known in zip(texts, values(read), known.tolist(), strict=True):
        if is_known:
            assert value == exact(text)


@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=20), st.integers(0, 15))
def test_every_ordinary_decimal_is_read(numbers: list[int], places: int) -> None:
    texts = []
    for number in numbers:
        digits = str(abs(number)).rjust(places + 1, "0")
        point = f"{digits[:-places]}.{digits[-places:]}" if places else digits
        texts.append("-" * (number < 0) + point)
    read, known = parse_column(texts)
    short = [len(text) <= MAX_DIGITS + 3 for text in texts]
    assert known.tolist() == short
    kept = [exact(text) for text, is_short in zip(texts, short, strict=True) if is_short]
    assert values(read.pick(known)) == kept


@given(columns, columns)
def test_sums_and_signs_are_those_of_integers(some: list[int], others: list[int]) -> None:
    size = min(len(some), len(others))
    one, other = of_integers(some[:size]), of_integers(others[:size])
    assert values(one) == some[:size]
    assert values(-one) == [-value for value in some[:size]]
    assert values(plus(one, other)) == [a + b for a, b in zip(some, others, strict=False)]
    assert total(one) == sum(some[:size])
    reached = [a >= b for a, b in zip(some, others, strict=False)]
    assert at_least(one, other).tolist() == reached
    assert at_least(one, one).all()


@given(st.lists(columns, min_size=1, max_size=8))
def test_groups_are_summed_apart(groups: list[list[int]]) -> None:
    flat = of_integers(value for group in groups for value in group)
    starts = np.cumsum([0, *(len(group) for group in groups)])[:-1]
    assert values(group_sums(flat, starts)) == [sum(group) for group in groups]


def test_a_hundred_thousand_of_the_largest_events_do_not_overflow() -> None:
    largest, _ = parse_column(["999999999999999"] * 100_000)
    assert total(largest) == 999_999_999_999_999 * 10**15 * 100_000
    assert group_sums(largest, np.array([0])).at(0) == total(largest)
    finest, _ = parse_column(["-0.99999999999999"] * 100_000)
    assert group_sums(finest, np.array([0])).at(0) == -99_999_999_999_999 * 10 * 100_000
