"""An account worth looking at, made with the official SDK: pictures and tests of the page show it.

Some customers have used two meters for some weeks; some lines lie ahead of them, some behind. One
of them is billed at a threshold and has credit. All that happens goes to one endpoint.
"""

import random
import time
from decimal import Decimal
from typing import Any, Final, NamedTuple

import httpx2
import msgspec
import stripe

CUSTOMERS: Final = (
    ("cus_acme", "Acme Corporation", 9),
    ("cus_globex", "Globex", 6),
    ("cus_initech", "Initech", 4),
    ("cus_umbrella", "Umbrella Health", 3),
    ("cus_hooli", "Hooli", 2),
    ("cus_stark", "Stark Industries", 2),
    ("cus_wayne", "Wayne Enterprises", 1),
    ("cus_wonka", "Wonka Chocolates", 1),
)
"""Id, name, and how much of all usage is theirs."""

DAYS: Final = 28
HOUR_S: Final = 3600
LINES: Final = (
    ("Free tier used up", "tokens", 50_000),
    ("Upsell: a million tokens", "tokens", 1_000_000),
    ("Fair use", "tokens", 2_500_000),
    ("Enterprise: five million tokens", "tokens", 5_000_000),
    ("Ten thousand requests", "requests", 10_000),
    ("Thirty thousand requests", "requests", 30_000),
)


class Showcase(NamedTuple):
    """The ids of what was made, by what it is."""

    meters: dict[str, str]
    alerts: dict[str, str]
    subscription: str
    endpoint: str


def furnish(client: stripe.StripeClient, http: httpx2.Client, hook: str | None) -> Showcase:
    """Make all of it. `hook` is the address of the endpoint that takes what it is sent."""
    meters = {
        name: client.v1.billing.meters.create(
            {
                "display_name": display,
                "event_name": name,
                "default_aggregation": {"formula": "sum"},
            }
        ).id
        for name, display in (("tokens", "Tokens"), ("requests", "API requests"))
    }
    for id_, name, _ in CUSTOMERS:
        email = f"billing@{id_.removeprefix('cus_')}.example"
        customer: Any = {"id": id_, "name": name, "email": email}
        client.v1.customers.create(customer)
    endpoint = client.v1.webhook_endpoints.create(
        {"url": hook or "http://127.0.0.1:9/hook", "enabled_events": ["*"]}
    ).id
    alerts = {title: _line(client, title, meters[meter], gte) for title, meter, gte in LINES}
    subscription = _billed(client, meters["tokens"])
    _use(http)
    _use_now(http)
    return Showcase(meters, alerts, subscription, endpoint)


def _line(client: stripe.StripeClient, title: str, meter: str, gte: int) -> str:
    threshold: Any = {"gte": gte, "meter": meter, "recurrence": "one_time"}
    return client.v1.billing.alerts.create(
        {"title": title, "alert_type": "usage_threshold", "usage_threshold": threshold}
    ).id


def _billed(client: stripe.StripeClient, meter: str) -> str:
    product = client.v1.products.create({"name": "Tokens, metered"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount_decimal": Decimal("0.03"),
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter},
        }
    )
    client.v1.billing.credit_grants.create(
        {
            "customer": "cus_acme",
            "name": "Welcome credit",
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 1000}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
    )
    subscription = client.v1.subscriptions.create(
        {
            "customer": "cus_acme",
            "description": "Growth plan",
            "items": [{"price": price.id}],
            "billing_thresholds": {"amount_gte": 5000},
        }
    )
    return subscription.id


def _use(http: httpx2.Client) -> None:
    """Usage of the last weeks, by the hour, in one request of columns a day."""
    chance = random.Random(7)
    now = int(time.time())
    ids, weights = [id_ for id_, _, _ in CUSTOMERS], [weight for _, _, weight in CUSTOMERS]
    for day in range(DAYS, 0, -1):
        start = now - day * 24 * HOUR_S
        for name, most in (("tokens", 2600), ("requests", 22)):
            number = 120 + 40 * (day * 3 % 7)
            hours = [chance.randrange(24) for _ in range(number)]
            body = {
                "event_name": name,
                "identifier": [f"{name}-{day}-{n}" for n in range(number)],
                "timestamp": [_rfc3339(start + hour * HOUR_S) for hour in hours],
                "payload": {
                    "stripe_customer_id": chance.choices(ids, weights, k=number),
                    "value": [str(chance.randint(1, most)) for _ in range(number)],
                },
            }
            answer = http.post(
                "/v2/billing/meter_events/bulk",
                content=msgspec.json.encode(body),
                headers={"Content-Type": "application/vnd.tripmeter.columns+json"},
            )
            assert answer.status_code == 200, answer.text


def _use_now(http: httpx2.Client) -> None:
    """Some usage of this hour, which belongs to the period under way."""
    chance = random.Random(8)
    for id_, _, weight in CUSTOMERS:
        for name, most in (("tokens", 12_000 * weight), ("requests", 60 * weight)):
            body = {"event_name": name, "payload[stripe_customer_id]": id_}
            value = str(chance.randint(most // 2, most))
            answer = http.post("/v1/billing/meter_events", data={**body, "payload[value]": value})
            assert answer.status_code == 200, answer.text


def _rfc3339(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
