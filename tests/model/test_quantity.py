"""Quantities: exact decimals of at most 15 digits, and nothing else."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.quantity import (
    DECIMAL_PLACES,
    SCALE,
    NotANumber,
    TooManyDigits,
    format_quantity,
    parse,
    whole_units,
)


@st.composite
def decimals(draw: st.DrawFn) -> str:
    """Every value that may be reported: up to 15 digits, a point anywhere among or before them."""
    digits = str(draw(st.integers(0, 10**15 - 1)))
    places = draw(st.integers(0, DECIMAL_PLACES))
    digits = digits.rjust(places + 1, "0")
    number = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return draw(st.sampled_from(("", "-"))) + number


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("25", 25 * SCALE),
        ("-3.5", -35 * SCALE // 10),
        ("0", 0),
        ("-0", 0),
        ("0.000000000000001", 1),
        ("-0.000000000000001", -1),
        ("999999999999999", 999_999_999_999_999 * SCALE),
    ],
)
def test_a_plain_decimal_is_held_as_an_integer_scaled_by_10_to_the_15(
    text: str, scaled: int
) -> None:
    assert parse(text) == scaled


@pytest.mark.parametrize(
    "text",
    [
        *("1e3", "NaN", "Infinity", "-Infinity", "+1", ".5", "5.", " 1", "1 ", "1\n", "", "-"),
        *(".", "--1", "1_000", "1,5", "0x1f", "\u0661", "1.\u0661", "\u00b2", "1.2.3", "1\x00"),
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(NotANumber):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "123456789012345",
        "-123456789012345",
        "12345678.9012345",
        "0.123456789012345",
        "000123456789012345",
        "12345678901234.5000000000",
        "0.0000000000000010000",
        "000000000000000000000000000000",
    ],
)
def test_15_digits_are_accepted_zeros_in_front_and_at_the_end_of_a_fraction_aside(
    text: str,
) -> None:
    assert Decimal(parse(text)) / SCALE == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "1234567890123456",
        "1000000000000000",
        "123456789.1234567",
        "100000000000000.5",
        "0.0000000000000001",
        "0.1234567890123456",
        "9" * 10_000,
    ],
)
def test_the_16th_digit_is_refused(text: str) -> None:
    with pytest.raises(TooManyDigits):
        parse(text)


@pytest.mark.parametrize(
    ("scaled", "text"),
    [
        (25 * SCALE, "25"),
        (-35 * SCALE // 10, "-3.5"),
        (0, "0"),
        (1, "0.000000000000001"),
        (-1, "-0.000000000000001"),
        (10**40, "1" + "0" * 25),
    ],
)
def test_a_quantity_is_written_as_short_as_possible(scaled: int, text: str) -> None:
    assert format_quantity(scaled) == text


@pytest.mark.parametrize(
    ("text", "whole"), [("2.9", 2), ("2", 2), ("0.9", 0), ("-0.1", -1), ("-2", -2), ("-2.9", -3)]
)
def test_whole_units_are_rounded_down(text: str, whole: int) -> None:
    assert whole_units(parse(text)) == whole


@given(decimals())
def test_no_digit_is_lost_on_the_way_in(text: str) -> None:
    assert Decimal(parse(text)).scaleb(-DECIMAL_PLACES) == Decimal(text)


@given(decimals())
def test_what_is_written_reads_the_same(text: str) -> None:
    written = format_quantity(parse(text))
    assert parse(written) == parse(text)
    assert format_quantity(parse(written)) == written


@given(st.integers())
def test_every_integer_can_be_written(scaled: int) -> None:
    whole, _, fraction = format_quantity(scaled).partition(".")
    assert not fraction.endswith("0")
    assert int(whole + fraction.ljust(DECIMAL_PLACES, "0")) == scaled


@given(st.text())
def test_no_text_is_a_surprise(text: str) -> None:
    try:
        parse(text)
    except (NotANumber, TooManyDigits):
        return
    assert Decimal(text).is_finite()
