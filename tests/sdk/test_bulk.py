"""Many events in one request: as lines, and as columns. Both are ours, beside Stripe's API."""

import json
from typing import Any

import httpx2
import msgspec
import pytest
import stripe

PATH = "/v2/billing/meter_events/bulk"
COLUMNS = {"Content-Type": "application/vnd.tripmeter.columns+json"}

Meter = stripe.billing.Meter


def columns(meter: Meter, customer: stripe.Customer, **changed: Any) -> dict[str, Any]:
    """Three events, an array per field."""
    body = {
        "event_name": meter.event_name,
        "identifier": [f"{meter.event_name}-{number}" for number in range(3)],
        "payload": {"stripe_customer_id": customer.id, "value": ["1", "2.5", "-0.5"]},
    }
    return {**body, **changed}


def send(http: httpx2.Client, body: Any, **headers: str) -> dict[str, Any]:
    """Send columns; the answer, an error or not."""
    answer = http.post(PATH, content=msgspec.json.encode(body), headers={**COLUMNS, **headers})
    return {"status": answer.status_code, **answer.json()}


def used(client: stripe.StripeClient, meter: Meter, customer: stripe.Customer) -> str:
    """What a customer used in all."""
    found = client.v1.billing.meters.event_summaries.list(
        meter.id, {"customer": customer.id, "start_time": 0, "end_time": 4_000_000_020}
    )
    return str(found.data[0].aggregated_value) if found.data else "0"


def test_columns_are_counted_row_by_row(
    http: httpx2.Client, client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    answer = send(http, columns(meter, customer))
    assert (answer["counted"], answer["repeated"], answer["refused"]) == (3, 0, 0)
    assert float(used(client, meter, customer)) == 3


def test_a_row_that_is_refused_is_named_and_the_others_count(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    payload = {
        "stripe_customer_id": [customer.id, customer.id, "cus_nobody"],
        "value": ["1", "many", "1"],
    }
    answer = send(http, columns(meter, customer, payload=payload))
    assert (answer["counted"], answer["refused"]) == (1, 2)
    assert [(one["line"], one["code"], one["identifier"]) for one in answer["errors"]] == [
        (2, "meter_event_invalid_value", f"{meter.event_name}-1"),
        (3, "meter_event_customer_not_found", f"{meter.event_name}-2"),
    ]


def test_the_same_events_as_lines_and_as_columns_are_the_same(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    send(http, columns(meter, customer))
    payload = {"stripe_customer_id": customer.id, "value": "7"}
    lines = [
        {"event_name": meter.event_name, "identifier": name, "payload": payload}
        for name in (f"{meter.event_name}-2", f"{meter.event_name}-3")
    ]
    answer = http.post(PATH, content="\n".join(map(json.dumps, lines))).json()
    assert (answer["counted"], answer["repeated"]) == (1, 1)
    assert answer["errors"][0]["identifier"] == f"{meter.event_name}-2"


def test_a_retry_with_the_same_key_counts_nothing_and_says_so(
    http: httpx2.Client, client: stripe.StripeClient, meter: Meter, customer: stripe.Customer
) -> None:
    key = {"Idempotency-Key": f"{meter.event_name}-key"}
    assert send(http, columns(meter, customer, identifier=None), **key)["counted"] == 3
    again = send(http, columns(meter, customer, identifier=None), **key)
    assert (again["counted"], again["repeated"], again["errors"]) == (0, 3, [])
    assert float(used(client, meter, customer)) == 3


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"identifier": ["a", "b"]}, "same length"),
        ({"payload": {"value": "1"}, "identifier": None}, "must be an array"),
        ({"colour": "red"}, "colour"),
        ({"payload": {"value": [1, 2, 3]}}, "payload"),
        ({"timestamp": ["2026-01-01T00:00:00"] * 3}, "no offset"),
        ({"timestamp": "yesterday"}, "timestamp"),
    ],
)
def test_columns_that_cannot_be_read_are_refused_whole(
    http: httpx2.Client,
    meter: Meter,
    customer: stripe.Customer,
    changed: dict[str, Any],
    told: str,
) -> None:
    answer = send(http, columns(meter, customer, **changed))
    assert answer["status"] == 400
    assert told in answer["error"]["message"]
