"""Charts and pictures of all customers: summaries, the top, previews, error reports."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.test_dashboard_members import error
from support.clock import DAY_MS, HOUR_MS
from support.door import Door, open_door

METERS = "/v1/billing/meters"
PREVIEW = "/v1/billing/alerts/preview"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


async def create_meter(door: Door, name: str = "calls", **form: str) -> str:
    given = {"display_name": name, "event_name": name, "default_aggregation[formula]": "sum"}
    made: str = (await door.post(METERS, data=given | form)).json()["id"]
    return made


async def report(door: Door, customer: str, value: str, ago_ms: int = 0) -> None:
    at = (door.clock.now_ms() - ago_ms) // 1000
    form = {"event_name": "calls", "timestamp": str(at)}
    form |= {"payload[stripe_customer_id]": customer, "payload[value]": value}
    answer = await door.post("/v1/billing/meter_events", data=form)
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def meter(door: Door) -> str:
    """A meter with the usage of three customers over two days."""
    made = await create_meter(door)
    for customer in ("acme", "umbrella", "wayne"):
        await door.post("/v1/customers", data={"id": customer, "name": customer.title()})
    for customer, value, ago_ms in (
        ("acme", "2", 0),
        ("acme", "3", DAY_MS),
        ("umbrella", "10.5", 2 * HOUR_MS),
        ("wayne", "1", DAY_MS),
        ("wayne", "-4", 0),
    ):
        await report(door, customer, value, ago_ms)
    return made


def days(door: Door, count: int = 3) -> dict[str, int]:
    """Whole days up to the end of this one."""
    end = (door.clock.now_ms() // DAY_MS + 1) * DAY_MS // 1000
    return {"start_time": end - count * 86_400, "end_time": end}


async def test_summaries_of_all_customers_are_the_sums_of_theirs(door: Door, meter: str) -> None:
    for window, size in (("day", 3), ("hour", 72), (None, 1)):
        params: dict[str, Any] = {**days(door), "limit": 1000}
        params |= {} if window is None else {"value_grouping_window": window}
        path = f"{METERS}/{meter}/event_summaries"
        everyone = (await door.get(path, params=params)).json()
        assert (len(everyone["data"]), everyone["has_more"]) == (size, False)
        sums = [0.0] * size
        for customer in ("acme", "umbrella", "wayne"):
            own = params | {"customer": customer, "limit": 100}
            data = (await door.get(path, params=own)).json()["data"]
            sums = [one + row["aggregated_value"] for one, row in zip(sums, data, strict=True)]
        assert [row["aggregated_value"] for row in everyone["data"]] == sums
        assert everyone["data"][0]["object"] == "billing.meter_event_summary"


async def test_summaries_of_all_customers_come_in_pages(door: Door, meter: str) -> None:
    path = f"{METERS}/{meter}/event_summaries"
    params: dict[str, Any] = {**days(door), "value_grouping_window": "day", "limit": 2}
    first = (await door.get(path, params=params)).json()
    assert first["has_more"]
    after = params | {"starting_after": first["data"][-1]["id"]}
    rest = (await door.get(path, params=after)).json()
    assert (len(rest["data"]), rest["has_more"]) == (1, False)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"start_time": 60}, "start_time"),
        ({"customer": "acme", "limit": 101}, "limit"),
        ({"limit": 1001}, "limit"),
    ],
)
async def test_what_summaries_cannot_be_made_of_is_refused(
    door: Door, meter: str, more: dict[str, Any], param: str
) -> None:
    answer = await door.get(f"{METERS}/{meter}/event_summaries", params=days(door) | more)
    assert error(answer, 400)["param"] == param


async def test_the_top_customers_are_those_who_used_the_most(door: Door, meter: str) -> None:
    path = f"{METERS}/{meter}/top_customers"
    found = (await door.get(path)).json()
    assert found["data"] == [
        {
            "object": "billing.meter_top_customer",
            "aggregated_value": value,
            "customer": customer,
            "name": customer.title(),
        }
        for customer, value in (("umbrella", 10.5), ("acme", 5), ("wayne", -3))
    ]
    assert [one["customer"] for one in (await door.get(path, params={"limit": 1})).json()["data"]]
    now = door.clock.now_ms() // 1000
    recent = (await door.get(path, params={"start_time": now - 3_600})).json()["data"]
    assert [one["customer"] for one in recent] == ["acme", "wayne"]
    backwards = {"start_time": now, "end_time": now - 1}
    assert error(await door.get(path, params=backwards), 400)["param"] == "end_time"
    error(await door.get(f"{METERS}/mtr_none/top_customers"), 404)


async def test_a_preview_shows_whom_a_line_would_have_caught_and_when(
    door: Door, meter: str
) -> None:
    params: dict[str, Any] = {
        "alert_type": "usage_threshold",
        "usage_threshold[meter]": meter,
        "usage_threshold[gte]": 4,
    }
    shown = (await door.get(PREVIEW, params=params)).json()
    minute = door.clock.now_ms() // 60_000 * 60
    assert (shown["object"], shown["count"], shown["total_customers"]) == (
        "billing.alert_preview",
        2,
        3,
    )
    assert shown["customers"] == [
        {"crossed_at": minute - 7_200, "customer": "umbrella", "name": "Umbrella", "value": 10.5},
        {"crossed_at": minute, "customer": "acme", "name": "Acme", "value": 5},
    ]
    histogram = {one["up_to"]: one["customers"] for one in shown["histogram"]}
    assert list(histogram)[:3] == ["0.4", "0.8", "1.2"]
    assert histogram["0.4"] == 1
    assert histogram["8"] == 1
    assert histogram["20"] == 1
    assert sum(histogram.values()) == 3
    assert None in histogram
    own = {
        "usage_threshold[filters][0][type]": "customer",
        "usage_threshold[filters][0][customer]": "acme",
    }
    alone = (await door.get(PREVIEW, params=params | own)).json()
    assert (alone["count"], alone["total_customers"]) == (1, 1)
    own["usage_threshold[filters][0][customer]"] = "cus_none"
    found = error(await door.get(PREVIEW, params=params | own), 404)
    assert found["param"] == "usage_threshold[filters][0][customer]"
    del params["usage_threshold[gte]"]
    assert error(await door.get(PREVIEW, params=params), 400)["param"] == "usage_threshold[gte]"


async def test_a_meter_that_does_not_add_up_says_so(door: Door) -> None:
    last = await create_meter(door, "seats", **{"default_aggregation[formula]": "last"})
    params = {"usage_threshold[meter]": last, "usage_threshold[gte]": "1"}
    for path, given in (
        (f"{METERS}/{last}/event_summaries", days(door)),
        (f"{METERS}/{last}/top_customers", {}),
        (PREVIEW, params),
    ):
        assert "Name a customer" in error(await door.get(path, params=given), 400)["message"]


async def test_error_reports_of_a_meter_tell_what_was_refused(door: Door, meter: str) -> None:
    opened = await door.post("/v2/billing/meter_event_session", json={})
    token = opened.json()["authentication_token"]
    event = {"event_name": "calls", "payload": {"stripe_customer_id": "nobody", "value": "1"}}
    batch = {"events": [{**event, "identifier": f"bad{n}"} for n in range(3)]}
    await door.post("/v2/billing/meter_event_stream", token, json=batch)
    door.clock.advance(10_001)
    for _ in range(100):
        found = (await door.get(f"{METERS}/{meter}/error_reports")).json()["data"]
        if found:
            break
        await asyncio.sleep(0.05)
    (one,) = found
    assert (one["object"], one["code"]) == (
        "billing.meter_error_report",
        "meter_event_customer_not_found",
    )
    assert (one["error_count"], one["identifier"], one["event_name"]) == (3, "bad0", "calls")
    assert one["message"]
