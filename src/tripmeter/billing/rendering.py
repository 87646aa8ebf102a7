"""Subscriptions and invoices as Stripe's objects; what else they show is read from the store."""

from collections.abc import Iterable
from typing import Any

from tripmeter.billing.contract import Contract, Item
from tripmeter.model.catalogue import TaxRate
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.invoice import Invoice, InvoiceItem, InvoicePayment
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session
from tripmeter.wire.invoices import (
    invoice_item_object,
    invoice_object,
    invoice_payment_object,
    payment_list,
)
from tripmeter.wire.subscriptions import subscription_item_object, subscription_object


def rendered_subscription(session: Session, agreed: Contract) -> dict[str, Any]:
    """A subscription with its items."""
    items = [one.item for one in agreed.items]
    names = {*agreed.subscription.default_tax_rates, *(id for one in items for id in one.tax_rates)}
    prices = {one.price.id: one.price for one in agreed.items}
    rates = tax_rates(session, agreed.scope, names)
    return dict(subscription_object(agreed.subscription, items, prices, rates))


def rendered_invoice(session: Session, invoice: Invoice, base_url: str | None) -> dict[str, Any]:
    """An invoice with its first lines. Its page is below `base_url`, where that is known."""
    scope = Scope.of(invoice)
    rates = tax_rates(session, scope, invoice.default_tax_rates)
    return dict(invoice_object(invoice, rates, base_url=base_url))


def rendered_item(session: Session, one: Item) -> dict[str, Any]:
    """An item of a subscription with its price."""
    scope = Scope.of(one.item)
    rates = tax_rates(session, scope, one.item.tax_rates)
    return dict(subscription_item_object(one.item, one.price, rates))


def existing_invoice(session: Session, scope: Scope, id: str, param: str = "id") -> Kept[Invoice]:
    """An invoice that is not deleted. Raises ResourceMissing."""
    kept = session.invoices.get(scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("invoice", id, param)
    return kept


def rendered_invoice_item(session: Session, item: InvoiceItem) -> dict[str, Any]:
    """An invoice item."""
    scope = Scope.of(item)
    clock = session.customers.get(scope, item.customer).value.clock
    return dict(invoice_item_object(item, tax_rates(session, scope, item.tax_rates), clock=clock))


def payments_of(session: Session, scope: Scope, invoice: str) -> dict[str, Any]:
    """What was paid on an invoice, as its `payments`."""
    paid = [kept.value for kept in session.invoice_payments.every(scope, invoice=invoice)]
    return dict(payment_list(invoice, paid))


def rendered_payment(payment: InvoicePayment) -> dict[str, Any]:
    """What was paid on an invoice."""
    return dict(invoice_payment_object(payment))


def tax_rates(session: Session, scope: Scope, names: Iterable[str]) -> dict[str, TaxRate]:
    """Tax rates by id."""
    return {id: session.tax_rates.get(scope, id).value for id in names}
