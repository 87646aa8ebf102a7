"""What a subscription's usage has come to, and what of it is not billed yet would cost."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from tripmeter.billing.contract import Contract, Item
from tripmeter.billing.discounting import discounts_of
from tripmeter.billing.drafting import item_lines, metered_lines
from tripmeter.billing.invoices import Draft, invoice_of
from tripmeter.billing.periods import invoice_fields
from tripmeter.billing.settling import estimated
from tripmeter.control.clocks import now_of
from tripmeter.model.invoice import BillingReason, InvoiceItem, InvoiceLine
from tripmeter.model.quantity import as_decimal
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import SubscriptionItem, Window
from tripmeter.ports import Session, Work
from tripmeter.rules.periods import Period
from tripmeter.rules.thresholds import Metered


class Used(NamedTuple):
    """A metered item, and what was used of it in the current period."""

    item: Item
    usage: Decimal

    @property
    def facts(self) -> Metered:
        """As the rules want it."""
        own = self.item.item
        return Metered(
            own.id, self.item.price, self.usage, self.item.current.billed_usage, own.usage_gte
        )


class Seen(NamedTuple):
    """A subscription at a moment, with what its usage has come to by then."""

    agreed: Contract
    used: Sequence[Used]
    """The items that take usage."""
    now_ms: int
    """The customer's time."""

    @property
    def facts(self) -> list[Metered]:
        """The items as the rules want them."""
        return [one.facts for one in self.used]


def see(work: Work, agreed: Contract) -> Seen:
    """A subscription as it is now: on an event, with that one."""
    used = used_of(agreed, work.usage)
    return Seen(agreed, used, now_of(work, agreed.customer.value))


def used_of(agreed: Contract, usage: Callable[[SubscriptionItem, Window], int]) -> list[Used]:
    """What was used of each item that takes usage; `usage` gives that of a window, scaled."""
    return [
        Used(one, as_decimal(usage(one.item, one.current)))
        for one in agreed.metered
        if one.takes_usage
    ]


def amount(session: Session, seen: Seen, pending: Sequence[Kept[InvoiceItem]] = ()) -> int:
    """What an invoice for all usage that was not billed yet, and for `pending`, would say: without
    tax, after discounts and credits, in minor units."""
    agreed, used, now_ms = seen
    lines = [*unbilled_lines(agreed, used, now_ms), *item_lines(pending, now_ms)]
    invoice = invoice_of(draft_of(agreed, lines, now_ms, pending), agreed.scope, now_ms)
    return estimated(session, agreed.scope, invoice, agreed.customer.value).total_excluding_tax


def unbilled_lines(agreed: Contract, used: Sequence[Used], now_ms: int) -> list[InvoiceLine]:
    """Lines for all usage that was not billed yet."""
    return [
        line
        for item, usage in used
        for line in metered_lines(agreed, item, _until(item.current, now_ms), usage, now_ms)
    ]


def _until(window: Window, now_ms: int) -> Window:
    """The part of a window that lies behind."""
    end_ms = max(min(window.end_ms, now_ms), window.start_ms)
    return structs.replace(window, end_ms=end_ms)


def draft_of(
    agreed: Contract,
    lines: Sequence[InvoiceLine],
    now_ms: int,
    pending: Sequence[Kept[InvoiceItem]] = (),
) -> Draft:
    """An invoice for the period up to now: credits pay what they could pay at this very time, not
    what they may at the end of the period."""
    now = agreed.subscription
    return Draft(
        customer=agreed.customer.value,
        currency=now.currency,
        reason=BillingReason.THRESHOLD,
        period=Period(now.period_start_ms, max(now.period_start_ms, now_ms)),
        lines=lines,
        subscription=now.id,
        discounts=discounts_of(agreed, now_ms, pending),
        fields=invoice_fields(agreed, (), now_ms),
    )
