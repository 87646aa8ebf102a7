"""Alerts on spend, on credits and on the usage of a period, with the official SDK.

They are in the shape of the preview SDK, and work on subscriptions.
"""

from typing import Any

import pytest
import stripe

from support.inbox import Inbox

DAY = 86_400
START = 1_801_353_600
"""31 January 2027, on test clocks."""


class Shop:
    """A customer on a test clock, who pays a cent a token, month by month."""

    def __init__(self, client: stripe.StripeClient, meter: stripe.billing.Meter) -> None:
        self.v1 = client.v1
        self.meter = meter
        self.now = START
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": START})
        self.customer = self.v1.customers.create({"name": "Jenny", "test_clock": self.clock.id}).id
        self.product = self.v1.products.create({"name": "Tokens"}).id
        self.price = self.priced(1).id

    def priced(self, unit_amount: int, **params: Any) -> stripe.Price:
        given: Any = {
            "product": self.product,
            "currency": "usd",
            "unit_amount": unit_amount,
            "recurring": {"interval": "month", "usage_type": "metered", "meter": self.meter.id},
            **params,
        }
        return self.v1.prices.create(given)

    def subscribe(self, **params: Any) -> stripe.Subscription:
        given: Any = {"customer": self.customer, "items": [{"price": self.price}], **params}
        return self.v1.subscriptions.create(given)

    def use(self, tokens: int, at: int | None = None) -> None:
        payload = {"stripe_customer_id": self.customer, "value": str(tokens)}
        self.v1.billing.meter_events.create(
            {
                "event_name": self.meter.event_name,
                "payload": payload,
                "timestamp": self.now if at is None else at,
            }
        )

    def advance(self, days: int) -> None:
        self.now += days * DAY
        advanced = self.v1.test_helpers.test_clocks.advance(
            self.clock.id, {"frozen_time": self.now}
        )
        assert advanced.status == "ready"

    def spend_alert(self, cents: int, **filters: Any) -> Any:
        given: Any = {
            "title": "Spend",
            "alert_type": "spend_threshold",
            "spend_threshold": {
                "aggregation_period": "billing",
                "gte": {"type": "amount", "amount": {"currency": "usd", "value": cents}},
                "filters": filters or {"customer": self.customer},
            },
        }
        return self.v1.billing.alerts.create(given)

    def credit_alert(self, cents: int) -> Any:
        given: Any = {
            "title": "Credits are low",
            "alert_type": "credit_balance_threshold",
            "credit_balance_threshold": {
                "lte": {
                    "balance_type": "monetary",
                    "monetary": {"currency": "usd", "value": cents},
                },
                "filters": [{"type": "customer", "customer": self.customer}],
            },
        }
        return self.v1.billing.alerts.create(given)

    def usage_alert(self, tokens: int) -> Any:
        given: Any = {
            "title": "Tokens of this month",
            "alert_type": "usage_threshold",
            "usage_threshold": {
                "meter": self.meter.id,
                "gte": tokens,
                "recurrence": "one_time",
                "count_from": "period_start",
                "filters": [{"type": "customer", "customer": self.customer}],
            },
        }
        return self.v1.billing.alerts.create(given)

    def grant(self, cents: int) -> Any:
        given: Any = {
            "customer": self.customer,
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": cents}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
        return self.v1.billing.credit_grants.create(given)


@pytest.fixture
def shop(client: stripe.StripeClient, meter: stripe.billing.Meter) -> Shop:
    return Shop(client, meter)


def told(client: stripe.StripeClient, alert: Any, **filters: Any) -> list[tuple[str, str]]:
    """(action, value) of what was told of an alert, oldest first."""
    path = f"/v1/billing/alerts/{alert.id}/notifications"
    found: Any = client.raw_request("get", path, **filters)
    rows = client.deserialize(found, api_mode="V1").data  # type: ignore[attr-defined]
    return [(row.action, row.value) for row in reversed(rows)]


def why(client: stripe.StripeClient, alert: Any, customer: str) -> Any:
    found = client.raw_request("get", f"/v1/billing/alerts/{alert.id}/explain", customer=customer)
    return client.deserialize(found, api_mode="V1")


def test_spend_is_told_on_the_very_event_and_once_in_a_period(
    client: stripe.StripeClient, shop: Shop, inbox: Inbox
) -> None:
    endpoint = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["billing.alert.triggered", "billing.alert.recovered"]}  # type: ignore[list-item]
    )
    subscription = shop.subscribe()
    alert = shop.spend_alert(1_000)
    shop.use(999)
    assert told(client, alert) == []
    shop.use(31)  # overshoot
    assert told(client, alert) == [("triggered", "1030")]
    shop.use(5_000)
    assert told(client, alert) == [("triggered", "1030")]
    fired = inbox.wait_for(lambda body: body["type"] == "billing.alert.triggered").json["data"]
    item = subscription["items"].data[0]
    period = {"starts_at": item.current_period_start, "ends_at": item.current_period_end}
    assert fired["object"] | {"alert": None} == {
        "object": "billing.alert_triggered",
        "aggregation_period": period,
        "alert": None,
        "created": START,
        "currency": "usd",
        "custom_pricing_unit": None,
        "customer": shop.customer,
        "external_customer_id": None,
        "group_by": {"type": "subscription", "subscription": subscription.id},
        "livemode": False,
        "triggered_at": START,
        "value": 1_030,
    }
    assert fired["object"]["alert"]["id"] == alert.id
    shop.advance(32)  # the next period: nothing of it is spent
    assert told(client, alert) == [("triggered", "1030"), ("recovered", "0")]
    recovered = inbox.wait_for(lambda body: body["type"] == "billing.alert.recovered").json
    assert recovered["data"]["object"]["value"] == "0"
    shop.use(1_000)
    assert told(client, alert)[2:] == [("triggered", "1000")]
    client.v1.webhook_endpoints.delete(endpoint.id)


def test_an_invoice_in_the_midst_of_a_period_moves_no_spend(
    client: stripe.StripeClient, shop: Shop
) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 500})
    alert, later = shop.spend_alert(1_000), shop.spend_alert(1_201)
    shop.use(600)  # billed at once
    shop.use(399)
    assert told(client, alert) == []
    shop.use(1)
    assert told(client, alert) == [("triggered", "1000")]
    shop.use(200)
    assert told(client, later) == []
    shop.use(1)
    assert told(client, later) == [("triggered", "1201")]


def test_spend_restarts_with_the_billing_cycle_anchor(
    client: stripe.StripeClient, shop: Shop
) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 500, "reset_billing_cycle_anchor": True})
    alert = shop.spend_alert(500)
    shop.advance(3)
    shop.use(700)  # belongs to the period that its invoice ends
    assert told(client, alert) == [("triggered", "700"), ("recovered", "0")]


def test_spend_is_without_tax_and_after_discounts_and_credits(
    client: stripe.StripeClient, shop: Shop
) -> None:
    half = client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    tax = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    shop.subscribe(discounts=[{"coupon": half.id}], default_tax_rates=[tax.id])
    shop.grant(100)
    alert = shop.spend_alert(500)
    shop.use(1_199)  # 599.5, rounded, and 100 of it in credits
    assert told(client, alert) == []
    shop.use(1)
    assert told(client, alert) == [("triggered", "500")]


def test_what_is_paid_in_advance_is_spent(client: stripe.StripeClient, shop: Shop) -> None:
    seats = client.v1.prices.create(
        {
            "product": shop.product,
            "currency": "usd",
            "unit_amount": 300,
            "recurring": {"interval": "month"},
        }
    )
    items = [{"price": shop.price}, {"price": seats.id, "quantity": 2}]
    shop.subscribe(items=items)
    alert = shop.spend_alert(1_000)
    shop.use(399)
    assert told(client, alert) == []
    shop.use(1)
    assert told(client, alert) == [("triggered", "1000")]


def test_an_alert_may_watch_one_subscription_alone(client: stripe.StripeClient, shop: Shop) -> None:
    watched = shop.subscribe()
    other_price = shop.priced(2)
    other = shop.subscribe(items=[{"price": other_price.id}])
    alert = shop.spend_alert(1_000, subscription=watched.id)
    dearer = shop.spend_alert(1_000, subscription=other.id)
    shop.use(500)
    assert (told(client, alert), told(client, dearer)) == ([], [("triggered", "1000")])
    shop.use(500)
    assert told(client, alert) == [("triggered", "1000")]


def test_an_alert_for_everybody_is_told_of_each(client: stripe.StripeClient, shop: Shop) -> None:
    alert = client.v1.billing.alerts.create(spend())  # type: ignore[arg-type]
    other = Shop(client, shop.meter)
    for one in (shop, other):
        one.subscribe()
        one.use(100)
    assert told(client, alert) == [("triggered", "100")] * 2
    assert told(client, alert, customer=other.customer) == [("triggered", "100")]
    client.v1.billing.alerts.archive(alert.id)
    shop.advance(32)
    shop.use(100)
    assert told(client, alert, action="recovered") == []


def test_an_alert_that_is_activated_again_fires_again(
    client: stripe.StripeClient, shop: Shop
) -> None:
    shop.subscribe()
    alert = shop.spend_alert(100)
    shop.use(100)
    client.v1.billing.alerts.activate(alert.id)
    shop.use(1)
    assert told(client, alert) == [("triggered", "100"), ("triggered", "101")]
    client.v1.billing.alerts.deactivate(alert.id)
    shop.advance(32)
    shop.use(500)
    assert len(told(client, alert)) == 2


def test_nothing_is_spent_in_a_trial(client: stripe.StripeClient, shop: Shop) -> None:
    shop.subscribe(trial_period_days=10)
    alert = shop.spend_alert(100)
    shop.use(500)
    assert told(client, alert) == []
    shop.advance(11)
    shop.use(100)
    assert told(client, alert) == [("triggered", "100")]


def test_credits_that_run_low_are_told_of_and_topped_up(
    client: stripe.StripeClient, shop: Shop
) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 100})
    shop.grant(1_000)
    alert = shop.credit_alert(200)
    shop.use(850)
    assert told(client, alert) == []  # credits pay it all: no threshold is crossed
    shop.advance(32)
    assert told(client, alert) == [("triggered", "150")]
    shop.grant(500)
    assert told(client, alert)[1:] == [("recovered", "650")]
    shop.grant(10)
    assert len(told(client, alert)) == 2
    shop.use(700)
    shop.advance(31)
    assert told(client, alert)[2:] == [("triggered", "0")]
    shop.grant(300)
    assert told(client, alert)[3:] == [("recovered", "300")]


def test_credits_that_expire_are_gone(client: stripe.StripeClient, shop: Shop) -> None:
    grant = shop.grant(1_000)
    alert = shop.credit_alert(0)
    client.v1.billing.credit_grants.expire(grant.id)
    assert told(client, alert) == [("triggered", "0")]


def test_usage_may_count_from_the_start_of_each_period(
    client: stripe.StripeClient, shop: Shop
) -> None:
    shop.subscribe()
    shop.use(40)
    alert = shop.usage_alert(100)
    shop.use(59)
    assert told(client, alert) == []
    shop.use(6)  # what was used before there was an alert is of this period, too
    assert told(client, alert) == [("triggered", "105")]
    shop.advance(32)
    assert told(client, alert)[1:] == [("recovered", "0")]
    shop.use(99)
    shop.use(1)
    assert told(client, alert)[2:] == [("triggered", "100")]


def test_late_usage_may_cross_in_a_period_that_is_over(
    client: stripe.StripeClient, shop: Shop
) -> None:
    shop.subscribe()
    alert = shop.usage_alert(100)
    shop.use(99)
    begun, shop.now = shop.now, shop.now + 28 * DAY
    client.v1.test_helpers.test_clocks.advance(shop.clock.id, {"frozen_time": shop.now})
    shop.use(30)
    shop.use(1, at=begun)
    shop.use(1, at=begun)
    found: Any = client.raw_request("get", f"/v1/billing/alerts/{alert.id}/notifications")
    rows = client.deserialize(found, api_mode="V1").data  # type: ignore[attr-defined]
    assert [(row.action, row.value, row.late) for row in rows] == [("triggered", "100", True)]
    shop.use(70)
    assert told(client, alert)[1:] == [("triggered", "100")]


def test_an_alert_says_why_it_has_not_fired(client: stripe.StripeClient, shop: Shop) -> None:
    alert = shop.spend_alert(1_000)
    facts = why(client, alert, shop.customer)
    assert (facts.reason, facts.compared) == ("no_billing_period", [])
    subscription = shop.subscribe()
    shop.use(400)
    facts = why(client, alert, shop.customer)
    (compared,) = facts.compared
    assert (facts.reason, compared.subscription) == ("below_threshold", subscription.id)
    assert (compared.value, compared.remaining) == ("400", "600")
    assert facts.explanation == (
        f"400 of 1000 (usd, in its smallest unit) are spent in this period of {subscription.id};"
        " it fires on the event that costs 600 more."
    )
    shop.use(600)
    facts = why(client, alert, shop.customer)
    assert facts.reason == "fired"
    event = client.v1.events.retrieve(facts.compared[0].notification_event)
    assert event.type == "billing.alert.triggered"
    credits = shop.credit_alert(50)
    shop.grant(100)
    assert why(client, credits, shop.customer).explanation == (
        "Credits of 100 (usd, in its smallest unit) are left; it fires when 50 more are gone."
    )


def spend(**changed: Any) -> dict[str, Any]:
    """What makes a spend alert."""
    threshold = {
        "aggregation_period": "billing",
        "gte": {"type": "amount", "amount": {"currency": "usd", "value": 100}},
    }
    return {
        "title": "Spend",
        "alert_type": "spend_threshold",
        "spend_threshold": {**threshold, **changed},
    }


def credit(**changed: Any) -> dict[str, Any]:
    """What makes a credit balance alert, but for its customer."""
    lte = {"balance_type": "monetary", "monetary": {"currency": "usd", "value": 100}}
    return {
        "title": "Credits",
        "alert_type": "credit_balance_threshold",
        "credit_balance_threshold": {"lte": lte, **changed},
    }


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (spend() | {"spend_threshold": None}, "spend_threshold", "Missing required param"),
    (spend() | {"alert_type": "usage_threshold"}, "usage_threshold", "Missing required param"),
    (
        spend() | {"credit_balance_threshold": credit()["credit_balance_threshold"]},
        "credit_balance_threshold",
        "does not go with alert_type=spend_threshold",
    ),
    (spend(gte={"type": "amount"}), "spend_threshold[gte][amount]", "Missing required param"),
    (
        spend(gte={"type": "amount", "amount": {"currency": "xyz", "value": 1}}),
        "spend_threshold[gte][amount][currency]",
        "Invalid currency",
    ),
    (
        spend(gte={"type": "amount", "amount": {"currency": "usd", "value": 0}}),
        "spend_threshold[gte][amount][value]",
        "greater than or equal to 1",
    ),
    (
        spend(filters={"pricing_plan": "bpp_1"}),
        "spend_threshold[filters][pricing_plan]",
        "no pricing plans here",
    ),
    (
        spend(filters={"customer": "cus_nobody"}),
        "spend_threshold[filters][customer]",
        "No such customer",
    ),
    (
        spend(filters={"subscription": "sub_none"}),
        "spend_threshold[filters][subscription]",
        "No such subscription",
    ),
    (credit(), "credit_balance_threshold[filters]", "give a filter of type customer"),
    (
        credit(filters=[{"type": "customer"}]),
        "credit_balance_threshold[filters][0][customer]",
        "needs a customer",
    ),
]


@pytest.mark.parametrize(("given", "param", "message"), REFUSED)
def test_what_cannot_be_watched_is_refused(
    client: stripe.StripeClient, given: dict[str, Any], param: str, message: str
) -> None:
    before = client.v1.billing.alerts.list({"limit": 1}).data
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        client.v1.billing.alerts.create({k: v for k, v in given.items() if v})  # type: ignore[arg-type]
    assert refused.value.param == param
    assert client.v1.billing.alerts.list({"limit": 1}).data == before


def test_an_amount_in_another_currency_than_the_subscriptions_is_refused(
    client: stripe.StripeClient, shop: Shop
) -> None:
    subscription = shop.subscribe()
    given = spend(
        gte={"type": "amount", "amount": {"currency": "eur", "value": 100}},
        filters={"subscription": subscription.id},
    )
    with pytest.raises(stripe.InvalidRequestError, match="is billed in usd"):
        client.v1.billing.alerts.create(given)  # type: ignore[arg-type]


def test_there_are_at_most_25_alerts_of_a_scope(client: stripe.StripeClient, shop: Shop) -> None:
    for _ in range(25):
        shop.spend_alert(100)
    with pytest.raises(stripe.InvalidRequestError, match="25 alerts"):
        shop.spend_alert(100)
    shop.credit_alert(100)
