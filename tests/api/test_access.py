"""Access, limits and reservations over HTTP: what is answered, and what is refused and why."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.door import Door, open_door
from tripmeter.model.access import Access, Resource


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        await opened.post("/v1/customers", data={"id": "cus_1"})
        yield opened


async def post(door: Door, path: str, **fields: Any) -> Any:
    answer = await door.post(f"/v1/{path}", data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def meter(door: Door, formula: str = "sum", name: str = "calls", **fields: Any) -> str:
    made = await post(
        door, "billing/meters", display_name=name, event_name=name,
        **{"default_aggregation[formula]": formula}, **fields,
    )  # fmt: skip
    return str(made["id"])


async def use(door: Door, value: str) -> None:
    await post(
        door, "billing/meter_events", event_name="calls",
        **{"payload[stripe_customer_id]": "cus_1", "payload[value]": value},
    )  # fmt: skip


async def error(door: Door, path: str, method: str = "POST", **fields: Any) -> tuple[int, Any]:
    answer = await door.ask(method, f"/v1/{path}", data=fields)
    return answer.status_code, answer.json()["error"]


async def test_the_answer(door: Door) -> None:
    calls = await meter(door)
    limit = await post(
        door, "billing/usage_limits", meter=calls, limit="12.50", customer="cus_1", period="month"
    )
    assert limit == {
        "id": limit["id"], "object": "billing.usage_limit", "created": limit["created"],
        "customer": "cus_1", "kind": "hard", "limit": "12.5", "livemode": False, "meter": calls,
        "period": "month", "set_by": "operator",
    }  # fmt: skip
    await use(door, "2.25")
    await post(door, "customers/cus_1/access/reserve", meter=calls, quantity="10")
    answer = await door.get("/v1/customers/cus_1/access", params={"meter": calls})
    told = answer.json()
    assert told == {
        "object": "access", "customer": "cus_1", "meter": calls, "allowed": True,
        "reason": "within_limit", "note": None, "used": "2.25", "limit": "12.5",
        "remaining": "0.25", "reserved": "10", "resets_at": 1_775_001_600,
        "usage_limit": limit["id"], "livemode": False,
    }  # fmt: skip
    listed = (await door.get("/v1/customers/cus_1/access")).json()
    assert listed["data"] == [told]


async def test_all_that_is_limited_is_listed(door: Door) -> None:
    calls, pages = await meter(door), await meter(door, name="pages")
    await meter(door, name="free")
    await post(door, "billing/usage_limits", meter=calls, limit="1")
    await post(door, "customers/cus_1/access/revoke", meter=pages, reason="abuse")
    await post(door, "customers/cus_1/access/revoke", reason="unpaid")
    listed = (await door.get("/v1/customers/cus_1/access")).json()["data"]
    assert {one["meter"] for one in listed} == {None, calls, pages}
    assert all(one["reason"] == "revoked" for one in listed)


async def test_the_life_of_a_limit(door: Door) -> None:
    calls = await meter(door)
    made = await post(door, "billing/usage_limits", meter=calls, limit="5", customer="cus_1")
    path = f"billing/usage_limits/{made['id']}"
    raised = await post(door, path, limit="8")
    assert raised == (await door.get(f"/v1/{path}")).json()
    listed = (await door.get("/v1/billing/usage_limits", params={"customer": "cus_1"})).json()
    assert listed["data"] == [raised]
    gone = await door.ask("DELETE", f"/v1/{path}")
    assert gone.json() == {"id": made["id"], "object": "billing.usage_limit", "deleted": True}
    assert (await door.get(f"/v1/{path}")).status_code == 404
    changes = (await door.get("/v1/customers/cus_1/limit_changes")).json()["data"]
    assert [(one["before"], one["after"]) for one in changes] == [
        ("8", None), ("5", "8"), (None, "5"),
    ]  # fmt: skip
    assert all(one["set_by"] == "operator" and one["request"] for one in changes)


async def test_what_a_limit_cannot_be(door: Door) -> None:
    calls, level = await meter(door), await meter(door, "last", "level")
    path = "billing/usage_limits"
    await post(door, path, meter=calls, limit="100", customer="cus_1", period="month")
    own = {"meter": calls, "customer": "cus_1", "period": "month", "set_by": "customer"}
    refused = [
        ({"meter": calls, "limit": "0"}, "limit"),
        ({"meter": calls, "limit": "-4"}, "limit"),
        ({"meter": calls, "limit": "1e3"}, "limit"),
        ({"meter": calls}, "limit"),
        ({"meter": "none", "limit": "1"}, "meter"),
        ({"meter": calls, "limit": "1", "customer": "none"}, "customer"),
        ({"meter": calls, "limit": "1", "currency": "eur"}, "currency"),
        ({"meter": level, "limit": "1", "period": "month"}, "period"),
        ({"meter": calls, "limit": "1", "set_by": "customer"}, "customer"),
        ({**own, "limit": "101"}, "limit"),
        ({"meter": calls, "limit": "7", "customer": "cus_1", "period": "month"}, "kind"),
    ]
    for fields, param in refused:
        status, told = await error(door, path, **fields)
        assert (status in (400, 404), told.get("param")) == (True, param), (fields, told)
    made = await post(door, path, limit="100", **own)
    status, told = await error(door, f"{path}/{made['id']}", limit="100.5")
    assert (status, told["code"]) == (400, "limit_too_high")


async def test_what_cannot_be_reserved(door: Door) -> None:
    calls, level = await meter(door), await meter(door, "last", "level")
    count = await meter(door, "count", "count")
    await post(door, "billing/usage_limits", meter=calls, limit="10")
    path = "customers/cus_1/access/reserve"
    status, told = await error(door, path, meter=calls, quantity="10.5")
    assert (status, told["code"], told["param"]) == (402, "limit_reached", "quantity")
    assert "10 can be reserved" in told["message"]
    for fields, param in (
        ({"meter": calls, "quantity": "0"}, "quantity"),
        ({"meter": calls, "quantity": "1", "expires_in": 3601}, "expires_in"),
        ({"meter": level, "quantity": "1"}, "meter"),
        ({"meter": count, "quantity": "2"}, "quantity"),
        ({"meter": "none", "quantity": "1"}, "meter"),
        ({"quantity": "1"}, "meter"),
    ):
        status, told = await error(door, path, **fields)
        assert (status in (400, 404), told.get("param")) == (True, param), (fields, told)
    assert (await error(door, "customers/none/access/reserve", meter=calls, quantity="1"))[0] == 404
    made = await post(door, path, meter=calls, quantity="3")
    status, told = await error(door, f"access/reservations/{made['id']}/commit", quantity="3.1")
    assert (status, told["param"]) == (400, "quantity")
    await post(door, "customers/cus_1/access/revoke")
    status, told = await error(door, path, meter=calls, quantity="1")
    assert (status, told["code"]) == (402, "access_revoked")


async def test_a_reservation_from_its_making_to_its_end(door: Door) -> None:
    calls = await meter(door, **{"dimension_payload_keys[0]": "region"})
    path = "customers/cus_1/access/reserve"
    made = await post(door, path, meter=calls, quantity="3", expires_in=10)
    one = f"access/reservations/{made['id']}"
    assert made == (await door.get(f"/v1/{one}")).json()
    assert (made["object"], made["status"]) == ("access.reservation", "reserved")
    done = await post(door, f"{one}/commit", quantity="2", **{"payload[region]": "eu"})
    assert (done["status"], done["committed"]) == ("committed", "2")
    again = await post(door, f"{one}/commit", quantity="2", **{"payload[region]": "eu"})
    assert again == done
    other = await post(door, path, meter=calls, quantity="3", expires_in=10)
    door.clock.advance(10_000)
    late = (await door.get(f"/v1/access/reservations/{other['id']}")).json()
    assert late["status"] == "expired"
    told = (await door.get("/v1/customers/cus_1/access", params={"meter": calls})).json()
    assert (told["used"], told["reserved"], told["limit"]) == ("2", "0", None)


async def test_a_retry_reserves_nothing_more(door: Door) -> None:
    calls = await meter(door)
    headers = {"Idempotency-Key": "once"}
    path, form = "/v1/customers/cus_1/access/reserve", {"meter": calls, "quantity": "3"}
    first = await door.post(path, data=form, headers=headers)
    again = await door.post(path, data=form, headers=headers)
    assert first.json() == again.json()
    told = (await door.get("/v1/customers/cus_1/access", params={"meter": calls})).json()
    assert told["reserved"] == "3"


async def test_whose_access_it_is(door: Door) -> None:
    calls = await meter(door)
    for key in (door.key(live=True), door.key({Resource.CUSTOMERS: Access.WRITE})):
        answer = await door.get("/v1/customers/cus_1/access", key, params={"meter": calls})
        assert answer.status_code in (403, 404)
    allowed = door.key({Resource.ACCESS: Access.READ})
    assert (await door.get("/v1/customers/cus_1/access", allowed)).status_code == 200
    refused = await door.post("/v1/customers/cus_1/access/revoke", allowed)
    assert refused.status_code == 403
    await door.ask("DELETE", "/v1/customers/cus_1")
    for path in ("access", f"access?meter={calls}"):
        assert (await door.get(f"/v1/customers/cus_1/{path}")).status_code == 404
