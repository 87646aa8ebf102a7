"""Webhook endpoints and event destinations, snapshot and thin, through the official SDK."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from sdk.specification import Specification
from support.inbox import Inbox
from support.server import Key

Connect = Callable[..., stripe.StripeClient]
Destination = stripe.v2.core.EventDestination


@pytest.fixture
def destination(client: stripe.StripeClient, inbox: Inbox) -> Iterator[Destination]:
    """A destination for thin events about meters, with its secret; deleted with the test."""
    made = client.v2.core.event_destinations.create(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.billing.meter.updated", "v1.billing.alert.triggered"],
            "webhook_endpoint": {"url": inbox.url},
            "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        }
    )
    yield made
    client.v2.core.event_destinations.delete(made.id)


def secret_of(destination: Destination) -> str:
    assert destination.webhook_endpoint is not None
    assert destination.webhook_endpoint.signing_secret is not None
    return destination.webhook_endpoint.signing_secret


def about(id_: str) -> Callable[[Any], bool]:
    """Whether a thin event is about this object."""
    return lambda body: bool(body["related_object"]["id"] == id_)


# --- webhook endpoints --------------------------------------------------------------------------


def test_the_secret_is_shown_only_once(client: stripe.StripeClient, inbox: Inbox) -> None:
    endpoints = client.v1.webhook_endpoints
    made = endpoints.create(
        {"url": inbox.url, "enabled_events": ["*"], "metadata": {"team": "billing"}}
    )
    assert str(made.secret).startswith("whsec_")
    assert "secret" not in endpoints.retrieve(made.id)
    assert made.id in [one.id for one in endpoints.list().data]
    assert endpoints.delete(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        endpoints.retrieve(made.id)


def test_an_endpoint_is_changed_and_disabled(client: stripe.StripeClient, inbox: Inbox) -> None:
    endpoints = client.v1.webhook_endpoints
    made = endpoints.create({"url": inbox.url, "enabled_events": ["customer.created"]})
    changed = endpoints.update(
        made.id,
        {"enabled_events": ["customer.deleted"], "disabled": True, "description": "for tests"},
    )
    assert changed.status == "disabled"
    assert changed.enabled_events == ["customer.deleted"]
    assert changed.description == "for tests"
    assert endpoints.update(made.id, {"disabled": False}).status == "enabled"
    endpoints.delete(made.id)


def test_an_endpoint_receives_only_what_it_enabled(
    client: stripe.StripeClient, inbox: Inbox, customer: stripe.Customer
) -> None:
    endpoint = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["customer.deleted"]}
    )
    client.v1.customers.update(customer.id, {"name": "Jenny R."})
    client.v1.customers.delete(customer.id)
    webhook = inbox.wait_for(lambda body: body["data"]["object"]["id"] == customer.id)
    assert webhook.json["type"] == "customer.deleted"
    client.v1.webhook_endpoints.delete(endpoint.id)


def test_an_endpoint_may_pin_a_version(
    client: stripe.StripeClient, inbox: Inbox, customer: stripe.Customer
) -> None:
    endpoint = client.v1.webhook_endpoints.create(
        {
            "url": inbox.url,
            "enabled_events": ["customer.updated"],
            "api_version": "2025-09-30.clover",
        }
    )
    client.v1.customers.update(customer.id, {"name": "Jenny R."})
    webhook = inbox.wait_for(lambda body: body["data"]["object"]["id"] == customer.id)
    assert webhook.json["api_version"] == "2025-09-30.clover"
    client.v1.webhook_endpoints.delete(endpoint.id)


def test_every_attempt_is_on_record(
    client: stripe.StripeClient, inbox: Inbox, customer: stripe.Customer
) -> None:
    """Paths of our own, by way of the SDK's raw requests."""
    endpoint = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["customer.deleted"]}
    )
    client.v1.customers.delete(customer.id)
    event = inbox.wait_for(lambda body: body["data"]["object"]["id"] == customer.id).json
    paths = (f"/v1/events/{event['id']}", f"/v1/webhook_endpoints/{endpoint.id}")
    for path in paths:
        (attempt,) = settled_attempts(client, f"{path}/delivery_attempts")
        assert (attempt.event, attempt.webhook_endpoint) == (event["id"], endpoint.id)
        assert (attempt.outcome, attempt.response.status) == ("succeeded", 200)
    assert client.v1.events.retrieve(event["id"]).pending_webhooks == 0
    client.v1.webhook_endpoints.delete(endpoint.id)


def rotated(client: stripe.StripeClient, id_: str, **params: Any) -> str:
    """Another secret of an endpoint."""
    path = f"/v1/webhook_endpoints/{id_}/rotate_secret"
    made: Any = client.deserialize(client.raw_request("post", path, **params), api_mode="V1")
    return str(made.secret)


@pytest.mark.parametrize(("expires_in", "is_former_good"), [(None, True), (3600, True), (0, False)])
def test_a_rotated_secret_signs_beside_the_former_one_for_a_while(
    client: stripe.StripeClient,
    inbox: Inbox,
    customer: stripe.Customer,
    expires_in: int | None,
    is_former_good: bool,
) -> None:
    endpoint = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["customer.deleted"]}
    )
    given = {} if expires_in is None else {"expires_in": expires_in}
    secret = rotated(client, endpoint.id, **given)
    assert secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(endpoint.id)
    client.v1.customers.delete(customer.id)
    webhook = inbox.wait_for(lambda body: body["data"]["object"]["id"] == customer.id)
    assert webhook.is_signed_with(secret)
    assert webhook.is_signed_with(str(endpoint.secret)) is is_former_good
    client.v1.webhook_endpoints.delete(endpoint.id)


def settled_attempts(client: stripe.StripeClient, path: str) -> list[Any]:
    """The attempts on record; an attempt is written down a moment after its answer came."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        listed: Any = client.deserialize(client.raw_request("get", path), api_mode="V1")
        if listed.data:
            return list(listed.data)
        time.sleep(0.02)
    raise AssertionError(f"no attempt at {path}")


def test_an_account_has_at_most_16_endpoints(connect: Connect, live_key: Key) -> None:
    endpoints = connect(live_key.secret).v1.webhook_endpoints
    for number in range(16):
        endpoints.create({"url": f"https://example.com/{number}", "enabled_events": ["*"]})
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        endpoints.create({"url": "https://example.com/16", "enabled_events": ["*"]})
    for endpoint in endpoints.list({"limit": 16}).data:
        endpoints.delete(endpoint.id)


# --- event destinations -------------------------------------------------------------------------


def test_a_thin_event_leads_to_the_event_and_its_object(
    client: stripe.StripeClient,
    inbox: Inbox,
    destination: Destination,
    meter: stripe.billing.Meter,
    described: Specification | None,
) -> None:
    client.v1.billing.meters.update(meter.id, {"display_name": "Words"})
    webhook = inbox.wait_for(about(meter.id))
    notification: Any = client.parse_event_notification(
        webhook.body, webhook.signature, secret_of(destination)
    )
    assert type(notification).__name__ == "V1BillingMeterUpdatedEventNotification"
    assert notification.fetch_event().type == "v1.billing.meter.updated"
    assert notification.fetch_related_object().display_name == "Words"
    assert described is None or not list(described.webhook_problems(webhook.json))


def test_the_thin_twin_of_a_firing_names_the_alert(
    client: stripe.StripeClient,
    inbox: Inbox,
    destination: Destination,
    meter: stripe.billing.Meter,
    customer: stripe.Customer,
) -> None:
    alert = client.v1.billing.alerts.create(
        {
            "title": "one",
            "alert_type": "usage_threshold",
            "usage_threshold": {"gte": 1, "meter": meter.id, "recurrence": "one_time"},
        }
    )
    client.v1.billing.meter_events.create(
        {
            "event_name": meter.event_name,
            "payload": {"stripe_customer_id": customer.id, "value": "1"},
        }
    )
    webhook = inbox.wait_for(about(alert.id))
    notification: Any = client.parse_event_notification(
        webhook.body, webhook.signature, secret_of(destination)
    )
    assert notification.fetch_related_object().title == "one"
    snapshot = client.v1.events.retrieve(notification.fetch_event().snapshot_event)
    assert snapshot.data.object["customer"] == customer.id


def test_snapshot_and_thin_bodies_are_not_mistaken_for_each_other(
    client: stripe.StripeClient,
    inbox: Inbox,
    destination: Destination,
    meter: stripe.billing.Meter,
) -> None:
    client.v1.billing.meters.update(meter.id, {"display_name": "Words"})
    webhook = inbox.wait_for(about(meter.id))
    with pytest.raises(ValueError, match="thin"):
        client.construct_event(webhook.body, webhook.signature, secret_of(destination))


def test_a_destination_may_receive_snapshots(
    client: stripe.StripeClient, inbox: Inbox, customer: stripe.Customer
) -> None:
    destinations = client.v2.core.event_destinations
    made = destinations.create(
        {
            "name": "snapshots",
            "type": "webhook_endpoint",
            "event_payload": "snapshot",
            "enabled_events": ["customer.updated"],
            "webhook_endpoint": {"url": inbox.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    client.v1.customers.update(customer.id, {"name": "Jenny R."})
    webhook = inbox.wait_for(lambda body: body["data"]["object"]["id"] == customer.id)
    event = client.construct_event(webhook.body, webhook.signature, secret_of(made))
    assert event.data.object["name"] == "Jenny R."
    destinations.delete(made.id)


def test_a_destination_shows_its_url_only_when_asked(
    client: stripe.StripeClient, destination: Destination, inbox: Inbox
) -> None:
    destinations = client.v2.core.event_destinations
    assert destinations.retrieve(destination.id).webhook_endpoint is None
    shown = destinations.retrieve(destination.id, {"include": ["webhook_endpoint.url"]})
    assert shown.webhook_endpoint is not None
    assert shown.webhook_endpoint.url == inbox.url
    listed = destinations.list({"include": ["webhook_endpoint.url"]}).data
    assert [one.webhook_endpoint for one in listed if one.id == destination.id] == [
        shown.webhook_endpoint
    ]


def test_a_destination_is_changed_switched_and_pinged(
    client: stripe.StripeClient, destination: Destination, inbox: Inbox
) -> None:
    destinations = client.v2.core.event_destinations
    renamed = destinations.update(
        destination.id, {"name": "meters", "metadata": {"team": "billing"}}
    )
    assert renamed.name == "meters"
    assert renamed.metadata is not None
    assert renamed.metadata.to_dict() == {"team": "billing"}
    disabled = destinations.disable(destination.id)
    assert disabled.status == "disabled"
    assert disabled.status_details is not None
    assert disabled.status_details.disabled is not None
    assert disabled.status_details.disabled.reason == "user"
    assert destinations.enable(destination.id).status == "enabled"
    ping = destinations.ping(destination.id)
    assert inbox.wait_for(about(destination.id)).json["id"] == ping.id


def test_a_deleted_destination_is_gone(client: stripe.StripeClient, inbox: Inbox) -> None:
    destinations = client.v2.core.event_destinations
    made = destinations.create(
        {
            "name": "soon gone",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["*"],
            "webhook_endpoint": {"url": inbox.url},
        }
    )
    assert destinations.delete(made.id).id == made.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        destinations.retrieve(made.id)
    assert refused.value.http_status == 404


async def test_the_async_client_fetches_what_a_thin_event_is_about(
    client: stripe.StripeClient,
    inbox: Inbox,
    destination: Destination,
    meter: stripe.billing.Meter,
    async_client: stripe.StripeClient,
) -> None:
    client.v1.billing.meters.update(meter.id, {"display_name": "Words"})
    webhook = inbox.wait_for(about(meter.id))
    notification: Any = async_client.parse_event_notification(
        webhook.body, webhook.signature, secret_of(destination)
    )
    assert (await notification.fetch_event_async()).type == "v1.billing.meter.updated"
    assert (await notification.fetch_related_object_async()).display_name == "Words"
