"""Bad input of billing, a line for each way to be wrong: what is sent, and what is said of it.

Every refusal has Stripe's shape, names what it is about, and leaves everything as it was. What the
catalogue, credits and subscriptions refuse beyond that stands in tables of their own.
"""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest
import stripe

from sdk.shop import DAY, Client, Shop, reporting

TIERS: Final = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
FLAT: Final = [
    {"up_to": 100, "flat_amount": 500, "unit_amount": 0},
    {"up_to": "inf", "unit_amount": 2},
]


class Ground:
    """A shop where everything is that one can be wrong about."""

    def __init__(self, client: Client, meter: str) -> None:
        self.client = client
        self.starts_at = int(time.time())
        shop = self.shop = Shop(client, meter, self.starts_at)
        self.euros = shop.price(5, currency="eur")
        self.seat, self.calls = shop.price(1_000), shop.metered(10)
        self.tiered = shop.metered(None, **TIERS, tiers=FLAT)  # type: ignore[arg-type]
        self.packed = shop.metered(10, transform_quantity={"divide_by": 10, "round": "up"})
        silent = client.v1.billing.meters.create(
            {
                "display_name": "Silent",
                "event_name": f"silent_{meter}",
                "default_aggregation": {"formula": "sum"},
            }
        )
        by_usage = {"interval": "month", "usage_type": "metered", "meter": silent.id}
        self.deaf = shop.price(10, recurring=by_usage)
        self.silent = client.v1.billing.meters.deactivate(silent.id).id
        over: Any = {"percent_off": 5, "redeem_by": self.starts_at + DAY}
        self.expired = client.v1.coupons.create(over).id
        self.made = shop.subscribe({"price": self.seat, "quantity": 1}, self.calls)
        self.seat_item, self.calls_item = (one.id for one in self.made["items"].data)
        self.paid = shop.invoices(self.made)[0].id
        item: Any = {"customer": shop.customer, "amount": 900, "currency": "usd"}
        client.v1.invoice_items.create(item)
        take: Any = {"customer": shop.customer, "pending_invoice_items_behavior": "include"}
        self.void = client.v1.invoices.create(take).id
        client.v1.invoices.finalize_invoice(self.void)
        client.v1.invoices.void_invoice(self.void)
        self.draft = client.v1.invoices.create({"customer": shop.customer}).id
        self.now = self.starts_at + 2 * DAY
        shop.advance(self.now)

    # what one asks

    def subscribe(self, *items: Any, **more: Any) -> Any:
        return self.shop.subscribe(*items, **more)

    def update(self, **params: Any) -> Any:
        return self.shop.update(self.made, **params)

    def price(self, **terms: Any) -> Any:
        given: Any = {"currency": "usd", "product": self.shop.product, **terms}
        return self.client.v1.prices.create(given)

    def metered_price(self, **recurring: Any) -> Any:
        by_usage = {"interval": "month", "usage_type": "metered", **recurring}
        return self.price(unit_amount=1, recurring=by_usage)

    def tiers(self, *ends: int | str) -> Any:
        return self.price(**TIERS, tiers=[{"up_to": end, "unit_amount": 1} for end in ends])

    def grant(self, currency: str) -> Any:
        money = {"type": "monetary", "monetary": {"currency": currency, "value": 100}}
        given: Any = {"customer": self.shop.customer, "amount": money}
        given["applicability_config"] = {"scope": {"price_type": "metered"}}
        return self.client.v1.billing.credit_grants.create(given)

    def of_items(self, **params: Any) -> Any:
        given: Any = {"subscription": self.made.id, **params}
        return self.client.v1.subscription_items.create(given)

    def of_item(self, **params: Any) -> Any:
        given: Any = params
        return self.client.v1.subscription_items.update(self.calls_item, given)

    def waiting(self, **params: Any) -> Any:
        given: Any = {"customer": self.shop.customer, "amount": 1, **params}
        return self.client.v1.invoice_items.create(given)

    def invoice(self, **params: Any) -> Any:
        given: Any = {"customer": self.shop.customer, **params}
        return self.client.v1.invoices.create(given)

    def preview(self, **params: Any) -> Any:
        given: Any = {"customer": self.shop.customer, **params}
        return self.client.v1.invoices.create_preview(given)

    @property
    def invoices(self) -> Any:
        return self.client.v1.invoices

    # what there is

    def everything(self) -> Any:
        """All that a refusal must leave as it was."""
        v1 = self.client.v1
        lists: list[Any] = [
            v1.prices, v1.subscriptions, v1.invoices, v1.invoice_items, v1.events, v1.coupons,
            v1.billing.credit_grants,
        ]  # fmt: skip
        return (
            [[one.id for one in service.list({"limit": 3}).data] for service in lists],
            v1.subscriptions.retrieve(self.made.id),
            v1.customers.retrieve(self.shop.customer),
            [v1.invoices.retrieve(id_) for id_ in (self.paid, self.void, self.draft)],
            v1.coupons.retrieve(self.expired),
            v1.test_helpers.test_clocks.retrieve(self.shop.clock),
        )


class Wrong(NamedTuple):
    """A line of the table."""

    what: str
    ask: Callable[[Ground], Any]
    param: str | None
    code: str | None
    message: str


AMOUNT: Final = "billing_thresholds[amount_gte]"
USAGE: Final = "items[0][billing_thresholds][usage_gte]"


def amount(gte: int) -> dict[str, Any]:
    return {"billing_thresholds": {"amount_gte": gte}}


def usage(price: str, gte: int = 5) -> dict[str, Any]:
    return {"price": price, "billing_thresholds": {"usage_gte": gte}}


TABLE: Final = [
    # metered prices and their meters
    Wrong(
        "a metered price of no meter",
        lambda g: g.metered_price(),
        "recurring[meter]",
        "parameter_missing",
        "Missing required param",
    ),
    Wrong(
        "a metered price of an unknown meter",
        lambda g: g.metered_price(meter="mtr_no"),
        "recurring[meter]",
        "resource_missing",
        "No such meter",
    ),
    Wrong(
        "a metered price of an inactive meter",
        lambda g: g.metered_price(meter=g.silent),
        "recurring[meter]",
        None,
        "inactive",
    ),
    Wrong(
        "a subscription to one whose meter is inactive by now",
        lambda g: g.subscribe(g.deaf),
        "items[0][price]",
        None,
        "Reactivate the meter",
    ),
    Wrong(
        "an item of one", lambda g: g.of_items(price=g.deaf), "price", None, "Reactivate the meter"
    ),
    # quantities of usage
    Wrong(
        "a quantity of usage",
        lambda g: g.subscribe({"price": g.calls, "quantity": 2}),
        "items[0][quantity]",
        None,
        "Leave quantity out",
    ),
    Wrong(
        "a quantity of usage, later",
        lambda g: g.update(items=[{"id": g.calls_item, "quantity": 2}]),
        "items[0][quantity]",
        None,
        "Leave quantity out",
    ),
    Wrong(
        "a quantity of usage, of the item itself",
        lambda g: g.of_item(quantity=2),
        "quantity",
        None,
        "Leave quantity out",
    ),
    # tiers
    Wrong(
        "tiers out of order",
        lambda g: g.tiers(10, 5, "inf"),
        "tiers[1][up_to]",
        None,
        "greater than 10",
    ),
    Wrong(
        "two tiers up to one number",
        lambda g: g.tiers(5, 5, "inf"),
        "tiers[1][up_to]",
        None,
        "greater than 5",
    ),
    Wrong(
        "tiers that end", lambda g: g.tiers(5, 10), "tiers[1][up_to]", None, "must have up_to=inf"
    ),
    Wrong(
        "an endless tier before another one",
        lambda g: g.tiers("inf", 10),
        "tiers[0][up_to]",
        None,
        "Only the last tier",
    ),
    # currencies
    Wrong(
        "prices in two currencies",
        lambda g: g.subscribe(g.seat, g.euros),
        "items[1][price]",
        None,
        "one currency",
    ),
    Wrong(
        "a price in another currency, later",
        lambda g: g.update(items=[{"price": g.euros}]),
        "items[0][price]",
        None,
        "one currency",
    ),
    Wrong(
        "a second currency of a customer",
        lambda g: g.subscribe(g.euros),
        "items[0][price]",
        None,
        "is billed in usd",
    ),
    Wrong(
        "an invoice item in it", lambda g: g.waiting(currency="eur"), "currency", None, "Use usd"
    ),
    Wrong("an invoice in it", lambda g: g.invoice(currency="eur"), "currency", None, "Use usd"),
    Wrong("a preview in it", lambda g: g.preview(currency="eur"), "currency", None, "usd"),
    Wrong(
        "credits in it",
        lambda g: g.grant("eur"),
        "amount[monetary][currency]",
        None,
        "is billed in usd",
    ),
    # coupons
    Wrong(
        "an expired coupon for a subscription",
        lambda g: g.subscribe(g.seat, discounts=[{"coupon": g.expired}]),
        "discounts[0][coupon]",
        "coupon_expired",
        "expired",
    ),
    Wrong(
        "for an item",
        lambda g: g.subscribe({"price": g.seat, "discounts": [{"coupon": g.expired}]}),
        "items[0][discounts][0][coupon]",
        "coupon_expired",
        "expired",
    ),
    Wrong(
        "for one that there is",
        lambda g: g.update(discounts=[{"coupon": g.expired}]),
        "discounts[0][coupon]",
        "coupon_expired",
        "expired",
    ),
    Wrong(
        "for an invoice",
        lambda g: g.invoice(discounts=[{"coupon": g.expired}]),
        "discounts[0][coupon]",
        "coupon_expired",
        "expired",
    ),
    # thresholds
    Wrong(
        "a threshold of the flat fees",
        lambda g: g.subscribe(g.tiered, **amount(500)),
        AMOUNT,
        None,
        "more than the flat fees",
    ),
    Wrong(
        "one that a new item makes too low",
        lambda g: g.update(items=[{"price": g.tiered}], **amount(400)),
        AMOUNT,
        None,
        "more than the flat fees",
    ),
    Wrong(
        "a threshold below 50",
        lambda g: g.subscribe(g.calls, **amount(49)),
        AMOUNT,
        "parameter_invalid_integer",
        "50",
    ),
    Wrong(
        "a threshold below 50, later",
        lambda g: g.update(**amount(49)),
        AMOUNT,
        "parameter_invalid_integer",
        "50",
    ),
    Wrong(
        "a threshold of packages",
        lambda g: g.subscribe(g.packed, **amount(500)),
        AMOUNT,
        None,
        "per package",
    ),
    Wrong(
        "a usage threshold of packages",
        lambda g: g.subscribe(usage(g.packed)),
        USAGE,
        None,
        "per package",
    ),
    Wrong(
        "a usage threshold of a quantity",
        lambda g: g.subscribe(usage(g.seat)),
        USAGE,
        None,
        "not metered",
    ),
    Wrong(
        "a second threshold on an item",
        lambda g: g.of_item(billing_thresholds=[{"usage_gte": 5}, {"usage_gte": 9}]),
        "billing_thresholds",
        None,
        "Invalid object",
    ),
    Wrong(
        "a second item of its price for it",
        lambda g: g.subscribe(usage(g.calls), usage(g.calls, 9)),
        "items[1][price]",
        None,
        "on another item already",
    ),
    Wrong(
        "a second one in the preview of it",
        lambda g: g.preview(subscription_details={"items": [usage(g.calls), usage(g.calls, 9)]}),
        "subscription_details[items][1][price]",
        None,
        "on another item already",
    ),
    # invoices
    Wrong(
        "an invoice is finalized twice",
        lambda g: g.invoices.finalize_invoice(g.paid),
        None,
        None,
        "Only drafts can be finalized",
    ),
    Wrong("a void one is paid", lambda g: g.invoices.pay(g.void), None, None, "is void"),
    Wrong(
        "a void one is finalized",
        lambda g: g.invoices.finalize_invoice(g.void),
        None,
        None,
        "is void already",
    ),
    Wrong("a void one is sent", lambda g: g.invoices.send_invoice(g.void), None, None, "send"),
    Wrong("a void one is voided", lambda g: g.invoices.void_invoice(g.void), None, None, "is void"),
    Wrong("a paid one is paid", lambda g: g.invoices.pay(g.paid), None, None, "is paid"),
    Wrong("a paid one is voided", lambda g: g.invoices.void_invoice(g.paid), None, None, "is paid"),
    Wrong(
        "a paid one is given up",
        lambda g: g.invoices.mark_uncollectible(g.paid),
        None,
        None,
        "is paid",
    ),
    Wrong(
        "a draft is given up",
        lambda g: g.invoices.mark_uncollectible(g.draft),
        None,
        None,
        "is draft",
    ),
    Wrong(
        "a paid one is changed",
        lambda g: g.invoices.update(g.paid, {"description": "other"}),
        "description",
        "invoice_not_editable",
        "cannot change",
    ),
    Wrong(
        "a paid one is deleted",
        lambda g: g.invoices.delete(g.paid),
        None,
        "invoice_not_editable",
        "Void",
    ),
    # clocks
    Wrong(
        "a clock goes back",
        lambda g: g.shop.advance(g.now - 1),
        "frozen_time",
        None,
        "do not go backwards",
    ),
    Wrong(
        "a clock stands still",
        lambda g: g.shop.advance(g.now),
        "frozen_time",
        None,
        "must be later",
    ),
    Wrong(
        "a clock goes too far",
        lambda g: g.shop.advance(g.now + 63 * DAY),
        "frozen_time",
        None,
        "two intervals",
    ),
]


@pytest.fixture(scope="module")
def grounds() -> list[Ground]:
    """The one ground of all lines, once it is made: they leave it as it was."""
    return []


@pytest.fixture
def ground(client: Client, meter: stripe.billing.Meter, grounds: list[Ground]) -> Ground:
    if not grounds:
        grounds.append(Ground(client, meter.id))
    grounds[0].client = grounds[0].shop.client = client
    return grounds[0]


@pytest.mark.parametrize("wrong", TABLE, ids=[one.what for one in TABLE])
def test_is_refused_by_name_and_nothing_is_half_written(wrong: Wrong, ground: Ground) -> None:
    before = ground.everything()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        wrong.ask(ground)
    error = refused.value
    assert error.error is not None
    assert (error.error.type, error.param, error.code) == (
        "invalid_request_error",
        wrong.param,
        wrong.code,
    )
    assert wrong.message in str(error)
    assert ground.everything() == before


def test_a_threshold_on_a_trial_is_accepted_and_evaluated_after_it(
    client: Client, meter: stripe.billing.Meter, event_name: str
) -> None:
    shop, use = Shop(client, meter.id, int(time.time())), reporting(client, event_name)
    made = shop.subscribe(shop.metered(10), trial_period_days=1, **amount(1_000))
    use(shop, 500)
    assert [one.total for one in shop.invoices(made)] == [0]
    shop.advance(int(time.time()) + DAY + 60)
    use(shop, 99, int(time.time()) + DAY + 60)
    use(shop, 1, int(time.time()) + DAY + 60)
    assert [one.total for one in shop.invoices(made)] == [0, 0, 1_000]
