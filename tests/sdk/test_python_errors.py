"""Refusals as the official SDK for Python raises them, and requests that are sent twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from support.server import Key, Server, run, running_server

Connect = Callable[..., stripe.StripeClient]
Meter = stripe.billing.Meter


def test_a_missing_parameter_is_named(client: stripe.StripeClient) -> None:
    params: Any = {"alert_type": "usage_threshold"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing.alerts.create(params)
    assert refused.value.code == "parameter_missing"
    assert refused.value.param == "title"
    assert refused.value.http_status == 400


def test_an_unknown_parameter_is_named(client: stripe.StripeClient) -> None:
    params: Any = {"shoe_size": 46}
    with pytest.raises(stripe.InvalidRequestError, match="shoe_size") as refused:
        client.v1.customers.create(params)
    assert refused.value.code == "parameter_unknown"
    assert refused.value.param == "shoe_size"


def test_an_unknown_object_is_a_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_no'") as refused:
        client.v1.customers.retrieve("cus_no")
    assert refused.value.http_status == 404
    assert refused.value.code == "resource_missing"
    assert refused.value.param == "id"
    assert str(refused.value.request_id).startswith("req_")


def test_an_unknown_object_is_a_404_in_v2_too(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v2.core.event_destinations.retrieve("ed_test_no")
    assert refused.value.http_status == 404
    assert refused.value.code == "not_found"


def test_a_wrong_key_is_an_authentication_error(connect: Connect) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided") as refused:
        connect("sk_test_somebody_elses").v1.customers.list()
    assert refused.value.http_status == 401
    assert "somebody" not in str(refused.value)


def test_a_revoked_key_is_an_authentication_error(
    connect: Connect, spare_key: Key, server: Server
) -> None:
    client = connect(spare_key.secret)
    client.v1.customers.list()
    assert run("keys", "revoke", spare_key.id, "--data", str(server.data)).code == 0
    with pytest.raises(stripe.AuthenticationError) as refused:
        for _ in range(100):  # a key is believed for a tenth of a second
            client.v1.customers.list()
    assert refused.value.error is not None
    assert refused.value.error.code == "api_key_expired"


def test_a_missing_permission_is_a_permission_error(connect: Connect, server: Server) -> None:
    client = connect(server.create_key(allow=["meters:read"]).secret)
    assert client.v1.billing.meters.list().data is not None
    with pytest.raises(stripe.PermissionError, match="permission customers:read,") as refused:
        client.v1.customers.list()
    assert refused.value.http_status == 403
    with pytest.raises(stripe.PermissionError, match="permission webhook_endpoints:read,"):
        client.v2.core.event_destinations.list()


def test_who_asks_too_fast_gets_a_rate_limit_error(tmp_path: Path) -> None:
    with running_server(tmp_path, arguments=["--rate-limit", "1"]) as server:
        http: Any = stripe.RequestsClient()
        client = stripe.StripeClient(
            server.api_key, base_addresses={"api": server.url}, http_client=http
        )
        for ask in (client.v1.customers.list, client.v2.core.event_destinations.list):
            with pytest.raises(stripe.RateLimitError, match="1 requests a second") as refused:
                for _ in range(20):
                    ask()
            assert refused.value.http_status == 429
            assert refused.value.error is not None
            assert refused.value.error.code == "rate_limit"
            assert refused.value.headers is not None
            assert refused.value.headers["stripe-rate-limited-reason"] == "global-rate"
            assert refused.value.headers["retry-after"] == "1"
        http.close()


def test_a_key_does_not_see_the_other_mode(
    client: stripe.StripeClient,
    connect: Connect,
    live_key: Key,
    meter: Meter,
    customer: stripe.Customer,
) -> None:
    live = connect(live_key.secret)
    for retrieve, id_ in (
        (live.v1.customers.retrieve, customer.id),
        (live.v1.billing.meters.retrieve, meter.id),
        (live.v1.events.retrieve, client.v1.events.list({"limit": 1}).data[0].id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            retrieve(id_)
        assert refused.value.http_status == 404
    made = live.v1.customers.create({"name": "Live"})
    assert made.livemode is True
    assert made.id not in [one.id for one in client.v1.customers.list({"limit": 100}).data]


def test_a_repeated_identifier_is_refused_under_another_key(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    event: Any = {
        "event_name": meter.event_name,
        "payload": {"stripe_customer_id": customer.id, "value": "1"},
        "identifier": f"{meter.event_name}-1",
    }
    client.v1.billing.meter_events.create(event)
    with pytest.raises(stripe.InvalidRequestError, match="An event already exists with identifier"):
        client.v1.billing.meter_events.create(event)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v2.billing.meter_events.create(event)
    assert refused.value.code == "duplicate_meter_event"


# --- sent twice ---------------------------------------------------------------------------------


def is_replay(answer: Any) -> bool:
    return "idempotent-replayed" in answer.last_response.headers


def test_a_change_sent_twice_is_made_once(client: stripe.StripeClient) -> None:
    create = client.v1.customers.create
    first = create({"name": "Once"}, {"idempotency_key": "once"})
    second = create({"name": "Once"}, {"idempotency_key": "once"})
    assert second.id == first.id
    assert not is_replay(first)
    assert is_replay(second)


def test_a_refusal_is_replayed_too(client: stripe.StripeClient) -> None:
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.customers.update("cus_no", {}, {"idempotency_key": "refused once"})
    assert refused.value.headers is not None
    assert refused.value.headers["idempotent-replayed"] == "true"


def test_a_key_is_bound_to_its_parameters(client: stripe.StripeClient) -> None:
    create = client.v1.customers.create
    create({"name": "One"}, {"idempotency_key": "bound"})
    with pytest.raises(stripe.IdempotencyError, match="Keys for idempotent requests") as refused:
        create({"name": "Two"}, {"idempotency_key": "bound"})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        client.v1.billing.meters.update("mtr_no", {}, {"idempotency_key": "bound"})


def test_usage_sent_twice_counts_once(
    client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    event: Any = {
        "event_name": meter.event_name,
        "payload": {"stripe_customer_id": customer.id, "value": "1"},
    }
    creates: list[Any] = [
        client.v1.billing.meter_events.create,
        client.v2.billing.meter_events.create,
    ]
    for number, create in enumerate(creates):
        options: Any = {"idempotency_key": f"{meter.event_name}-{number}"}
        first, second = create(event, options), create(event, options)
        assert second.identifier == first.identifier
        assert is_replay(second)


def test_v2_refuses_a_key_with_other_parameters_without_a_retry(
    connect: Connect, client: stripe.StripeClient
) -> None:
    params: Any = {
        "name": "one",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": {"url": "https://example.com/hook"},
    }
    create: Any = client.v2.core.event_destinations.create
    made = create(params, {"idempotency_key": "bound in v2"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        create({**params, "name": "two"}, {"idempotency_key": "bound in v2"})
    assert refused.value.http_status == 409
    client.v2.core.event_destinations.delete(made.id)
