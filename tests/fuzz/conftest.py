"""Servers to be attacked, with one object of every kind, on either store.

Webhooks go to a host that does not exist: what is made up here must reach nobody.
"""

import itertools
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def page(server: Server) -> dict[str, str]:
    """What the dashboard's page sends of an admin: the session, and what belongs to it."""
    token = server.log.partition("#token=")[2].split()[0]
    form = {"token": token, "email": "ada@example.com", "name": "Ada", "password": "long enough 1"}
    with server.client() as client:
        made = client.post("/v1/dashboard/set_up", data=form)
    assert made.status_code == 200, made.text
    session = made.json()
    return {
        "Cookie": made.headers["set-cookie"].partition(";")[0],
        "Tripmeter-CSRF": session["csrf_token"],
        "Tripmeter-Account": session["accounts"][0]["id"],
        "Tripmeter-Mode": "test",
    }


@pytest.fixture
def world(http: httpx2.Client, page: dict[str, str]) -> Iterator[World]:
    """Objects that no other test has: an alert that fired, and all that it takes."""
    made = made_anew(http)
    yield World({**made.ids, **seen_by_members(http, page)}, made.named)
    for path in ("/v1/webhook_endpoints", "/v2/core/event_destinations"):  # there can be 16
        for endpoint in http.get(path, params={"limit": 100}).json()["data"]:
            assert http.delete(f"{path}/{endpoint['id']}").status_code == 200


def seen_by_members(http: httpx2.Client, page: dict[str, str]) -> dict[str, str]:
    """One of each of what only members see."""

    def post(path: str, **form: str) -> httpx2.Response:
        answer = http.post(f"/v1/dashboard/{path}", data=form, headers=page)
        assert answer.status_code == 200, answer.text
        return answer

    number = next(_numbers)
    key = post("api_keys", name="ci")
    return {
        "dashboard/accounts": post("accounts", display_name=f"Branch {number}").json()["id"],
        "dashboard/api_keys": key.json()["id"],
        "dashboard/members": post("members", email=f"{number}@example.com", role="admin").json()[
            "id"
        ],
        "dashboard/requests": key.headers["request-id"],
    }


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
            "actions[0][type]": "restore_access",
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
    (run,) = http.get(f"/v1/billing/alerts/{alert}/action_runs").json()["data"]
    target = {"kind": "slack", "name": "Sales", "url": NOWHERE}
    text = {"name": "Ours", "content[en][subject]": "{{ value }}", "content[en][text]": "Used."}
    thin = post(f"/v2/core/event_destinations/{destination}/ping")["id"]
    fired = http.get("/v1/events", params={"type": "billing.alert.triggered"}).json()["data"][0]
    grant = post(
        "/v1/billing/credit_grants",
        data={
            "customer": customer,
            "amount[type]": "monetary",
            "amount[monetary][currency]": "usd",
            "amount[monetary][value]": "100",
            "applicability_config[scope][price_type]": "metered",
        },
    )["id"]
    entries = http.get("/v1/billing/credit_balance_transactions", params={"credit_grant": grant})
    feature = post("/v1/entitlements/features", data={"name": "Calls", "lookup_key": event_name})[
        "id"
    ]
    limit = post("/v1/billing/usage_limits", data={"meter": meter, "limit": "1000000"})["id"]
    room = {"meter": meter, "quantity": "2", "expires_in": "3600"}
    reservation = post(f"/v1/customers/{customer}/access/reserve", data=room)["id"]
    ids = {
        "access/reservations": reservation,
        "usage_limits": limit,
        "v1/accounts": http.get("/v1/account").json()["id"],
        "active_entitlements": "ent_none",
        "action_runs": run["id"],
        "alert_targets": post("/v1/billing/alert_targets", data=target)["id"],
        "alerts": alert,
        "credit_balance_transactions": entries.json()["data"][0]["id"],
        "credit_grants": grant,
        "entitlements/features": feature,
        "mail_templates": post("/v1/billing/mail_templates", data=text)["id"],
        "meters": meter,
        "customers": customer,
        "v1/events": fired["id"],
        "v2/core/events": thin,
        "webhook_endpoints": endpoint,
        "event_destinations": destination,
    }
    sold = catalogue(post)
    billed = subscribed(post, sold["products"], customer)
    payments = http.get("/v1/invoice_payments").json()["data"]
    item = {"customer": customer, "amount": "5", "currency": "usd"}
    waiting = post("/v1/invoiceitems", data=item)["id"]
    named = {
        "alert": alert,
        "coupon": sold["coupons"],
        "credit_grant": grant,
        "currency": "usd",
        "customer": customer,
        "entitlement_feature": feature,
        "meter": meter,
        "product": sold["products"],
        "target": ids["alert_targets"],
        "template": ids["mail_templates"],
        "stripe_customer_id": customer,
        "subscription": billed["subscriptions"],
    }
    ids |= {**sold, **billed, "invoice_payments": payments[0]["id"], "invoiceitems": waiting}
    return World(ids, {**named, "event_name": event_name, "url": NOWHERE})


def subscribed(post: Callable[..., Any], product: str, customer: str) -> dict[str, str]:
    """A subscription with its first invoice, and a test clock, by the word in the path."""
    price = {
        "currency": "usd",
        "product": product,
        "recurring[interval]": "month",
        "unit_amount": "500",
    }
    monthly = post("/v1/prices", data=price)["id"]
    made = post("/v1/subscriptions", data={"customer": customer, "items[0][price]": monthly})
    clock = post("/v1/test_helpers/test_clocks", data={"frozen_time": "1790000000"})["id"]
    return {
        "invoices": made["latest_invoice"],
        "subscription_items": made["items"]["data"][0]["id"],
        "subscriptions": made["id"],
        "test_clocks": clock,
    }


def catalogue(post: Callable[..., Any]) -> dict[str, str]:
    """One object of every kind that is sold, by the word in the path."""
    product = post("/v1/products", data={"name": "Calls"})["id"]
    price = {"currency": "usd", "unit_amount": "5", "product": product}
    coupon = post("/v1/coupons", data={"percent_off": "10"})["id"]
    code = {"promotion[type]": "coupon", "promotion[coupon]": coupon}
    tax = {"display_name": "VAT", "percentage": "19", "inclusive": "true"}
    return {
        "products": product,
        "prices": post("/v1/prices", data=price)["id"],
        "coupons": coupon,
        "promotion_codes": post("/v1/promotion_codes", data=code)["id"],
        "tax_rates": post("/v1/tax_rates", data=tax)["id"],
    }
