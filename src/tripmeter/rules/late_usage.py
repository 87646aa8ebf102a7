"""Which invoice usage came too late for."""

from collections.abc import Sequence

from tripmeter.model.invoice import BillingReason, Invoice, InvoiceStatus
from tripmeter.model.stored import Kept


def invoice_of_time(invoices: Sequence[Kept[Invoice]], timestamp_ms: int) -> Kept[Invoice] | None:
    """The final invoice, of one subscription's, that took the usage of a moment for good.

    None where nobody would have billed it: in a trial, before the subscription, or where the end of
    one left its usage unbilled.
    """
    for kept in invoices:
        if kept.value.status is not InvoiceStatus.DRAFT and _closed(kept.value, timestamp_ms):
            return kept
    return None


def _closed(invoice: Invoice, timestamp_ms: int) -> bool:
    """Whether a window of a moment was closed by an invoice."""
    return invoice.reason is BillingReason.CYCLE and any(
        one.window.start_ms <= timestamp_ms < one.window.end_ms for one in invoice.usages
    )
