"""What an invoice item comes to: an amount, or a quantity at an amount for one unit."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tripmeter.model.catalogue import Price
from tripmeter.model.errors import ParameterInvalid, ParameterMissing, ParametersExclusive
from tripmeter.model.money import AMOUNT_LIMIT, rounded, times
from tripmeter.rules import pricing

WAYS: Final = ("amount", "unit_amount_decimal", "pricing", "price_data")
"""How it can be said what an item costs: one of these (Stripe)."""

ONE: Final = Decimal(1)


class Figures(NamedTuple):
    """What an item costs, and how that came about."""

    amount: int
    """Minor units; below zero for what is given back."""
    quantity: Decimal = ONE
    unit_amount: Decimal | None = None
    price: str | None = None
    product: str | None = None


def way_of(given: Mapping[str, Any]) -> str | None:
    """Which way of saying the amount was taken; None for none. Raises ParametersExclusive."""
    taken = tuple(name for name in WAYS if name in given)
    if len(taken) > 1:
        raise ParametersExclusive(taken)
    return taken[0] if taken else None


def figures(given: Mapping[str, Any], price: Price | None) -> Figures:
    """What a new item comes to; `price` is the one that it names.

    Raises ParameterMissing, ParameterInvalid or ParametersExclusive.
    """
    quantity = quantity_of(given)
    if price is not None:
        return at_price(price, ONE if quantity is None else quantity)
    if "unit_amount_decimal" in given:
        return at_rate(given["unit_amount_decimal"], ONE if quantity is None else quantity)
    if "amount" not in given:
        raise ParameterMissing("amount")
    if quantity is not None:
        raise ParametersExclusive(("amount", "quantity"))
    return Figures(given["amount"], unit_amount=Decimal(given["amount"]))


def quantity_of(given: Mapping[str, Any]) -> Decimal | None:
    """The quantity that was given, whole or in fractions. Raises ParametersExclusive."""
    if "quantity" in given and "quantity_decimal" in given:
        raise ParametersExclusive(("quantity", "quantity_decimal"))
    if "quantity_decimal" in given:
        exact: Decimal = given["quantity_decimal"]
        return exact
    return Decimal(given["quantity"]) if "quantity" in given else None


def at_price(price: Price, quantity: Decimal) -> Figures:
    """A quantity at a price."""
    amount = _possible(pricing.amount(price, quantity))
    return Figures(amount, quantity, price.unit_amount, price.id, price.product)


def at_rate(unit_amount: Decimal, quantity: Decimal) -> Figures:
    """A quantity at so many minor units for one."""
    return Figures(_possible(rounded(times(unit_amount, quantity))), quantity, unit_amount)


def _possible(amount: int) -> int:
    if abs(amount) > AMOUNT_LIMIT:
        raise ParameterInvalid(
            "quantity",
            f"The amount would be {amount}, and it can be {AMOUNT_LIMIT} at most. Split it.",
        )
    return amount


def check_price(price: Price, param: str) -> None:
    """Refuses a price that an item cannot have. Raises ParameterInvalid."""
    if price.recurring is not None:
        raise ParameterInvalid(
            param,
            f"The price {price.id} is recurring, and an invoice item takes one with type=one_time. "
            "Put it into a subscription, or make another price.",
        )
    if not price.active:
        raise ParameterInvalid(param, f"The price {price.id} is inactive. Use an active one.")
