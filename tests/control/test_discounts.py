"""Giving discounts: who may be given which, what is counted, and what is told of it."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from support.clock import DAY_MS, START_MS
from support.door import Door, open_door
from tripmeter.control.access import default_account
from tripmeter.control.discounts import announce_discounts, give_discounts
from tripmeter.model.catalogue import Discount
from tripmeter.model.errors import Refusal
from tripmeter.model.scope import Caller, Scope
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.periods import add_months

NOW_S = START_MS // 1000
JENNY = Recipient(NOW_S, "cus_1", subscription="sub_1", currency="usd", amount=1_000)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        await opened.post("/v1/customers", data={"id": "cus_1"})
        yield opened


def within(door: Door, change: Callable[[Work, Caller], Any]) -> Any:
    """What a change in a transaction of its own gives."""

    def moved(work: Work) -> Any:
        account = default_account(work.session, work.now_ms)
        return change(work, Caller(Scope(account.id, False)))

    return door.engine.writer.ask_and_wait(CommandJob(moved))


def give(
    door: Door, *given: dict[str, str], to: Recipient = JENNY, held: Sequence[Discount] = ()
) -> tuple[Discount, ...]:
    """The discounts that are given, and announced."""

    def change(work: Work, caller: Caller) -> Any:
        made = give_discounts(work, caller, given, to, held=held)
        announce_discounts(work, caller, held, made)
        return made

    made: tuple[Discount, ...] = within(door, change)
    return made


async def create(door: Door, resource: str, **fields: Any) -> str:
    """The id of what was created."""
    answer = await door.post(f"/v1/{resource}", data=fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def create_coupon(door: Door, **terms: Any) -> str:
    """A coupon of a tenth, or of what is said."""
    return await create(door, "coupons", **(terms or {"percent_off": "10"}))


async def create_code(door: Door, coupon: str, **more: Any) -> str:
    """A promotion code for a coupon."""
    promotion = {"promotion[type]": "coupon", "promotion[coupon]": coupon}
    return await create(door, "promotion_codes", **promotion, **more)


async def events(door: Door, prefix: str) -> list[dict[str, Any]]:
    """Events whose type begins so, oldest first."""
    found = (await door.get("/v1/events", params={"limit": 100})).json()["data"]
    return [one for one in reversed(found) if one["type"].startswith(prefix)]


async def test_a_coupon_is_given_and_counted(door: Door) -> None:
    terms = {"percent_off": "10", "duration": "repeating", "duration_in_months": "3"}
    coupon = await create_coupon(door, **terms)
    (made,) = give(door, {"coupon": coupon})
    assert made.id.startswith("di_")
    assert (made.customer, made.subscription) == ("cus_1", "sub_1")
    assert (made.start, made.end) == (NOW_S, add_months(NOW_S * 1000, 3) // 1000)
    assert (await door.get(f"/v1/coupons/{coupon}")).json()["times_redeemed"] == 1
    (updated,) = await events(door, "coupon.updated")
    assert updated["data"]["previous_attributes"] == {"times_redeemed": 0}
    (created,) = await events(door, "customer.discount")
    assert created["type"] == "customer.discount.created"
    assert created["data"]["object"]["source"] == {"type": "coupon", "coupon": coupon}


async def test_what_is_used_up_by_a_discount_retires(door: Door) -> None:
    coupon = await create_coupon(door, percent_off="10", max_redemptions="2")
    code = await create_code(door, coupon, max_redemptions="1")
    other = await create_code(door, coupon)
    (made,) = give(door, {"promotion_code": code})
    assert (made.coupon, made.promotion_code) == (coupon, code)
    assert (await door.get(f"/v1/promotion_codes/{code}")).json()["active"] is False
    assert (await door.get(f"/v1/promotion_codes/{other}")).json()["active"] is True
    give(door, {"coupon": coupon})
    assert (await door.get(f"/v1/promotion_codes/{other}")).json()["active"] is False
    assert (await door.get(f"/v1/coupons/{coupon}")).json()["valid"] is False
    switched = await door.post(f"/v1/promotion_codes/{other}", data={"active": "true"})
    assert switched.json()["error"]["code"] == "coupon_expired"


async def test_discounts_that_are_there_are_kept_and_the_others_are_told_of(door: Door) -> None:
    first, second = await create_coupon(door), await create_coupon(door)
    held = give(door, {"coupon": first})
    both = give(door, {"discount": held[0].id}, {"coupon": second}, held=held)
    assert both[0] == held[0]
    third = await create_coupon(door)
    (changed,) = give(door, {"coupon": third}, held=held)
    assert give(door, held=(changed,)) == ()
    told = [one["type"].rpartition(".")[2] for one in await events(door, "customer.discount")]
    assert told == ["created", "created", "updated", "deleted"]
    assert (await door.get(f"/v1/coupons/{first}")).json()["times_redeemed"] == 1


async def test_what_cannot_be_given_is_refused_by_name_and_not_counted(door: Door) -> None:
    good = await create_coupon(door)
    soon = str(NOW_S + 86_400)
    ending = await create_coupon(door, percent_off="10", redeem_by=soon)
    once = await create_coupon(door, percent_off="10", max_redemptions="1")
    give(door, {"coupon": once})
    euros = await create_coupon(door, amount_off="5", currency="eur")
    gone = await create_coupon(door)
    await door.ask("DELETE", f"/v1/coupons/{gone}")
    inactive = await create_code(door, good, active="false")
    big = {
        "restrictions[minimum_amount]": "1001",
        "restrictions[minimum_amount_currency]": "usd",
    }
    large = await create_code(door, good, **big)
    door.clock.advance(DAY_MS)
    later = JENNY._replace(at_s=NOW_S + 86_400)
    refused: list[tuple[dict[str, str], str, str | None]] = [
        ({}, "discounts[1]", None),
        ({"coupon": good, "discount": "di_1"}, "discounts[1][coupon]", None),
        ({"coupon": good}, "discounts[1][coupon]", None),
        ({"coupon": "NO"}, "discounts[1][coupon]", None),
        ({"coupon": gone}, "discounts[1][coupon]", None),
        ({"coupon": ending}, "discounts[1][coupon]", "coupon_expired"),
        ({"coupon": once}, "discounts[1][coupon]", "coupon_expired"),
        ({"coupon": euros}, "discounts[1][coupon]", None),
        ({"discount": "di_no"}, "discounts[1][discount]", None),
        ({"promotion_code": "promo_no"}, "discounts[1][promotion_code]", None),
        ({"promotion_code": inactive}, "discounts[1][promotion_code]", None),
        ({"promotion_code": large}, "discounts[1][promotion_code]", None),
    ]
    for entry, param, code in refused:
        with pytest.raises(Refusal) as found:
            give(door, {"coupon": good}, entry, to=later)
        named: Any = found.value
        where = named.params[0] if hasattr(named, "params") else named.param
        assert (where, getattr(named, "code", None)) == (param, code)
    assert (await door.get(f"/v1/coupons/{good}")).json()["times_redeemed"] == 0


async def test_a_customers_discount_is_shown_and_taken_away(door: Door) -> None:
    coupon = await create_coupon(door)

    def change(work: Work, caller: Caller) -> None:
        kept = work.session.customers.get(caller.scope, "cus_1")
        entries = [{"coupon": coupon}]
        (made,) = give_discounts(work, caller, entries, Recipient(NOW_S, "cus_1"))
        work.session.customers.replace(kept.no, structs.replace(kept.value, discount=made))

    within(door, change)
    expand = {"expand[]": ["discount.source.coupon", "discount.customer"]}
    shown = (await door.get("/v1/customers/cus_1", params=expand)).json()["discount"]
    assert shown["source"]["coupon"]["percent_off"] == 10
    assert shown["customer"]["id"] == "cus_1"
    taken = (await door.ask("DELETE", "/v1/customers/cus_1/discount")).json()
    assert (taken["id"], taken["object"], taken["deleted"]) == (shown["id"], "discount", True)
    assert (await door.get("/v1/customers/cus_1")).json()["discount"] is None
    (deleted,) = await events(door, "customer.discount")
    assert deleted["type"] == "customer.discount.deleted"
    again = await door.ask("DELETE", "/v1/customers/cus_1/discount")
    assert again.status_code == 404
