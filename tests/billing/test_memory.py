"""What memory knows of billed usage is what the store says, whatever happens in between."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.clock import DAY_MS
from support.door import Door, open_door
from tripmeter.billing.agenda import do_what_is_due
from tripmeter.billing.changes import update_subscription
from tripmeter.control.access import default_account
from tripmeter.model.errors import StateConflict
from tripmeter.model.scope import Caller, Scope
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Work


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


async def post(door: Door, path: str, **fields: Any) -> Any:
    answer = await door.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def subscribed(door: Door) -> Any:
    """A customer `cus_1` who is billed a cent for a call."""
    await post(door, "/v1/customers", id="cus_1")
    shown = {"display_name": "Calls", "event_name": "calls"}
    meter = await post(
        door, "/v1/billing/meters", **shown, **{"default_aggregation[formula]": "sum"}
    )
    product = await post(door, "/v1/products", name="Calls")
    price = await post(
        door,
        "/v1/prices",
        product=product["id"],
        currency="usd",
        unit_amount="1",
        **{
            "recurring[interval]": "month",
            "recurring[usage_type]": "metered",
            "recurring[meter]": meter["id"],
        },
    )
    return await post(
        door, "/v1/subscriptions", customer="cus_1", **{"items[0][price]": price["id"]}
    )


async def use(door: Door, value: int) -> None:
    fields = {"payload[stripe_customer_id]": "cus_1", "payload[value]": str(value)}
    await post(door, "/v1/billing/meter_events", event_name="calls", **fields)


async def billed(door: Door, subscription: str) -> Any:
    """What a last invoice says."""
    await door.ask("DELETE", f"/v1/subscriptions/{subscription}", params={"invoice_now": "true"})
    found = (await door.get("/v1/invoices", params={"subscription": subscription})).json()
    return found["data"][0]["total"]


@pytest.mark.parametrize("in_use", [True, False])
async def test_a_change_that_is_rolled_back_changes_no_usage(door: Door, in_use: bool) -> None:
    made = await subscribed(door)
    item = made["items"]["data"][0]
    if in_use:
        await use(door, 5)
    change = {"items": [{"id": item["id"], "deleted": True}, {"price": item["price"]["id"]}]}

    def fail(work: Work) -> None:
        account = default_account(work.session, work.now_ms)
        update_subscription(work, Caller(Scope(account.id, False)), made["id"], change)
        raise StateConflict("It was not meant.")

    with pytest.raises(StateConflict, match="not meant"):
        door.engine.writer.ask_and_wait(CommandJob(fail))
    await use(door, 7)
    assert await billed(door, made["id"]) == (12 if in_use else 7)


async def test_usage_that_comes_late_in_life_belongs_to_its_period(door: Door) -> None:
    made = await subscribed(door)
    for _ in range(3):
        door.clock.set(door.clock.now_ms() + 32 * DAY_MS)
        door.engine.writer.ask_and_wait(CommandJob(do_what_is_due))
    await use(door, 5)
    assert await billed(door, made["id"]) == 5
