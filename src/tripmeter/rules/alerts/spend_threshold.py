"""When an alert on spend fires: what a period of a subscription costs has come to its line.

Spend is what invoices say of the period: without tax, after discounts and credits (Stripe). It has
parts that are billed and parts that are not yet; billing them moves nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from tripmeter.model.alert import Alert, AlertType
from tripmeter.model.subscription import Status, Subscription
from tripmeter.rules.thresholds import Metered, look_for_amount

SPENDING: Final = (Status.ACTIVE, Status.PAST_DUE, Status.UNPAID)
"""States in which usage costs something: not in a trial, not while paused."""


def watches_spend(alert: Alert, subscription: Subscription) -> bool:
    """Whether a spend alert compares what this subscription costs; others have another currency,
    another subscription or another customer."""
    return (
        alert.alert_type is AlertType.SPEND
        and subscription.status in SPENDING
        and alert.currency == subscription.currency
        and alert.subscription in (None, subscription.id)
        and alert.customer in (None, subscription.customer)
    )


def looks(gte: int, spent: int, items: Sequence[Metered]) -> Mapping[str, Decimal | None]:
    """For each item the usage at which to look again, when `spent` is below `gte`; None: never."""
    return {one.id: look_for_amount(gte, spent, one, len(items)) for one in items}
