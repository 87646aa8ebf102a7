"""Usage that comes when the invoice of its period is final: billed by nobody, and told of.

It counts for the meter and its alerts like any other. Who sells has to know, and may want to bill
it by hand.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from tripmeter.billing.rendering import rendered_invoice
from tripmeter.control.announcing import announce
from tripmeter.model.invoice import Invoice
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept, Page
from tripmeter.model.usage import RefusalCode, UsageEvent
from tripmeter.ports import Work
from tripmeter.rules.late_usage import invoice_of_time

SAMPLES: Final = 5
"""Events that an error report names (Stripe)."""

INVOICES: Final = Page(limit=100)
"""Invoices of a subscription that are looked at: usage is at most 35 days old."""


class Late(NamedTuple):
    """An event that came too late for a subscription."""

    scope: Scope
    subscription: str
    event: UsageEvent


def report_late_usage(work: Work, late: Sequence[Late]) -> None:
    """Count late events on their invoices, and have each meter's error report tell of them."""
    found: dict[tuple[Scope, str], Sequence[Kept[Invoice]]] = {}
    counted: Counter[tuple[Scope, int]] = Counter()
    invoices: dict[tuple[Scope, int], Invoice] = {}
    told: dict[tuple[Scope, int], dict[str, str]] = {}
    for scope, subscription, event in late:
        if (scope, subscription) not in found:
            page = work.session.invoices.page(scope, INVOICES, subscription=subscription)
            found[scope, subscription] = page.items
        kept = invoice_of_time(found[scope, subscription], event.timestamp_ms)
        if kept is None:
            continue
        counted[scope, kept.no] += 1
        invoices[scope, kept.no] = kept.value
        told.setdefault((scope, event.meter_no), {})[event.identifier] = _said(kept.value)
    for (scope, no), events in counted.items():
        invoice = invoices[scope, no]
        after = structs.replace(invoice, late_usage=invoice.late_usage + events)
        work.session.invoices.replace(no, after)
        shown, before = (
            rendered_invoice(work.session, one, work.terms.base_url) for one in (after, invoice)
        )
        announce(work, Caller(scope), "invoice.updated", shown, "/v1/invoices", before=before)
    _report(work, told)


def _report(work: Work, told: Mapping[tuple[Scope, int], Mapping[str, str]]) -> None:
    """An event that is late for several subscriptions is told of once."""
    for (scope, meter_no), events in told.items():
        samples = list(events.items())[:SAMPLES]
        work.session.usage.add_refusal(
            scope, meter_no, RefusalCode.LATE, work.now_ms, samples, len(events)
        )


def _said(invoice: Invoice) -> str:
    return (
        f"The meter event was counted, and no invoice bills it: the invoice {invoice.id} of its "
        "period is final. Make an invoice item if it is to be paid."
    )
