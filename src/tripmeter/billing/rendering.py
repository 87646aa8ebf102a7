"""Subscriptions and invoices as Stripe's objects; what else they show is read from the store."""

from collections.abc import Iterable
from typing import Any

from tripmeter.billing.contract import Contract
from tripmeter.model.catalogue import TaxRate
from tripmeter.model.invoice import Invoice, InvoicePayment
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.wire.invoices import invoice_object, invoice_payment_object
from tripmeter.wire.subscriptions import subscription_object


def rendered_subscription(session: Session, agreed: Contract) -> dict[str, Any]:
    """A subscription with its items."""
    items = [one.item for one in agreed.items]
    names = {*agreed.subscription.default_tax_rates, *(id for one in items for id in one.tax_rates)}
    prices = {one.price.id: one.price for one in agreed.items}
    rates = tax_rates(session, agreed.scope, names)
    return dict(subscription_object(agreed.subscription, items, prices, rates))


def rendered_invoice(
    session: Session, invoice: Invoice, base_url: str | None = None
) -> dict[str, Any]:
    """An invoice with its first lines."""
    scope = Scope(invoice.account, invoice.livemode)
    rates = tax_rates(session, scope, invoice.default_tax_rates)
    return dict(invoice_object(invoice, rates, base_url=base_url))


def rendered_payment(payment: InvoicePayment) -> dict[str, Any]:
    """What was paid on an invoice."""
    return dict(invoice_payment_object(payment))


def tax_rates(session: Session, scope: Scope, names: Iterable[str]) -> dict[str, TaxRate]:
    """Tax rates by id."""
    return {id: session.tax_rates.get(scope, id).value for id in names}
