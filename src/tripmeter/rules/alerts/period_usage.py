"""When a usage alert that counts from the start of each period fires.

The period is that of a subscription that bills the meter to the customer, and which usage belongs
to it is settled as it is for the invoice: by the usage's own timestamp. Customers to whom the meter
is not billed have no period, and nothing is counted for them.
"""

from tripmeter.model.alert import Alert, AlertType, CountFrom
from tripmeter.model.subscription import SubscriptionItem


def watches_usage(alert: Alert, item: SubscriptionItem) -> bool:
    """Whether an alert compares the usage of an item's periods."""
    return (
        alert.alert_type is AlertType.USAGE
        and alert.count_from is CountFrom.PERIOD_START
        and alert.meter == item.meter
        and alert.customer in (None, item.customer)
    )
