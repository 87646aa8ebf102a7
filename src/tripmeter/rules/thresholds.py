"""When a subscription's usage has crossed one of its billing thresholds, and when to look again.

A monetary threshold is compared with what an invoice for all usage that was not billed yet would
say: without tax, after discounts and credits (Stripe). What that is depends on several meters. So
that one comparison per event is enough for each of them, the amount that is still missing is shared
out among the items: as long as no item has grown by its share, the sum cannot have reached the
threshold, because discounts and credits only take away.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from tripmeter.model.catalogue import Price
from tripmeter.model.subscription import Status, Subscription
from tripmeter.rules.periods import DAY_MS
from tripmeter.rules.pricing import quantity_costing_more

LEAST_AMOUNT: Final = 50
"""Minor units that a monetary threshold must have (Stripe)."""

QUIET_MS: Final = DAY_MS
"""Before the end of a period thresholds are not evaluated (Stripe): its invoice is near."""


class Standing(StrEnum):
    """Whether thresholds are evaluated, or why not."""

    EVALUATED = "evaluated"
    NO_THRESHOLD = "no_threshold"
    IN_TRIAL = "in_trial"
    NOT_ACTIVE = "not_active"
    PERIOD_ENDS_SOON = "period_ends_soon"


class Metered(NamedTuple):
    """One metered item, as far as thresholds are concerned."""

    id: str
    price: Price
    usage: Decimal
    """In the current period."""
    billed_usage: Decimal | None
    """Up to where threshold invoices took it."""
    usage_gte: int | None


class Crossing(NamedTuple):
    """What was crossed: the monetary threshold, items with a usage threshold, or both."""

    amount_gte: int | None
    items: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.amount_gte is not None or bool(self.items)


def standing(subscription: Subscription, items: Sequence[Metered], now_ms: int) -> Standing:
    """Whether thresholds are evaluated now."""
    has_one = subscription.amount_gte is not None or any(one.usage_gte for one in items)
    if not has_one:
        return Standing.NO_THRESHOLD
    if subscription.status is Status.TRIALING:
        return Standing.IN_TRIAL
    if subscription.status not in (Status.ACTIVE, Status.PAST_DUE):
        return Standing.NOT_ACTIVE
    if now_ms >= subscription.period_end_ms - QUIET_MS:
        return Standing.PERIOD_ENDS_SOON
    return Standing.EVALUATED


def crossing(subscription: Subscription, items: Sequence[Metered], amount: int) -> Crossing:
    """Which thresholds are crossed; `amount` is what an invoice would say, without tax."""
    gte = subscription.amount_gte
    return Crossing(
        gte if gte is not None and amount >= gte else None,
        tuple(one.id for one in items if _usage_left(one) == 0),
    )


def looks(
    subscription: Subscription, items: Sequence[Metered], amount: int
) -> Mapping[str, Decimal | None]:
    """For each item the usage at which thresholds are to be looked at again; None for never.

    For a subscription of which nothing is crossed.
    """
    gte = subscription.amount_gte
    found: dict[str, Decimal | None] = {}
    for one in items:
        candidates = [_for_usage(one)]
        if gte is not None:
            candidates.append(look_for_amount(gte, amount, one, len(items)))
        found[one.id] = min((at for at in candidates if at is not None), default=None)
    return found


def _usage_left(item: Metered) -> Decimal | None:
    """Usage up to the item's own threshold, counted from the last invoice that took it."""
    if item.usage_gte is None:
        return None
    return max(item.usage_gte - (item.usage - (item.billed_usage or 0)), Decimal(0))


def _for_usage(item: Metered) -> Decimal | None:
    left = _usage_left(item)
    return None if left is None else item.usage + left


def look_for_amount(gte: int, amount: int, item: Metered, sharers: int) -> Decimal | None:
    """The usage of an item up to which an amount cannot reach `gte`, whatever as many other items
    as share it do meanwhile; None if no usage makes it."""
    return quantity_costing_more(item.price, item.usage, (gte - amount) // sharers)
