"""What the current period of a subscription has cost so far."""

from collections.abc import Iterator

from tripmeter.billing.contract import Contract
from tripmeter.billing.pending import waiting
from tripmeter.billing.unbilled import Seen, amount
from tripmeter.model.invoice import Invoice, InvoiceItem, InvoiceLine, InvoiceStatus
from tripmeter.model.stored import Kept
from tripmeter.ports import Session
from tripmeter.rules.invoicing import totals


def spent(session: Session, seen: Seen) -> int:
    """What invoices say of the period, and what one for the rest would say: without tax, after
    discounts and credits, in minor units.

    Quantities and changes count with the period that they are for, usage with its own.
    """
    billed = totals(_billed_lines(session, seen.agreed)).excluding_tax
    return billed + amount(session, seen, _pending(session, seen.agreed))


def _billed_lines(session: Session, agreed: Contract) -> Iterator[InvoiceLine]:
    now = agreed.subscription
    if now.period_invoice is None:
        return
    windows = {one.item.current_window for one in agreed.metered}
    for _, invoice in session.invoices.every(agreed.scope, subscription=now.id):
        if invoice.status is not InvoiceStatus.VOID:
            yield from _of_period(invoice, now.period_start_ms, windows)
        if invoice.id == now.period_invoice:
            return


def _of_period(invoice: Invoice, start_ms: int, windows: set[int | None]) -> Iterator[InvoiceLine]:
    for line in invoice.lines:
        if line.window is not None:
            if line.window in windows:
                yield line
        elif line.subscription == invoice.subscription and line.period_start_ms >= start_ms:
            yield line


def _pending(session: Session, agreed: Contract) -> list[Kept[InvoiceItem]]:
    """What waits for the next invoice, and is for this period."""
    now = agreed.subscription
    found = waiting(session, agreed.scope, now.customer, now.currency, now.id)
    return [
        kept
        for kept in found
        if kept.value.subscription == now.id and kept.value.period_start_ms >= now.period_start_ms
    ]
