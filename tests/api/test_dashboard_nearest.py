"""Who is nearest to a line, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.test_dashboard_looks import create_meter, report
from api.test_dashboard_members import error
from support.clock import DAY_MS
from support.door import Door, open_door

NEAREST = "/v1/dashboard/nearest"
ALERTS = "/v1/billing/alerts"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        for customer in ("acme", "umbrella", "wayne"):
            await opened.post("/v1/customers", data={"id": customer, "name": customer.title()})
        yield opened


async def create_alert(door: Door, meter: str, gte: int, **threshold: str) -> Any:
    form = {"title": f"over {gte}", "alert_type": "usage_threshold"}
    given = {"meter": meter, "gte": str(gte), "recurrence": "one_time", **threshold}
    form |= {f"usage_threshold[{name}]": value for name, value in given.items()}
    answer = await door.post(ALERTS, data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_those_who_are_nearest_stand_in_front(door: Door) -> None:
    meter = await create_meter(door)
    alert = await create_alert(door, meter, 10)
    now = door.clock.now_ms() // 1000
    await report(door, "acme", "5", DAY_MS)
    await report(door, "umbrella", "7.5")
    await report(door, "wayne", "10")
    found = (await door.get(NEAREST)).json()["data"]
    assert [(one["customer"], one["total"], one["share"]) for one in found] == [
        ("umbrella", "7.5", "0.75"),
        ("acme", "5", "0.5"),
    ]
    assert found[1] == {
        "object": "dashboard.nearest_line",
        "alert": alert["id"],
        "alert_title": "over 10",
        "alert_type": "usage_threshold",
        "currency": None,
        "customer": "acme",
        "customer_name": "Acme",
        "fired_at": None,
        "line": "10",
        "meter": meter,
        "meter_name": "calls",
        "projected_at": found[1]["projected_at"],
        "share": "0.5",
        "subscription": None,
        "total": "5",
    }
    assert abs(found[1]["projected_at"] - now - 86_400) <= 60
    assert found[0]["projected_at"] is not None
    assert (await door.get(NEAREST, params={"limit": 1})).json()["data"] == found[:1]


async def test_of_one_customer_every_line_is_shown(door: Door) -> None:
    meter = await create_meter(door)
    other = await create_meter(door, "others")
    for gte in (5, 20):
        await create_alert(door, meter, gte)
    await create_alert(door, other, 7)
    await report(door, "acme", "10")
    params: dict[str, Any] = {"customer": "acme"}
    found = (await door.get(NEAREST, params=params)).json()["data"]
    assert [(one["line"], one["total"]) for one in found] == [("20", "10"), ("7", "0")]
    params |= {"include_fired": "true"}
    found = (await door.get(NEAREST, params=params)).json()["data"]
    assert [(one["line"], one["share"]) for one in found] == [("5", "2"), ("20", "0.5"), ("7", "0")]
    assert found[0]["fired_at"] == door.clock.now_ms() // 1000
    assert found[0]["projected_at"] is None
    params |= {"meter": other}
    assert len((await door.get(NEAREST, params=params)).json()["data"]) == 1


async def test_one_alert_and_one_meter_can_be_asked_for(door: Door) -> None:
    meter = await create_meter(door)
    near, far = await create_alert(door, meter, 10), await create_alert(door, meter, 100)
    await report(door, "acme", "5")
    await report(door, "wayne", "15")
    for alert, expected in ((near, ["acme"]), (far, ["wayne", "acme"])):
        found = (await door.get(NEAREST, params={"alert": alert["id"]})).json()["data"]
        assert [one["customer"] for one in found] == expected
    own = {"filters][0][type": "customer", "filters][0][customer": "acme"}
    alone = await create_alert(door, meter, 50, **own)
    found = (await door.get(NEAREST, params={"alert": alone["id"]})).json()["data"]
    assert [(one["customer"], one["line"]) for one in found] == [("acme", "50")]
    other = await create_meter(door, "others")
    assert (await door.get(NEAREST, params={"meter": other})).json()["data"] == []
    await door.post(f"{ALERTS}/{near['id']}/archive")
    assert (await door.get(NEAREST, params={"alert": near["id"]})).json()["data"] == []


async def test_deleted_customers_and_those_of_others_are_not_shown(door: Door) -> None:
    meter = await create_meter(door)
    await create_alert(door, meter, 10)
    await report(door, "acme", "5")
    live = door.key(live=True)
    assert (await door.get(NEAREST, live)).json()["data"] == []
    await door.ask("DELETE", "/v1/customers/acme")
    assert (await door.get(NEAREST)).json()["data"] == []


@pytest.mark.parametrize("param", ["meter", "customer", "alert"])
async def test_what_does_not_exist_is_named(door: Door, param: str) -> None:
    assert error(await door.get(NEAREST, params={param: "no_such"}), 404)["param"] == param


async def test_of_one_customer_what_a_period_costs_is_shown_too(door: Door) -> None:
    async def made(path: str, **form: str) -> Any:
        answer = await door.post(path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    meter = await create_meter(door)
    product = await made("/v1/products", name="Tokens")
    metered = {"interval": "month", "usage_type": "metered", "meter": meter}
    recurring = {f"recurring[{name}]": value for name, value in metered.items()}
    price = await made("/v1/prices", product=product, currency="usd", unit_amount="3", **recurring)
    subscription = await made("/v1/subscriptions", customer="acme", **{"items[0][price]": price})
    amount = {"[type]": "amount", "[amount][currency]": "usd", "[amount][value]": "60"}
    spend = {f"spend_threshold[gte]{name}": value for name, value in amount.items()}
    spend |= {"spend_threshold[aggregation_period]": "billing", "alert_type": "spend_threshold"}
    alert = await made(ALERTS, title="spend", **spend)
    await create_alert(door, meter, 20, count_from="period_start")
    await create_alert(door, meter, 100)
    door.clock.advance(60_000)
    await report(door, "acme", "15")
    found = (await door.get(NEAREST, params={"customer": "acme"})).json()["data"]
    assert [(one["alert_type"], one["total"], one["line"], one["share"]) for one in found] == [
        ("spend_threshold", "45", "60", "0.75"),
        ("usage_threshold", "15", "20", "0.75"),
        ("usage_threshold", "15", "100", "0.15"),
    ]
    assert (found[0]["currency"], found[0]["meter"], found[0]["alert"]) == ("usd", None, alert)
    assert found[0]["subscription"] == found[1]["subscription"] == subscription
    own = {"customer": "acme", "alert": alert}
    assert (await door.get(NEAREST, params=own)).json()["data"] == found[:1]
    everyone = (await door.get(NEAREST)).json()["data"]
    assert [one["line"] for one in everyone] == ["100"]
