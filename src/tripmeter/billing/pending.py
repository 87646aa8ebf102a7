"""Invoice items: what waits for a customer's next invoice, and is put on it."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from tripmeter.model.invoice import Invoice, InvoiceItem
from tripmeter.model.scope import Scope
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
    page = Page(limit=ITEMS_OF_AN_INVOICE)
    found = session.invoice_items.page(scope, page, customer=customer, pending=True).items
    return [
        kept
        for kept in reversed(found)
        if kept.value.currency == currency and kept.value.subscription in (None, subscription)
    ]


def put_on(work: Work, items: Sequence[Kept[InvoiceItem]], invoice: Invoice) -> None:
    """Items stand on an invoice from now on."""
    for no, item in items:
        work.session.invoice_items.replace(no, structs.replace(item, invoice=invoice.id))


def release(work: Work, scope: Scope, invoice: str) -> None:
    """Items of a draft that is deleted wait again."""
    page = Page(limit=ITEMS_OF_AN_INVOICE)
    for no, item in work.session.invoice_items.page(scope, page, invoice=invoice).items:
        work.session.invoice_items.replace(no, structs.replace(item, invoice=None))
