"""Alerts, meters, customers and their lists, through the official SDK for Python."""

from typing import Any

import pytest
import stripe

Meter = stripe.billing.Meter


def create_alert(client: stripe.StripeClient, meter: Meter, **more: Any) -> stripe.billing.Alert:
    """An alert at 10; `more` goes into its threshold."""
    params: Any = {
        "title": "ten",
        "alert_type": "usage_threshold",
        "usage_threshold": {"gte": 10, "meter": meter.id, "recurrence": "one_time", **more},
    }
    return client.v1.billing.alerts.create(params)


def for_customer(customer: stripe.Customer) -> list[dict[str, str]]:
    return [{"type": "customer", "customer": customer.id}]


# --- alerts -------------------------------------------------------------------------------------


def test_an_alert_is_active_from_its_creation(client: stripe.StripeClient, meter: Meter) -> None:
    alert = create_alert(client, meter)
    assert alert.id.startswith("alrt_test_")
    assert alert.status == "active"
    assert alert.usage_threshold is not None
    assert alert.usage_threshold.filters is None
    assert client.v1.billing.alerts.retrieve(alert.id) == alert


def test_an_alert_sleeps_wakes_and_retires(client: stripe.StripeClient, meter: Meter) -> None:
    alerts = client.v1.billing.alerts
    alert = create_alert(client, meter)
    assert alerts.deactivate(alert.id).status == "inactive"
    assert alerts.activate(alert.id).status == "active"
    assert alerts.archive(alert.id).status == "archived"
    assert alerts.retrieve(alert.id).status == "archived"
    with pytest.raises(stripe.InvalidRequestError, match="archived"):
        alerts.activate(alert.id)


def test_lists_of_alerts_leave_out_the_archived(client: stripe.StripeClient, meter: Meter) -> None:
    retired, sleeping, awake = (create_alert(client, meter) for _ in range(3))
    client.v1.billing.alerts.archive(retired.id)
    client.v1.billing.alerts.deactivate(sleeping.id)
    listed = client.v1.billing.alerts.list({"meter": meter.id, "alert_type": "usage_threshold"})
    assert [alert.id for alert in listed.data] == [awake.id, sleeping.id]
    assert listed.has_more is False
    assert listed.url == "/v1/billing/alerts"


def test_meter_and_customer_of_an_alert_expand(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    alert = create_alert(client, meter, filters=for_customer(customer))
    inside = ["usage_threshold.meter", "usage_threshold.filters.customer"]
    expanded: Any = client.v1.billing.alerts.retrieve(alert.id, {"expand": inside})
    assert expanded.usage_threshold.meter.event_name == meter.event_name
    assert expanded.usage_threshold.filters[0].customer.name == customer.name
    params: Any = {"meter": meter.id, "expand": [f"data.{path}" for path in inside]}
    (listed,) = client.v1.billing.alerts.list(params).data
    assert listed == expanded


def test_answers_to_posts_expand_too(client: stripe.StripeClient, meter: Meter) -> None:
    alert = create_alert(client, meter)
    changed = client.v1.billing.alerts.deactivate(alert.id, {"expand": ["usage_threshold.meter"]})
    assert changed.usage_threshold is not None
    assert isinstance(changed.usage_threshold.meter, Meter)


def test_an_alert_may_count_all_there_ever_was(client: stripe.StripeClient, meter: Meter) -> None:
    alert: Any = create_alert(client, meter, count_from="lifetime")
    assert alert.usage_threshold.count_from == "lifetime"


# --- meters -------------------------------------------------------------------------------------


def test_a_meter_has_stripes_defaults(client: stripe.StripeClient, meter: Meter) -> None:
    assert meter.customer_mapping.event_payload_key == "stripe_customer_id"
    assert meter.value_settings.event_payload_key == "value"
    assert meter.event_time_window is None
    assert client.v1.billing.meters.retrieve(meter.id) == meter


def test_a_meter_is_renamed_switched_off_and_on(client: stripe.StripeClient, meter: Meter) -> None:
    meters = client.v1.billing.meters
    assert meters.update(meter.id, {"display_name": "Words"}).display_name == "Words"
    off = meters.deactivate(meter.id)
    assert off.status == "inactive"
    assert off.status_transitions.deactivated_at is not None
    on = meters.reactivate(meter.id)
    assert on.status == "active"
    assert on.status_transitions.deactivated_at is None
    assert [one.id for one in meters.list({"status": "active", "limit": 1}).data] == [meter.id]


def test_a_meter_may_have_keys_of_its_own(
    client: stripe.StripeClient, customer: stripe.Customer, event_name: str
) -> None:
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Minutes",
            "event_name": event_name,
            "default_aggregation": {"formula": "last"},
            "customer_mapping": {"type": "by_id", "event_payload_key": "who"},
            "value_settings": {"event_payload_key": "minutes"},
            "event_time_window": "day",
        }
    )
    assert meter.event_time_window == "day"
    event = client.v1.billing.meter_events.create(
        {"event_name": event_name, "payload": {"who": customer.id, "minutes": "3"}}
    )
    assert event.payload.to_dict() == {"who": customer.id, "minutes": "3"}


# --- customers ----------------------------------------------------------------------------------


def test_metadata_are_merged_and_unset(client: stripe.StripeClient) -> None:
    customers = client.v1.customers
    customer = customers.create({"metadata": {"plan": "pro", "seats": "3"}})
    merged = customers.update(customer.id, {"metadata": {"seats": "4", "2024": "yes"}})
    assert merged.metadata is not None
    assert merged.metadata.to_dict() == {"plan": "pro", "seats": "4", "2024": "yes"}
    dropped = customers.update(customer.id, {"metadata": {"plan": ""}})
    assert dropped.metadata is not None
    assert dropped.metadata.to_dict() == {"seats": "4", "2024": "yes"}
    emptied = customers.update(customer.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}


def test_a_customer_keeps_what_an_update_does_not_name(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create(
        {
            "name": "Jenny Rosen",
            "email": "jenny@example.com",
            "address": {"city": "Berlin", "country": "DE"},
            "preferred_locales": ["de", "en"],
        }
    )
    updated = client.v1.customers.update(customer.id, {"description": "pays on time"})
    assert (updated.name, updated.email) == ("Jenny Rosen", "jenny@example.com")
    assert updated.address is not None
    assert updated.address.city == "Berlin"
    assert updated.preferred_locales == ["de", "en"]
    assert client.v1.customers.update(customer.id, {"email": ""}).email is None


def test_a_deleted_customer_leaves_a_stub(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    assert client.v1.customers.delete(customer.id).deleted is True
    assert client.v1.customers.retrieve(customer.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.update(customer.id, {"name": "Nobody"})
    assert refused.value.code == "resource_missing"


def test_customers_are_found_by_email_and_creation(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"email": "only.this@example.com"})
    found = client.v1.customers.list(
        {"email": "only.this@example.com", "created": {"gte": made.created, "lte": made.created}}
    )
    assert [one.id for one in found.data] == [made.id]
    none = client.v1.customers.list(
        {"email": "only.this@example.com", "created": {"gt": made.created}}
    )
    assert none.data == []


def test_the_account_of_the_key(client: stripe.StripeClient) -> None:
    assert client.v1.accounts.retrieve_current().id.startswith("acct_")


# --- long lists ---------------------------------------------------------------------------------


@pytest.fixture
def crowd(client: stripe.StripeClient) -> list[str]:
    """The ids of 105 customers with one e-mail address, oldest first."""
    create = client.v1.customers.create
    return [create({"email": "crowd@example.com"}).id for _ in range(105)]


def test_auto_paging_goes_through_long_lists_both_ways(
    client: stripe.StripeClient, crowd: list[str]
) -> None:
    customers = client.v1.customers
    onwards = customers.list({"email": "crowd@example.com", "limit": 50}).auto_paging_iter()
    assert [one.id for one in onwards] == crowd[::-1]
    oldest = crowd[0]
    page = customers.list({"email": "crowd@example.com", "limit": 50, "ending_before": oldest})
    assert [one.id for one in page.data] == crowd[1:51][::-1]
    assert page.has_more is True
    assert [one.id for one in page.auto_paging_iter()] == crowd[1:]


def test_pages_meet_without_gap_or_overlap(client: stripe.StripeClient, meter: Meter) -> None:
    made = [create_alert(client, meter).id for _ in range(5)]
    list_alerts = client.v1.billing.alerts.list
    first = list_alerts({"meter": meter.id, "limit": 2})
    second = list_alerts({"meter": meter.id, "limit": 2, "starting_after": first.data[-1].id})
    back = list_alerts({"meter": meter.id, "limit": 2, "ending_before": second.data[0].id})
    assert [one.id for one in first.data + second.data] == made[:0:-1]
    assert [one.id for one in back.data] == [one.id for one in first.data]
    assert (first.has_more, second.has_more, back.has_more) == (True, True, False)


# --- events -------------------------------------------------------------------------------------


def test_changes_are_told_by_events(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    client.v1.customers.update(customer.id, {"name": "Jenny R."})
    client.v1.customers.delete(customer.id)
    listed = client.v1.events.list({"types": ["customer.updated", "customer.deleted"], "limit": 2})
    deleted, updated = listed.data
    assert (deleted.type, updated.type) == ("customer.deleted", "customer.updated")
    assert updated.data.previous_attributes is not None
    assert updated.data.previous_attributes["name"] == "Jenny Rosen"
    assert updated.request is not None
    assert updated.request.idempotency_key is not None
    (meter_event, *_) = client.v1.events.list({"type": "customer.*", "limit": 1}).data
    assert meter_event.id == deleted.id


def test_thin_twins_are_listed_by_v2(client: stripe.StripeClient, meter: Meter) -> None:
    listed = client.v2.core.events.list({"object_id": meter.id})
    (created,) = listed.data
    assert created.type == "v1.billing.meter.created"
    assert created.snapshot_event is not None
    twin = client.v1.events.retrieve(created.snapshot_event)
    assert twin.data.object["id"] == meter.id
    assert client.v2.core.events.retrieve(created.id).id == created.id


def test_v2_lists_page_by_url(client: stripe.StripeClient, meter: Meter) -> None:
    for name in ("one", "two", "three"):
        client.v1.billing.meters.update(meter.id, {"display_name": name})
    page = client.v2.core.events.list({"object_id": meter.id, "limit": 2})
    assert len(page.data) == 2
    assert len(list(page.auto_paging_iter())) == 4
