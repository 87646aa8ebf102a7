"""`expand`: ids of all kinds, in lists and in objects that are shown whole."""

from typing import Any

import pytest

from support.billing import TAX_RATES, invoice, line
from support.prices import price
from tripmeter.model.catalogue import Discount
from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.invoice import Applied, InvoicePayment
from tripmeter.model.subscription import Status, Subscription, SubscriptionItem
from tripmeter.wire.expand import expand
from tripmeter.wire.invoices import invoice_object, invoice_payment_object
from tripmeter.wire.subscriptions import subscription_object

DISCOUNTS = tuple(Discount(id=f"di_{number}", coupon="SPRING", start=0) for number in (1, 2))


def subscription() -> dict[str, Any]:
    """A rendered subscription with one item."""
    owned: dict[str, Any] = {"account": "acct_1", "livemode": False, "created_ms": 0}
    owned |= {"period_start_ms": 0, "period_end_ms": 1}
    item = SubscriptionItem(
        id="si_1", subscription="sub_1", customer="cus_1", price="price_1", **owned
    )
    whole = Subscription(
        id="sub_1",
        customer="cus_1",
        currency="usd",
        status=Status.ACTIVE,
        start_ms=0,
        anchor_ms=0,
        latest_invoice="in_1",
        clock="clock_1",
        discounts=DISCOUNTS,
        **owned,
    )
    return dict(subscription_object(whole, [item], {"price_1": price()}, {}))


def fetch(kind: str, id: str) -> dict[str, Any]:
    """Something in place of the object."""
    if kind == "invoice":
        own = line(discounts=(Applied("di_1", 5),))
        return dict(invoice_object(invoice(own), TAX_RATES))
    if kind == "invoice.payments":
        return {"object": "list", "data": [], "of": id}
    if kind == "subscription":
        return subscription()
    return {"id": id, "object": kind, "customer": "cus_1"}


def at(rendered: Any, path: str) -> Any:
    """What a path leads to; digits are places in lists."""
    for part in path.split("."):
        rendered = rendered[int(part)] if part.isdigit() else rendered[part]
    return rendered


@pytest.mark.parametrize(
    ("asked", "place", "kind"),
    [
        ("customer", "customer", "customer"),
        ("discounts", "discounts.1", "discount"),
        ("discounts.customer", "discounts.1.customer", "customer"),
        ("items.data.price.product", "items.data.0.price.product", "product"),
        ("items.data.plan.product", "items.data.0.plan.product", "product"),
        ("latest_invoice", "latest_invoice", "invoice"),
        ("latest_invoice.customer", "latest_invoice.customer", "customer"),
        ("latest_invoice.payments", "latest_invoice.payments", "list"),
        (
            "latest_invoice.lines.data.discounts",
            "latest_invoice.lines.data.0.discounts.0",
            "discount",
        ),
        (
            "latest_invoice.parent.subscription_details.subscription",
            "latest_invoice.parent.subscription_details.subscription",
            "subscription",
        ),
        ("test_clock", "test_clock", "test_clock"),
    ],
)
def test_what_a_subscription_leads_to(asked: str, place: str, kind: str) -> None:
    assert at(expand(subscription(), [asked], fetch), place)["object"] == kind


def test_the_prices_of_lines() -> None:
    rendered = fetch("invoice", "in_1")
    path = "lines.data.pricing.price_details.price"
    expanded = expand(rendered, [path, "lines.data.subscription"], fetch)
    assert at(expanded, "lines.data.0.pricing.price_details.price.object") == "price"
    assert at(expanded, "lines.data.0.subscription.object") == "subscription"


def test_payments_are_included_once_and_can_be_gone_into() -> None:
    payment = InvoicePayment(
        id="inpay_1",
        account="acct_1",
        livemode=False,
        created_ms=0,
        invoice="in_1",
        currency="usd",
        amount=5,
    )
    rendered: dict[str, Any] = dict(invoice_object(invoice(), {}, payments=[payment]))
    assert rendered["payments"]["data"] == [invoice_payment_object(payment)]
    expanded = expand(rendered, ["payments", "payments.data.invoice"], fetch)
    assert at(expanded, "payments.data.0.invoice.object") == "invoice"


def test_lists_of_subscriptions() -> None:
    page = {"object": "list", "data": [subscription(), subscription()]}
    expanded = expand(page, ["data.customer"], fetch)
    assert [one["customer"]["object"] for one in expanded["data"]] == ["customer"] * 2


@pytest.mark.parametrize(
    "path", ["default_payment_method", "schedule", "pending_setup_intent", "on_behalf_of"]
)
def test_what_is_never_set_stays_null(path: str) -> None:
    assert expand(subscription(), [path], fetch) == subscription()


@pytest.mark.parametrize(
    "path",
    ["metadata", "items", "items.data", "items.price", "currency", "latest", "items.data.id"],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ParameterInvalid, match="cannot be expanded"):
        expand(subscription(), [path], fetch)
