"""What invoice items come to: every way of saying it, and none that contradicts itself."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.prices import price, rates, tiered
from tripmeter.model.errors import ParameterInvalid, ParameterMissing, ParametersExclusive
from tripmeter.model.money import AMOUNT_LIMIT, rounded, times
from tripmeter.rules import pricing
from tripmeter.rules.invoice_items import Figures, at_price, check_price, figures, way_of

SOLD = price(recurring=None, unit_amount=Decimal(250))


@given(rates(), st.integers(0, 5_000))
def test_a_rate_and_a_quantity_make_an_amount_that_is_rounded_once(
    rate: Decimal, quantity: int
) -> None:
    found = figures({"unit_amount_decimal": rate, "quantity": quantity}, None)
    assert found.amount == rounded(times(rate, Decimal(quantity)))
    assert (found.quantity, found.unit_amount, found.price) == (Decimal(quantity), rate, None)


@given(st.integers(0, 5_000))
def test_a_price_says_what_a_quantity_costs(quantity: int) -> None:
    graduated = tiered("graduated", (10, "5", "100"), (None, "2", "0"))
    for one in (SOLD, graduated):
        found = at_price(one, Decimal(quantity))
        assert found.amount == pricing.amount(one, Decimal(quantity))
        assert (found.price, found.product) == (one.id, one.product)


@given(st.integers(-AMOUNT_LIMIT, AMOUNT_LIMIT))
def test_an_amount_is_one_of_itself(amount: int) -> None:
    assert figures({"amount": amount}, None) == Figures(amount, unit_amount=Decimal(amount))


def test_one_unit_is_what_is_meant_without_a_quantity() -> None:
    assert figures({"pricing": {}}, SOLD).amount == 250
    assert figures({"unit_amount_decimal": Decimal("-0.5")}, None).amount == -1


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({}, ParameterMissing),
        ({"quantity": 3}, ParameterMissing),
        ({"amount": 1, "quantity": 3}, ParametersExclusive),
        ({"amount": 1, "quantity_decimal": Decimal(3)}, ParametersExclusive),
        (
            {"unit_amount_decimal": Decimal(1), "quantity": 3, "quantity_decimal": Decimal(3)},
            ParametersExclusive,
        ),
        ({"unit_amount_decimal": Decimal(AMOUNT_LIMIT), "quantity": 2}, ParameterInvalid),
    ],
)
def test_what_contradicts_itself(said: Any, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        figures(said, None)


def test_one_way_is_taken() -> None:
    assert way_of({"quantity": 1}) is None
    assert way_of({"pricing": {}, "quantity": 1}) == "pricing"
    with pytest.raises(ParametersExclusive) as both:
        way_of({"amount": 1, "price_data": {}})
    assert both.value.params == ("amount", "price_data")


def test_only_active_prices_of_single_sales() -> None:
    check_price(SOLD, "price")
    for other in (price(), price(recurring=None, active=False)):
        with pytest.raises(ParameterInvalid):
            check_price(other, "price")
