"""The usage on invoices: read from the data plane when a draft is made, and again at the end."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from tripmeter.billing.contract import Contract, Item, contract, priced
from tripmeter.billing.drafting import metered_lines
from tripmeter.billing.windows import without
from tripmeter.model.invoice import Invoice, InvoiceLine, InvoiceStatus, WindowUsage
from tripmeter.model.quantity import as_decimal
from tripmeter.model.scope import Scope
from tripmeter.model.subscription import SubscriptionItem, Window
from tripmeter.ports import Work


def usage_of(work: Work, item: SubscriptionItem, window: Window) -> Decimal:
    """What was used in a window of an item so far; for metered items."""
    return as_decimal(work.usage(item, window))


def billed_usage(work: Work, item: Item, window: Window, usage: Decimal) -> WindowUsage:
    """What an invoice keeps of usage that it bills now."""
    assert item.item.meter is not None
    closed = structs.replace(window, closed_at=work.position)
    return WindowUsage(
        item=item.item.id, meter=item.item.meter, price=item.price.id, window=closed, usage=usage
    )


class UsageBilled(NamedTuple):
    """Lines for usage, and what they were made of."""

    lines: list[InvoiceLine]
    usages: tuple[WindowUsage, ...]


def usage_lines(
    work: Work, agreed: Contract, windows: Iterable[tuple[Item, Window]], now_ms: int
) -> UsageBilled:
    """Lines for the usage of windows, as it is now."""
    lines: list[InvoiceLine] = []
    usages = []
    for item, window in windows:
        usage = usage_of(work, item.item, window)
        lines += metered_lines(agreed, item, window, usage, now_ms)
        usages.append(billed_usage(work, item, window, usage))
    return UsageBilled(lines, tuple(usages))


def refreshed(work: Work, invoice: Invoice, now_ms: int) -> Invoice:
    """A draft whose usage is as it is now, late reports included: that of the windows that close
    with it. What a threshold invoice bills is settled when it is issued.

    Lines keep their ids where they bill the same charge, so that what points to them still does.
    """
    numbers = set(invoice.details.get("windows", ()))
    if invoice.subscription is None or not numbers:
        return invoice
    agreed = contract(work.session, Scope.of(invoice), invoice.subscription)
    windows = [
        _as_billed(work, agreed.scope, one) for one in invoice.usages if one.window.no in numbers
    ]
    billed = usage_lines(work, agreed, windows, now_ms)
    fresh = _with_known_ids(billed.lines, invoice.lines)
    others = [line for line in invoice.lines if line.window not in numbers]
    settled = [one for one in invoice.usages if one.window.no not in numbers]
    return structs.replace(invoice, lines=(*fresh, *others), usages=(*billed.usages, *settled))


def _as_billed(work: Work, scope: Scope, billed: WindowUsage) -> tuple[Item, Window]:
    """An item at the price that an invoice bills it by, with its window: it may be deleted by now,
    or have another price."""
    kept = work.session.subscription_items.get(scope, billed.item)
    window = next(one for one in kept.value.windows if one.no == billed.window.no)
    return priced(work.session, scope, kept, billed.price), window


def _with_known_ids(
    fresh: Sequence[InvoiceLine], known: Sequence[InvoiceLine]
) -> list[InvoiceLine]:
    ids: Mapping[tuple[int | None, int | None, bool], str] = {
        (line.window, line.charge, line.amount < 0): line.id for line in known
    }
    return [
        structs.replace(line, id=ids.get((line.window, line.charge, line.amount < 0), line.id))
        for line in fresh
    ]


def release_windows(work: Work, scope: Scope, invoice: Invoice) -> None:
    """Close the windows of a period whose invoice is final: what comes now is late.

    Those that a threshold invoice billed go on.
    """
    closing = frozenset(invoice.details.get("windows", ()))
    if invoice.subscription is None or not closing:
        return
    assert invoice.status is not InvoiceStatus.DRAFT
    for id_ in dict.fromkeys(one.item for one in invoice.usages if one.window.no in closing):
        no, item = work.session.subscription_items.get(scope, id_)
        work.session.subscription_items.replace(no, without(item, closing))
        assert item.meter is not None  # it has windows
        work.billing_changed(scope, item.meter, item.customer)
