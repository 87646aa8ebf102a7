"""One-off invoices and their items with the official SDK: what waits, drafts, and final ones."""

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import stripe

Client = Any
"""The SDK's client: its types let nearly every field be None, which is of no interest here."""
Refused = stripe.InvalidRequestError

_numbers = itertools.count(1)


@pytest.fixture
def item(client: Client, customer: stripe.Customer) -> Callable[..., Any]:
    """Makes invoice items of the customer."""

    def make(amount: int = 1_000, **fields: Any) -> Any:
        given: Any = {"customer": customer.id, "currency": "usd", **fields}
        if not {"pricing", "price_data", "unit_amount_decimal"} & set(fields):
            given["amount"] = amount
        return client.v1.invoice_items.create(given)

    return make


@pytest.fixture
def draft(client: Client, customer: stripe.Customer) -> Callable[..., Any]:
    """Makes invoices of all that waits for the customer."""

    def make(**fields: Any) -> Any:
        given: Any = {
            "customer": customer.id,
            "pending_invoice_items_behavior": "include",
            **fields,
        }
        return client.v1.invoices.create(given)

    return make


def price(client: Client, **fields: Any) -> Any:
    """A price for what is sold once."""
    product = client.v1.products.create({"name": f"Set-up {next(_numbers)}"})
    given: Any = {"product": product.id, "currency": "usd", "unit_amount": 250, **fields}
    return client.v1.prices.create(given)


def subscription(client: Client, customer: str) -> Any:
    """A subscription to something for 20 dollars a month."""
    monthly = price(client, unit_amount=2_000, recurring={"interval": "month"})
    return client.v1.subscriptions.create({"customer": customer, "items": [{"price": monthly.id}]})


def amounts(invoice: stripe.Invoice) -> list[int]:
    """What the lines of an invoice come to."""
    return [line.amount for line in invoice.lines.data]


def event_types(client: Client, object_id: str) -> list[str]:
    """What was told of an object, the oldest first."""
    found = client.v2.core.events.list({"object_id": object_id}).data
    return [event.type.removeprefix("v1.") for event in found][::-1]


# --- items -------------------------------------------------------------------------------------


def test_an_item_waits_changes_and_goes(client: Client, item: Any, customer: Any) -> None:
    items = client.v1.invoice_items
    made = item(500, description="Set-up", metadata={"a": "1"})
    assert (made.amount, made.quantity, made.invoice, made.discountable) == (500, 1, None, True)
    assert items.retrieve(made.id) == made
    changed = items.update(made.id, {"amount": 700, "description": "", "metadata": {"a": ""}})
    assert (changed.amount, changed.description, changed.metadata.to_dict()) == (700, None, {})
    assert items.update(made.id, {"quantity": 3}).amount == 2_100
    period: Any = {"start": 1_000, "end": 2_000}
    assert items.update(made.id, {"period": period}).period.to_dict() == period
    assert items.delete(made.id).deleted
    with pytest.raises(Refused) as missing:
        items.retrieve(made.id)
    assert missing.value.code == "resource_missing"
    assert items.list({"customer": customer.id}).data == []
    assert event_types(client, made.id) == ["invoiceitem.created", "invoiceitem.deleted"]


def test_what_an_item_costs(client: Client, item: Any) -> None:
    sold = price(client)
    made = item(pricing={"price": sold.id}, quantity=3)
    assert (made.amount, made.quantity) == (750, 3)
    assert made.pricing.price_details.to_dict() == {"price": sold.id, "product": sold.product}
    assert made.description.startswith("Set-up")
    fraction = item(unit_amount_decimal="0.25", quantity_decimal="1.5")
    assert (fraction.amount, fraction.quantity_decimal) == (0, Decimal("1.5"))
    assert item(unit_amount_decimal="-33.3", quantity=3).amount == -100
    own = item(price_data={"currency": "usd", "product": sold.product, "unit_amount": 80})
    assert own.amount == 80
    assert client.v1.prices.retrieve(own.pricing.price_details.price).active is False
    credit = item(-300)
    assert (credit.amount, credit.discountable) == (-300, False)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"amount": 1, "unit_amount_decimal": "2"}, None),
        ({"amount": 1, "quantity": 2}, None),
        ({"unit_amount_decimal": "1", "quantity": 2, "quantity_decimal": "2"}, None),
        ({"amount": 1, "currency": "xyz"}, "currency"),
        ({"amount": 1, "period": {"start": 9, "end": 8}}, "period[end]"),
        ({"amount": 1, "subscription": "sub_none"}, "subscription"),
        ({"amount": 1, "invoice": "in_none"}, "invoice"),
        ({"amount": 1, "tax_rates": ["txr_none"]}, "tax_rates"),
        ({"amount": 1, "tax_behavior": "inclusive"}, "tax_behavior"),
        ({"pricing": {"price": "price_none"}}, "pricing[price]"),
        ({"unit_amount_decimal": "99999999999999", "quantity": 9_999}, "quantity"),
        ({}, "amount"),
    ],
)
def test_items_that_make_no_sense(
    client: Client, customer: stripe.Customer, fields: Any, param: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        client.v1.invoice_items.create({"customer": customer.id, **fields})
    if param is not None:
        assert refused.value.param == param


def test_recurring_prices_and_other_currencies_make_no_items(client: Client, item: Any) -> None:
    monthly = price(client, recurring={"interval": "month"})
    with pytest.raises(Refused, match="type=one_time"):
        item(pricing={"price": monthly.id})
    euros = price(client, currency="eur")
    with pytest.raises(Refused, match="Use eur"):
        item(pricing={"price": euros.id})
    archived = price(client)
    client.v1.prices.update(archived.id, {"active": False})
    with pytest.raises(Refused, match="inactive"):
        item(pricing={"price": archived.id})


def test_items_are_found_by_where_they_stand(
    client: Client, item: Any, draft: Any, customer: stripe.Customer
) -> None:
    billed = [item(1), item(2)]
    invoice = draft()
    waiting = item(3)
    find = client.v1.invoice_items.list
    mine: Any = {"customer": customer.id}
    assert [one.id for one in find(mine).data] == [waiting.id, billed[1].id, billed[0].id]
    assert [one.id for one in find({**mine, "pending": True}).data] == [waiting.id]
    assert len(find({**mine, "pending": False}).data) == 2
    assert len(find({"invoice": invoice.id}).data) == 2
    assert find({**mine, "created": {"lt": waiting.date - 1_000}}).data == []
    first = find({**mine, "limit": 1})
    assert [one.id for one in first.auto_paging_iter()] == [one.id for one in find(mine).data]


# --- drafts ------------------------------------------------------------------------------------


def test_an_invoice_takes_what_waits_only_if_asked_to(
    client: Client, item: Any, draft: Any, customer: stripe.Customer
) -> None:
    item(500, description="Set-up")
    empty = client.v1.invoices.create({"customer": customer.id})
    assert (empty.lines.data, empty.total, empty.auto_advance) == ([], 0, False)
    assert amounts(draft(pending_invoice_items_behavior="exclude")) == []
    made = draft(description="Thanks", footer="F", metadata={"a": "b"})
    assert (amounts(made), made.total, made.amount_due) == ([500], 500, 500)
    assert (made.status, made.billing_reason, made.number) == ("draft", "manual", None)
    assert (made.description, made.footer, made.metadata.to_dict()) == ("Thanks", "F", {"a": "b"})
    assert made.automatically_finalizes_at is None
    assert made.hosted_invoice_url is made.invoice_pdf is None
    (line,) = made.lines.data
    assert line.parent.type == "invoice_item_details"
    assert amounts(draft()) == []  # nothing waits any more


def test_items_for_a_subscription_wait_for_its_invoices(
    client: Client, item: Any, draft: Any, customer: stripe.Customer
) -> None:
    owner = subscription(client, customer.id)
    item(100)
    item(200, subscription=owner.id)
    assert amounts(draft(subscription=owner.id, pending_invoice_items_behavior="exclude")) == []
    made = client.v1.invoices.create({"customer": customer.id, "subscription": owner.id})
    assert amounts(made) == [200]
    assert made.parent.subscription_details.subscription == owner.id
    assert amounts(draft()) == [100]
    assert client.v1.invoices.delete(made.id).deleted
    with pytest.raises(Refused, match="not one of the customer"):
        other = client.v1.customers.create({})
        client.v1.invoices.create({"customer": other.id, "subscription": owner.id})


def test_a_draft_shows_its_items_as_they_are(client: Client, item: Any, draft: Any) -> None:
    made = draft()
    first = item(100, invoice=made.id)
    second = item(200, invoice=made.id)
    assert first.invoice == made.id
    retrieve = client.v1.invoices.retrieve
    assert amounts(retrieve(made.id)) == [100, 200]
    line = retrieve(made.id).lines.data[0]
    client.v1.invoice_items.update(first.id, {"amount": 150, "description": "More"})
    changed = retrieve(made.id)
    assert (amounts(changed), changed.total) == ([150, 200], 350)
    assert (changed.lines.data[0].id, changed.lines.data[0].description) == (line.id, "More")
    client.v1.invoice_items.delete(second.id)
    assert amounts(retrieve(made.id)) == [150]
    (latest,) = client.v1.events.list({"type": "invoice.updated", "limit": 1}).data
    assert latest.data.previous_attributes["total"] == 350
    client.v1.invoices.finalize_invoice(made.id)
    with pytest.raises(Refused) as fixed:
        client.v1.invoice_items.update(first.id, {"amount": 1})
    assert fixed.value.code == "invoice_not_editable"
    with pytest.raises(Refused, match="cannot change"):
        client.v1.invoice_items.delete(first.id)
    with pytest.raises(Refused, match="is open"):
        item(1, invoice=made.id)


def test_a_draft_is_changed(client: Client, item: Any, draft: Any) -> None:
    item(1_000)
    update = client.v1.invoices.update
    made = draft()
    rate = client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 20.0, "inclusive": False}
    )
    taxed = update(made.id, {"default_tax_rates": [rate.id]})
    assert (taxed.total, taxed.total_taxes[0].amount) == (1_200, 200)
    coupon = client.v1.coupons.create({"percent_off": 50})
    cheaper = update(made.id, {"discounts": [{"coupon": coupon.id}]})
    assert (cheaper.total_excluding_tax, cheaper.total) == (500, 600)
    (discount,) = cheaper.discounts
    assert update(made.id, {"discounts": [{"discount": discount}]}).discounts == [discount]
    assert update(made.id, {"discounts": "", "default_tax_rates": ""}).total == 1_000
    words = update(
        made.id,
        {
            "description": "D",
            "footer": "F",
            "custom_fields": [{"name": "Order", "value": "7"}],
            "statement_descriptor": "TM",
            "effective_at": 1_700_000_000,
            "rendering": {"pdf": {"page_size": "letter"}},
        },
    )
    assert (words.description, words.footer, words.statement_descriptor) == ("D", "F", "TM")
    assert words.custom_fields[0].to_dict() == {"name": "Order", "value": "7"}
    assert words.effective_at == 1_700_000_000
    sent = update(made.id, {"collection_method": "send_invoice", "days_until_due": 7})
    assert (sent.collection_method, sent.due_date) == ("send_invoice", None)
    with pytest.raises(Refused) as due:
        update(made.id, {"collection_method": "charge_automatically", "days_until_due": 7})
    assert due.value.param == "days_until_due"
    final = client.v1.invoices.finalize_invoice(made.id)
    assert final.due_date == final.status_transitions.finalized_at + 7 * 86_400


def test_a_draft_advances_by_itself_if_told_to(client: Client, item: Any, draft: Any) -> None:
    item(1)
    made = draft(auto_advance=True)
    assert made.automatically_finalizes_at == made.created + 3_600
    moved = client.v1.invoices.update(made.id, {"automatically_finalizes_at": made.created + 60})
    assert moved.automatically_finalizes_at == made.created + 60
    stopped = client.v1.invoices.update(made.id, {"auto_advance": False})
    assert (stopped.auto_advance, stopped.automatically_finalizes_at) == (False, None)
    with pytest.raises(Refused) as early:
        draft(auto_advance=True, automatically_finalizes_at=5)
    assert early.value.param == "automatically_finalizes_at"
    with pytest.raises(Refused, match="auto_advance=true"):
        draft(automatically_finalizes_at=made.created + 60)


def test_a_deleted_draft_lets_its_items_wait_again(
    client: Client, item: Any, draft: Any, customer: stripe.Customer
) -> None:
    item(500)
    made = draft()
    assert client.v1.invoices.delete(made.id).deleted
    assert event_types(client, made.id)[-1] == "invoice.deleted"
    with pytest.raises(Refused) as missing:
        client.v1.invoices.retrieve(made.id)
    assert missing.value.code == "resource_missing"
    assert client.v1.invoices.list({"customer": customer.id}).data == []
    again = draft()
    assert amounts(again) == [500]
    client.v1.invoices.finalize_invoice(again.id)
    with pytest.raises(Refused, match="only drafts"):
        client.v1.invoices.delete(again.id)


def test_refused_invoices(client: Client, draft: Any, customer: stripe.Customer) -> None:
    for fields, param in (
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"days_until_due": 3}, "days_until_due"),
        ({"due_date": 5, "collection_method": "send_invoice"}, "due_date"),
        ({"currency": "zzz"}, "currency"),
        ({"subscription": "sub_none"}, "subscription"),
        ({"default_tax_rates": ["txr_none"]}, "default_tax_rates"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
        ({"number": "X-1"}, "number"),
        ({"customer": "cus_none"}, "customer"),
    ):
        with pytest.raises(Refused) as refused:
            draft(**fields)
        assert refused.value.param == param
    assert client.v1.invoices.list({"customer": customer.id}).data == []


# --- final ones --------------------------------------------------------------------------------


def test_an_invoice_is_finalized_once(client: Client, item: Any, draft: Any) -> None:
    item(500)
    made = draft()
    final = client.v1.invoices.finalize_invoice(made.id)
    assert (final.status, final.amount_due, final.amount_remaining) == ("open", 500, 500)
    assert final.number.endswith("-0001")
    assert final.hosted_invoice_url.startswith("http://127.0.0.1:")
    assert final.invoice_pdf == f"{final.hosted_invoice_url}/pdf"
    with pytest.raises(Refused, match="open already"):
        client.v1.invoices.finalize_invoice(made.id)
    assert event_types(client, made.id) == ["invoice.created", "invoice.finalized"]


def test_finalizing_may_collect_at_once(client: Client, item: Any, draft: Any) -> None:
    item(500)
    paid = client.v1.invoices.finalize_invoice(draft().id, {"auto_advance": True})
    assert (paid.status, paid.amount_paid) == ("paid", 500)
    item(500)
    sent = draft(collection_method="send_invoice", days_until_due=3, auto_advance=True)
    final = client.v1.invoices.finalize_invoice(sent.id, {"auto_advance": False})
    assert (final.status, final.auto_advance) == ("open", False)
    assert "invoice.sent" not in event_types(client, sent.id)
    assert client.v1.invoices.send_invoice(sent.id).status == "open"
    assert event_types(client, sent.id)[-1] == "invoice.sent"


def test_after_that_only_metadata_and_the_like_change(
    client: Client, item: Any, draft: Any
) -> None:
    item(500)
    final = client.v1.invoices.finalize_invoice(draft().id)
    update = client.v1.invoices.update
    assert update(final.id, {"metadata": {"a": "b"}}).metadata.to_dict() == {"a": "b"}
    for fields in ({"description": "new"}, {"discounts": ""}, {"due_date": 2_000_000_000}):
        with pytest.raises(Refused) as refused:
            update(final.id, fields)
        assert refused.value.code == "invoice_not_editable"
        assert refused.value.param in fields
    assert update(final.id, {"auto_advance": True}).status == "paid"


def test_a_payment_is_recorded(client: Client, item: Any, draft: Any) -> None:
    item(500)
    made = draft()
    paid = client.v1.invoices.pay(made.id, {"paid_out_of_band": True, "expand": ["payments"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 500, 0)
    (payment,) = paid.payments.data
    assert (payment.amount_paid, payment.invoice, payment.status) == (500, made.id, "paid")
    payments = client.v1.invoice_payments
    assert [one.id for one in payments.list({"invoice": made.id}).data] == [payment.id]
    assert payments.list({"invoice": made.id, "status": "open"}).data == []
    later: Any = {"gt": payment.created + 1_000}
    assert payments.list({"invoice": made.id, "created": later}).data == []
    shown = payments.retrieve(payment.id, {"expand": ["invoice.customer"]})
    assert shown.invoice.customer.id == paid.customer
    assert client.v1.invoices.retrieve(made.id).payments is None
    (listed,) = client.v1.invoices.list(
        {"customer": paid.customer, "expand": ["data.payments"]}
    ).data
    assert listed.payments.data == [payment]
    with pytest.raises(Refused, match="is paid"):
        client.v1.invoices.pay(made.id)
    with pytest.raises(Refused, match="is paid"):
        client.v1.invoices.void_invoice(made.id)
    with pytest.raises(Refused, match="nothing is charged"):
        client.v1.invoices.pay(made.id, {"payment_method": "pm_1"})


def test_void_and_uncollectible_invoices(client: Client, item: Any, draft: Any) -> None:
    invoices = client.v1.invoices
    item(500)
    first = invoices.finalize_invoice(draft().id)
    given_up = invoices.mark_uncollectible(first.id)
    assert given_up.status == "uncollectible"
    assert invoices.pay(first.id, {"paid_out_of_band": True}).status == "paid"
    item(700)
    second = draft()
    for move in (invoices.void_invoice, invoices.mark_uncollectible):
        with pytest.raises(Refused, match="is draft"):
            move(second.id)
    invoices.finalize_invoice(second.id)
    assert invoices.void_invoice(second.id).status == "void"
    for move in (invoices.pay, invoices.void_invoice, invoices.finalize_invoice):
        with pytest.raises(Refused, match="void"):
            move(second.id)


def test_the_balance_pays_and_is_given_back(
    client: Client, item: Any, draft: Any, customer: stripe.Customer
) -> None:
    client.v1.customers.balance_transactions.create(
        customer.id, {"amount": -300, "currency": "usd"}
    )
    item(500)
    final = client.v1.invoices.finalize_invoice(draft().id)
    assert (final.starting_balance, final.ending_balance, final.amount_due) == (-300, 0, 200)
    client.v1.invoices.void_invoice(final.id)
    assert client.v1.customers.retrieve(customer.id).balance == -300
    with pytest.raises(Refused) as other:
        client.v1.invoices.create({"customer": customer.id, "currency": "eur"})
    assert other.value.param == "currency"


def test_discounts_and_taxes_of_single_items(client: Client, item: Any, draft: Any) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10})
    whole = client.v1.coupons.create({"amount_off": 100, "currency": "usd"})
    tax: Any = {"display_name": "GST", "percentage": 10.0, "inclusive": True}
    rate = client.v1.tax_rates.create(tax)
    item(1_000, discounts=[{"coupon": coupon.id}])
    item(2_200, discountable=False, tax_rates=[rate.id])
    made = draft(discounts=[{"coupon": whole.id}])
    assert (made.subtotal, made.total) == (3_200, 3_000)
    first, second = made.lines.data
    assert [one.amount for one in first.discount_amounts] == [100, 100]
    assert second.discount_amounts == []
    assert second.taxes[0].amount == 200
    assert len(made.discounts) == 1  # those of items stand on their lines
    names = ["discounts", "lines.data.discounts", "customer", "total_discount_amounts.discount"]
    shown = client.v1.invoices.retrieve(made.id, {"expand": names})
    assert shown.discounts[0].source.coupon == whole.id
    assert {one.source.coupon for one in shown.lines.data[0].discounts} == {coupon.id, whole.id}


def test_an_invoice_expands_what_it_names(client: Client, customer: stripe.Customer) -> None:
    owner = subscription(client, customer.id)
    names = ["latest_invoice.parent.subscription_details.subscription", "latest_invoice.payments"]
    shown = client.v1.subscriptions.retrieve(owner.id, {"expand": names})
    invoice: Any = shown.latest_invoice
    assert invoice.parent.subscription_details.subscription.id == owner.id
    assert invoice.payments.data[0].amount_paid == 2_000
