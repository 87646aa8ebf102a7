"""From a product to the invoice of a threshold and its webhook, with the official SDKs, unmodified:
the path that billing is there for.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from sdk.clients import NODE, run_node
from support.inbox import Inbox
from support.recorder import Recorder
from support.server import Server

THRESHOLD = 1_000
"""Ten dollars, at ten cents a token."""


def is_threshold_invoice(body: Any) -> bool:
    """Whether a webhook tells of an invoice that a threshold brought about."""
    return bool(body["data"]["object"]["billing_reason"] == "subscription_threshold")


def used(meter: stripe.billing.Meter, customer: str, value: str) -> Any:
    """What reports so many tokens."""
    payload = {"stripe_customer_id": customer, "value": value}
    return {"event_name": meter.event_name, "payload": payload}


def test_usage_that_crosses_is_invoiced_by_the_very_event(
    client: stripe.StripeClient, inbox: Inbox, meter: stripe.billing.Meter
) -> None:
    v1 = client.v1
    endpoint = v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["invoice.finalized"]}
    )
    product = v1.products.create({"name": "Tokens"})
    price = v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 10,
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
        }
    )
    customer = v1.customers.create({"name": "Jenny Rosen"})
    subscription = v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "billing_thresholds": {"amount_gte": THRESHOLD},
        }
    )
    assert subscription.status == "active"
    for value in ("60", "39.9"):
        v1.billing.meter_events.create(used(meter, customer.id, value))
    assert threshold_invoices(client, customer.id) == []
    v1.billing.meter_events.create(used(meter, customer.id, "20"))  # 119.9 tokens: overshoot
    (invoice,) = threshold_invoices(client, customer.id)
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 1_199, 1_199)
    assert invoice.threshold_reason is not None
    assert invoice.threshold_reason.amount_gte == THRESHOLD
    (line,) = invoice.lines.data
    assert (line.amount, str(line.quantity_decimal)) == (1_199, "119.9")
    delivery = inbox.wait_for(is_threshold_invoice)
    event = stripe.Webhook.construct_event(delivery.body, delivery.signature, str(endpoint.secret))
    assert event.data.object["id"] == invoice.id
    v1.billing.meter_events.create(used(meter, customer.id, "100"))  # armed again, in the period
    assert [one.total for one in threshold_invoices(client, customer.id)] == [1_000, 1_199]
    v1.webhook_endpoints.delete(endpoint.id)


def threshold_invoices(client: stripe.StripeClient, customer: str) -> list[stripe.Invoice]:
    """A customer's threshold invoices, newest first."""
    found = client.v1.invoices.list({"customer": customer}).data
    return [one for one in found if one.billing_reason == "subscription_threshold"]


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the SDK's own call
async def test_the_same_asynchronously_by_usage(
    async_client: stripe.StripeClient, client: stripe.StripeClient, meter: stripe.billing.Meter
) -> None:
    v1 = async_client.v1
    product = await v1.products.create_async({"name": "Tokens"})
    tiers: Any = [
        {"up_to": 50, "unit_amount_decimal": "0.5"},
        {"up_to": "inf", "unit_amount_decimal": "0.25", "flat_amount": 100},
    ]
    price = await v1.prices.create_async(
        {
            "product": product.id,
            "currency": "eur",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": tiers,
            "recurring": {"interval": "week", "usage_type": "metered", "meter": meter.id},
        }
    )
    customer = await v1.customers.create_async({"name": "Jenny Rosen"})
    subscription = await v1.subscriptions.create_async(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "billing_thresholds": {"usage_gte": 70}}],
        }
    )
    for value in ("69", "2"):
        await v1.billing.meter_events.create_async(used(meter, customer.id, value))
    (invoice,) = threshold_invoices(client, customer.id)
    assert invoice.threshold_reason is not None
    (reason,) = invoice.threshold_reason.item_reasons
    assert reason.usage_gte == 70
    assert set(reason.line_item_ids) == {line.id for line in invoice.lines.data}
    assert [line.amount for line in invoice.lines.data] == [25, 5, 100]
    again = await v1.subscriptions.retrieve_async(subscription.id)
    assert again.latest_invoice == invoice.id


@pytest.mark.skipif(
    not (NODE / "node_modules" / "stripe").is_dir(),
    reason="the npm packages of tests/sdk/node are not installed; `make test` does that",
)
def test_the_same_with_the_sdk_for_node(recorder: Recorder, server: Server, tmp_path: Path) -> None:
    arguments = ("scenario.mjs", "thresholds", recorder.url, server.api_key)
    printed = run_node(*arguments, environment={"HOME": str(tmp_path)})
    told = [json.loads(line) for line in printed.splitlines()]
    assert told == [
        {"step": "subscription", "status": "active", "gte": 500},
        {"step": "invoice", "reason": "subscription_threshold", "total": 600, "verified": True},
        {"step": "year", "cycles": 12, "status": "ready"},
    ]


def test_a_year_on_a_test_clock_is_the_same_whenever_it_is_run(
    client: stripe.StripeClient, meter: stripe.billing.Meter
) -> None:
    assert a_year(client, meter) == a_year(client, meter)


def a_year(client: stripe.StripeClient, meter: stripe.billing.Meter) -> list[Any]:
    """What a monthly subscription that begins on a 31st leads to, as its events tell."""
    v1, start = client.v1, 1_801_353_600  # 31 January 2027
    product = v1.products.create({"name": "Tokens"})
    recurring: Any = {"interval": "month"}
    seats = v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 500, "recurring": recurring}
    )
    clock = v1.test_helpers.test_clocks.create({"frozen_time": start})
    customer = v1.customers.create({"name": "Jenny Rosen", "test_clock": clock.id})
    v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": seats.id, "quantity": 2}]}
    )
    for month in range(1, 7):
        to = start + month * 59 * 86_400
        assert v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to}).status == "ready"
    invoices = list(v1.invoices.list({"customer": customer.id, "limit": 100}).data)
    ends = [one.lines.data[0].period.end - start for one in reversed(invoices)]
    return [*ends, *((one.status, one.total, one.billing_reason) for one in invoices)]


Connect = Callable[..., stripe.StripeClient]


def test_test_clocks_are_for_test_mode(connect: Connect, live_key: Any) -> None:
    live = connect(live_key.secret)
    with pytest.raises(stripe.InvalidRequestError, match="only available in testmode"):
        live.v1.test_helpers.test_clocks.create({"frozen_time": 1_801_353_600})
