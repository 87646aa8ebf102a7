"""Half a year of a small company's customers, reckoned beside it with fractions, to the cent.

Seats and tokens in tiers, a trial, a coupon for some products, credits, taxes of both kinds, an
upgrade in the middle of a period, late usage, a threshold that moves the anchor, invoices by mail.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Final, NamedTuple

import pytest
import stripe

from sdk.shop import Client, Shop

SALES_TAX: Final = Fraction(29, 400)
"""7.25 %, on top."""
TOKENS: Final = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "tiers": [
        {"up_to": 1_000, "unit_amount": 0, "flat_amount": 500},
        {"up_to": 10_000, "unit_amount_decimal": "0.5"},
        {"up_to": "inf", "unit_amount_decimal": "0.25"},
    ],
}


def on(month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """A moment of 2027."""
    return int(datetime(2027, month, day, hour, minute, tzinfo=UTC).timestamp())


def cents(amount: Fraction) -> int:
    """Rounded half up, by size."""
    whole = int((abs(amount) * 2 + 1) // 2)
    return whole if amount >= 0 else -whole


class Says(NamedTuple):
    """What an invoice says."""

    subtotal: int
    discounted: int
    credited: int
    tax: int
    total: int


def says(invoice: Any) -> Says:
    credited = [
        one.amount
        for one in invoice.total_pretax_credit_amounts
        if one.type == "credit_balance_transaction"
    ]
    return Says(
        invoice.subtotal,
        sum(one.amount for one in invoice.total_discount_amounts),
        sum(credited),
        sum(one.amount for one in invoice.total_taxes),
        invoice.total,
    )


def must_say(tokens: str, licensed: Sequence[int], *, percent: int, credits: int) -> Says:
    """Usage in tiers less a discount and credits, then quantities; tax on what is left of each."""
    used = Fraction(tokens)
    parts = [
        500,
        cents(min(max(used - 1_000, Fraction(0)), Fraction(9_000)) / 2),
        cents(max(used - 10_000, Fraction(0)) / 4),
    ]
    off = [cents(Fraction(part * percent, 100)) for part in parts]
    left = [part - less for part, less in zip(parts, off, strict=True)]
    credited: list[int] = []
    for amount in left:
        credited.append(min(amount, credits - sum(credited)))
    net = [amount - paid for amount, paid in zip(left, credited, strict=True)] + [*licensed]
    tax = sum(cents(amount * SALES_TAX) for amount in net)
    return Says(sum(parts) + sum(licensed), sum(off), sum(credited), tax, sum(net) + tax)


@pytest.fixture
def shop(client: Client, meter: stripe.billing.Meter) -> Shop:
    return Shop(client, meter.id, on(1, 31, 10))


def use(shop: Shop, meter: stripe.billing.Meter, value: str, at: int) -> None:
    payload = {"stripe_customer_id": shop.customer, "value": value}
    event: Any = {"event_name": meter.event_name, "payload": payload, "timestamp": at}
    shop.client.v1.billing.meter_events.create(event)


def grant(shop: Shop, value: int, **terms: Any) -> str:
    money = {"type": "monetary", "monetary": {"currency": "usd", "value": value}}
    given: Any = {"customer": shop.customer, "amount": money, **terms}
    given["applicability_config"] = {"scope": {"price_type": "metered"}}
    return shop.client.v1.billing.credit_grants.create(given).id


def test_seats_and_tokens(shop: Shop, meter: stripe.billing.Meter) -> None:
    v1, tokens = shop.client.v1, shop.client.v1.products.create({"name": "Tokens"}).id
    seat, product = shop.price(3_000), shop.product
    shop.product = tokens
    by_token = shop.metered(None, **TOKENS)  # type: ignore[arg-type]
    shop.product = product
    coupon = v1.coupons.create(
        {
            "percent_off": 15,
            "duration": "repeating",
            "duration_in_months": 3,
            "applies_to": {"products": [tokens]},
        }
    )
    rate: Any = {"display_name": "Sales tax", "percentage": "7.25", "inclusive": False}
    grant(shop, 1_000, category="promotional", priority=10, expires_at=on(4, 1))
    grant(shop, 2_000)
    made = shop.subscribe(
        {"price": seat, "quantity": 3},
        by_token,
        trial_period_days=14,
        discounts=[{"coupon": coupon.id}],
        default_tax_rates=[v1.tax_rates.create(rate).id],
    )
    seats = next(one.id for one in made["items"].data if one.price.id == seat)
    use(shop, meter, "5000", on(1, 31, 10))  # in the trial, free
    shop.advance(on(2, 14, 12))
    tax = cents(9_000 * SALES_TAX)
    assert [says(one) for one in shop.invoices(made)] == [
        Says(0, 0, 0, 0, 0),
        Says(9_000, 0, 0, tax, 9_000 + tax),
    ]
    shop.advance(on(2, 20))
    use(shop, meter, "4000", on(2, 20))
    shop.advance(on(3, 1, 10))  # 13 of 28 days are left
    shop.update(made, items=[{"id": seats, "quantity": 5}])
    shop.advance(on(3, 5))
    use(shop, meter, "9500.5", on(3, 5))
    shop.advance(on(3, 14, 10, 30))
    use(shop, meter, "100", on(3, 13))  # late, and within grace
    shop.advance(on(3, 14, 12))
    changed = [cents(Fraction(-9_000 * 13, 28)), cents(Fraction(15_000 * 13, 28))]
    march = must_say("13600.5", [15_000, *changed], percent=15, credits=3_000)
    assert says(shop.invoices(made)[-1]) == march
    shop.advance(on(4, 10))
    use(shop, meter, "800", on(4, 10))
    shop.advance(on(4, 14, 12))  # the discount lasts until April 30
    april = must_say("800", [15_000], percent=15, credits=0)
    assert says(shop.invoices(made)[-1]) == april
    grant(shop, 10_000, effective_at=on(5, 20))
    shop.advance(on(5, 10))
    use(shop, meter, "2000", on(5, 10))
    shop.advance(on(5, 14, 12))
    may = must_say("2000", [15_000], percent=0, credits=0)
    assert says(shop.invoices(made)[-1]) == may
    shop.update(made, cancel_at_period_end=True)
    shop.advance(on(6, 1))
    use(shop, meter, "12000", on(6, 1))
    shop.advance(on(7, 14, 12))
    june = must_say("12000", [], percent=0, credits=10_000)
    assert says(shop.invoices(made)[-1]) == june
    ended = v1.subscriptions.retrieve(made.id)
    assert (ended.status, ended.ended_at, len(shop.invoices(made))) == (
        "canceled",
        on(6, 14, 10),
        6,
    )


def test_a_threshold_moves_the_anchor(shop: Shop, meter: stripe.billing.Meter) -> None:
    threshold = {"amount_gte": 2_000, "reset_billing_cycle_anchor": True}
    call = shop.metered(None, unit_amount_decimal="0.333")  # type: ignore[arg-type]
    made = shop.subscribe(call, billing_thresholds=threshold)
    shop.advance(on(2, 20, 8))
    for value in ("5000", "1500", "100"):
        use(shop, meter, value, on(2, 20, 8))
    shop.advance(on(4, 1))
    shop.advance(on(4, 20, 9))
    assert [(one.billing_reason, one.total, one.created) for one in shop.invoices(made)[1:]] == [
        ("subscription_threshold", cents(Fraction(6_500 * 333, 1_000)), on(2, 20, 8)),
        ("subscription_cycle", cents(Fraction(100 * 333, 1_000)), on(3, 20, 8)),
        ("subscription_cycle", 0, on(4, 20, 8)),
    ]


def test_invoices_by_mail_an_upgrade_and_the_end(shop: Shop) -> None:
    v1 = shop.client.v1
    rate: Any = {"display_name": "VAT", "percentage": 20, "inclusive": True}
    coupon: Any = {"amount_off": 500, "currency": "eur", "duration": "once"}
    made = shop.subscribe(
        shop.price(1_900, currency="eur"),
        collection_method="send_invoice",
        days_until_due=14,
        discounts=[{"coupon": v1.coupons.create(coupon).id}],
        default_tax_rates=[v1.tax_rates.create(rate).id],
    )
    shop.advance(on(2, 14, 10))
    (first,) = shop.invoices(made)
    assert says(first) == Says(1_900, 500, 0, cents(Fraction(1_400, 6)), 1_400)
    assert v1.subscriptions.retrieve(made.id).status == "past_due"
    v1.invoices.pay(first.id, {"paid_out_of_band": True})
    shop.advance(on(3, 20, 9))
    pro = [{"id": made["items"].data[0].id, "price": shop.price(4_900, currency="eur")}]
    shop.update(made, items=pro, proration_behavior="always_invoice", cancel_at_period_end=True)
    begun, ends = on(2, 28, 10), on(3, 31, 10)  # the last day of a month that has no 31st
    rest = Fraction(ends - on(3, 20, 9), ends - begun)
    parts = [cents(-1_900 * rest), cents(4_900 * rest)]
    tax = sum(cents(Fraction(part, 6)) for part in parts)
    second, third = shop.invoices(made)[1:]
    assert (second.created, second.total) == (begun, 1_900)
    assert says(third) == Says(sum(parts), 0, 0, tax, sum(parts))
    shop.advance(on(4, 30))
    ended = v1.subscriptions.retrieve(made.id)
    assert (ended.status, ended.ended_at, len(shop.invoices(made))) == ("canceled", ends, 3)
