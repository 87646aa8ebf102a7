"""Invoice items: what waits for a customer's next invoice, and is put on it."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from tripmeter.billing.rendering import rendered_invoice_item
from tripmeter.control.announcing import announce
from tripmeter.control.ledger import owes_more
from tripmeter.model.invoice import Invoice, InvoiceItem
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept, Page
from tripmeter.ports import Session, Work

ITEMS_OF_AN_INVOICE: Final = 250
"""Pending items that one invoice takes (Stripe); others wait for the one after it."""


def waiting(
    session: Session, scope: Scope, customer: str, currency: str, subscription: str | None
) -> list[Kept[InvoiceItem]]:
    """What waits for an invoice of a subscription, or for one of the customer alone; oldest first.

    Items that name a subscription wait for an invoice of that one.
    """
    found = session.invoice_items.every(scope, customer=customer, pending=True)
    mine = [
        kept
        for kept in found
        if kept.value.currency == currency and kept.value.subscription in (None, subscription)
    ]
    return mine[::-1][:ITEMS_OF_AN_INVOICE]


def pend(work: Work, caller: Caller, item: InvoiceItem) -> Kept[InvoiceItem]:
    """Have an amount wait for an invoice."""
    kept = Kept(work.session.invoice_items.insert(item), item)
    if item.subscription is not None:
        owes_more(work, caller.scope, item.customer)
    shown = rendered_invoice_item(work.session, item)
    announce(work, caller, "invoiceitem.created", shown, "/v1/invoiceitems")
    return kept


def put_on(work: Work, items: Sequence[Kept[InvoiceItem]], invoice: Invoice) -> None:
    """Items stand on an invoice from now on."""
    for no, item in items:
        work.session.invoice_items.replace(no, structs.replace(item, invoice=invoice.id))


def release(work: Work, scope: Scope, invoice: str) -> None:
    """Items of a draft that is deleted wait again."""
    page = Page(limit=ITEMS_OF_AN_INVOICE)
    for no, item in work.session.invoice_items.page(scope, page, invoice=invoice).items:
        work.session.invoice_items.replace(no, structs.replace(item, invoice=None))
