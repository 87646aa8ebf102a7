"""An account that holds every kind of object that the engine serves and dj-stripe knows."""

from typing import Any

import stripe

Client = Any
"""The SDK's client: its types let nearly every field be None, which is of no interest here."""

MONTHLY = {"interval": "month"}


def fill(client: Client) -> None:
    """Make them all, with the official SDK."""
    customer = client.v1.customers.create(
        {"name": "Jenny Rosen", "email": "jenny@example.com", "metadata": {"plan": "pro"}}
    )
    taxes = client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 19, "inclusive": False, "country": "DE"}
    )
    prices = _prices(client)
    coupon = _coupons(client, prices["seats"].product)
    subscription = _metered_subscription(client, customer, taxes, prices, coupon)
    _cross_the_threshold(client, customer)
    _add_seats(client, subscription)
    _other_subscriptions(client, prices)
    _invoices(client, taxes, prices, coupon)
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["invoice.paid"], "metadata": {"a": "1"}}
    )


def _prices(client: Client) -> dict[str, stripe.Price]:
    """One of each way to charge, with products and a feature."""
    v1 = client.v1
    feature = v1.entitlements.features.create({"name": "Priority", "lookup_key": "priority"})
    seats = v1.products.create({"name": "Seats", "unit_label": "seat", "metadata": {"a": "1"}})
    v1.products.features.create(seats.id, {"entitlement_feature": feature.id})
    tokens = v1.products.create({"name": "Tokens"})
    meter = v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": "sum"},
        }
    )
    terms: dict[str, Any] = {
        "seats": {"unit_amount": 2_000, "recurring": MONTHLY, "lookup_key": "seats"},
        "tokens": {
            "product": tokens.id,
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 100, "unit_amount_decimal": "12.5"},
                {"up_to": "inf", "unit_amount_decimal": "0.25", "flat_amount": 100},
            ],
            "recurring": {**MONTHLY, "usage_type": "metered", "meter": meter.id},
        },
        "dozens": {
            "unit_amount": 900,
            "recurring": {"interval": "year"},
            "transform_quantity": {"divide_by": 12, "round": "up"},
        },
        "set-up": {"unit_amount_decimal": "250.5", "nickname": "Set-up"},
    }
    return {
        name: v1.prices.create({"product": seats.id, "currency": "usd", **fields})
        for name, fields in terms.items()
    }


def _coupons(client: Client, product: Any) -> stripe.Coupon:
    """Coupons and a promotion code; gives one that is good for anything."""
    client.v1.coupons.create(
        {
            "id": "SEATS5",
            "name": "Five off",
            "amount_off": 500,
            "currency": "usd",
            "duration": "repeating",
            "duration_in_months": 3,
            "applies_to": {"products": [product]},
        }
    )
    coupon = client.v1.coupons.create({"percent_off": 12.5, "duration": "forever"})
    client.v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "SPRING",
            "max_redemptions": 7,
        }
    )
    found: stripe.Coupon = coupon
    return found


def _metered_subscription(
    client: Client, customer: Any, taxes: Any, prices: dict[str, Any], coupon: Any
) -> stripe.Subscription:
    """Two seats and tokens, with a threshold, taxes and a discount."""
    made: stripe.Subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "description": "Seats and tokens",
            "items": [
                {"price": prices["seats"].id, "quantity": 2, "tax_rates": [taxes.id]},
                {"price": prices["tokens"].id},
            ],
            "discounts": [{"coupon": coupon.id}],
            "billing_thresholds": {"amount_gte": 1_000},
            "metadata": {"a": "1"},
        }
    )
    return made


def _cross_the_threshold(client: Client, customer: stripe.Customer) -> None:
    payload = {"stripe_customer_id": customer.id, "value": "110"}
    client.v1.billing.meter_events.create({"event_name": "tokens", "payload": payload})


def _add_seats(client: Client, subscription: stripe.Subscription) -> None:
    """Prorations: some invoiced, some that wait."""
    item = subscription["items"].data[0].id
    for quantity, behavior in ((3, "always_invoice"), (4, "create_prorations")):
        client.v1.subscription_items.update(
            item, {"quantity": quantity, "proration_behavior": behavior}
        )


def _other_subscriptions(client: Client, prices: dict[str, stripe.Price]) -> None:
    """One on trial, and one that is over and has left an open invoice."""
    v1 = client.v1
    customer = v1.customers.create({"name": "John Doe", "email": "john@example.com"})
    items = [{"price": prices["dozens"].id, "quantity": 30}]
    v1.subscriptions.create({"customer": customer.id, "items": items, "trial_period_days": 7})
    by_mail = {"collection_method": "send_invoice", "days_until_due": 14}
    over = v1.subscriptions.create({"customer": customer.id, "items": items, **by_mail})
    v1.subscriptions.cancel(over.id)


def _invoices(
    client: Client, taxes: stripe.TaxRate, prices: dict[str, stripe.Price], coupon: stripe.Coupon
) -> None:
    """One-off invoices, one in each status, and an item that waits."""
    v1 = client.v1
    customer = v1.customers.create({"name": "Jane Roe", "balance": -300})
    for fields in ({"amount": 700, "currency": "usd"}, {"pricing": {"price": prices["set-up"].id}}):
        v1.invoice_items.create({"customer": customer.id, "tax_rates": [taxes.id], **fields})
    of_all = {"customer": customer.id, "collection_method": "send_invoice", "days_until_due": 14}
    v1.invoices.create(
        {
            **of_all,
            "pending_invoice_items_behavior": "include",
            "discounts": [{"coupon": coupon.id}],
            "default_tax_rates": [taxes.id],
        }
    )
    for end in ("pay", "void_invoice", "mark_uncollectible"):
        invoice = v1.invoices.create(of_all)
        v1.invoice_items.create(
            {"customer": customer.id, "invoice": invoice.id, "amount": 1_234, "currency": "usd"}
        )
        v1.invoices.finalize_invoice(invoice.id)
        getattr(v1.invoices, end)(invoice.id)
    v1.invoice_items.create(
        {"customer": customer.id, "amount": 99, "currency": "usd", "description": "Waits"}
    )
