"""What subscriptions refuse, and how: type, parameter, message; and nothing is half written."""

import time
from typing import Any, Final

import pytest
import stripe

Client = stripe.StripeClient

NOW: Final = int(time.time())


class Offer:
    """Prices of all sorts, and a subscription to two of them."""

    def __init__(self, client: Client, meter: str, customer: str, event_name: str) -> None:
        self.client = client
        self.product = client.v1.products.create({"name": "Pro"}).id
        by_usage = {"interval": "month", "usage_type": "metered", "meter": meter}
        silent = client.v1.billing.meters.create(
            {
                "display_name": "Silent",
                "event_name": f"{event_name}_silent",
                "default_aggregation": {"formula": "sum"},
            }
        ).id
        tiers = [{"up_to": "inf", "flat_amount": 500, "unit_amount": 1}]
        tiered = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}
        packed = {"transform_quantity": {"divide_by": 100, "round": "up"}}
        self.expires_at = int(time.time()) + 2
        expired = {"percent_off": 5, "redeem_by": self.expires_at}
        self.names = {
            "seat": self.price(unit_amount=1_000),
            "spare": self.price(unit_amount=2_000),
            "calls": self.price(unit_amount=10, recurring=by_usage),
            "tiered": self.price(recurring=by_usage, **tiered),
            "packed": self.price(unit_amount=10, recurring=by_usage, **packed),
            "deaf": self.price(unit_amount=10, recurring={**by_usage, "meter": silent}),
            "euros": self.price(unit_amount=10, currency="eur"),
            "yearly": self.price(unit_amount=10, recurring={"interval": "year"}),
            "once": self.price(unit_amount=10, recurring=None),
            "expired": client.v1.coupons.create(expired).id,  # type: ignore[arg-type]
            "customer": customer,
        }
        client.v1.billing.meters.deactivate(silent)
        given: Any = {
            "customer": customer,
            "items": [{"price": self.names["seat"]}, {"price": self.names["calls"]}],
        }
        self.subscription = client.v1.subscriptions.create(given)
        seat, calls = self.subscription["items"].data
        self.names |= {
            "sub": self.subscription.id,
            "seat_item": seat.id,
            "calls_item": calls.id,
        }

    def price(self, **terms: Any) -> str:
        """A price by the month in dollars, unless more is said; gives its id."""
        params = {"currency": "usd", "recurring": {"interval": "month"}, **terms}
        given = {name: value for name, value in params.items() if value is not None}
        return self.client.v1.prices.create({**given, "product": self.product}).id  # type: ignore[typeddict-item]

    def filled(self, params: Any) -> Any:
        """Parameters with the ids of what they name in braces."""
        if isinstance(params, str):
            return params.format(**self.names)
        if isinstance(params, list):
            return [self.filled(one) for one in params]
        if isinstance(params, dict):
            return {name: self.filled(value) for name, value in params.items()}
        return params

    def everything(self) -> Any:
        """All that a refusal must leave as it was."""
        client = self.client
        coupon = client.v1.coupons.retrieve(self.names["expired"])
        return (
            client.v1.subscriptions.retrieve(self.names["sub"]),
            [one.id for one in client.v1.subscriptions.list({"customer": self.names["customer"]})],
            [one.id for one in client.v1.invoices.list({"customer": self.names["customer"]})],
            client.v1.events.list({"limit": 1}).data[0].id,
            coupon.times_redeemed,
        )


@pytest.fixture
def offer(
    client: Client, meter: stripe.billing.Meter, customer: stripe.Customer, event_name: str
) -> Offer:
    return Offer(client, meter.id, customer.id, event_name)


def items(*given: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Parameters with these items."""
    return {"items": list(given), **more}


def thresholds(amount: int) -> dict[str, Any]:
    return {"billing_thresholds": {"amount_gte": amount}}


CALLS = {"price": "{calls}"}
SEAT = {"id": "{seat_item}"}

CREATED: list[tuple[dict[str, Any], str, str]] = [
    (items(), "items", "Missing required param: items"),
    (items({"quantity": 1}), "items[0][price]", "An item needs a price"),
    (items({"price": "price_no"}), "items[0][price]", "No such price: 'price_no'"),
    (items({"price": "{deaf}"}), "items[0][price]", "which is inactive. Reactivate the meter"),
    (items({**CALLS, "quantity": 2}), "items[0][quantity]", "Leave quantity out"),
    (items(CALLS, {"price": "{euros}"}), "items[1][price]", "must have one currency"),
    (items(CALLS, {"price": "{yearly}"}), "items[1][price]", "same interval"),
    (items({"price": "{once}"}), "items[0][price]", "add_invoice_items"),
    (items(CALLS, CALLS), "items[1][price]", "is on another item already"),
    (items(*[CALLS] * 21), "items", "20"),
    (items(CALLS, discounts=[{"coupon": "{expired}"}]), "discounts[0][coupon]", "expired"),
    (items(CALLS, **thresholds(49)), "billing_thresholds[amount_gte]", "greater than or equal"),
    (
        items({"price": "{tiered}"}, **thresholds(500)),
        "billing_thresholds[amount_gte]",
        "more than the flat fees",
    ),
    (items({"price": "{packed}"}, **thresholds(500)), "billing_thresholds[amount_gte]", "package"),
    (
        items({"price": "{packed}", "billing_thresholds": {"usage_gte": 5}}),
        "items[0][billing_thresholds][usage_gte]",
        "package",
    ),
    (
        items({"price": "{seat}", "billing_thresholds": {"usage_gte": 5}}),
        "items[0][billing_thresholds][usage_gte]",
        "not metered",
    ),
    (items(CALLS, trial_end=NOW - 9), "trial_end", "in the future"),
    (items(CALLS, cancel_at=NOW - 9), "cancel_at", "in the future"),
    (items(CALLS, backdate_start_date=NOW - 9), "backdate_start_date", "begin when they are made"),
    (items(CALLS, days_until_due=3), "days_until_due", "send_invoice only"),
    (
        items(CALLS, add_invoice_items=[{"price": "{seat}"}]),
        "add_invoice_items[0][price]",
        "Put it into items",
    ),
    (
        items(CALLS, billing_cycle_anchor_config={"day_of_month": 3, "month": 2}),
        "billing_cycle_anchor_config[month]",
        "Leave month out",
    ),
]

UPDATED: list[tuple[dict[str, Any], str | None, str]] = [
    (items({"price": "{calls}"}), "items[0][price]", "is on another item already"),
    (items({**SEAT, "price": "{calls}"}), "items[0][price]", "is on another item already"),
    (items({"id": "si_no", "quantity": 2}), "items[0][id]", "No such subscription_item"),
    (items({"id": "{calls_item}", "quantity": 2}), "items[0][quantity]", "Leave quantity out"),
    (items({**SEAT, "price": "{euros}"}), "items[0][price]", "must have one currency"),
    (items({**SEAT, "price": "{deaf}"}), "items[0][price]", "Reactivate the meter"),
    (items({"id": "{calls_item}", "clear_usage": True}), "items[0][clear_usage]", "deleted=true"),
    (items({"deleted": True}), "items[0][id]", "give its id"),
    (items(SEAT, SEAT), "items[1][id]", "is given more than once"),
    (
        items({**SEAT, "deleted": True}, {"id": "{calls_item}", "deleted": True}),
        "items[0]",
        "Cancel the subscription instead",
    ),
    (
        items({**SEAT, "discounts": [{"coupon": "{expired}"}]}),
        "items[0][discounts][0][coupon]",
        "expired",
    ),
    (
        items({"price": "{tiered}"}, **thresholds(400)),
        "billing_thresholds[amount_gte]",
        "more than the flat fees",
    ),
    ({"trial_end": NOW - 9}, "trial_end", "in the future"),
    ({"trial_end": NOW + 86_400 * 800}, "trial_end", "within two years"),
    ({"trial_end": NOW + 86_400, "billing_cycle_anchor": "now"}, "billing_cycle_anchor", "only"),
    ({"billing_cycle_anchor": "later"}, "billing_cycle_anchor", "now"),
    ({"cancel_at": NOW + 10**6, "cancel_at_period_end": True}, "cancel_at", "only"),
    ({"collection_method": "send_invoice"}, "days_until_due", "how long there is to pay"),
    ({"proration_date": NOW - 86_400}, "proration_date", "in the current period"),
    (
        {"pause_collection": {"behavior": "void", "resumes_at": NOW - 9}},
        "pause_collection[resumes_at]",
        "in the future",
    ),
    ({"pause_collection": {"behavior": "keep"}}, "pause_collection[behavior]", "keep_as_draft"),
    ({"default_tax_rates": ["txr_no"]}, "default_tax_rates", "No such tax rate"),
]


@pytest.mark.parametrize(("params", "param", "message"), CREATED)
def test_what_cannot_be_subscribed_to(offer: Offer, params: Any, param: str, message: str) -> None:
    _wait_for_the_coupon(offer, params)
    before = offer.everything()
    asked: Any = {"customer": offer.names["customer"], **offer.filled(params)}
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        offer.client.v1.subscriptions.create(asked)
    assert refused.value.param == param
    assert offer.everything() == before


@pytest.mark.parametrize(("params", "param", "message"), UPDATED)
def test_what_a_subscription_cannot_become(
    offer: Offer, params: Any, param: str | None, message: str
) -> None:
    _wait_for_the_coupon(offer, params)
    before = offer.everything()
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        offer.client.v1.subscriptions.update(offer.names["sub"], offer.filled(params))
    assert refused.value.param == param
    assert offer.everything() == before


def _wait_for_the_coupon(offer: Offer, params: Any) -> None:
    """Until it has expired, if that is what matters."""
    if "{expired}" in str(params):
        time.sleep(max(0, offer.expires_at - time.time()))


def test_items_by_themselves_are_refused_under_their_own_names(offer: Offer) -> None:
    items = offer.client.v1.subscription_items
    own, names = {"subscription": offer.names["sub"]}, offer.names
    with pytest.raises(stripe.InvalidRequestError, match="already") as refused:
        items.create({**own, "price": names["calls"]})  # type: ignore[typeddict-item]
    assert refused.value.param == "price"
    with pytest.raises(stripe.InvalidRequestError, match="Leave quantity out") as refused:
        items.update(names["calls_item"], {"quantity": 3})
    assert refused.value.param == "quantity"
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription") as refused:
        items.create({"subscription": "sub_no", "price": names["spare"]})
    assert refused.value.param == "subscription"
