"""What the README shows, with the official SDK for Python: synchronous, asynchronous, global."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from sdk.clients import connected
from support.inbox import Inbox
from support.recorder import Recorder
from support.server import Server

Connect = Callable[..., stripe.StripeClient]
Meter = stripe.billing.Meter


def fired_for(customer: str) -> Callable[[Any], bool]:
    """Whether a webhook tells of an alert that fired for a customer."""

    def wanted(body: Any) -> bool:
        is_firing = body["type"] == "billing.alert.triggered"
        return bool(is_firing and body["data"]["object"]["customer"] == customer)

    return wanted


@pytest.fixture
def endpoint(client: stripe.StripeClient, inbox: Inbox) -> Iterator[stripe.WebhookEndpoint]:
    """A webhook endpoint for alerts; it is deleted with the test."""
    made = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["billing.alert.triggered"]}
    )
    yield made
    client.v1.webhook_endpoints.delete(made.id)


def alert_at(client: stripe.StripeClient, meter: Meter, gte: int) -> stripe.billing.Alert:
    return client.v1.billing.alerts.create(
        {
            "title": f"{gte} tokens",
            "alert_type": "usage_threshold",
            "usage_threshold": {"gte": gte, "meter": meter.id, "recurrence": "one_time"},
        }
    )


def payload(customer: stripe.Customer, value: str) -> dict[str, str]:
    return {"stripe_customer_id": customer.id, "value": value}


def report(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer, value: str, **more: Any
) -> stripe.billing.MeterEvent:
    given: Any = {"event_name": meter.event_name, "payload": payload(customer, value), **more}
    return client.v1.billing.meter_events.create(given)


def usage(client: stripe.StripeClient, meter: Meter, customer: stripe.Customer) -> float:
    """What a customer used in the last hours and the next one."""
    this_minute = int(datetime.now(UTC).timestamp()) // 60 * 60
    summaries = client.v1.billing.meters.event_summaries.list(
        meter.id,
        {
            "customer": customer.id,
            "start_time": this_minute - 7200,
            "end_time": this_minute + 3600,
        },
    )
    (summary,) = summaries.data
    return summary.aggregated_value


# --- the README ---------------------------------------------------------------------------------


def test_the_event_that_crosses_the_line_sends_the_webhook(
    client: stripe.StripeClient,
    inbox: Inbox,
    endpoint: stripe.WebhookEndpoint,
    meter: Meter,
    customer: stripe.Customer,
) -> None:
    alert = alert_at(client, meter, 100)
    report(client, meter, customer, "60")
    crossing = report(client, meter, customer, "41")

    webhook = inbox.wait_for(fired_for(customer.id))
    event = stripe.Webhook.construct_event(webhook.body, webhook.signature, str(endpoint.secret))
    assert event.type == "billing.alert.triggered"
    assert event.data.object["alert"]["id"] == alert.id
    assert event.data.object["value"] == 101
    assert crossing.identifier

    stored = client.v1.events.retrieve(event.id)
    assert stored.data.to_dict() == event.data.to_dict()
    (fired,) = client.v1.events.list({"type": "billing.alert.triggered", "limit": 1}).data
    assert fired.id == event.id


def test_a_forged_webhook_does_not_pass(
    client: stripe.StripeClient,
    inbox: Inbox,
    endpoint: stripe.WebhookEndpoint,
    meter: Meter,
    customer: stripe.Customer,
) -> None:
    alert_at(client, meter, 1)
    report(client, meter, customer, "1")
    webhook = inbox.wait_for(fired_for(customer.id))
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(webhook.body + b" ", webhook.signature, str(endpoint.secret))
    assert client.construct_event(webhook.body, webhook.signature, str(endpoint.secret)).id


def test_the_firing_is_listed_as_a_notification(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    alert = alert_at(client, meter, 10)
    report(client, meter, customer, "12.5", identifier=f"{meter.event_name}-crossing")
    path = f"/v1/billing/alerts/{alert.id}/notifications"
    notifications: Any = client.deserialize(
        client.raw_request("get", path, customer=customer.id), api_mode="V1"
    )
    (notification,) = notifications.data
    assert notification.value == "12.5"
    assert notification.meter_event_identifier == f"{meter.event_name}-crossing"
    event = client.v1.events.retrieve(notification.notification_event)
    assert event.data.object["value"] == 12


def test_an_alert_explains_itself(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    """A path of our own, by way of the SDK's raw requests."""
    alert = alert_at(client, meter, 10)
    report(client, meter, customer, "4")
    path = f"/v1/billing/alerts/{alert.id}/explain"
    explanation: Any = client.deserialize(
        client.raw_request("get", path, customer=customer.id), api_mode="V1"
    )
    assert (explanation.usage_counted, explanation.remaining) == ("4", "6")
    assert explanation.fired_at is None


# --- the asynchronous client --------------------------------------------------------------------

OLD_HTTPX_CALL = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
"""stripe-python 16.1.0 hands its bodies to httpx in a way that httpx would like to forget."""


@OLD_HTTPX_CALL
async def test_the_async_client_does_the_same(
    async_client: stripe.StripeClient, inbox: Inbox, event_name: str
) -> None:
    v1 = async_client.v1
    endpoint = await v1.webhook_endpoints.create_async(
        {"url": inbox.url, "enabled_events": ["billing.alert.triggered"]}
    )
    meter = await v1.billing.meters.create_async(
        {
            "display_name": "Tokens",
            "event_name": event_name,
            "default_aggregation": {"formula": "sum"},
        }
    )
    customer = await v1.customers.create_async({"email": "jenny@example.com"})
    alert = await v1.billing.alerts.create_async(
        {
            "title": "ten",
            "alert_type": "usage_threshold",
            "usage_threshold": {
                "gte": 10,
                "meter": meter.id,
                "recurrence": "one_time",
                "filters": [{"type": "customer", "customer": customer.id}],
            },
        }
    )
    reports = [
        v1.billing.meter_events.create_async(
            {"event_name": event_name, "payload": payload(customer, "1")}
        )
        for _ in range(12)
    ]
    assert len({one.identifier for one in await asyncio.gather(*reports)}) == 12

    webhook = await asyncio.to_thread(inbox.wait_for, fired_for(customer.id))
    event = async_client.construct_event(webhook.body, webhook.signature, str(endpoint.secret))
    assert event.data.object["alert"]["id"] == alert.id
    assert event.data.object["value"] == 10
    alerts = await v1.billing.alerts.list_async({"meter": meter.id})
    assert [one.id async for one in alerts.auto_paging_iter()] == [alert.id]
    await v1.webhook_endpoints.delete_async(endpoint.id)


@OLD_HTTPX_CALL
async def test_the_async_client_streams(
    async_client: stripe.StripeClient,
    client: stripe.StripeClient,
    meter: Meter,
    customer: stripe.Customer,
    recorder: Recorder,
) -> None:
    session = await async_client.v2.billing.meter_event_session.create_async()
    async with connected(session.authentication_token, recorder) as stream:
        await stream.v2.billing.meter_event_stream.create_async(
            {"events": [{"event_name": meter.event_name, "payload": payload(customer, "2")}] * 3}
        )
    assert usage(client, meter, customer) == 6


# --- the global style ---------------------------------------------------------------------------


@pytest.fixture
def global_style(server: Server, recorder: Recorder) -> Iterator[None]:
    """`stripe.api_key = …; stripe.api_base = …`, taken back with the test."""
    http: Any = stripe.RequestsClient()
    before = (stripe.api_key, stripe.api_base, stripe.default_http_client)
    stripe.api_key, stripe.api_base, stripe.default_http_client = server.api_key, recorder.url, http
    yield
    stripe.api_key, stripe.api_base, stripe.default_http_client = before
    http.close()


@pytest.mark.usefixtures("global_style")
def test_the_global_style_does_the_same(event_name: str) -> None:
    meter = stripe.billing.Meter.create(
        display_name="Tokens", event_name=event_name, default_aggregation={"formula": "count"}
    )
    customer = stripe.Customer.create(name="Jenny Rosen", metadata={"plan": "pro"})
    alert = stripe.billing.Alert.create(
        title="two calls",
        alert_type="usage_threshold",
        usage_threshold={"gte": 2, "meter": meter.id, "recurrence": "one_time"},
    )
    for _ in range(2):
        stripe.billing.MeterEvent.create(
            event_name=event_name, payload={"stripe_customer_id": customer.id}
        )
    (event,) = stripe.Event.list(type="billing.alert.triggered", limit=1).data
    assert event.data.object["customer"] == customer.id
    assert event.data.object["alert"]["id"] == alert.id
    assert alert.deactivate().status == "inactive"
    assert alert.archive().status == "archived"
    assert customer.delete().deleted is True


# --- usage by other doors -----------------------------------------------------------------------


def test_v2_meter_events_count_like_those_of_v1(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    event = client.v2.billing.meter_events.create(
        {
            "event_name": meter.event_name,
            "payload": payload(customer, "2.5"),
            "identifier": f"{meter.event_name}-v2",
            "timestamp": datetime.now(UTC).isoformat(),
        }
    )
    assert event.identifier == f"{meter.event_name}-v2"
    assert event.created.endswith("Z")
    report(client, meter, customer, "1")
    assert usage(client, meter, customer) == 3.5


def test_a_session_opens_the_stream(
    client: stripe.StripeClient, connect: Connect, meter: Meter, customer: stripe.Customer
) -> None:
    session = client.v2.billing.meter_event_session.create()
    stream = connect(session.authentication_token)
    events = [{"event_name": meter.event_name, "payload": payload(customer, "1")}] * 100
    params: Any = {"events": events}
    stream.v2.billing.meter_event_stream.create(params)
    assert usage(client, meter, customer) == 100


def test_what_the_stream_refuses_comes_as_an_error_report(
    client: stripe.StripeClient,
    connect: Connect,
    inbox: Inbox,
    meter: Meter,
    customer: stripe.Customer,
) -> None:
    destination = client.v2.core.event_destinations.create(
        {
            "name": "reports",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.billing.meter.error_report_triggered"],
            "webhook_endpoint": {"url": inbox.url},
        }
    )
    session = client.v2.billing.meter_event_session.create()
    connect(session.authentication_token).v2.billing.meter_event_stream.create(
        {
            "events": [
                {"event_name": meter.event_name, "payload": payload(customer, "many")},
                {"event_name": meter.event_name, "payload": payload(customer, "5")},
            ]
        }
    )
    # refusals are gathered for ten seconds before they are reported
    webhook = inbox.wait_for(lambda body: body["related_object"]["id"] == meter.id)
    notification: Any = client.parse_event_notification_without_verification(webhook.body)
    reason = notification.fetch_event().data.reason
    assert reason.error_count == 1
    assert reason.error_types[0].code == "meter_event_invalid_value"
    assert notification.fetch_related_object().id == meter.id
    assert usage(client, meter, customer) == 5
    client.v2.core.event_destinations.delete(destination.id)


def test_an_expired_session_has_an_error_of_its_own(connect: Connect) -> None:
    stream = connect("mes_tok_no_such_session")
    with pytest.raises(stripe.TemporarySessionExpiredError) as refused:
        stream.v2.billing.meter_event_stream.create({"events": []})
    assert refused.value.code == "billing_meter_event_session_expired"


# --- summaries and cancellations ----------------------------------------------------------------


def test_summaries_by_the_hour_have_a_row_for_each_hour(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    this_hour = int(datetime.now(UTC).timestamp()) // 3600 * 3600
    report(client, meter, customer, "4", timestamp=this_hour - 3600)
    report(client, meter, customer, "2.5", timestamp=this_hour - 1)
    report(client, meter, customer, "1", timestamp=this_hour - 2 * 3600)
    rows = client.v1.billing.meters.event_summaries.list(
        meter.id,
        {
            "customer": customer.id,
            "start_time": this_hour - 3 * 3600,
            "end_time": this_hour,
            "value_grouping_window": "hour",
        },
    ).data
    assert [row.aggregated_value for row in rows] == [6.5, 1, 0]
    assert [row.start_time - this_hour for row in rows] == [-3600, -7200, -10800]


def test_a_cancelled_event_no_longer_counts(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    report(client, meter, customer, "3", identifier=f"{meter.event_name}-slip")
    report(client, meter, customer, "4")
    adjustment = client.v1.billing.meter_event_adjustments.create(
        {
            "event_name": meter.event_name,
            "type": "cancel",
            "cancel": {"identifier": f"{meter.event_name}-slip"},
        }
    )
    assert adjustment.status == "complete"
    assert usage(client, meter, customer) == 4


def test_v2_cancels_too(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    report(client, meter, customer, "3", identifier=f"{meter.event_name}-slip")
    adjustment = client.v2.billing.meter_event_adjustments.create(
        {
            "event_name": meter.event_name,
            "type": "cancel",
            "cancel": {"identifier": f"{meter.event_name}-slip"},
        }
    )
    assert adjustment.id.startswith("mtr_event_adj_")
    assert usage(client, meter, customer) == 0
