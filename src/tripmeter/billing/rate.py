"""Stripe's rule of how many new invoices a subscription may have, against what is in the store.

It is the guard against whatever runs away. A threshold that it holds back is invoiced later; who
asks for one more invoice is refused. Periods that end are billed whatever it says: they are few.
"""

from tripmeter.model.errors import TooManyInvoices
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Page
from tripmeter.ports import Work
from tripmeter.rules.invoice_rate import DAY_MS, allowed_at


def check_rate(work: Work, scope: Scope, subscription: str, now_ms: int) -> None:
    """Raises TooManyInvoices if a subscription may have none now."""
    later_ms = held_back_until(work, scope, subscription, now_ms)
    if later_ms is not None:
        terms = work.terms
        raise TooManyInvoices(
            subscription, terms.invoices_a_minute, terms.invoices_a_day,
            -(-(later_ms - now_ms) // 1000),
        )  # fmt: skip


def held_back_until(work: Work, scope: Scope, subscription: str, now_ms: int) -> int | None:
    """When the next invoice of a subscription is let through, in ms; None if it is now."""
    terms = work.terms
    most = max(terms.invoices_a_minute or 0, terms.invoices_a_day or 0)
    if not most:
        return None
    lately = work.session.invoices.page(
        scope, Page(limit=most), subscription=subscription, created_gt=now_ms - DAY_MS
    )
    moments = [kept.value.created_ms for kept in lately.items]
    at_ms = allowed_at(moments, terms.invoices_a_minute, terms.invoices_a_day, now_ms)
    return at_ms if at_ms > now_ms else None
