"""Restricted keys: every route asks for its permission, and nothing is seen by a way around."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.door import Door, open_door
from support.server import Key, run
from tripmeter.api.call import Route
from tripmeter.api.table import ROUTES
from tripmeter.model.access import Access, Permission, Permissions, Resource

FORM = {"title": "ten", "alert_type": "usage_threshold", "usage_threshold[gte]": "10"}
KEYED = [route for route in ROUTES if route.auth == "key" and not route.streams]
"""The stream takes a token that only `meter_events:write` can get."""


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


def allowed(*texts: str) -> Permissions:
    """Permissions as people write them."""
    pairs = (text.split(":") for text in texts)
    return {Resource(resource): Access(access) for resource, access in pairs}


def error(answer: httpx2.Response) -> dict[str, Any]:
    """The error of an answer, with its status."""
    found: dict[str, Any] = answer.json()["error"]
    return {"status": answer.status_code, **found}


def assert_missing(answer: httpx2.Response, permission: str) -> None:
    """It was refused for the want of just this permission, with what to do about it."""
    found = error(answer)
    assert (found["status"], found["type"]) == (403, "invalid_request_error"), found
    assert f"does not have the permission {permission}," in found["message"]
    assert f"--restricted --allow {permission}`" in found["message"]


# --- every route --------------------------------------------------------------------------------

EXPECTED = {
    "GET /v1/account": "account:read",
    "GET /v1/accounts": "account:read",
    "GET /v1/customers/{id}/sources": "customers:read",
    "GET /v1/billing/alerts/{id}/explain": "alerts:read",
    "GET /v1/billing/alerts/{id}/notifications": "alerts:read",
    "POST /v1/billing/alerts/{id}/archive": "alerts:write",
    "GET /v1/billing/meters/{id}/event_summaries": "meters:read",
    "POST /v1/billing/meter_events": "meter_events:write",
    "POST /v1/billing/meter_event_adjustments": "meter_events:write",
    "POST /v2/billing/meter_event_session": "meter_events:write",
    "POST /v2/billing/meter_events/bulk": "meter_events:write",
    "DELETE /v1/customers/{id}": "customers:write",
    "POST /v1/customers/{id}/balance_transactions": "customers:write",
    "GET /v1/billing/credit_balance_summary": "credits:read",
    "POST /v1/billing/credit_grants/{id}/void": "credits:write",
    "GET /v1/billing/credit_balance_transactions": "credits:read",
    "GET /v1/entitlements/active_entitlements": "entitlements:read",
    "DELETE /v1/products/{id}/features/{feature}": "entitlements:write",
    "GET /v1/events": "events:read",
    "GET /v2/core/events/{id}": "events:read",
    "POST /v1/events/{id}/retry": "events:write",
    "GET /v1/events/{id}/delivery_attempts": "webhook_endpoints:read",
    "GET /v1/webhook_endpoints/{id}/delivery_attempts": "webhook_endpoints:read",
    "POST /v2/core/event_destinations/{id}/ping": "webhook_endpoints:write",
}


@pytest.mark.parametrize(("endpoint", "permission"), EXPECTED.items())
def test_what_a_route_asks_for(endpoint: str, permission: str) -> None:
    (route,) = (one for one in ROUTES if f"{one.method} {one.path}" == endpoint)
    assert str(route.permission) == permission


def test_every_route_has_a_permission_and_every_resource_a_route() -> None:
    assert {route.permission.resource for route in ROUTES} == set(Resource)


def test_a_route_without_a_resource_cannot_be_asked_for() -> None:
    with pytest.raises(StopIteration):
        _ = Route("GET", "/v1/quotes/{id}", "Retrieve a quote", dict).permission


async def knock(door: Door, route: Route, key: Key) -> httpx2.Response:
    path = re.sub(r"\{\w+\}", "no_such", route.path)
    body: dict[str, Any] = {"json": {}} if route.method == "POST" and route.version == 2 else {}
    return await door.ask(route.method, path, key, **body)


@pytest.mark.parametrize("route", KEYED, ids=lambda route: f"{route.method} {route.path}")
async def test_a_route_lets_in_who_has_its_permission_and_nobody_else(
    door: Door, route: Route
) -> None:
    needed = route.permission
    others = {resource: Access.WRITE for resource in Resource if resource is not needed.resource}
    if needed.access is Access.WRITE:
        others[needed.resource] = Access.READ
    assert_missing(await knock(door, route, door.key(others)), str(needed))
    answer = await knock(door, route, door.key({needed.resource: needed.access}))
    assert answer.status_code in (200, 400, 404)
    if needed.access is Access.READ:
        answer = await knock(door, route, door.key({needed.resource: Access.WRITE}))
        assert answer.status_code in (200, 400, 404)


async def test_a_refusal_comes_before_anything_is_read_or_done(door: Door) -> None:
    key = door.key(allowed("meters:read"))
    assert_missing(await door.post("/v1/customers", key, content=b"%%%"), "customers:write")
    assert (await door.get("/v1/customers")).json()["data"] == []


async def test_a_path_that_does_not_exist_is_missing_for_every_key(door: Door) -> None:
    assert (await door.get("/v1/quotes", door.key({}))).status_code == 404


async def test_the_stream_needs_no_permission_beyond_the_one_that_opened_it(door: Door) -> None:
    opened = await door.post(
        "/v2/billing/meter_event_session", door.key(allowed("meter_events:write")), json={}
    )
    event = {"event_name": "none", "payload": {"stripe_customer_id": "cus_1", "value": "1"}}
    token = opened.json()["authentication_token"]
    answer = await door.post("/v2/billing/meter_event_stream", token, json={"events": [event]})
    assert answer.status_code == 200
    assert (await door.get("/v1/billing/meters", token)).status_code == 401


# --- ways around --------------------------------------------------------------------------------


@pytest.fixture
async def alert(door: Door) -> dict[str, Any]:
    """An alert on a meter, for one customer."""
    await door.post("/v1/customers", data={"id": "cus_1", "email": "jenny@example.com"})
    meter = await door.post(
        "/v1/billing/meters",
        data={
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation[formula]": "sum",
        },
    )
    made = await door.post("/v1/billing/alerts", data=alert_form(meter.json()["id"]))
    found: dict[str, Any] = made.json()
    return found


def alert_form(meter: str) -> dict[str, str]:
    return FORM | {
        "usage_threshold[meter]": meter,
        "usage_threshold[recurrence]": "one_time",
        "usage_threshold[filters][0][type]": "customer",
        "usage_threshold[filters][0][customer]": "cus_1",
    }


CUSTOMER = "usage_threshold.filters.customer"
METER = "usage_threshold.meter"


async def test_expand_shows_only_what_the_key_may_read(door: Door, alert: dict[str, Any]) -> None:
    key = door.key(allowed("alerts:read", "meters:read"))
    one = f"/v1/billing/alerts/{alert['id']}"
    answer = await door.get(f"{one}?expand[]={METER}", key)
    assert answer.json()["usage_threshold"]["meter"]["object"] == "billing.meter"
    assert_missing(await door.get(f"{one}?expand[]={CUSTOMER}", key), "customers:read")
    listed = await door.get(f"/v1/billing/alerts?expand[]=data.{CUSTOMER}", key)
    assert_missing(listed, "customers:read")
    assert "jenny" not in listed.text


async def test_a_change_that_would_answer_with_too_much_is_not_made(
    door: Door, alert: dict[str, Any]
) -> None:
    key = door.key(allowed("alerts:write"))
    form = alert_form(alert["usage_threshold"]["meter"])
    for headers in ({}, {"Idempotency-Key": "made once"}):
        refused = await door.post(
            "/v1/billing/alerts", key, data={**form, "expand[]": CUSTOMER}, headers=headers
        )
        assert_missing(refused, "customers:read")
    assert len((await door.get("/v1/billing/alerts")).json()["data"]) == 1


async def test_an_idempotency_key_does_not_replay_what_another_key_was_shown(
    door: Door, alert: dict[str, Any]
) -> None:
    once = {"Idempotency-Key": "seen once"}
    form = {**alert_form(alert["usage_threshold"]["meter"]), "expand[]": CUSTOMER}
    assert "jenny" in (await door.post("/v1/billing/alerts", data=form, headers=once)).text
    key = door.key(allowed("alerts:write"))
    replay = await door.post("/v1/billing/alerts", key, data=form, headers=once)
    assert error(replay)["type"] == "idempotency_error"
    assert "jenny" not in replay.text


@pytest.mark.parametrize("path", ["/v1/events", "/v2/core/events"])
async def test_events_are_those_of_objects_that_the_key_may_read(
    door: Door, alert: dict[str, Any], path: str
) -> None:
    everything = (await door.get(path)).json()["data"]
    types = {event["type"].removeprefix("v1.") for event in everything}
    assert types == {"customer.created", "billing.meter.created"}
    key = door.key(allowed("events:read", "meters:read"))
    listed = await door.get(path, key)
    assert {e["type"].removeprefix("v1.") for e in listed.json()["data"]} == {
        "billing.meter.created"
    }
    for event in everything:
        answer = await door.get(f"{path}/{event['id']}", key)
        if event["type"].endswith("customer.created"):
            assert_missing(answer, "customers:read")
        else:
            assert answer.json()["id"] == event["id"]


@pytest.mark.parametrize(
    "query", ["type=customer.created", "type=customer.*", "type=*", "types[]=customer.created", ""]
)
async def test_no_filter_leads_to_other_events(
    door: Door, alert: dict[str, Any], query: str
) -> None:
    key = door.key(allowed("events:read", "alerts:read"))
    assert (await door.get(f"/v1/events?{query}", key)).json()["data"] == []
    assert len((await door.get(f"/v1/events?{query}")).json()["data"]) >= 1


async def test_a_filter_still_filters(door: Door, alert: dict[str, Any]) -> None:
    key = door.key(allowed("events:read", "customers:read", "meters:read"))
    for query in ("type=customer.created", "type=customer.*", "types[]=customer.created"):
        (found,) = (await door.get(f"/v1/events?{query}", key)).json()["data"]
        assert found["type"] == "customer.created"
    (thin,) = (await door.get("/v2/core/events?types[]=v1.customer.created", key)).json()["data"]
    assert thin["type"] == "v1.customer.created"


async def test_an_event_that_the_key_may_not_read_is_not_sent_again(
    door: Door, alert: dict[str, Any]
) -> None:
    (event,) = (await door.get("/v1/events?type=customer.created")).json()["data"]
    retry = f"/v1/events/{event['id']}/retry"
    key = door.key(allowed("events:write", "meters:read"))
    assert_missing(await door.post(retry, key), "customers:read")


async def test_an_endpoint_learns_only_what_the_key_may_read(door: Door) -> None:
    key = door.key(allowed("webhook_endpoints:write", "alerts:read"))
    form = {"url": "https://example.com/hook", "enabled_events[]": "billing.alert.triggered"}
    made = await door.post("/v1/webhook_endpoints", key, data=form)
    assert made.status_code == 200, made.text
    one = f"/v1/webhook_endpoints/{made.json()['id']}"
    for path in ("/v1/webhook_endpoints", one):
        wanted = {**form, "enabled_events[]": "customer.created"}
        assert_missing(await door.post(path, key, data=wanted), "customers:read")
        for type_ in ("*", "quote.accepted"):
            refused = error(await door.post(path, key, data={**form, "enabled_events[]": type_}))
            assert (refused["status"], refused["param"]) == (400, "enabled_events[0]")
            assert "use a secret key" in refused["message"]
    assert (await door.post(one, key, data={"description": "ours"})).status_code == 200


async def test_an_event_destination_neither(door: Door) -> None:
    key = door.key(allowed("webhook_endpoints:write", "alerts:read"))
    path = "/v2/core/event_destinations"
    body = {
        "name": "one",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["v1.billing.alert.triggered"],
        "webhook_endpoint": {"url": "https://example.com/hook"},
    }
    made = await door.post(path, key, json=body)
    assert made.status_code == 200, made.text
    wanted = {"enabled_events": ["v1.customer.created"]}
    assert_missing(await door.post(path, key, json={**body, **wanted}), "customers:read")
    one = f"{path}/{made.json()['id']}"
    assert_missing(await door.post(one, key, json=wanted), "customers:read")
    assert (await door.post(one, key, json={"name": "two"})).status_code == 200


async def test_an_endpoint_that_learns_more_than_the_key_is_not_sent_elsewhere(door: Door) -> None:
    form = {"url": "https://example.com/hook", "enabled_events[]": "customer.created"}
    made = (await door.post("/v1/webhook_endpoints", data=form)).json()
    key = door.key(allowed("webhook_endpoints:write"))
    one = f"/v1/webhook_endpoints/{made['id']}"
    taken = await door.post(one, key, data={"url": "https://example.org/mine"})
    assert_missing(taken, "customers:read")
    body = {
        "name": "one",
        "type": "webhook_endpoint",
        "event_payload": "snapshot",
        "enabled_events": ["*"],
        "webhook_endpoint": {"url": "https://example.com/hook"},
    }
    path = "/v2/core/event_destinations"
    made = (await door.post(path, json=body)).json()
    target = {"webhook_endpoint": {"url": "https://example.org/mine"}}
    taken = await door.post(f"{path}/{made['id']}", key, json=target)
    assert error(taken)["param"] == "enabled_events[0]"


# --- the command line ---------------------------------------------------------------------------


def create(folder: Path, *words: str) -> Any:
    return run("keys", "create", "edge", *words, "--data", str(folder))


async def test_a_key_of_the_command_line_may_what_it_says(tmp_path: Path) -> None:
    made = create(
        tmp_path, "--restricted", "--allow", "meters:write", "--allow", "meters:read", "--live"
    )
    id_, secret = made.out.split()
    assert secret.startswith("rk_live_")
    listed = run("keys", "list", "--data", str(tmp_path)).out
    assert id_ in listed
    assert "meters:write" in listed
    assert secret not in listed
    async with open_door(tmp_path) as door:
        assert (await door.get("/v1/billing/meters", secret)).status_code == 200
        assert_missing(await door.get("/v1/customers", secret), "customers:read")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--restricted"], "--restricted and --allow belong together"),
        (["--allow", "meters:read"], "--restricted and --allow belong together"),
        (["--restricted", "--allow", "metres:read"], "Did you mean meters?"),
        (["--restricted", "--allow", "everything:read"], "Known: access, account, alerts,"),
        (["--restricted", "--allow", "meters"], "Write meters:read or meters:write."),
        (["--restricted", "--allow", "meters:none"], "Write meters:read or meters:write."),
    ],
)
def test_a_permission_that_is_none_is_explained(
    tmp_path: Path, words: list[str], advice: str
) -> None:
    ended = create(tmp_path, *words)
    assert ended.code == 1
    assert advice in ended.err
    assert ended.out == ""


def test_the_help_names_every_resource() -> None:
    shown = run("keys", "create", "--help").out
    assert all(re.search(rf"\b{resource}\b", shown) for resource in Resource)


def test_a_permission_reads_as_it_is_written() -> None:
    assert str(Permission(Resource.METER_EVENTS, Access.WRITE)) == "meter_events:write"
