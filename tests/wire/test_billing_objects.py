"""Whatever a subscription or an invoice is like, it is rendered as Stripe describes it, in full."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import typed
from sdk.specification import Specification, at_hand
from support import billing
from support.billing import TAX_RATES, VAT, invoice, line
from support.prices import price
from tripmeter.api.encoding import encode
from tripmeter.model.catalogue import Price
from tripmeter.model.invoice import (
    Applied,
    BillingReason,
    Invoice,
    InvoiceItem,
    InvoicePayment,
    InvoiceStatus,
)
from tripmeter.model.subscription import Subscription, SubscriptionItem
from tripmeter.model.test_clock import TestClock
from tripmeter.rules.invoicing import with_taxes
from tripmeter.wire import test_clocks
from tripmeter.wire.invoices import (
    invoice_item_object,
    invoice_object,
    invoice_payment_object,
    line_object,
)
from tripmeter.wire.subscriptions import subscription_item_object, subscription_object

STRIPE: Final = at_hand()

FEW: Final = settings(max_examples=40, deadline=None)
"""Holding an object to Stripe's description takes a while."""

LEFT_OUT: Final = {
    "line_item": {"deleted"},
    "plan": {"tiers"},
}
"""Fields beside `deleted` that are there only if asked for."""


def check(rendered: Mapping[str, Any]) -> None:
    """The object is as Stripe's description and the classes of its SDK have it."""
    answer = msgspec.json.decode(encode(rendered))
    found = list(typed.problems(answer))
    if STRIPE is not None:
        found += whole(STRIPE, answer)
    assert not found, "\n".join(found)


def whole(stripe: Specification, answer: dict[str, Any]) -> Iterable[str]:
    """What is not as described, and what is not there."""
    name = answer["object"]
    reference = {"$ref": f"#/components/schemas/{name}"}
    yield from stripe.mismatches(reference, answer)
    left_out = LEFT_OUT.get(name, set()) | {"deleted"}
    yield from sorted(stripe.fields(name) - answer.keys() - left_out)


@FEW
@given(
    billing.subscriptions(),
    st.lists(billing.subscription_items(), max_size=3),
    billing.recurring_prices(),
)
def test_subscriptions(
    subscription: Subscription, items: list[SubscriptionItem], own: Price
) -> None:
    rendered = subscription_object(subscription, items, {own.id: own}, TAX_RATES)
    check(rendered)
    assert len(rendered["items"]["data"]) == len(items)


@FEW
@given(billing.subscription_items(), billing.recurring_prices())
def test_subscription_items(item: SubscriptionItem, own: Price) -> None:
    rendered = subscription_item_object(item, own, TAX_RATES)
    check(rendered)
    check(rendered["plan"])


@FEW
@given(
    billing.invoices(),
    st.none() | st.lists(billing.invoice_payments(), max_size=2),
    st.sampled_from([None, "https://billing.example"]),
)
def test_invoices(made: Invoice, payments: list[InvoicePayment] | None, base: str | None) -> None:
    rendered = invoice_object(made, TAX_RATES, payments=payments, base_url=base)
    check(rendered)
    for one in made.lines:
        check(line_object(one, made))


@FEW
@given(billing.invoice_items())
def test_invoice_items(item: InvoiceItem) -> None:
    check(invoice_item_object(item, TAX_RATES, clock="clock_1"))


@FEW
@given(billing.invoice_payments())
def test_invoice_payments(payment: InvoicePayment) -> None:
    check(invoice_payment_object(payment))


@FEW
@given(billing.clocks())
def test_test_clocks(clock: TestClock) -> None:
    check(test_clocks.test_clock_object(clock))


@FEW
@given(billing.invoices())
def test_what_is_summed_up_is_what_the_lines_say(made: Invoice) -> None:
    rendered = invoice_object(made, TAX_RATES)
    lines = [line_object(one, made) for one in made.lines]
    for total, part in (
        ("total_discount_amounts", "discount_amounts"),
        ("total_pretax_credit_amounts", "pretax_credit_amounts"),
        ("total_taxes", "taxes"),
    ):
        summed = sum(one["amount"] for one in rendered[total])  # type: ignore[literal-required]
        parts = [one for each in lines for one in each[part]]  # type: ignore[literal-required]
        assert summed == sum(one["amount"] for one in parts)


def test_an_invoice_shows_ten_lines_and_says_where_the_others_are() -> None:
    made = invoice(*(line(f"il_{number}") for number in range(11)))
    shown = invoice_object(made, {})["lines"]
    assert [one["id"] for one in shown["data"]] == [f"il_{number}" for number in range(10)]
    assert shown["has_more"]
    assert shown["url"] == "/v1/invoices/in_1/lines"
    assert not invoice_object(invoice(*made.lines[:10]), {})["lines"]["has_more"]


def test_fractions_of_a_unit_are_in_the_decimal_alone() -> None:
    rendered = line_object(line(quantity=Decimal("2.750"), unit_amount=Decimal("0.10")), invoice())
    assert rendered["quantity"] == 2
    assert rendered["quantity_decimal"] == "2.75"
    assert rendered["pricing"] is not None
    assert rendered["pricing"]["unit_amount_decimal"] == "0.1"


def test_discounts_come_before_credits_and_taxes_after_both() -> None:
    own = line(
        amount=1_000,
        discounts=(Applied("di_1", 100),),
        credits=(Applied("cbtxn_1", 400),),
        tax_rates=("txr_1",),
    )
    taxed = with_taxes(own, TAX_RATES, exempt=False)
    rendered = invoice_object(invoice(taxed), {})
    kinds = [one["type"] for one in rendered["total_pretax_credit_amounts"]]
    assert kinds == ["discount", "credit_balance_transaction"]
    (tax,) = rendered["total_taxes"]
    assert (tax["taxable_amount"], tax["amount"]) == (500, 95)
    assert (rendered["subtotal"], rendered["total_excluding_tax"]) == (1_000, 500)
    assert rendered["total"] == rendered["amount_due"] == rendered["amount_remaining"] == 595


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "subscription_item_details"),
        ({"invoice_item": "ii_1", "proration": True}, "subscription_item_details"),
        ({"invoice_item": "ii_1", "subscription_item": None}, "invoice_item_details"),
    ],
)
def test_a_line_says_what_made_it(fields: dict[str, Any], kind: str) -> None:
    parent = line_object(line(**fields), invoice())["parent"]
    assert parent is not None
    assert parent["type"] == kind
    assert [name for name, details in parent.items() if details and name != "type"] == [kind]
    assert parent[kind]["proration"] is fields.get("proration", False)


def test_addresses_are_there_from_the_finalization_on() -> None:
    base = "https://billing.example"
    final = invoice_object(invoice(token="t0k"), {}, base_url=base)
    assert final["hosted_invoice_url"] == "https://billing.example/i/t0k"
    assert final["invoice_pdf"] == "https://billing.example/i/t0k/pdf"
    assert invoice_object(invoice(token="t0k"), {})["invoice_pdf"] is None
    draft = invoice(token="t0k", finalized_ms=None, status=InvoiceStatus.DRAFT, finalizes_ms=7_000)
    rendered = invoice_object(draft, {}, base_url=base)
    assert rendered["hosted_invoice_url"] is rendered["invoice_pdf"] is None
    assert rendered["automatically_finalizes_at"] == 7
    assert final["automatically_finalizes_at"] is None


def test_a_preview_says_so() -> None:
    made = invoice(reason=BillingReason.UPCOMING, status=InvoiceStatus.DRAFT)
    assert invoice_object(made, {})["billing_reason"] == "upcoming"


def test_tax_rates_are_shown_whole_and_discounts_as_ids() -> None:
    item = SubscriptionItem(
        id="si_1",
        account="acct_1",
        livemode=False,
        created_ms=0,
        subscription="sub_1",
        customer="cus_1",
        price="price_1",
        period_start_ms=0,
        period_end_ms=1,
        tax_rates=("txr_1",),
    )
    rendered = subscription_item_object(item, price(), TAX_RATES)
    assert [rate["display_name"] for rate in rendered["tax_rates"]] == [VAT.display_name]
    with pytest.raises(ValueError, match="does not recur"):
        subscription_item_object(item, price(recurring=None), TAX_RATES)
