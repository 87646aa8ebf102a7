"""What a part of a period costs: prorations, to the second (Stripe).

An amount is due for a whole period. Up to a moment of it some was used, and what remains is what is
credited, or charged. What was used is the difference of two amounts that remain, so that a
period that is cut into parts, however many, costs to the last minor unit what the whole does, and
a change that is taken back leaves nothing.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tripmeter.model.money import share
from tripmeter.rules.periods import Period


class Proration(NamedTuple):
    """What a change in the middle of a period comes to, in minor units."""

    credit: int
    """Zero or below: the time that was paid for and will not be used."""
    charge: int
    """The time that remains, on the new terms."""


def remaining(amount: int, period: Period, at_ms: int) -> int:
    """What is left of an amount for a period at a moment of it; rounded half up.

    Moments count by their second. Before the period it is all of it, afterwards nothing.
    """
    begin, end = period.start_ms // 1000, period.end_ms // 1000
    at = min(max(at_ms // 1000, begin), end)
    if at == begin:
        return amount
    return share(amount, Decimal(end - at), Decimal(end - begin))


def part(amount: int, period: Period, own: Period) -> int:
    """The share of an amount for a period that a part of the period has."""
    return remaining(amount, period, own.start_ms) - remaining(amount, period, own.end_ms)


def changed(before: int, after: int, period: Period, at_ms: int) -> Proration:
    """What it comes to when an amount for a period becomes another one at a moment of it."""
    return Proration(-remaining(before, period, at_ms), remaining(after, period, at_ms))


class Paid(NamedTuple):
    """What was billed for a period: the amounts of lines, before and after discounts."""

    gross: int
    net: int


def net_of(amount: int, paid: Sequence[Paid]) -> int:
    """An amount less the share of it that discounts took off what was billed."""
    gross = sum(one.gross for one in paid)
    if gross <= 0:
        return amount
    return share(amount, Decimal(sum(one.net for one in paid)), Decimal(gross))
