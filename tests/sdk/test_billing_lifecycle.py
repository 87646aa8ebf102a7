"""What becomes of subscriptions and invoices in time: who owes, who is too quick, what ends."""

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import stripe

from sdk.shop import DAY, START, Client, Shop, lines, reporting
from support.inbox import Inbox


@pytest.fixture
def shop(client: Client, meter: stripe.billing.Meter) -> Shop:
    return Shop(client, meter.id)


@pytest.fixture
def today(client: Client, meter: stripe.billing.Meter) -> Shop:
    """A shop whose clock shows what the world's does: usage can be reported there."""
    return Shop(client, meter.id, int(time.time()))


@pytest.fixture
def use(client: Client, event_name: str) -> Callable[..., None]:
    """Reports usage of a customer."""
    return reporting(client, event_name)


def status(shop: Shop, subscription: Any) -> str:
    """Where a subscription stands."""
    return str(shop.client.v1.subscriptions.retrieve(subscription.id).status)


def told(shop: Shop, subscription: Any) -> list[str]:
    """What `customer.subscription.updated` said of its status, oldest first."""
    return [
        event.data.object.status
        for event in shop.events("customer.subscription.updated")
        if event.data.object.id == subscription.id
        and "status" in event.data.to_dict().get("previous_attributes", {})
    ]


# --- who owes ----------------------------------------------------------------------------------

BY_MAIL: dict[str, Any] = {"collection_method": "send_invoice", "days_until_due": 7}


def test_a_subscription_is_past_due_while_an_invoice_of_it_is(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), **BY_MAIL)
    (first,) = shop.invoices(made)
    assert (first.status, first.due_date, status(shop, made)) == ("open", START + 7 * DAY, "active")
    shop.advance(START + 7 * DAY - 1)
    assert status(shop, made) == "active"
    shop.advance(START + 7 * DAY)
    assert status(shop, made) == "past_due"
    assert [one.id for one in shop.client.v1.subscriptions.list({"status": "past_due"})] == [
        made.id
    ]
    shop.client.v1.invoices.pay(first.id, {"paid_out_of_band": True})
    assert (status(shop, made), told(shop, made)) == ("active", ["past_due", "active"])


@pytest.mark.parametrize("way_out", ["void_invoice", "mark_uncollectible"])
def test_arrears_end_with_the_last_invoice_that_is_overdue(shop: Shop, way_out: str) -> None:
    made = shop.subscribe(shop.price(), **BY_MAIL)
    shop.advance(START + (31 + 7) * DAY)
    first, second = shop.invoices(made)
    assert (status(shop, made), told(shop, made)) == ("past_due", ["past_due"])
    shop.client.v1.invoices.pay(second.id)
    assert status(shop, made) == "past_due"
    getattr(shop.client.v1.invoices, way_out)(first.id)
    assert status(shop, made) == "active"


def test_an_invoice_that_is_finalized_by_hand_is_overdue_too(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), trial_period_days=3, **BY_MAIL)
    terms: Any = {
        "subscription": made.id,
        "customer": shop.customer,
        **BY_MAIL,
        "auto_advance": False,
    }
    item: Any = {"customer": shop.customer, "amount": 500, "currency": "usd"}
    item["subscription"] = made.id
    shop.client.v1.invoice_items.create(item)
    draft = shop.client.v1.invoices.create(terms)
    shop.client.v1.invoices.finalize_invoice(draft.id)
    shop.advance(START + 7 * DAY)
    overdue = [event.data.object.id for event in shop.events("invoice.overdue")]
    assert (draft.id in overdue, status(shop, made)) == (True, "past_due")


def test_a_new_anchor_forgives_nobody(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), **BY_MAIL)
    shop.advance(START + 8 * DAY)
    assert shop.update(made, billing_cycle_anchor="now").status == "past_due"


# --- who is too quick --------------------------------------------------------------------------


def test_no_more_than_ten_invoices_a_minute_are_made_however_they_are_asked_for(
    shop: Shop, inbox: Inbox
) -> None:
    made = shop.subscribe({"price": shop.price(), "quantity": 1})
    (item,) = made["items"].data
    at_once: Any = {"proration_behavior": "always_invoice"}
    for quantity in range(2, 11):
        shop.update(made, items=[{"id": item.id, "quantity": quantity}], **at_once)
    assert len(shop.invoices(made)) == 10
    endpoint = shop.client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["invoiceitem.created", "product.created"]}
    )
    one_off: Any = {"customer": shop.customer, "subscription": made.id}
    asked: list[Callable[[], Any]] = [
        lambda: shop.update(made, items=[{"id": item.id, "quantity": 11}], **at_once),
        lambda: shop.update(made, billing_cycle_anchor="now"),
        lambda: shop.client.v1.invoices.create(one_off),
    ]
    for ask in asked:
        with pytest.raises(stripe.RateLimitError, match="as many new invoices") as refused:
            ask()
        said = refused.value.headers or {}
        assert said["Stripe-Rate-Limited-Reason"] == "resource-specific"
        assert said["Retry-After"] == "60"
    now = shop.client.v1.subscriptions.retrieve(made.id)
    assert (now["items"].data[0].quantity, now.billing_cycle_anchor) == (10, START)
    assert len(shop.invoices(made)) == 10
    shop.client.v1.products.create({"name": "the next thing that is told of"})
    inbox.wait_for(lambda body: bool(body["type"] == "product.created"))
    assert "invoiceitem.created" not in [one.json["type"] for one in inbox.deliveries]
    shop.client.v1.webhook_endpoints.delete(endpoint.id)
    shop.advance(START + 60)
    shop.update(made, items=[{"id": item.id, "quantity": 11}], **at_once)
    assert len(shop.invoices(made)) == 11


def test_a_threshold_that_runs_away_is_held_back_and_says_so(
    today: Shop, use: Callable[..., None]
) -> None:
    made = today.subscribe(today.metered(10), billing_thresholds={"amount_gte": 100})
    for _ in range(12):
        use(today, 10)
    assert len(today.invoices(made)) == 10
    held = today.client.v1.subscriptions.retrieve(made.id).to_dict()
    assert held["threshold_invoice_held_until"] == made.created + 60
    said = today.events("customer.subscription.updated")[-1].data
    assert said.to_dict()["previous_attributes"] == {"threshold_invoice_held_until": None}
    today.advance(made.created + 60)
    assert [one.total for one in today.invoices(made)][9:] == [100, 300]
    free = today.client.v1.subscriptions.retrieve(made.id).to_dict()
    assert "threshold_invoice_held_until" not in free


def test_a_refusal_is_not_kept_for_its_key_when_it_is_only_for_now(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    create: Any = {"customer": shop.customer, "subscription": made.id}
    for _ in range(9):
        shop.client.v1.invoices.create(create)
    key: Any = {"idempotency_key": f"again-{made.id}"}
    with pytest.raises(stripe.RateLimitError):
        shop.client.v1.invoices.create(create, key)
    shop.advance(START + 60)
    assert shop.client.v1.invoices.create(create, key).status == "draft"


# --- what is a draft for a while ---------------------------------------------------------------


def test_every_cycle_is_a_draft_for_an_hour_in_which_items_are_added(shop: Shop) -> None:
    made = shop.subscribe(shop.price(3_000), trial_period_days=1)
    for ends in (START + DAY, START + 32 * DAY):  # the trial, then the first period
        shop.advance(ends)
        draft = shop.invoices(made)[-1]
        assert (draft.status, draft.automatically_finalizes_at) == ("draft", ends + 3_600)
        item: Any = {"customer": shop.customer, "amount": 70, "currency": "usd"}
        item["invoice"] = draft.id
        shop.client.v1.invoice_items.create(item)
        shop.advance(ends + 3_600)
        final = shop.invoices(made)[-1]
        assert (final.id, final.status, final.amount_paid) == (draft.id, "paid", 3_070)


# --- what ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "then"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_that_is_ended_early_ends_as_was_asked_for(
    shop: Shop, said: str, then: str
) -> None:
    settings: Any = {"end_behavior": {"missing_payment_method": said}}
    made = shop.subscribe(shop.price(), trial_period_days=9, trial_settings=settings)
    shop.advance(START + DAY)
    ended = shop.update(made, trial_end="now")
    assert (ended.status, ended.trial_end) == (then, START + DAY)
    assert len(shop.invoices(made)) == 1
    shop.advance(START + 20 * DAY)
    assert (status(shop, made), len(shop.invoices(made))) == (then, 1)


def test_a_trial_goes_on_to_be_paid_where_that_is_said_with_its_end(shop: Shop) -> None:
    settings: Any = {"end_behavior": {"missing_payment_method": "pause"}}
    made = shop.subscribe(shop.price(), trial_period_days=9, trial_settings=settings)
    settings["end_behavior"]["missing_payment_method"] = "create_invoice"
    ended = shop.update(made, trial_end="now", trial_settings=settings)
    assert (ended.status, len(shop.invoices(made))) == ("active", 2)


def test_a_refused_change_is_told_to_nobody(client: Client, customer: Any, inbox: Inbox) -> None:
    """Whatever happened on the way to the refusal."""
    endpoint = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["price.created", "product.created"]}
    )
    product = client.v1.products.create({"name": "Pro"}).id
    data = {"currency": "usd", "product": product, "recurring": {"interval": "month"}}
    items: Any = [{"price_data": {**data, "unit_amount": 5}}, {"price": "price_no"}]
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        client.v1.subscriptions.create({"customer": customer.id, "items": items})
    client.v1.products.create({"name": "the next thing that is told of"})
    inbox.wait_for(lambda body: "next thing" in body["data"]["object"].get("name", ""))
    assert "price.created" not in [one.json["type"] for one in inbox.deliveries]
    client.v1.webhook_endpoints.delete(endpoint.id)


def test_a_reset_bills_quantities_anew(today: Shop, use: Callable[..., None]) -> None:
    threshold = {"amount_gte": 1_000, "reset_billing_cycle_anchor": True}
    made = today.subscribe(today.price(3_000), today.metered(10), billing_thresholds=threshold)
    begun, ends = made.created, made["items"].data[0].current_period_end
    at = begun + 10 * DAY
    today.advance(at)
    use(today, 100, at)
    unused = -round(Fraction(3_000 * (ends - at), ends - begun))
    issued = today.invoices(made)[-1]
    assert (issued.billing_reason, sorted(lines(issued))) == (
        "subscription_threshold",
        [unused, 1_000, 3_000],
    )
    today.advance(ends + DAY)
    assert len(today.invoices(made)) == 2, "the period goes on: it began with the crossing"


# --- in which currency, with which codes -------------------------------------------------------


@pytest.mark.parametrize("first", ["a draft", "an item"])
def test_the_first_thing_that_is_to_be_billed_settles_the_currency(shop: Shop, first: str) -> None:
    v1, own = shop.client.v1, {"customer": shop.customer}
    begin: Any = {**own, "currency": "eur"}
    if first == "a draft":
        v1.invoices.create(begin)
    else:
        begin["amount"] = 100
        v1.invoice_items.create(begin)
    assert v1.customers.retrieve(shop.customer).currency == "eur"
    (told,) = [
        event.data.to_dict()["previous_attributes"]
        for event in shop.events("customer.updated")
        if event.data.object.id == shop.customer
    ]
    assert told == {"currency": None}
    second: Any = {**own, "currency": "usd", "amount": 100}
    for ask in (
        lambda: v1.invoice_items.create(second),
        lambda: v1.invoices.create({"customer": shop.customer, "currency": "usd"}),
        lambda: v1.customers.balance_transactions.create(
            shop.customer, {"currency": "usd", "amount": 100}
        ),
        lambda: shop.subscribe(shop.price()),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="eur"):
            ask()


def test_a_code_for_a_first_payment_is_for_one(shop: Shop) -> None:
    v1 = shop.client.v1
    coupon = v1.coupons.create({"percent_off": 50}).id
    code = v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon},
            "restrictions": {"first_time_transaction": True},
        }
    ).id
    given: Any = [{"promotion_code": code}]
    first = shop.subscribe(shop.price(1_000), discounts=given)
    assert shop.invoices(first)[0].total == 500
    with pytest.raises(stripe.InvalidRequestError, match="first payment") as refused:
        shop.subscribe(shop.price(1_000), discounts=given)
    assert refused.value.param == "discounts[0][promotion_code]"


def test_a_code_for_large_amounts_is_for_those(shop: Shop) -> None:
    v1 = shop.client.v1
    coupon = v1.coupons.create({"percent_off": 50}).id
    least: Any = {"minimum_amount": 2_000, "minimum_amount_currency": "usd"}
    code = v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon}, "restrictions": least}
    ).id
    price, given = shop.price(1_000), [{"promotion_code": code}]
    with pytest.raises(stripe.InvalidRequestError, match="or more"):
        shop.subscribe({"price": price, "quantity": 1}, discounts=given)
    made = shop.subscribe({"price": price, "quantity": 2}, discounts=given)
    assert shop.invoices(made)[0].total == 1_000


# --- what is billed by what --------------------------------------------------------------------


def test_a_price_that_changes_with_the_period_had_no_usage_in_the_former_one(
    today: Shop, use: Callable[..., None]
) -> None:
    """Its flat amount is due for the periods that it is there for, and for no other one."""

    def tiered(flat: int, **recurring: Any) -> str:
        tiers = [{"up_to": "inf", "unit_amount": 2, "flat_amount": flat}]
        by_usage = {"interval": "month", "usage_type": "metered", "meter": today.meter}
        return today.price(
            None, billing_scheme="tiered", tiers_mode="graduated", tiers=tiers,
            recurring={**by_usage, **recurring},
        )  # fmt: skip

    made = today.subscribe(tiered(500))
    use(today, 10)
    (item,) = made["items"].data
    yearly = tiered(9_000, interval="year")
    changed = today.update(
        made, items=[{"id": item.id, "price": yearly}], expand=["latest_invoice"]
    )
    assert sorted(lines(changed.latest_invoice)) == [20, 500]
