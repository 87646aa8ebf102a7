"""Previews with the official SDK: each is held to the invoice that comes of it, and leaves nothing.

Customers are on test clocks that begin a minute ago, so that usage of now is theirs.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
import stripe

Client = Any
"""The SDK's client: its types let nearly every field be None, which is of no interest here."""
Refused = stripe.InvalidRequestError

MONTH: Final = 32 * 86_400
DAY: Final = 86_400

_numbers = itertools.count(1)


@pytest.fixture
def clock(client: Client) -> Any:
    """A clock of a minute ago."""
    return client.v1.test_helpers.test_clocks.create({"frozen_time": int(time.time()) - 60})


@pytest.fixture
def payer(client: Client, clock: Any) -> Any:
    """A customer on the clock."""
    return client.v1.customers.create({"name": "Jenny Rosen", "test_clock": clock.id})


@pytest.fixture
def advance(client: Client, clock: Any) -> Callable[[int], None]:
    """Lets the clock go on to a time."""

    def move(to: int) -> None:
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to})

    return move


@pytest.fixture
def use(client: Client, payer: Any, event_name: str) -> Callable[[int], None]:
    """Reports usage."""

    def report(value: int) -> None:
        payload = {"stripe_customer_id": payer.id, "value": str(value)}
        client.v1.billing.meter_events.create({"event_name": event_name, "payload": payload})

    return report


@pytest.fixture
def metered(client: Client, meter: Any) -> Any:
    """A graduated price of tokens: 2 cents each, a cent and a half beyond a thousand."""
    tiers = [
        {"up_to": 1_000, "unit_amount_decimal": "2"},
        {"up_to": "inf", "unit_amount_decimal": "1.5", "flat_amount": 300},
    ]
    return price(
        client,
        recurring={"interval": "month", "usage_type": "metered", "meter": meter.id},
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=tiers,
    )


@pytest.fixture
def subscribe(client: Client, payer: Any) -> Callable[..., Any]:
    """Makes subscriptions of the customer."""

    def make(*items: Any, **fields: Any) -> Any:
        return client.v1.subscriptions.create(
            {"customer": payer.id, "items": list(items), **fields}
        )

    return make


def price(client: Client, **fields: Any) -> Any:
    """A price of a product of its own, in dollars."""
    product = client.v1.products.create({"name": f"Tokens {next(_numbers)}"})
    return client.v1.prices.create({"product": product.id, "currency": "usd", **fields})


def seats(client: Client, amount: int = 1_000) -> Any:
    """A price for seats: 10 dollars a month."""
    return price(client, unit_amount=amount, recurring={"interval": "month"})


def preview(client: Client, **given: Any) -> Any:
    """What would be billed."""
    return client.v1.invoices.create_preview(given)


def said(invoice: Any) -> Any:
    """What an invoice says, without ids and times of its own."""
    lines = [
        (
            line.amount,
            line.description,
            line.quantity,
            line.period.to_dict(),
            [one.amount for one in line.discount_amounts],
            [one.amount for one in line.pretax_credit_amounts],
            [one.amount for one in line.taxes],
        )
        for line in invoice.lines.data
    ]
    names = (
        "subtotal", "total", "total_excluding_tax", "amount_due", "currency", "customer",
        "starting_balance", "period_start", "period_end", "collection_method",
    )  # fmt: skip
    return lines, {name: getattr(invoice, name) for name in names}


def everything(client: Client, customer: str) -> Any:
    """All that a preview could have left behind."""
    v1, mine = client.v1, {"customer": customer, "limit": 100}
    return [
        [one.to_dict() for one in v1.subscriptions.list({**mine, "status": "all"}).data],
        [one.to_dict() for one in v1.invoices.list(mine).data],
        [one.to_dict() for one in v1.invoice_items.list(mine).data],
        [one.to_dict() for one in v1.billing.credit_grants.list(mine).data],
        [one.id for one in v1.billing.credit_balance_transactions.list(mine).data],
        [one.id for one in v1.customers.balance_transactions.list(customer).data],
        v1.customers.retrieve(customer).to_dict(),
        v1.events.list({"limit": 1}).data[0].id,
    ]


def latest(client: Client, customer: str) -> Any:
    """The newest invoice of a customer."""
    return client.v1.invoices.list({"customer": customer, "limit": 1}).data[0]


# --- the next invoice --------------------------------------------------------------------------


def test_the_next_invoice_is_what_was_previewed(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any, advance: Any
) -> None:
    rate = client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 19.0, "inclusive": False}
    )
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    owner = subscribe(
        {"price": metered.id},
        {"price": seats(client).id, "quantity": 3},
        default_tax_rates=[rate.id],
        discounts=[{"coupon": coupon.id}],
    )
    client.v1.billing.credit_grants.create(
        {
            "customer": payer.id,
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 500}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
    )
    client.v1.invoice_items.create({"customer": payer.id, "amount": 700, "description": "Help"})
    client.v1.customers.balance_transactions.create(payer.id, {"amount": -99, "currency": "usd"})
    use(1_200)
    before = everything(client, payer.id)
    shown = preview(client, subscription=owner.id)
    assert everything(client, payer.id) == before
    assert (shown.billing_reason, shown.status, shown.number) == ("upcoming", "draft", None)
    assert shown.id.startswith("upcoming_in_")
    assert shown.hosted_invoice_url is shown.ending_balance is None
    assert shown.parent.subscription_details.subscription == owner.id
    assert shown.created == owner["items"].data[0].current_period_end
    assert [line.amount for line in shown.lines.data] == [2_000, 300, 300, 3_000, 700]
    assert said(preview(client, customer=payer.id)) == said(shown)
    advance(shown.created + 2 * 3_600)
    final = latest(client, payer.id)
    assert (final.billing_reason, final.status) == ("subscription_cycle", "paid")
    assert said(final) == said(shown)


def test_what_thresholds_billed_is_taken_off(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any, advance: Any
) -> None:
    owner = subscribe(
        {"price": metered.id, "billing_thresholds": {"usage_gte": 1_000}},
    )
    use(1_500)
    assert latest(client, payer.id).billing_reason == "subscription_threshold"
    assert preview(client, subscription=owner.id).lines.data == []
    use(100)
    shown = preview(client, subscription=owner.id)
    assert [line.amount for line in shown.lines.data] == [150]
    use(900)  # the threshold is where it was
    assert latest(client, payer.id).threshold_reason.item_reasons[0].usage_gte == 1_000
    assert latest(client, payer.id).amount_due == 1_500
    use(10)
    shown = preview(client, subscription=owner.id)
    advance(shown.created + 2 * 3_600)
    assert said(latest(client, payer.id)) == said(shown)


def test_previews_leave_usage_and_thresholds_as_they_are(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any, advance: Any
) -> None:
    owner = subscribe({"price": metered.id, "billing_thresholds": {"usage_gte": 100}})
    item = owner["items"].data[0].id
    use(40)
    for details in (
        {"cancel_now": True},
        {"items": [{"id": item, "deleted": True}, {"price": seats(client).id}]},
        {"items": [{"id": item, "billing_thresholds": {"usage_gte": 10}}]},
        {"billing_cycle_anchor": {"type": "now"}},
    ):
        preview(client, subscription=owner.id, subscription_details=details)
        assert said(preview(client, subscription=owner.id))[0][0][0] == 80
    use(59)
    assert latest(client, payer.id).billing_reason == "subscription_create"
    use(1)
    reached = latest(client, payer.id)
    assert (reached.billing_reason, reached.total) == ("subscription_threshold", 200)


def test_usage_of_other_meters_is_seen(client: Client, payer: Any, event_name: str) -> None:
    shape = {
        "display_name": "Peak",
        "event_name": f"{event_name}_max",
        "default_aggregation": {"formula": "last"},
    }
    peak = client.v1.billing.meters.create(shape)
    recurring = {"interval": "month", "usage_type": "metered", "meter": peak.id}
    monthly = price(client, unit_amount=10, recurring=recurring)
    owner = client.v1.subscriptions.create({"customer": payer.id, "items": [{"price": monthly.id}]})
    for value in ("7", "3"):
        payload = {"stripe_customer_id": payer.id, "value": value}
        report = {"event_name": f"{event_name}_max", "payload": payload}
        client.v1.billing.meter_events.create(report)
    assert preview(client, subscription=owner.id).total == 30


def test_a_trial_is_followed_by_quantities_alone(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any, advance: Any
) -> None:
    owner = subscribe({"price": metered.id}, {"price": seats(client).id}, trial_period_days=7)
    use(50)
    shown = preview(client, subscription=owner.id)
    assert [line.amount for line in shown.lines.data] == [1_000]
    assert shown.created == owner.trial_end
    advance(shown.created + 3_600)
    assert said(latest(client, payer.id)) == said(shown)


def test_the_last_invoice(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any, advance: Any
) -> None:
    owner = subscribe({"price": metered.id}, {"price": seats(client).id})
    use(10)
    ending = {"cancel_at_period_end": True}
    shown = preview(client, subscription=owner.id, subscription_details=ending)
    assert [line.amount for line in shown.lines.data] == [20]
    soon = int(time.time()) + 10 * DAY
    earlier = preview(client, subscription=owner.id, subscription_details={"cancel_at": soon})
    assert (earlier.created, earlier.period_end) == (soon, soon)
    client.v1.subscriptions.update(owner.id, {"cancel_at": soon})
    assert said(preview(client, subscription=owner.id)) == said(earlier)
    advance(soon + 2 * 3_600)
    assert said(latest(client, payer.id)) == said(earlier)
    with pytest.raises(Refused) as over:
        preview(client, subscription=owner.id)
    assert over.value.code == "invoice_upcoming_none"


def test_nothing_comes(client: Client, payer: Any, subscribe: Any) -> None:
    with pytest.raises(Refused, match="No upcoming invoices for customer") as none:
        preview(client, customer=payer.id)
    assert (none.value.code, none.value.http_status) == ("invoice_upcoming_none", 404)
    owner = subscribe({"price": seats(client).id})
    with pytest.raises(Refused) as ended:
        ending = {"cancel_at_period_end": True}
        preview(client, subscription=owner.id, subscription_details=ending)
    assert ended.value.code == "invoice_upcoming_none"


# --- what might be -----------------------------------------------------------------------------


@pytest.mark.parametrize("behavior", ["create_prorations", "always_invoice", "none"])
def test_changes_are_billed_as_they_were_previewed(
    client: Client, payer: Any, subscribe: Any, advance: Any, clock: Any, behavior: str
) -> None:
    owner = subscribe({"price": seats(client).id, "quantity": 2})
    advance(clock.frozen_time + 10 * DAY)
    item = owner["items"].data[0].id
    changes: Any = {
        "items": [{"id": item, "quantity": 5}, {"price": seats(client, 300).id}],
        "proration_behavior": behavior,
    }
    before = everything(client, payer.id)
    shown = preview(client, subscription=owner.id, subscription_details=changes)
    assert everything(client, payer.id) == before
    assert said(preview(client, subscription=owner.id)) != said(shown)
    client.v1.subscriptions.update(owner.id, changes)
    if behavior != "always_invoice":
        advance(shown.created + 3_600)
    assert said(latest(client, payer.id)) == said(shown)
    assert any(line.amount < 0 for line in shown.lines.data) == (behavior != "none")


def test_an_end_now_is_billed_as_it_was_previewed(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any, advance: Any, clock: Any
) -> None:
    owner = subscribe({"price": seats(client).id}, {"price": metered.id})
    use(900)
    advance(clock.frozen_time + 5 * DAY)
    shown = preview(client, subscription=owner.id, subscription_details={"cancel_now": True})
    assert [line.amount > 0 for line in shown.lines.data] == [True, False]
    client.v1.subscriptions.cancel(owner.id, {"invoice_now": True, "prorate": True})
    advance(clock.frozen_time + 6 * DAY)
    assert said(latest(client, payer.id)) == said(shown)


def test_a_new_subscription_begins_as_it_was_previewed(
    client: Client, payer: Any, metered: Any, subscribe: Any
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25})
    items = [{"price": seats(client).id, "quantity": 4}, {"price": metered.id}]
    before = everything(client, payer.id)
    given: Any = {"customer": payer.id, "discounts": [{"coupon": coupon.id}]}
    shown = preview(client, **given, subscription_details={"items": items})
    assert everything(client, payer.id) == before
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 0
    assert (shown.subtotal, shown.total) == (4_000, 3_000)
    subscribe(*items, discounts=[{"coupon": coupon.id}])
    assert said(latest(client, payer.id)) == said(shown)
    trial = {"items": items, "trial_end": int(time.time()) + 9 * DAY}
    assert preview(client, customer=payer.id, subscription_details=trial).total == 0


def test_the_recurring_part(
    client: Client, payer: Any, metered: Any, subscribe: Any, use: Any
) -> None:
    coupon = client.v1.coupons.create({"amount_off": 100, "currency": "usd", "duration": "once"})
    owner = subscribe(
        {"price": seats(client).id, "quantity": 2}, {"price": metered.id},
        discounts=[{"coupon": coupon.id}],
    )  # fmt: skip
    client.v1.invoice_items.create({"customer": payer.id, "amount": 700})
    use(500)
    shown = preview(client, subscription=owner.id, preview_mode="recurring")
    assert [line.amount for line in shown.lines.data] == [2_000]
    assert shown.total == 2_000
    more = {"items": [{"id": owner["items"].data[0].id, "quantity": 3}]}
    grown = preview(
        client, subscription=owner.id, preview_mode="recurring", subscription_details=more
    )
    assert grown.total == 3_000
    new = {"items": [{"price": seats(client, 50).id}]}
    fresh = preview(client, customer=payer.id, preview_mode="recurring", subscription_details=new)
    assert fresh.total == 50


# --- items -------------------------------------------------------------------------------------


def test_items_of_the_preview(client: Client, payer: Any, subscribe: Any) -> None:
    once = price(client, unit_amount=40)
    items: Any = [
        {"amount": 100, "currency": "usd", "description": "Help"},
        {"price": once.id, "quantity": 2},
        {"unit_amount": 5, "quantity": 3, "currency": "usd"},
        {"price_data": {"currency": "usd", "product": once.product, "unit_amount": 1}},
    ]
    alone = preview(client, customer=payer.id, invoice_items=items)
    assert [line.amount for line in alone.lines.data] == [100, 80, 15, 1]
    assert alone.parent is None
    waiting = client.v1.invoice_items.create({"customer": payer.id, "amount": 9})
    owner = subscribe({"price": seats(client).id})
    assert client.v1.invoice_items.retrieve(waiting.id).invoice is not None
    waiting = client.v1.invoice_items.create({"customer": payer.id, "amount": 9})
    changed = [{"invoiceitem": waiting.id, "amount": 7}]
    shown = preview(client, subscription=owner.id, invoice_items=items + changed)
    assert [line.amount for line in shown.lines.data] == [1_000, 7, 100, 80, 15, 1]
    assert client.v1.invoice_items.retrieve(waiting.id).amount == 9
    assert len(client.v1.prices.list({"product": once.product, "limit": 100}).data) == 1
    many = [{"amount": 1, "currency": "usd"}] * 30
    long = preview(client, customer=payer.id, subscription=owner.id, invoice_items=many)
    assert (len(long.lines.data), long.lines.has_more, long.total) == (10, True, 1_039)


def test_discounts_of_the_preview(client: Client, payer: Any, subscribe: Any) -> None:
    coupon = client.v1.coupons.create({"percent_off": 50, "max_redemptions": 1})
    owner = subscribe({"price": seats(client).id})
    given = [{"coupon": coupon.id}]
    names = ["discounts", "customer"]
    shown = preview(client, subscription=owner.id, discounts=given, expand=names)
    assert (shown.total, shown.discounts[0].source.coupon) == (500, coupon.id)
    assert shown.customer.id == payer.id
    assert client.v1.coupons.retrieve(coupon.id).valid is True
    items = [{"amount": 100, "currency": "usd", "discounts": given}]
    assert preview(client, customer=payer.id, invoice_items=items).total == 1_050


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"schedule": "sub_sched_1"}, "schedule"),
        ({"customer": "cus_none"}, "customer"),
        ({"subscription": "sub_none"}, "subscription"),
        ({"customer_details": {"tax_exempt": "none"}}, "customer_details"),
        ({"automatic_tax": {"enabled": True}}, "automatic_tax[enabled]"),
        ({"subscription_details": {"start_date": 5}}, "subscription_details[start_date]"),
        ({"subscription_details": {"resume_at": "now"}}, "subscription_details[resume_at]"),
        ({"subscription_details": {"cancel_now": True}}, "subscription_details[items]"),
        (
            {"subscription_details": {"items": [{"price": "price_none"}]}},
            "subscription_details[items][0][price]",
        ),
        (
            {"subscription_details": {"items": [{"id": "si_1", "price": "price_none"}]}},
            "subscription_details[items][0][id]",
        ),
        ({"invoice_items": [{"price": "price_none"}]}, "invoice_items[0][price]"),
        ({"invoice_items": [{"amount": 1, "currency": "zzz"}]}, "invoice_items[0][currency]"),
        ({"invoice_items": [{"invoiceitem": "ii_none"}]}, "invoice_items[0][invoiceitem]"),
        (
            {"preview_mode": "recurring", "invoice_items": [{"amount": 1}]},
            "invoice_items",
        ),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
        ({"currency": "eur", "invoice_items": [{"amount": 1, "currency": "usd"}]}, None),
    ],
)
def test_refused_previews(client: Client, customer: Any, given: Any, param: str | None) -> None:
    with pytest.raises(Refused) as refused:
        preview(client, **{"customer": customer.id, **given})
    assert refused.value.param == param or param is None


def test_a_preview_needs_someone(client: Client, customer: Any, subscribe: Any) -> None:
    with pytest.raises(Refused) as missing:
        preview(client)
    assert missing.value.param == "customer"
    owner = subscribe({"price": seats(client).id})
    with pytest.raises(Refused, match="not one of the customer"):
        preview(client, customer=customer.id, subscription=owner.id)
    with pytest.raises(Refused) as moved:
        anchor = {"billing_cycle_anchor": {"type": "timestamp", "timestamp": 5}}
        preview(client, subscription=owner.id, subscription_details=anchor)
    assert moved.value.param == "subscription_details[billing_cycle_anchor]"
