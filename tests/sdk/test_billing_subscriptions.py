"""Subscriptions after they were made, with the official SDK: terms, items, prorations, ends."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from msgspec import structs

from sdk.shop import DAY, START, Shop, lines, reporting
from support.beside import scope_of, write_beside
from support.server import Server
from tripmeter.model.catalogue import Discount
from tripmeter.ports import Session

Client = stripe.StripeClient


@pytest.fixture
def shop(client: Client, meter: stripe.billing.Meter) -> Shop:
    return Shop(client, meter.id)


@pytest.fixture
def use(client: Client, event_name: str) -> Callable[..., None]:
    """Reports usage of a customer."""
    return reporting(client, event_name)


def test_a_quantity_that_changes_is_prorated_to_the_second(shop: Shop) -> None:
    made = shop.subscribe({"price": shop.price(), "quantity": 1})
    assert lines(shop.invoices(made)[0]) == [3_100]
    shop.advance(START + 10 * DAY)
    item = made["items"].data[0]
    changed = shop.update(made, items=[{"id": item.id, "quantity": 3}])
    assert changed["items"].data[0].quantity == 3
    assert [amount for amount, _ in shop.waiting()] == [-2_100, 6_300]
    assert shop.waiting()[0][1] == "Unused time on 1 x Pro after 11 Oct 2026"
    shop.advance(START + 32 * DAY)
    assert sorted(lines(shop.invoices(made)[1])) == [-2_100, 6_300, 9_300]


def test_prorations_can_be_billed_at_once_or_left_out(shop: Shop) -> None:
    made = shop.subscribe({"price": shop.price(), "quantity": 1})
    (item,) = made["items"].data
    shop.advance(START + 10 * DAY)
    two = [{"id": item.id, "quantity": 2}]
    now = shop.update(
        made, items=two, proration_behavior="always_invoice", expand=["latest_invoice"]
    )
    invoice = now.latest_invoice
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert (lines(invoice), invoice.total) == ([-2_100, 4_200], 2_100)
    details = invoice.lines.data[0].parent.subscription_item_details
    assert (details.proration, details.subscription_item) == (True, item.id)
    shop.update(made, items=[{"id": item.id, "quantity": 9}], proration_behavior="none")
    assert len(shop.waiting()) == 2


def test_prorations_are_reckoned_as_of_another_moment(shop: Shop) -> None:
    made = shop.subscribe({"price": shop.price(), "quantity": 1})
    (item,) = made["items"].data
    shop.advance(START + 10 * DAY)
    at = START + 1 * DAY
    shop.update(made, items=[{"id": item.id, "quantity": 2}], proration_date=at)
    assert [amount for amount, _ in shop.waiting()] == [-3_000, 6_000]


def test_a_change_that_is_taken_back_leaves_nothing(shop: Shop) -> None:
    made = shop.subscribe({"price": shop.price(3_333), "quantity": 1})
    (item,) = made["items"].data
    shop.advance(START + 7 * DAY + 12_345)
    for quantity in (5, 1):
        shop.update(made, items=[{"id": item.id, "quantity": quantity}])
    assert sum(amount for amount, _ in shop.waiting()) == 0


def test_items_are_added_changed_and_deleted(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), shop.price(6_200))
    first, second = made["items"].data
    shop.advance(START + 30 * DAY)
    items: list[Any] = [
        {"id": first.id, "deleted": True},
        {"id": second.id, "metadata": {"seat": "a"}, "price": shop.price(9_300)},
        {"price": shop.price(310), "quantity": 2},
    ]
    changed = shop.update(made, items=items)
    kept, added = changed["items"].data
    assert (kept.id, kept.metadata["seat"], kept.price.unit_amount) == (second.id, "a", 9_300)
    assert (added.quantity, added.price.unit_amount) == (2, 310)
    assert [amount for amount, _ in shop.waiting()] == [-100, -200, 300, 20]
    (told,) = [
        e for e in shop.events("customer.subscription.updated") if e.data.object.id == made.id
    ]
    assert "items" in told.data.previous_attributes


def test_usage_of_a_price_that_is_replaced_waits_for_the_next_invoice(
    client: Client, meter: stripe.billing.Meter, use: Callable[..., None]
) -> None:
    shop = Shop(client, meter.id, int(time.time()))
    cheap, dear = shop.metered(10), shop.metered(20)
    made = shop.subscribe(cheap, billing_thresholds={"amount_gte": 1_000})
    (item,) = made["items"].data
    use(shop, 90)
    shop.update(made, items=[{"id": item.id, "price": dear}])
    assert [amount for amount, _ in shop.waiting()] == [900]
    use(shop, 45)  # 900 again: the threshold starts over
    assert len(shop.invoices(made)) == 1
    use(shop, 5)
    assert [(one.billing_reason, one.total) for one in shop.invoices(made)][1:] == [
        ("subscription_threshold", 1_000)
    ]
    shop.advance(int(time.time()) + 33 * DAY)
    (last,) = [one for one in shop.invoices(made) if one.billing_reason == "subscription_cycle"]
    assert lines(last) == [900]


def test_usage_of_a_deleted_item_is_billed_unless_it_is_forgotten(
    client: Client, meter: stripe.billing.Meter, use: Callable[..., None]
) -> None:
    shop = Shop(client, meter.id, int(time.time()))
    made = shop.subscribe(shop.price(), shop.metered(10), shop.metered(1))
    _, dear, cheap = made["items"].data
    use(shop, 100)
    always: Any = {"proration_behavior": "always_invoice"}
    items: list[Any] = [
        {"id": dear.id, "deleted": True},
        {"id": cheap.id, "deleted": True, "clear_usage": True},
    ]
    changed = shop.update(made, items=items, **always, expand=["latest_invoice"])
    assert (lines(changed.latest_invoice), len(changed["items"].data)) == ([1_000], 1)
    use(shop, 7)
    added = client.v1.subscription_items.create({"subscription": made.id, "price": shop.metered(5)})
    use(shop, 3)
    client.v1.subscription_items.delete(added.id)
    assert [amount for amount, _ in shop.waiting()] == [1_000, 15]


@pytest.mark.parametrize("now", ["now", {"type": "now"}])
def test_a_billing_cycle_begins_anew(shop: Shop, now: Any) -> None:
    made = shop.subscribe(shop.price())
    shop.advance(START + 10 * DAY)
    changed = shop.update(made, billing_cycle_anchor=now, expand=["latest_invoice"])
    assert changed.billing_cycle_anchor == START + 10 * DAY
    (item,) = changed["items"].data
    assert (item.current_period_start, item.current_period_end) == (
        START + 10 * DAY,
        START + 41 * DAY,
    )
    assert changed.latest_invoice.billing_reason == "subscription_update"
    assert sorted(lines(changed.latest_invoice)) == [-2_100, 3_100]
    same = shop.update(made, billing_cycle_anchor="unchanged")
    assert same.billing_cycle_anchor == changed.billing_cycle_anchor


def test_another_interval_begins_a_period_at_once(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    (item,) = made["items"].data
    yearly = shop.price(31_000, recurring={"interval": "year"})
    shop.advance(START + 10 * DAY)
    changed = shop.update(made, items=[{"id": item.id, "price": yearly}], expand=["latest_invoice"])
    assert sorted(lines(changed.latest_invoice)) == [-2_100, 31_000]
    assert changed["items"].data[0].current_period_end == START + (10 + 365) * DAY


def test_usage_is_billed_when_a_cycle_begins_anew(
    client: Client, meter: stripe.billing.Meter, use: Callable[..., None]
) -> None:
    shop = Shop(client, meter.id, int(time.time()))
    made = shop.subscribe(shop.metered(10))
    use(shop, 5)
    changed = shop.update(made, billing_cycle_anchor="now", expand=["latest_invoice"])
    assert (lines(changed.latest_invoice), changed.latest_invoice.status) == ([50], "paid")
    use(shop, 2)
    shop.advance(int(time.time()) + 40 * DAY)
    assert [one.total for one in shop.invoices(made)] == [0, 50, 20]


def test_a_trial_is_given_moved_and_ended(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    shop.advance(START + 10 * DAY)
    trial = shop.update(made, trial_end=START + 20 * DAY)
    assert (trial.status, trial.trial_start, trial.billing_cycle_anchor) == (
        "trialing",
        START + 10 * DAY,
        START + 20 * DAY,
    )
    assert lines(shop.invoices(made)[-1]) == [-2_100]
    longer = shop.update(made, trial_end=START + 25 * DAY)
    assert (longer.trial_end, longer.trial_start) == (START + 25 * DAY, START + 10 * DAY)
    assert len(shop.invoices(made)) == 2
    ended = shop.update(made, trial_end="now", expand=["latest_invoice"])
    assert (ended.status, ended.trial_end, ended.billing_cycle_anchor) == (
        "active",
        START + 10 * DAY,
        START + 10 * DAY,
    )
    assert lines(ended.latest_invoice) == [3_100]
    assert ended.latest_invoice.starting_balance == -2_100


def test_a_trial_that_converts_has_thresholds_from_then_on(
    client: Client, meter: stripe.billing.Meter, use: Callable[..., None]
) -> None:
    shop = Shop(client, meter.id, int(time.time()))
    made = shop.subscribe(
        shop.metered(10), trial_period_days=7, billing_thresholds={"amount_gte": 100}
    )
    use(shop, 50)
    assert len(shop.invoices(made)) == 1
    converted = shop.update(made, trial_end="now")
    assert converted.status == "active"
    use(shop, 9)
    use(shop, 1)
    assert [(one.billing_reason, one.total) for one in shop.invoices(made)] == [
        ("subscription_create", 0),
        ("subscription_update", 0),
        ("subscription_threshold", 100),
    ]


def test_a_threshold_that_is_set_below_what_is_due_is_reached_at_once(
    client: Client, meter: stripe.billing.Meter, use: Callable[..., None]
) -> None:
    shop = Shop(client, meter.id, int(time.time()))
    made = shop.subscribe(shop.metered(10))
    (item,) = made["items"].data
    use(shop, 100)
    shop.update(made, billing_thresholds={"amount_gte": 1_001})
    assert len(shop.invoices(made)) == 1
    shop.update(made, billing_thresholds={"amount_gte": 1_000})
    assert shop.invoices(made)[1].threshold_reason.amount_gte == 1_000
    client.v1.subscription_items.update(item.id, {"billing_thresholds": {"usage_gte": 20}})
    use(shop, 19)
    assert len(shop.invoices(made)) == 2
    use(shop, 1)
    (reason,) = shop.invoices(made)[2].threshold_reason.item_reasons
    assert reason.usage_gte == 20
    client.v1.subscription_items.update(item.id, {"billing_thresholds": ""})
    use(shop, 99)
    assert len(shop.invoices(made)) == 3


def test_the_end_of_a_trial_is_told_of_once(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), trial_period_days=5)
    shop.advance(START + 3 * DAY)
    shop.update(made, description="soon")
    shop.advance(START + 4 * DAY)
    told = [
        event
        for event in shop.events("customer.subscription.trial_will_end")
        if event.data.object.id == made.id
    ]
    assert len(told) == 1


def test_an_end_is_planned_and_taken_back(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    details: Any = {"feedback": "too_expensive", "comment": "bye"}
    ends = shop.update(made, cancel_at_period_end=True, cancellation_details=details)
    assert (ends.cancel_at_period_end, ends.canceled_at) == (True, START)
    assert ends.cancellation_details.to_dict() == {
        "comment": "bye",
        "feedback": "too_expensive",
        "feedback_option": None,
        "reason": "cancellation_requested",
    }
    stays = shop.update(made, cancel_at_period_end=False)
    assert (stays.cancel_at, stays.canceled_at) == (None, None)
    at = shop.update(made, cancel_at=START + 10 * DAY)
    assert (at.cancel_at, at.cancel_at_period_end) == (START + 10 * DAY, False)
    assert shop.update(made, cancel_at="").cancel_at is None
    assert shop.update(made, cancel_at="min_period_end").cancel_at == START + 31 * DAY
    shop.update(made, cancel_at=START + 10 * DAY)
    shop.advance(START + 11 * DAY)
    gone = shop.client.v1.subscriptions.retrieve(made.id)
    assert (gone.status, gone.ended_at) == ("canceled", START + 10 * DAY)
    assert lines(shop.invoices(made)[-1]) == [-2_100]


def test_a_subscription_ends_at_the_end_of_its_period(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    shop.update(made, cancel_at_period_end=True)
    shop.advance(START + 40 * DAY)
    gone = shop.client.v1.subscriptions.retrieve(made.id)
    assert (gone.status, gone.ended_at) == ("canceled", START + 31 * DAY)
    assert [one.total for one in shop.invoices(made)] == [3_100]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.update(made, description="late")
    assert refused.value.code == "invalid_canceled_subscription_fields"
    assert shop.update(made, metadata={"why": "price"}).metadata["why"] == "price"


def test_an_end_with_the_period_bills_no_other_one(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), cancel_at="max_period_end")
    shop.advance(START + 32 * DAY)
    assert shop.client.v1.subscriptions.retrieve(made.id).ended_at == START + 31 * DAY
    assert [one.total for one in shop.invoices(made)] == [3_100]


@pytest.mark.parametrize(
    ("params", "total"),
    [
        ({}, None),
        ({"invoice_now": True}, 50),
        ({"invoice_now": True, "prorate": True}, 50 - 3_100),
    ],
)
def test_canceling_bills_what_is_asked_for(
    client: Client,
    meter: stripe.billing.Meter,
    use: Callable[..., None],
    params: Any,
    total: int | None,
) -> None:
    shop = Shop(client, meter.id, int(time.time()))
    made = shop.subscribe(shop.price(), shop.metered(10))
    use(shop, 5)
    details = {"cancellation_details": {"feedback": "unused"}}
    asked: Any = {**params, **details}
    gone: Any = client.v1.subscriptions.cancel(made.id, asked)
    assert (gone.status, gone.cancellation_details.feedback) == ("canceled", "unused")
    assert [one.total for one in shop.invoices(made)][1:] == ([] if total is None else [total])


def test_collection_is_paused(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    at = START
    for behavior, status in (("keep_as_draft", "draft"), ("void", "void")):
        paused = shop.update(made, pause_collection={"behavior": behavior})
        assert paused.pause_collection.behavior == behavior
        at += 32 * DAY
        shop.advance(at)
        assert shop.invoices(made)[-1].status == status
    until = at + 5 * DAY
    pause: Any = {"behavior": "mark_uncollectible", "resumes_at": until}
    assert shop.update(made, pause_collection=pause).pause_collection.resumes_at == until
    shop.advance(until)
    assert shop.client.v1.subscriptions.retrieve(made.id).pause_collection is None
    shop.update(made, pause_collection={"behavior": "mark_uncollectible"})
    shop.advance(until + 27 * DAY)
    assert shop.invoices(made)[-1].status == "uncollectible"
    assert shop.update(made, pause_collection="").pause_collection is None


@pytest.mark.parametrize(
    ("params", "amounts"),
    [({}, [3_100]), ({"billing_cycle_anchor": {"type": "unchanged"}}, [2_800])],
)
def test_a_trial_without_a_payment_method_may_pause_and_be_resumed(
    shop: Shop, params: Any, amounts: list[int]
) -> None:
    settings: Any = {"end_behavior": {"missing_payment_method": "pause"}}
    made = shop.subscribe(shop.price(), trial_period_days=1, trial_settings=settings)
    shop.advance(START + 4 * DAY)
    paused = shop.client.v1.subscriptions.retrieve(made.id)
    assert (paused.status, len(shop.invoices(made))) == ("paused", 1)
    with pytest.raises(stripe.InvalidRequestError, match="Resume it first"):
        shop.update(made, billing_cycle_anchor="now")
    asked: Any = {**params, "expand": ["latest_invoice"]}
    resumed: Any = shop.client.v1.subscriptions.resume(made.id, asked)
    assert (resumed.status, lines(resumed.latest_invoice)) == ("active", amounts)
    types = [e.type for e in shop.client.v1.events.list({"limit": 100}).data]
    assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(types)
    with pytest.raises(stripe.InvalidRequestError, match="Only paused ones"):
        shop.client.v1.subscriptions.resume(made.id)


def test_the_terms_of_a_subscription_change_and_say_so(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    rate = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 10, "inclusive": False}
    )
    changed = shop.update(
        made,
        billing_thresholds={"amount_gte": 500, "reset_billing_cycle_anchor": True},
        collection_method="send_invoice",
        days_until_due=7,
        default_tax_rates=[rate.id],
        description="Pro for Jenny",
        invoice_settings={"footer": "Thanks", "description": "Monthly"},
        metadata={"team": "a"},
        off_session=True,
        payment_behavior="allow_incomplete",
    )
    assert (changed.collection_method, changed.days_until_due) == ("send_invoice", 7)
    assert changed.billing_thresholds.to_dict() == {
        "amount_gte": 500,
        "reset_billing_cycle_anchor": True,
    }
    (told,) = [
        e for e in shop.events("customer.subscription.updated") if e.data.object.id == made.id
    ]
    before = told.data.previous_attributes.to_dict()
    assert (before["collection_method"], before["description"]) == ("charge_automatically", None)
    assert before["billing_thresholds"] is None
    shop.advance(START + 31 * DAY + 3_600)
    invoice = shop.invoices(made)[-1]
    assert (invoice.total, invoice.footer, invoice.description) == (3_410, "Thanks", "Monthly")
    assert (invoice.status, invoice.due_date) == ("open", START + 38 * DAY + 3_600)
    cleared = shop.update(
        made, billing_thresholds="", description="", default_tax_rates="", metadata=""
    )
    assert (cleared.billing_thresholds, cleared.description) == (None, None)
    assert (cleared.default_tax_rates, cleared.metadata.to_dict()) == ([], {})


# --- discounts ---------------------------------------------------------------------------------


def coupon(client: Client, **terms: Any) -> str:
    """Half off, or what is said."""
    params: Any = {"percent_off": 50, "duration": "once", **terms}
    return client.v1.coupons.create(params).id


def test_a_discount_for_once_is_used_up_by_the_first_invoice_that_it_lowers(shop: Shop) -> None:
    once = coupon(shop.client)
    made = shop.subscribe(shop.price(), trial_period_days=1, discounts=[{"coupon": once}])
    assert len(made.discounts) == 1  # the invoice of a trial has nothing to be lowered
    shop.advance(START + 33 * DAY)
    assert [one.total for one in shop.invoices(made)] == [0, 1_550, 3_100]
    assert shop.client.v1.subscriptions.retrieve(made.id).discounts == []


def test_discounts_of_items_apply_to_their_lines_beside_the_others(shop: Shop) -> None:
    forever = coupon(shop.client, duration="forever")
    tenth = coupon(shop.client, percent_off=10, duration="forever")
    own: Any = {"price": shop.price(1_000), "discounts": [{"coupon": forever}]}
    made = shop.subscribe(own, shop.price(2_000), discounts=[{"coupon": tenth}])
    assert shop.invoices(made)[0].total == 450 + 1_800
    (first, _) = made["items"].data
    shop.update(made, items=[{"id": first.id, "discounts": ""}])
    gone: Any = shop.client.v1.subscriptions.delete_discount(made.id)
    assert (gone.deleted, gone.source.coupon) == (True, tenth)
    shop.advance(START + 31 * DAY)
    assert shop.invoices(made)[1].total == 3_000
    with pytest.raises(stripe.InvalidRequestError, match="No such active discount"):
        shop.client.v1.subscriptions.delete_discount(made.id)


def test_a_customers_discount_stands_in_where_a_subscription_has_none(
    shop: Shop, server: Server
) -> None:
    third, half = coupon(shop.client, percent_off=30), coupon(shop.client, duration="forever")
    scope = scope_of(server)

    def give(session: Session) -> None:
        no, customer = session.customers.get(scope, shop.customer)
        given = Discount(id="di_own", coupon=third, start=START, customer=customer.id)
        session.customers.replace(no, structs.replace(customer, discount=given))

    write_beside(server, give)
    own = shop.subscribe(shop.price(1_000), discounts=[{"coupon": half}])
    assert shop.invoices(own)[0].total == 500
    made = shop.subscribe(shop.price(1_000))
    assert shop.invoices(made)[0].total == 700
    assert shop.client.v1.customers.retrieve(shop.customer).discount is None
    (told,) = [
        event
        for event in shop.events("customer.discount.deleted")
        if event.data.object.customer == shop.customer
    ]
    assert told.data.object.id == "di_own"
    shop.advance(START + 31 * DAY)
    assert shop.invoices(made)[1].total == 1_000


def test_a_draft_bills_what_was_used_whatever_becomes_of_the_item(
    client: Client, meter: stripe.billing.Meter, use: Callable[..., None]
) -> None:
    start = int(time.time())
    shop = Shop(client, meter.id, start)
    made = shop.subscribe(shop.metered(10), shop.metered(1))
    item, other = made["items"].data
    use(shop, 5)
    shop.advance(made["items"].data[0].current_period_end)
    draft = shop.invoices(made)[-1]
    assert (draft.status, sorted(lines(draft))) == ("draft", [5, 50])
    use(shop, 2)
    shop.update(made, items=[{"id": item.id, "deleted": True}])
    use(shop, 1)
    shop.update(made, items=[{"id": other.id, "price": shop.metered(3)}])
    use(shop, 1)
    shop.client.v1.invoices.finalize_invoice(draft.id)
    assert sorted(lines(shop.invoices(made)[-1])) == [9, 90]
    use(shop, 1, start)
    assert shop.invoices(made)[-1].late_usage == 1, "the draft is final: it is told of, not billed"


def test_what_was_discounted_is_credited_as_it_was_paid(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), discounts=[{"coupon": coupon(shop.client)}])
    (item,) = made["items"].data
    shop.advance(START + 10 * DAY)
    shop.update(made, items=[{"id": item.id, "quantity": 2}])
    assert [amount for amount, _ in shop.waiting()] == [-1_050, 4_200]


# --- items by themselves -----------------------------------------------------------------------


def test_items_have_a_path_of_their_own(shop: Shop) -> None:
    items = shop.client.v1.subscription_items
    made = shop.subscribe(shop.price())
    (first,) = made["items"].data
    added = items.create({"subscription": made.id, "price": shop.price(200), "quantity": 4})
    assert items.retrieve(added.id) == added
    listed = items.list({"subscription": made.id})
    assert [one.id for one in listed.data] == [added.id, first.id]
    changed = items.update(added.id, {"quantity": 5, "proration_behavior": "none"})
    assert (changed.id, changed.quantity) == (added.id, 5)
    assert items.delete(first.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="Cancel the subscription instead"):
        items.delete(added.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription item"):
        items.retrieve(first.id)


# --- together with a subscription --------------------------------------------------------------


def test_things_are_sold_once_beside_it(shop: Shop) -> None:
    setup = shop.client.v1.prices.create(
        {"currency": "usd", "product": shop.product, "unit_amount": 700}
    ).id
    made = shop.subscribe(shop.price(), add_invoice_items=[{"price": setup, "quantity": 2}])
    assert sorted(lines(shop.invoices(made)[0])) == [1_400, 3_100]
    data: Any = {"currency": "usd", "product": shop.product, "unit_amount": 50}
    shop.update(made, add_invoice_items=[{"price_data": data, "discountable": False}])
    shop.advance(START + 31 * DAY)
    assert sorted(lines(shop.invoices(made)[1])) == [50, 3_100]


def test_the_first_period_may_be_a_part_of_one(shop: Shop) -> None:
    made = shop.subscribe(shop.price(), billing_cycle_anchor=START + 10 * DAY)
    (line,) = shop.invoices(made)[0].lines.data
    assert (line.amount, line.period.end) == (1_033, START + 10 * DAY)  # 10 of 30 days
    shop.advance(START + 10 * DAY)
    assert shop.invoices(made)[1].total == 3_100
    free = shop.subscribe(
        shop.price(), billing_cycle_anchor=START + 15 * DAY, proration_behavior="none"
    )
    assert shop.invoices(free)[0].total == 0


def test_periods_begin_on_a_day_of_the_month(client: Client, meter: stripe.billing.Meter) -> None:
    tenth_of_february = 1_801_440_000 + 9 * DAY  # 2027
    shop = Shop(client, meter.id, tenth_of_february)
    made = shop.subscribe(
        shop.price(), billing_cycle_anchor_config={"day_of_month": 31, "hour": 12}
    )
    ends = [made["items"].data[0].current_period_end]
    for _ in range(3):
        shop.advance(ends[-1])
        ends.append(client.v1.subscriptions.retrieve(made.id)["items"].data[0].current_period_end)
    days = [time.strftime("%m-%d %H:%M", time.gmtime(end)) for end in ends]
    assert days == ["02-28 12:00", "03-31 12:00", "04-30 12:00", "05-31 12:00"]


def test_deleting_a_customer_cancels_what_is_billed_to_them(shop: Shop) -> None:
    made = shop.subscribe(shop.price())
    shop.client.v1.customers.delete(shop.customer)
    assert shop.client.v1.subscriptions.retrieve(made.id).status == "canceled"
    (told,) = [
        e for e in shop.events("customer.subscription.deleted") if e.data.object.id == made.id
    ]
    assert told.data.object.status == "canceled"


# --- a year, and what it comes to --------------------------------------------------------------


def test_a_year_with_a_quantity_that_changes(shop: Shop) -> None:
    made = shop.subscribe({"price": shop.price(3_000), "quantity": 2})
    (item,) = made["items"].data
    shop.advance(START + 31 * DAY + 15 * DAY)  # half of November
    shop.update(made, items=[{"id": item.id, "quantity": 5}])
    shop.advance(START + 31 * DAY + 20 * DAY)
    shop.update(made, items=[{"id": item.id, "quantity": 3}])
    for month in range(2, 12):
        shop.advance(START + (31 + 28) * DAY + (month - 1) * 30 * DAY + 3 * DAY)
    shop.update(made, cancel_at_period_end=True)
    shop.advance(START + 365 * DAY + DAY)
    totals = [one.total for one in shop.invoices(made)]
    # November: 6,000, and up to 5 from its middle on, down to 3 for its last ten days
    extra = (7_500 - 3_000) - (5_000 - 3_000)
    assert totals == [6_000, 6_000, 9_000 + extra, *[9_000] * 9]
    assert shop.client.v1.subscriptions.retrieve(made.id).status == "canceled"


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
async def test_the_asynchronous_client_does_the_same(
    async_client: Client, customer: stripe.Customer, client: Client
) -> None:
    product = client.v1.products.create({"name": "Pro"}).id
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "product": product,
            "unit_amount": 500,
            "recurring": {"interval": "month"},
        }
    ).id
    made: Any = await async_client.v1.subscriptions.create_async(
        {"customer": customer.id, "items": [{"price": price}]}
    )
    item = made["items"].data[0].id
    changed: Any = await async_client.v1.subscriptions.update_async(
        made.id, {"items": [{"id": item, "quantity": 4}], "proration_behavior": "none"}
    )
    assert changed["items"].data[0].quantity == 4
    gone: Any = await async_client.v1.subscriptions.cancel_async(made.id)
    assert gone.status == "canceled"
