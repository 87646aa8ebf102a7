"""What discounts take off lines: exactly, in order, and never more than there is."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import samples
from tripmeter.model.catalogue import Discount
from tripmeter.model.money import rounded
from tripmeter.rules.discounts import (
    Given,
    Line,
    NotApplied,
    Recipient,
    discount_amounts,
    end_of,
    spread,
    why_code_refused,
    why_not,
)

AT = 1_000
PRODUCTS = ("prod_a", "prod_b", None)


def percent(value: Decimal | int, *products: str, **discount: Any) -> Given:
    coupon = samples.coupon(percent_off=Decimal(value), products=products)
    return Given(Discount(id="di_1", coupon=coupon.id, start=AT, **discount), coupon)


def amount(value: int, *products: str, currency: str = "usd", **discount: Any) -> Given:
    terms: dict[str, Any] = {"percent_off": None, "amount_off": value, "currency": currency}
    coupon = samples.coupon(**terms, products=products)
    return Given(Discount(id="di_1", coupon=coupon.id, start=AT, **discount), coupon)


def off(lines: list[Line], *discounts: Given) -> list[list[int]]:
    return [list(row) for row in discount_amounts(lines, discounts, AT, "usd")]


LINES = st.lists(
    st.builds(Line, st.integers(-(10**6), 10**12), st.sampled_from(PRODUCTS)), max_size=8
)
LIMITS = st.lists(st.sampled_from(["prod_a", "prod_b"]), max_size=2)
DISCOUNTS = st.lists(
    st.one_of(
        st.builds(
            lambda value, limits: percent(value, *limits),
            st.decimals(Decimal("0.0001"), 100, places=4),
            LIMITS,
        ),
        st.builds(lambda value, limits: amount(value, *limits), st.integers(1, 10**12), LIMITS),
    ),
    max_size=5,
)


# --- amounts ------------------------------------------------------------------------------------


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**12), max_size=12))
def test_an_amount_is_spread_to_the_last_cent(total: int, base: list[int]) -> None:
    parts = spread(total, base)
    assert sum(parts) == min(total, sum(base))
    assert all(0 <= part <= whole for part, whole in zip(parts, base, strict=True))
    for part, whole in zip(parts, base, strict=True):
        if sum(base):
            assert abs(part - Decimal(min(total, sum(base))) * whole / sum(base)) < 1


def test_cents_go_to_the_largest_remainders_and_then_to_earlier_lines() -> None:
    assert spread(2, [1, 1, 1]) == (1, 1, 0)
    assert spread(10, [333, 333, 334]) == (3, 3, 4)
    assert spread(5, [0, 0]) == (0, 0)


@given(LINES, DISCOUNTS)
def test_no_line_falls_below_zero_and_what_is_not_owed_stays(
    lines: list[Line], discounts: list[Given]
) -> None:
    rows = off(lines, *discounts)
    assert len(rows) == len(discounts)
    for at, line in enumerate(lines):
        parts = [row[at] for row in rows]
        assert all(part >= 0 for part in parts)
        assert sum(parts) <= max(0, line.amount)


@given(LINES, DISCOUNTS)
def test_each_discount_takes_its_part_of_what_the_earlier_ones_left(
    lines: list[Line], discounts: list[Given]
) -> None:
    left = [line.amount for line in lines]
    for one, row in zip(discounts, off(lines, *discounts), strict=True):
        applies = [why_not(one, line, AT, "usd") is None for line in lines]
        base = [value if ok else 0 for value, ok in zip(left, applies, strict=True)]
        if one.coupon.percent_off is not None:
            assert row == [rounded(value * one.coupon.percent_off / 100) for value in base]
        else:
            assert sum(row) == min(one.coupon.amount_off or 0, sum(base))
        left = [value - part for value, part in zip(left, row, strict=True)]


def test_the_order_of_discounts_matters_and_is_kept() -> None:
    lines = [Line(1000)]
    assert off(lines, percent(10), amount(100)) == [[100], [100]]
    assert off(lines, amount(100), percent(10)) == [[100], [90]]


# --- which apply --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discount", "line", "reason"),
    [
        (percent(10), Line(100), None),
        (percent(10, end=AT + 1), Line(100), None),
        (percent(10, end=AT), Line(100), NotApplied.ENDED),
        (percent(10, used=True), Line(100), NotApplied.USED),
        (percent(10, "prod_a"), Line(100, "prod_a"), None),
        (percent(10, "prod_a"), Line(100, "prod_b"), NotApplied.OTHER_PRODUCT),
        (percent(10, "prod_a"), Line(100), NotApplied.OTHER_PRODUCT),
        (percent(10, subscription_item="si_1"), Line(100, None, "si_1"), None),
        (percent(10, subscription_item="si_1"), Line(100), NotApplied.OTHER_LINE),
        (percent(10, invoice_item="ii_1"), Line(100, None, "si_1"), NotApplied.OTHER_LINE),
        (amount(10, currency="eur"), Line(100), NotApplied.OTHER_CURRENCY),
        (percent(10), Line(0), NotApplied.NOTHING_OWED),
        (percent(10), Line(-5), NotApplied.NOTHING_OWED),
    ],
)
def test_why_a_discount_leaves_a_line_as_it_is(
    discount: Given, line: Line, reason: NotApplied | None
) -> None:
    assert why_not(discount, line, AT, "usd") is reason


def test_a_discount_that_starts_later_waits() -> None:
    assert why_not(percent(10), Line(100), AT - 1, "usd") is NotApplied.NOT_STARTED


# --- how long -----------------------------------------------------------------------------------


def seconds(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2026, 1, 31, 12, 30), 1, (2026, 2, 28, 12, 30)),
        ((2024, 1, 31), 1, (2024, 2, 29)),
        ((2026, 1, 31), 2, (2026, 3, 31)),
        ((2026, 11, 30, 23, 59, 59), 3, (2027, 2, 28, 23, 59, 59)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
    ],
)
def test_months_are_those_of_the_calendar(start: Any, months: int, end: Any) -> None:
    repeating = samples.coupon(duration_in_months=months)
    assert end_of(repeating, seconds(*start)) == seconds(*end)


def test_only_a_repeating_coupon_has_an_end() -> None:
    assert end_of(samples.coupon(), seconds(2026, 1, 31)) == seconds(2026, 4, 30)
    for duration in ("once", "forever"):
        assert end_of(samples.coupon(duration=duration, duration_in_months=None), AT) is None


# --- promotion codes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "recipient", "reason"),
    [
        ({}, {}, None),
        ({"active": False}, {}, "is inactive"),
        ({"expires_at": AT}, {}, "expired at 1000"),
        ({"max_redemptions": 2, "times_redeemed": 2}, {}, "was used 2 times"),
        ({"customer": "cus_2"}, {}, "is for the customer cus_2 alone"),
        ({"customer": "cus_1"}, {}, None),
        ({"first_time_transaction": True}, {"paid_before": True}, "is for a customer's first"),
        ({"first_time_transaction": True}, {"paid_before": None}, None),
        ({"minimum_amount": 500, "minimum_amount_currency": "usd"}, {"amount": 500}, None),
        (
            {"minimum_amount": 500, "minimum_amount_currency": "usd"},
            {"amount": 499, "currency": "usd"},
            "is for amounts of 5.00 USD or more",
        ),
        (
            {"minimum_amount": 500, "minimum_amount_currency": "usd"},
            {"currency": "eur"},
            "is for amounts in usd, not in eur",
        ),
    ],
)
def test_why_a_promotion_code_cannot_be_used(
    code: dict[str, Any], recipient: dict[str, Any], reason: str | None
) -> None:
    made = samples.promotion_code(**code)
    found = why_code_refused(made, Recipient(AT, "cus_1", **recipient))
    assert (found or "").startswith(reason or "") and (found is None) == (reason is None)
