"""What a subscription may be made of, and when its periods begin.

Each refusal names the parameter that it is about.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tripmeter.model.catalogue import Interval, Price, Recurring
from tripmeter.model.errors import ParameterInvalid, ParameterMissing
from tripmeter.model.money import format_amount
from tripmeter.rules.periods import Period, at_day, boundary, period_from
from tripmeter.rules.prices import named
from tripmeter.rules.pricing import flat_fees
from tripmeter.rules.thresholds import LEAST_AMOUNT

ITEM_LIMIT: Final = 20
"""Items of a subscription (Stripe)."""

LONGEST_TRIAL_MONTHS: Final = 24
"""A trial ends within two years (Stripe)."""


class Wanted(NamedTuple):
    """An item as it is asked for."""

    param: str
    """The parameter that it stands under: `items[0]`; empty for an item by itself."""
    price: Price
    quantity: int | None
    usage_gte: int | None
    is_chosen: bool = True
    """Whether the price is chosen now; an item may keep one that is inactive by now."""


def check_items(items: Sequence[Wanted]) -> None:
    """Refuses items that cannot be billed together, or at all."""
    if not items:
        raise ParameterMissing("items")
    if len(items) > ITEM_LIMIT:
        raise ParameterInvalid(
            "items", f"A subscription can have at most {ITEM_LIMIT} items. Make another one."
        )
    first = items[0].price
    seen: set[str] = set()
    for one in items:
        _check_item(one)
        _check_beside(one, first)
        if one.price.id in seen:
            raise ParameterInvalid(
                named(one.param, "price"),
                f"The price {one.price.id} is on another item already. Change that one's quantity.",
            )
        seen.add(one.price.id)


def _check_item(one: Wanted) -> None:
    price, param = one.price, named(one.param, "price")
    if not price.active and one.is_chosen:
        raise ParameterInvalid(param, f"The price {price.id} is inactive. Use an active one.")
    if price.recurring is None:
        raise ParameterInvalid(
            param,
            f"The price {price.id} is for sales once, and items need a recurring one. Put it into "
            "add_invoice_items instead.",
        )
    if price.meter is not None and one.quantity is not None:
        raise ParameterInvalid(
            named(one.param, "quantity"),
            f"The price {price.id} is metered: its quantity is the usage that is reported. "
            "Leave quantity out.",
        )
    if one.usage_gte is not None:
        _check_usage_threshold(one)


def _check_usage_threshold(one: Wanted) -> None:
    param = named(one.param, "billing_thresholds") + "[usage_gte]"
    if one.price.meter is None:
        raise ParameterInvalid(
            param, f"The price {one.price.id} is not metered: there is no usage to be watched."
        )
    if one.price.package is not None:
        raise _no_packages(param, one.price)


def _check_beside(one: Wanted, first: Price) -> None:
    own, others = one.price.recurring, first.recurring
    assert own is not None and others is not None
    if (own.interval, own.interval_count) != (others.interval, others.interval_count):
        raise ParameterInvalid(
            named(one.param, "price"),
            "All prices of a subscription must have the same interval and interval_count. "
            "Make a subscription of its own for the others.",
        )
    if one.price.currency != first.currency:
        raise ParameterInvalid(
            named(one.param, "price"),
            f"All prices of a subscription must have one currency: {first.currency} and "
            f"{one.price.currency} do not go together.",
        )


def check_amount_threshold(amount_gte: int, prices: Sequence[Price]) -> None:
    """Refuses a monetary threshold that usage could not be what reaches it (Stripe)."""
    param = "billing_thresholds[amount_gte]"
    if amount_gte < LEAST_AMOUNT:
        raise ParameterInvalid(param, f"{param} must be at least {LEAST_AMOUNT}.")
    for price in prices:
        if price.package is not None and price.meter is not None:
            raise _no_packages(param, price)
    fees = sum(flat_fees(price) for price in prices if price.meter is not None)
    if amount_gte <= fees:
        raise ParameterInvalid(
            param,
            f"{param} must be more than the flat fees of the subscription's usage-based prices, "
            f"which are {format_amount(fees, prices[0].currency)} in each period.",
        )


def _no_packages(param: str, price: Price) -> ParameterInvalid:
    return ParameterInvalid(
        param,
        f"The price {price.id} is per package (transform_quantity), which billing thresholds do "
        "not support. Use a price per unit, or tiers.",
    )


def first_period(start_ms: int, anchor_ms: int, recurring: Recurring) -> Period:
    """The first period: up to the anchor where that lies ahead, else a whole one."""
    return period_from(anchor_ms, recurring, start_ms)


def latest_anchor(start_ms: int, recurring: Recurring) -> int:
    """The latest time that an anchor may have: the first period is no longer than a whole one."""
    return boundary(start_ms, recurring, 1)


_DAILY: Final = (Interval.DAY, Interval.WEEK)


def configured_anchor(given: Mapping[str, int], start_ms: int, recurring: Recurring) -> int:
    """The anchor that a `billing_cycle_anchor_config` stands for. Raises ParameterInvalid."""
    param = "billing_cycle_anchor_config"
    if recurring.interval in _DAILY:
        raise ParameterInvalid(
            param, "Days of the month go with prices by the month or the year. Leave it out."
        )
    is_monthly = recurring.interval is Interval.MONTH and recurring.interval_count == 1
    if "month" in given and is_monthly:
        raise ParameterInvalid(
            f"{param}[month]", "Prices by the month are billed in every month. Leave month out."
        )
    day = given["day_of_month"]
    return at_day(start_ms, day, **{k: v for k, v in given.items() if k != "day_of_month"})
