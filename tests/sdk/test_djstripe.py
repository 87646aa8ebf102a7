"""dj-stripe, unmodified, syncs every object by its own command, and takes our webhooks.

Django projects keep a copy of what Stripe knows by it. The copy is read back through dj-stripe's
own models and compared with what the engine says.
"""

import time
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import stripe

from sdk import djstripe_world
from sdk.djstripe_project import PYTHON, Project, Said
from sdk.djstripe_world import Client
from sdk.specification import Specification
from support.recorder import Recorder, recording
from support.server import Server

PATIENCE_S: Final = 60

SYNCED: Final[dict[str, dict[str, str]]] = {
    "Account": {"country": "country", "default_currency": "default_currency", "type": "type"},
    "Coupon": {
        "amount_off": "amount_off",
        "applies_to": "applies_to",
        "currency": "currency",
        "duration": "duration",
        "duration_in_months": "duration_in_months",
        "percent_off": "percent_off",
        "times_redeemed": "times_redeemed",
    },
    "Customer": {
        "email": "email",
        "metadata": "metadata",
        "name": "name",
        "currency": "currency",
        "stripe_data.balance": "balance",
        "stripe_data.sources.data": "sources.data",
    },
    "Event": {
        "type": "type",
        "api_version": "api_version",
        "stripe_data.request": "request",
        "data": "data",
    },
    "Feature": {"lookup_key": "lookup_key", "name": "name"},
    "Invoice": {
        "customer.id": "customer",
        "currency": "currency",
        "number": "number",
        "status": "status",
        "subtotal": "subtotal",
        "total": "total",
        "stripe_data.amount_due": "amount_due",
        "stripe_data.amount_paid": "amount_paid",
        "stripe_data.amount_remaining": "amount_remaining",
        "stripe_data.billing_reason": "billing_reason",
        "stripe_data.total_taxes": "total_taxes",
        "stripe_data.threshold_reason": "threshold_reason",
    },
    "InvoiceItem": {
        "amount": "amount",
        "currency": "currency",
        "customer.id": "customer",
        "invoice.id": "invoice",
        "proration": "proration",
        "quantity": "quantity",
    },
    "LineItem": {
        "amount": "amount",
        "currency": "currency",
        "discount_amounts": "discount_amounts",
        "quantity": "quantity",
        "stripe_data.parent": "parent",
        "stripe_data.pricing": "pricing",
        "stripe_data.taxes": "taxes",
    },
    "Price": {
        "active": "active",
        "billing_scheme": "billing_scheme",
        "currency": "currency",
        "lookup_key": "lookup_key",
        "product.id": "product.id",
        "recurring": "recurring",
        "tiers": "tiers",
        "tiers_mode": "tiers_mode",
        "transform_quantity": "transform_quantity",
        "type": "type",
        "unit_amount": "unit_amount",
        "unit_amount_decimal": "unit_amount_decimal",
    },
    "Product": {"active": "active", "name": "name", "unit_label": "unit_label"},
    "PromotionCode": {
        "active": "active",
        "code": "code",
        "max_redemptions": "max_redemptions",
        "times_redeemed": "times_redeemed",
    },
    "Subscription": {
        "billing_thresholds": "billing_thresholds",
        "collection_method": "collection_method",
        "customer.id": "customer",
        "status": "status",
        "stripe_data.currency": "currency",
        "stripe_data.latest_invoice": "latest_invoice",
    },
    "SubscriptionItem": {
        "price.id": "price.id",
        "quantity": "quantity",
        "stripe_data.current_period_end": "current_period_end",
        "subscription.id": "subscription",
    },
    "TaxRate": {
        "country": "country",
        "display_name": "display_name",
        "inclusive": "inclusive",
        "percentage": "percentage",
    },
    "WebhookEndpoint": {
        "api_version": "api_version",
        "enabled_events": "enabled_events",
        "status": "status",
        "url": "url",
    },
}
"""Models that the command syncs: what dj-stripe has to know of each, and what Stripe calls it."""

_NO_CHARGES: Final = "nothing is charged here: what is paid is paid elsewhere"
_NO_CONNECT: Final = "accounts are not connected to each other here, and have no details"
_NO_SHOP: Final = "not a part of metered billing"

LEFT_OUT: Final = {
    "AccountV2": _NO_CONNECT,
    "ActiveEntitlement": "dj-stripe asks for those of all customers, and Stripe for one's alone",
    "ApplicationFee": _NO_CONNECT,
    "ApplicationFeeRefund": _NO_CONNECT,
    "BalanceTransaction": _NO_CHARGES,
    "Charge": _NO_CHARGES,
    "CountrySpec": _NO_CONNECT,
    "Dispute": _NO_CHARGES,
    "EarlyFraudWarning": _NO_CHARGES,
    "File": _NO_SHOP,
    "FileLink": _NO_SHOP,
    "IssuingAuthorization": _NO_SHOP,
    "IssuingCard": _NO_SHOP,
    "IssuingCardholder": _NO_SHOP,
    "IssuingDispute": _NO_SHOP,
    "IssuingTransaction": _NO_SHOP,
    "PaymentIntent": _NO_CHARGES,
    "PaymentMethod": _NO_CHARGES,
    "Payout": _NO_CHARGES,
    "Refund": _NO_CHARGES,
    "Review": _NO_CHARGES,
    "Session": _NO_SHOP,
    "SetupIntent": _NO_CHARGES,
    "ShippingRate": _NO_SHOP,
    "SubscriptionSchedule": "subscriptions are changed when they change, not in advance",
    "TaxCode": "taxes are those of tax rates; nothing is looked up",
    "TaxId": "taxes are those of tax rates; nothing is looked up",
    "Transfer": _NO_CONNECT,
    "TransferReversal": _NO_CONNECT,
    "VerificationReport": _NO_SHOP,
    "VerificationSession": _NO_SHOP,
}
"""Models that dj-stripe could sync, and why there is nothing to sync for them."""

pytestmark = [
    pytest.mark.skipif(
        not PYTHON.exists(), reason="there is no .venv-djstripe; `make test` makes it"
    ),
    pytest.mark.xdist_group("djstripe"),  # synced once
]

Get = Callable[..., list[Any]]
Objects = dict[str, Any]
"""Objects of one model, by id."""


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """A key of an account of its own."""
    return server.create_key(account="dj-stripe").secret


@pytest.fixture(scope="module")
def client(server: Server, key: str) -> Iterator[Client]:
    """The official SDK, on that account."""
    http: Any = stripe.RequestsClient()
    yield stripe.StripeClient(key, base_addresses={"api": server.url}, http_client=http)
    http.close()


@pytest.fixture(scope="module")
def ear(server: Server) -> Iterator[Recorder]:
    """A way to the engine that notes what dj-stripe asks, and what is answered."""
    with recording(server.url) as running:
        yield running


@pytest.fixture(scope="module")
def project(ear: Recorder, key: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A Django project with empty tables."""
    made = Project(tmp_path_factory.mktemp("django"), ear.url, key)
    assert made.manage("migrate", "--run-syncdb", "--verbosity", "0") == (0, "", "")
    return made


@pytest.fixture(scope="module")
def said(project: Project, client: Client) -> Said:
    """What the command says of an account that has something of everything."""
    djstripe_world.fill(client)
    return project.manage("djstripe_sync_models", *SYNCED)


@pytest.fixture(scope="module")
def ours(server: Server, key: str, said: Said) -> Iterator[dict[str, Objects]]:
    """What the engine has, by dj-stripe's models and by id."""
    with httpx2.Client(base_url=server.url, auth=(key, "")) as http:

        def listed(path: str, *expand: str, **params: str) -> list[Any]:
            found = http.get(path, params={**params, "limit": "100", "expand[]": list(expand)})
            body = found.json()
            assert body["has_more"] is False
            return list(body["data"])

        every = _every_object(listed)
        every["Account"] = [http.get("/v1/account").json()]
    yield {model: {one["id"]: one for one in objects} for model, objects in every.items()}


def _every_object(listed: Get) -> dict[str, list[Any]]:
    """All that there is, by dj-stripe's models."""
    subscriptions = listed("/v1/subscriptions", status="all")
    invoices = listed("/v1/invoices")
    return {
        "Coupon": listed("/v1/coupons", "data.applies_to"),
        "Customer": listed("/v1/customers", "data.sources"),
        "Event": listed("/v1/events"),
        "Feature": listed("/v1/entitlements/features"),
        "Invoice": invoices,
        "InvoiceItem": listed("/v1/invoiceitems"),
        "LineItem": [line for one in invoices for line in one["lines"]["data"]],
        "Price": listed("/v1/prices", "data.tiers", "data.product"),
        "Product": listed("/v1/products"),
        "PromotionCode": listed("/v1/promotion_codes"),
        "Subscription": subscriptions,
        "SubscriptionItem": [item for one in subscriptions for item in one["items"]["data"]],
        "TaxRate": listed("/v1/tax_rates"),
        "WebhookEndpoint": listed("/v1/webhook_endpoints"),
    }


@pytest.fixture(scope="module")
def theirs(project: Project, ours: dict[str, Objects]) -> dict[str, dict[Any, list[Any]]]:
    """What dj-stripe has: for each model and id, the attributes that are compared."""
    carried = {"Discount": (), "ProductFeature": ("product.name", "entitlement_feature.id")}
    return project.read({**SYNCED, **carried})


def test_every_object_is_synced_and_none_fails(said: Said, ours: dict[str, Objects]) -> None:
    assert said.err == ""
    assert said.code == 0
    told = [line.split()[1:3] for line in said.out.splitlines() if line.startswith("  Synced ")]
    assert told == [[str(len(ours[model])), model] for model in SYNCED]


def test_all_that_it_asks_is_answered_as_stripe_would(
    said: Said, ear: Recorder, described: Specification | None
) -> None:
    heard = ear.take()
    assert len(heard) > len(SYNCED)
    assert [f"{one.method} {one.path}" for one in heard if one.status != 200] == []
    if described is not None:
        assert [found for one in heard for found in described.problems(one)] == []


@pytest.mark.parametrize("model", SYNCED)
def test_it_arrives_as_it_is(
    model: str, ours: dict[str, Objects], theirs: dict[str, dict[Any, list[Any]]]
) -> None:
    paths = SYNCED[model].values()
    assert {id_: list(map(told, values)) for id_, values in theirs[model].items()} == {
        id_: [told(reduce(member, path.split("."), one)) for path in paths]
        for id_, one in ours[model].items()
    }


def member(of: Any, name: str) -> Any:
    """A member of what there is; None of what there is not."""
    return None if of is None else of.get(name)


def told(value: Any) -> Any:
    """A value as columns of text can hold it: null has become an empty text in them."""
    return "" if value is None else value


def test_the_account_holds_something_of_everything(ours: dict[str, Objects]) -> None:
    invoices, lines = ours["Invoice"].values(), ours["LineItem"].values()
    assert all(ours.values())
    statuses = {one["status"] for one in ours["Subscription"].values()}
    assert statuses == {"active", "canceled", "trialing"}
    statuses = {one["status"] for one in invoices}
    assert statuses == {"draft", "open", "paid", "uncollectible", "void"}
    reasons = {one["billing_reason"].removeprefix("subscription_") for one in invoices}
    assert reasons == {"create", "manual", "threshold", "update"}
    assert {(one["parent"]["type"], one["amount"] < 0) for one in lines} == {
        ("invoice_item_details", False),
        ("subscription_item_details", False),
        ("subscription_item_details", True),  # a proration
    }
    assert any(one["discount_amounts"] for one in lines)
    assert any(one["taxes"] for one in lines)


def test_discounts_come_with_invoices(
    ours: dict[str, Objects], theirs: dict[str, dict[Any, list[Any]]]
) -> None:
    applied = {id_ for line in ours["LineItem"].values() for id_ in line["discounts"]}
    assert applied <= theirs["Discount"].keys()
    assert applied


def test_features_come_with_products(
    ours: dict[str, Objects], theirs: dict[str, dict[Any, list[Any]]]
) -> None:
    assert list(theirs["ProductFeature"].values()) == [["Seats", *ours["Feature"]]]


def test_every_model_is_synced_or_left_out_for_a_reason(project: Project) -> None:
    assert not set(SYNCED) & set(LEFT_OUT)
    assert project.syncable() == {*SYNCED, *LEFT_OUT}


def test_its_webhook_view_takes_ours(
    project: Project, client: Client, said: Said, tmp_path: Path
) -> None:
    (last,) = client.v1.events.list({"limit": 1}).data
    with project.served(tmp_path / "django.log") as url:
        endpoint = project.create_endpoint(url, "*")
        customer, subscription = come_and_go(client)
        told = client.v1.events.list({"ending_before": last.id, "limit": 100}).data
        taken = triggers(project, len(told))
    client.v1.webhook_endpoints.delete(endpoint)
    assert sorted(taken) == sorted([one.id, one.type, True, True, ""] for one in told)
    names = {one.type.rpartition(".")[0] for one in told}
    assert names >= {"customer", "customer.subscription", "invoice"}
    now = project.read({"Customer": ["name"], "Subscription": ["status"]})
    assert now["Customer"][customer] == ["June Doe"]
    assert now["Subscription"][subscription] == ["canceled"]


def come_and_go(client: Client) -> tuple[str, str]:
    """A customer who is renamed, subscribes, pays and cancels; their id and the subscription's."""
    customer = client.v1.customers.create({"name": "June Roe"})
    client.v1.customers.update(customer.id, {"name": "June Doe"})
    (seats,) = client.v1.prices.list({"lookup_keys": ["seats"]}).data
    made = client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": seats.id}]})
    client.v1.subscriptions.cancel(made.id)
    return customer.id, made.id


def triggers(project: Project, number: int) -> list[list[Any]]:
    """The webhooks that dj-stripe has dealt with, once there are so many."""
    wanted = {"WebhookEventTrigger": "event.id event.type valid processed exception".split()}
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = list(project.read(wanted)["WebhookEventTrigger"].values())
        if len(found) >= number and all(event for event, *_ in found):
            return found
        assert time.monotonic() < deadline, f"of {number} webhooks there are only {found}"
        time.sleep(0.2)
