"""Actions on alerts with the official SDK: beside what is Stripe's, and in its events."""

from typing import Any

import stripe

from support.inbox import Inbox


def test_an_alert_carries_its_actions_and_so_does_its_event(
    client: stripe.StripeClient,
    meter: stripe.billing.Meter,
    customer: stripe.Customer,
    inbox: Inbox,
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["billing.alert.triggered"]}
    )
    params: Any = {
        "title": "Tokens",
        "alert_type": "usage_threshold",
        "usage_threshold": {"meter": meter.id, "gte": 10, "recurrence": "one_time"},
        "actions": [{"type": "top_up", "amount": 500, "currency": "usd"}],
    }
    alert: Any = client.v1.billing.alerts.create(params)
    payload = {"stripe_customer_id": customer.id, "value": "10"}
    client.v1.billing.meter_events.create({"event_name": meter.event_name, "payload": payload})
    event = inbox.wait_for(lambda told: told["data"]["object"]["alert"]["id"] == alert.id).json
    (action,) = event["data"]["object"]["alert"]["actions"]
    assert action == {"type": "top_up", "on": "triggered", "amount": 500, "currency": "usd"}

    raw = client.raw_request("get", f"/v1/billing/alerts/{alert.id}/action_runs")
    found: Any = client.deserialize(raw, api_mode="V1")
    assert [run.status for run in found.data] == ["succeeded"]
    grants = client.v1.billing.credit_grants.list({"customer": customer.id}).data
    assert [grant.id for grant in grants] == [found.data[0].result]

    raw = client.raw_request("post", f"/v1/billing/alerts/{alert.id}", actions="")
    changed: Any = client.deserialize(raw, api_mode="V1")
    assert "actions" not in changed
