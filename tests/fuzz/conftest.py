"""Servers to be attacked, with one object of every kind, on either store.

Webhooks go to a host that does not exist: what is made up here must reach nobody.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import httpx2
import pytest

from fuzz.target import World
from support.postgres import database
from support.server import Server, running_server

NOWHERE: Final = "https://hooks.example.invalid/"

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """`tripmeter serve`, as a process of its own."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgres":
            url = stack.enter_context(database(migrated=True))
        settings = {"TRIPMETER_DATABASE": url, "TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": None}
        folder = tmp_path_factory.mktemp(request.param)
        yield stack.enter_context(running_server(folder, environment=settings))


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    """A plain HTTP client with the key."""
    with server.client() as client:
        yield client


@pytest.fixture
def world(http: httpx2.Client) -> Iterator[World]:
    """Objects that no other test has: an alert that fired, and all that it takes."""
    yield made_anew(http)
    for path in ("/v1/webhook_endpoints", "/v2/core/event_destinations"):  # there can be 16
        for endpoint in http.get(path, params={"limit": 100}).json()["data"]:
            assert http.delete(f"{path}/{endpoint['id']}").status_code == 200


def made_anew(http: httpx2.Client) -> World:
    """One object of every kind."""

    def post(path: str, **sent: Any) -> Any:
        answer = http.post(path, **sent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    event_name = f"calls_{next(_numbers)}"
    customer = post("/v1/customers", data={"name": "Jenny Rosen"})["id"]
    meter = post(
        "/v1/billing/meters",
        data={
            "display_name": "Calls",
            "event_name": event_name,
            "default_aggregation[formula]": "sum",
            "dimension_payload_keys[]": "region",
        },
    )["id"]
    alert = post(
        "/v1/billing/alerts",
        data={
            "title": "a lot",
            "alert_type": "usage_threshold",
            "usage_threshold[gte]": "1",
            "usage_threshold[meter]": meter,
            "usage_threshold[recurrence]": "one_time",
        },
    )["id"]
    endpoint = post(
        "/v1/webhook_endpoints", data={"url": NOWHERE, "enabled_events[]": "customer.created"}
    )["id"]
    destination = post(
        "/v2/core/event_destinations",
        json={
            "name": "ours",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.billing.meter.no_meter_found"],
            "webhook_endpoint": {"url": NOWHERE},
        },
    )["id"]
    usage = {"stripe_customer_id": customer, "value": "2", "region": "eu"}
    post("/v2/billing/meter_events", json={"event_name": event_name, "payload": usage})
    thin = post(f"/v2/core/event_destinations/{destination}/ping")["id"]
    fired = http.get("/v1/events", params={"type": "billing.alert.triggered"}).json()["data"][0]
    ids = {
        "alerts": alert,
        "meters": meter,
        "customers": customer,
        "v1/events": fired["id"],
        "v2/core/events": thin,
        "webhook_endpoints": endpoint,
        "event_destinations": destination,
    }
    named = {"customer": customer, "stripe_customer_id": customer, "meter": meter}
    return World(ids, {**named, "event_name": event_name, "url": NOWHERE})
