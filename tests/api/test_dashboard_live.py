"""The overview, the stream and the requests: how things are, what happens, what was asked."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from api.test_dashboard_members import error
from support.door import Browser, Door, open_door
from support.server import Server, running_server
from tripmeter.api.live import BEHIND, Live
from tripmeter.api.logbook import KEPT, REDACTED
from tripmeter.model.access import Access, Resource
from tripmeter.model.pulse import Told
from tripmeter.model.scope import Scope

OVERVIEW = "/v1/dashboard/overview"
STREAM = "/v1/dashboard/stream"
REQUESTS = "/v1/dashboard/requests"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


@pytest.fixture
async def admin(door: Door) -> Browser:
    return await door.admin()


async def meter_and_customer(door: Door) -> dict[str, Any]:
    """A meter `calls` and a customer `acme`."""
    form = {"display_name": "Calls", "event_name": "calls", "default_aggregation[formula]": "sum"}
    made: dict[str, Any] = (await door.post("/v1/billing/meters", data=form)).json()
    await door.post("/v1/customers", data={"id": "acme"})
    return made


async def report(door: Door, value: str = "1", customer: str = "acme") -> httpx2.Response:
    payload = {"payload[stripe_customer_id]": customer, "payload[value]": value}
    return await door.post("/v1/billing/meter_events", data={"event_name": "calls", **payload})


# --- the overview -------------------------------------------------------------------------------


async def test_it_counts_what_happens_in_this_account_and_mode(door: Door, admin: Browser) -> None:
    meter = await meter_and_customer(door)
    alert = {"title": "ten", "alert_type": "usage_threshold", "usage_threshold[gte]": "10"}
    alert |= {"usage_threshold[meter]": meter["id"], "usage_threshold[recurrence]": "one_time"}
    assert (await door.post("/v1/billing/alerts", data=alert)).status_code == 200
    for value in ("4", "6", "1"):
        assert (await report(door, value)).status_code == 200
    error(await report(door, customer="nobody"), 400)
    shown = (await admin.get(OVERVIEW)).json()
    assert len(shown["events_per_minute"]) == 60
    assert shown["events_per_minute"][-1] == 3
    assert shown["minutes_start"] == door.clock.now_ms() // 60_000 * 60 - 59 * 60
    assert shown["today"] == {"events": 3, "since": door.clock.now_ms() // 86_400_000 * 86_400}
    assert shown["alerts_fired"] == {"last_24_hours": 1, "last_7_days": 1}
    assert shown["errors"] == {"last_24_hours": 1}
    door.clock.advance(1_000)
    assert (await admin.get(OVERVIEW)).json()["events_per_second"] == 3
    admin.mode = "live"
    shown = (await admin.get(OVERVIEW)).json()
    assert (shown["today"]["events"], shown["livemode"]) == (0, True)


async def test_what_was_counted_outlasts_the_engine_and_the_day(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        await meter_and_customer(door)
        await report(door)
        before = (await door.get(OVERVIEW)).json()
    async with open_door(tmp_path) as door:
        await report(door)
        after = (await door.get(OVERVIEW)).json()
        assert before["today"]["events"] == 1
        assert after["today"]["events"] == 2
        door.clock.advance(86_400_000)
        shown = (await door.get(OVERVIEW)).json()
        assert shown["today"]["events"] == sum(shown["events_per_minute"]) == 0


async def test_it_tells_of_deliveries(door: Door) -> None:
    form = {"url": "http://127.0.0.1:9/none", "enabled_events[]": "customer.created"}
    async with open_door(door.engine.settings.data / "two", allow_private_webhooks=True) as other:
        assert (await other.post("/v1/webhook_endpoints", data=form)).status_code == 200
        await other.post("/v1/customers")
        other.clock.advance(5_000)
        shown = (await other.get(OVERVIEW)).json()["deliveries"]
    assert (shown["pending"], shown["succeeded"], shown["failed"]) == (1, 0, 0)
    assert shown["oldest_pending_age"] == 5


async def test_a_restricted_key_needs_the_permission_for_it(door: Door) -> None:
    may = door.key({Resource.DASHBOARD: Access.READ})
    assert (await door.get(OVERVIEW, may)).status_code == 200
    error(await door.get(OVERVIEW, door.key({Resource.METERS: Access.READ})), 403)


# --- the stream ---------------------------------------------------------------------------------


class Message(NamedTuple):
    """One message of a stream."""

    name: str
    id: str | None
    data: Any


def messages(answer: httpx2.Response) -> Iterator[Message]:
    """The messages of a stream, as they come."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.get("data"):
            yield Message(fields["event"], fields.get("id"), json.loads(fields["data"]))
            fields = {}


@contextmanager
def listening(server: Server, **headers: str) -> Iterator[Iterator[Message]]:
    """Listen with the server's key."""
    with server.client() as client, client.stream("GET", STREAM, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        yield messages(answer)


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two processes"])
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("stream")
    with running_server(folder, arguments=("--processes", request.param)) as running:
        yield running


def test_it_tells_of_events_as_they_happen_and_goes_on_where_it_was_cut(server: Server) -> None:
    with server.client() as client:
        with listening(server) as heard:
            assert [next(heard).name for _ in range(2)] == ["ping", "overview"]
            made = client.post("/v1/customers").json()
            event = next(one for one in heard if one.name == "event")
            assert event.id == event.data["id"]
            told = {name: event.data[name] for name in ("type", "object_id", "customer")}
            assert told == {"type": "customer.created", "object_id": made["id"], "customer": None}
            found = client.get(f"/v1/events/{event.id}").json()
            assert (found["type"], found["created"]) == (event.data["type"], event.data["created"])
        missed = [client.post("/v1/customers").json()["id"] for _ in range(3)]
        with listening(server, **{"Last-Event-ID": event.id or ""}) as heard:
            told_of = [next(one for one in heard if one.name == "event") for _ in range(3)]
            assert [one.data["object_id"] for one in told_of] == missed
        with listening(server, **{"Last-Event-ID": "evt_none"}) as heard:
            assert next(heard).name == "ping"


def test_an_overview_comes_every_second(server: Server) -> None:
    with listening(server) as heard:
        shown = [next(one for one in heard if one.name == "overview").data for _ in range(3)]
    assert shown[2]["at"] - shown[0]["at"] in (1, 2, 3)


def test_it_tells_nothing_of_the_other_mode(server: Server) -> None:
    live = server.create_key(live=True)
    with server.client() as client, listening(server) as heard:
        next(heard)
        client.post("/v1/customers", headers={"Authorization": f"Bearer {live.secret}"})
        own = client.post("/v1/customers").json()["id"]
        assert next(one for one in heard if one.name == "event").data["object_id"] == own


def test_a_restricted_key_hears_of_what_it_may_read(server: Server) -> None:
    key = server.create_key(allow=["dashboard:read", "meters:read"])
    form = {"display_name": "m", "event_name": f"m{key.id}", "default_aggregation[formula]": "sum"}
    with (
        server.client() as client,
        listening(server, Authorization=f"Bearer {key.secret}") as heard,
    ):
        next(heard)
        client.post("/v1/customers")
        assert client.post("/v1/billing/meters", data=form).status_code == 200
        told = next(one for one in heard if one.name == "event")
        assert told.data["type"] == "billing.meter.created"


@pytest.mark.parametrize("processes", ["1", "2"])
def test_who_listens_does_not_keep_the_engine_from_stopping(tmp_path: Path, processes: str) -> None:
    with (
        running_server(tmp_path, arguments=("--processes", processes)) as running,
        listening(running) as heard,
    ):
        next(heard)
        ended = threading.Thread(target=lambda: [None for _ in heard])
        ended.start()
        running.stop()
        ended.join(5)
        assert not ended.is_alive()


def test_a_page_says_account_and_mode_in_the_query_and_is_let_go_when_it_signs_out(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as running, running.client() as client:
        del client.headers["authorization"]
        token = running.log.partition("#token=")[2].split()[0]
        form = {"token": token, "email": "a@example.com", "name": "A", "password": "long enough 1"}
        made = client.post("/v1/dashboard/set_up", data=form)
        session = made.json()
        cookie = {"Cookie": made.headers["set-cookie"].partition(";")[0]}
        named = {"account": session["accounts"][0]["id"], "mode": "test"}
        assert client.get(STREAM, params=named).status_code == 401
        for wrong in ({"account": "acct_none"}, {"mode": "neither"}, {"mode": None}):
            params = {name: value for name, value in (named | wrong).items() if value}
            assert client.get(STREAM, params=params, headers=cookie).status_code in (400, 403)
        with client.stream("GET", STREAM, params=named, headers=cookie) as answer:
            heard = messages(answer)
            assert [next(heard).name for _ in range(2)] == ["ping", "overview"]
            csrf = {"Tripmeter-CSRF": session["csrf_token"]}
            assert client.delete("/v1/dashboard/session", headers=cookie | csrf).status_code == 200
            assert {one.name for one in heard} == {"overview"}, "it comes to an end"


async def test_a_listener_that_falls_behind_is_let_go() -> None:
    scope, live = Scope("acct_a", livemode=False), Live()
    with live.listening(scope) as slow, live.listening(Scope("acct_a", livemode=True)) as other:
        told = [Told(scope, f"evt_{n}", "x", 0, None, None) for n in range(BEHIND)]
        await asyncio.to_thread(live.tell, told)
        await asyncio.sleep(0)
        assert len(await slow.wait(1)) == BEHIND
        await asyncio.to_thread(live.tell, [*told, *told])
        await asyncio.sleep(0)
        assert await slow.wait(1) == []
        assert slow.is_over
        assert not other.is_over
        live.end()
        assert other.is_over


# --- requests -----------------------------------------------------------------------------------


async def test_requests_are_shown_with_what_was_asked_and_answered(
    door: Door, admin: Browser
) -> None:
    made = await door.post("/v1/customers", data={"name": "Zoë & Co", "metadata[a]": "b c"})
    failed = await door.get("/v1/customers/cus_none?expand[]=x")
    await admin.post("/v1/customers", data={"name": "by page"})
    listed = (await admin.get(REQUESTS)).json()
    assert [one["status"] for one in listed["data"]] == [200, 404, 200]
    first = listed["data"][-1]
    assert first["id"] == made.headers["request-id"]
    assert (first["method"], first["path"]) == ("POST", "/v1/customers")
    assert first["key"].startswith("sk_test_****")
    assert "metadata[a]=b c" in first["request_body"].replace("+", " ")
    assert json.loads(first["response_body"])["name"] == "Zoë & Co"
    assert listed["data"][0]["member"] == admin.member
    found = (await admin.get(f"{REQUESTS}/{failed.headers['request-id']}")).json()
    assert found["query"] == "expand[]=x"
    assert json.loads(found["response_body"])["error"]["code"] == "resource_missing"
    error(await admin.get(f"{REQUESTS}/req_none"), 404)
    admin.mode = "live"
    assert (await admin.get(REQUESTS)).json()["data"] == []


async def test_addresses_that_open_something_are_not_among_them(door: Door, admin: Browser) -> None:
    hook = "https://hooks.slack.com/services/T0/B0/hush"
    target = {"kind": "slack", "name": "Sales", "url": hook}
    await door.post("/v1/billing/alert_targets", data=target)
    await door.post("/v2/billing/meter_events", content=b'"\xff\xfe"')  # is no text at all
    await door.post("/v1/customers", data={"id": "acme"})
    made = await door.post("/v1/billing_portal/sessions", data={"customer": "acme"})
    page = made.json()["url"]
    listed = (await admin.get(REQUESTS)).text
    assert "billing_portal/sessions" in listed
    assert "alert_targets" in listed
    assert REDACTED in listed
    assert "hush" not in listed
    assert page.rpartition("/")[2] not in listed


async def test_requests_are_found_by_method_outcome_and_path(door: Door, admin: Browser) -> None:
    for _ in range(3):
        await door.post("/v1/customers")
        await door.get("/v1/prices")
        await door.get("/v1/customers/cus_none")
    for params, count in (
        ({"method": "POST"}, 3),
        ({"outcome": "failed"}, 3),
        ({"path": "/v1/customers"}, 6),
        ({"path": "/v1/customers", "outcome": "succeeded"}, 3),
    ):
        found = (await admin.get(REQUESTS, params=params)).json()["data"]
        assert len(found) == count
    page = (await admin.get(REQUESTS, params={"limit": 2, "method": "POST"})).json()
    assert page["has_more"]
    after = {"starting_after": page["data"][-1]["id"], "method": "POST"}
    rest = (await admin.get(REQUESTS, params=after)).json()
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    before = {"ending_before": rest["data"][0]["id"], "method": "POST", "limit": 2}
    assert (await admin.get(REQUESTS, params=before)).json()["data"] == page["data"]
    error(await admin.get(REQUESTS, params={"starting_after": "req_none"}), 404)


async def test_counted_usage_and_looks_of_the_page_are_not_among_them(
    door: Door, admin: Browser
) -> None:
    await meter_and_customer(door)
    await report(door)
    await admin.get("/v1/customers")
    refused = await report(door, customer="nobody")
    listed = (await admin.get(REQUESTS)).json()["data"]
    assert [one["path"] for one in listed] == [
        "/v1/billing/meter_events",
        "/v1/customers",
        "/v1/billing/meters",
    ]
    assert listed[0]["id"] == refused.headers["request-id"]


async def test_no_secret_is_shown(door: Door, admin: Browser) -> None:
    form = {"url": "https://example.com/hook", "enabled_events[]": "customer.created"}
    endpoint = (await door.post("/v1/webhook_endpoints", data=form)).json()
    session = await door.post("/v2/billing/meter_event_session", json={})
    key = (await admin.post("/v1/dashboard/api_keys", data={"name": "ci"})).json()
    await door.post("/v1/customers?api_key=hunter2", data={"password": "hunter2", "a[token]": "x2"})
    shown = (await admin.get(REQUESTS, params={"limit": 100})).text
    for secret in (endpoint["secret"], session.json()["authentication_token"], key["secret"]):
        assert secret not in shown
    assert "hunter2" not in shown
    assert "x2" not in shown
    assert REDACTED in shown


async def test_what_is_remembered_is_bounded(door: Door, admin: Browser) -> None:
    for _ in range(5):
        await door.post("/v1/customers", data={"description": "x" * 4_900})
    shown = (await admin.get(REQUESTS)).json()["data"]
    assert all(len(one["request_body"]) <= 4_096 for one in shown)
    scope = Scope(admin.account, livemode=False)
    entries = door.engine.desk.logbook._entries[scope]
    assert entries.maxlen == KEPT
