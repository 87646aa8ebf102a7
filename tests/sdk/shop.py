"""A shop on a test clock: what stories of billing are told with, by the official SDK."""

import time
from collections.abc import Callable
from typing import Any

import stripe

DAY = 86_400
START = 1_790_812_800
"""2026-10-01, a month of 31 days."""

Client = stripe.StripeClient


class Shop:
    """What is sold, to a customer on a test clock that stands at `START`."""

    def __init__(self, client: Client, meter: str, start: int = START) -> None:
        self.client = client
        self.meter = meter
        self.product = client.v1.products.create({"name": "Pro"}).id
        self.clock = client.v1.test_helpers.test_clocks.create({"frozen_time": start}).id
        self.customer = client.v1.customers.create({"test_clock": self.clock}).id

    def price(self, amount: int | None = 3_100, **more: Any) -> str:
        """A price by the month for a quantity."""
        params: Any = {
            "currency": "usd",
            "product": self.product,
            "recurring": {"interval": "month"},
            **({} if amount is None else {"unit_amount": amount}),
            **more,
        }
        return self.client.v1.prices.create(params).id

    def metered(self, amount: int = 10, **more: Any) -> str:
        """A price by the month for usage."""
        by_usage = {"interval": "month", "usage_type": "metered", "meter": self.meter}
        return self.price(amount, recurring=by_usage, **more)

    def subscribe(self, *items: str | dict[str, Any], **more: Any) -> Any:
        """A subscription to prices."""
        given = [{"price": one} if isinstance(one, str) else one for one in items]
        params: Any = {"customer": self.customer, "items": given, **more}
        return self.client.v1.subscriptions.create(params)

    def update(self, subscription: Any, **params: Any) -> Any:
        """The subscription once it is changed."""
        return self.client.v1.subscriptions.update(subscription.id, params)  # type: ignore[arg-type]

    def advance(self, at: int) -> None:
        """Have the clock show a time."""
        self.client.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": at})

    def invoices(self, subscription: Any) -> list[Any]:
        """The invoices of a subscription, oldest first."""
        found = self.client.v1.invoices.list({"subscription": subscription.id, "limit": 100})
        return found.data[::-1]

    def waiting(self) -> list[tuple[int, str]]:
        """The amounts of invoice items that were made, with what they say; oldest first."""
        return [
            (one.amount, one.description)
            for one in (event.data.object for event in self.events("invoiceitem.created"))
            if one.customer == self.customer
        ]

    def events(self, type_: str) -> list[Any]:
        """Events of a type, oldest first."""
        return self.client.v1.events.list({"type": type_, "limit": 100}).data[::-1]


def reporting(client: Client, event_name: str) -> Callable[..., None]:
    """What reports usage of a shop's customer, by the SDK."""

    def report(shop: Shop, value: int | str, at: int | None = None) -> None:
        client.v1.billing.meter_events.create(
            {
                "event_name": event_name,
                "payload": {"stripe_customer_id": shop.customer, "value": str(value)},
                "timestamp": at or int(time.time()),
            }
        )

    return report


def lines(invoice: Any) -> list[int]:
    """The amounts of an invoice's lines."""
    return [one.amount for one in invoice.lines.data]
