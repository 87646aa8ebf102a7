"""A subscription is past due while an invoice of it is, and no longer (Stripe, by and large).

An invoice is, when it is open and its due date has come, or its payment was declined. Stripe looks
at the newest invoice alone. Here each of them counts, so that who has long to pay is not out of
arrears because the next invoice has come meanwhile.
"""

from msgspec import structs

from tripmeter.billing.contract import contract
from tripmeter.billing.subscriptions import changed, tell
from tripmeter.control.clocks import time_on
from tripmeter.model.invoice import Invoice, InvoiceStatus
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status
from tripmeter.ports import Work
from tripmeter.rules.invoicing import in_arrears


def fall_behind(work: Work, caller: Caller, invoice: Invoice) -> None:
    """A subscription's invoice should have been paid by now, or its payment was declined."""
    _become(work, caller, invoice, Status.ACTIVE, Status.PAST_DUE)


def catch_up(work: Work, caller: Caller, invoice: Invoice) -> None:
    """An invoice is not open any more: paid, void or given up. Was it the last one in arrears?"""
    was_ever = invoice.due_ms is not None or "declined_ms" in invoice.details
    if invoice.subscription is None or not was_ever:
        return
    now_ms = time_on(work.session, caller.scope, invoice.clock, work.now_ms)
    still_open = work.session.invoices.every(
        caller.scope, subscription=invoice.subscription, status=InvoiceStatus.OPEN.value
    )
    if not any(in_arrears(kept.value, now_ms) for kept in still_open):
        _become(work, caller, invoice, Status.PAST_DUE, Status.ACTIVE)


def _become(work: Work, caller: Caller, invoice: Invoice, now: Status, then: Status) -> None:
    if invoice.subscription is None:
        return
    before = contract(work.session, caller.scope, invoice.subscription)
    if before.subscription.status is now:
        subscription = structs.replace(before.subscription, status=then)
        after = changed(work, before, subscription, before.items)
        tell(work, caller, "updated", after, before)
