"""Which discounts apply to a line, how much each takes off, and how long they last.

Amounts are integers in minor units. Times are Unix seconds.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from tripmeter.model.catalogue import Coupon, Discount, PromotionCode
from tripmeter.model.money import format_amount, share
from tripmeter.rules.periods import add_months


class Line(NamedTuple):
    """A line of an invoice, as far as discounts look at it."""

    amount: int
    """Minor units. What is zero or less is not discounted."""
    product: str | None = None
    subscription_item: str | None = None
    invoice_item: str | None = None


class Given(NamedTuple):
    """A discount with the terms of its coupon."""

    discount: Discount
    coupon: Coupon


class Recipient(NamedTuple):
    """Who is given a discount, for what and when. What is None is not known, and not checked."""

    at_s: int
    """By the customer's clock."""
    customer: str | None
    subscription: str | None = None
    subscription_item: str | None = None
    invoice: str | None = None
    invoice_item: str | None = None
    currency: str | None = None
    amount: int | None = None
    """What is to be paid before the discount, in minor units of `currency`."""
    paid_before: bool | None = None
    """Whether the customer has paid anything before."""


class NotApplied(StrEnum):
    """Why a discount leaves a line as it is."""

    NOT_STARTED = "not_started"
    ENDED = "ended"
    USED = "used"
    """Its coupon is for one invoice, which there was."""
    OTHER_CURRENCY = "other_currency"
    OTHER_PRODUCT = "other_product"
    OTHER_LINE = "other_line"
    """It was given for one item."""
    NOTHING_OWED = "nothing_owed"


def why_not(given: Given, line: Line, at_s: int, currency: str) -> NotApplied | None:
    """Why a discount does not apply to a line in a currency at a time; None if it does."""
    discount, coupon = given
    if at_s < discount.start:
        return NotApplied.NOT_STARTED
    if discount.end is not None and at_s >= discount.end:
        return NotApplied.ENDED
    if discount.used:
        return NotApplied.USED
    if coupon.amount_off is not None and coupon.currency != currency:
        return NotApplied.OTHER_CURRENCY
    if coupon.products and line.product not in coupon.products:
        return NotApplied.OTHER_PRODUCT
    if discount.subscription_item not in (None, line.subscription_item):
        return NotApplied.OTHER_LINE
    if discount.invoice_item not in (None, line.invoice_item):
        return NotApplied.OTHER_LINE
    return NotApplied.NOTHING_OWED if line.amount <= 0 else None


def discount_amounts(
    lines: Sequence[Line], discounts: Sequence[Given], at_s: int, currency: str
) -> tuple[tuple[int, ...], ...]:
    """What each discount takes off each line, in the order of both: rows are discounts.

    Each takes its part of what the earlier ones left. A percentage is rounded line by line; an
    amount is spread over the lines in proportion, to the cent. No line falls below zero.
    """
    left = [line.amount for line in lines]
    rows = []
    for given in discounts:
        base = [
            0 if why_not(given, line, at_s, currency) else max(0, amount)
            for line, amount in zip(lines, left, strict=True)
        ]
        row = _taken(given.coupon, base)
        left = [amount - part for amount, part in zip(left, row, strict=True)]
        rows.append(row)
    return tuple(rows)


def _taken(coupon: Coupon, base: Sequence[int]) -> tuple[int, ...]:
    if coupon.percent_off is not None:
        hundred = Decimal(100)
        return tuple(share(amount, coupon.percent_off, hundred) for amount in base)
    return spread(coupon.amount_off or 0, base)


def spread(amount: int, base: Sequence[int]) -> tuple[int, ...]:
    """An amount in parts that are proportional to `base`, none larger than its base.

    The parts add up to the amount, or to the sum of `base` if that is less. Cents that division
    leaves go to the largest remainders, to the earlier of two that are equal.
    """
    whole = sum(base)
    total = min(amount, whole)
    if total <= 0:
        return (0,) * len(base)
    divided = [divmod(total * part, whole) for part in base]
    parts = [quotient for quotient, _ in divided]
    by_remainder = sorted(range(len(base)), key=lambda at: -divided[at][1])
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return tuple(parts)


def why_code_refused(code: PromotionCode, recipient: Recipient) -> str | None:
    """Why a promotion code cannot be used, to go on after its id; None if it can (Stripe)."""
    if code.exhausted:
        return f"was used {code.max_redemptions} times, which is its most. Use another one."
    if code.expired_at(recipient.at_s):
        return f"expired at {code.expires_at}, and it is {recipient.at_s}. Use another one."
    if not code.active:
        return "is inactive. Activate it, or use another one."
    if code.customer is not None and code.customer != recipient.customer:
        return f"is for the customer {code.customer} alone. Use another one."
    if code.first_time_transaction and recipient.paid_before:
        return "is for a customer's first payment, and this is not the first. Use another one."
    return _why_too_little(code, recipient)


def _why_too_little(code: PromotionCode, recipient: Recipient) -> str | None:
    minimum, currency = code.minimum_amount, code.minimum_amount_currency
    if minimum is None or currency is None:
        return None
    if recipient.currency is not None and recipient.currency != currency:
        return f"is for amounts in {currency}, not in {recipient.currency}. Use another one."
    if recipient.amount is not None and recipient.amount < minimum:
        return f"is for amounts of {format_amount(minimum, currency)} or more. Use another one."
    return None


def end_of(coupon: Coupon, start_s: int) -> int | None:
    """When a discount given at a time ends, as far as the calendar says (Stripe's `end`)."""
    if coupon.duration != "repeating" or coupon.duration_in_months is None:
        return None
    return add_months(start_s * 1000, coupon.duration_in_months) // 1000
