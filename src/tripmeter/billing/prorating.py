"""What a change leaves to be billed: credits and charges for a part of a period, and usage so far.

All of it becomes pending invoice items, for the next invoice of the subscription or one at once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from tripmeter.billing.contract import Contract, Item
from tripmeter.billing.discounting import discounts_of, taken_off
from tripmeter.billing.drafting import metered_lines
from tripmeter.billing.items import ItemChange
from tripmeter.billing.pending import pend, waiting
from tripmeter.billing.usage import usage_of
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import InvoiceItem, InvoiceLine
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import Status
from tripmeter.ports import Work
from tripmeter.rules.invoicing import net
from tripmeter.rules.periods import Period, period_at
from tripmeter.rules.pricing import amount
from tripmeter.rules.prorations import Paid, changed, net_of

Behavior = Literal["create_prorations", "always_invoice", "none"]

BILLED_AHEAD: Final = (Status.ACTIVE, Status.PAST_DUE, Status.UNPAID)
"""States in which quantities were billed for the whole period."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Prorating(NamedTuple):
    """How a change is prorated, and as of when."""

    behavior: Behavior
    at_ms: int
    """The moment in the period that parts what was used from what remains."""
    now_ms: int


def prorate(
    work: Work, caller: Caller, before: Contract, changes: Sequence[ItemChange], how: Prorating
) -> list[Kept[InvoiceItem]]:
    """Credit what was billed of quantities that change, and charge what they are now (Stripe).

    Gives what waits for an invoice now.
    """
    if how.behavior == "none" or before.subscription.status not in BILLED_AHEAD:
        return []
    said: list[InvoiceItem] = []
    whole = period_at(before.subscription.anchor_ms, before.recurring, how.at_ms)
    rest = Period(how.at_ms, whole.end_ms)
    for one in changes:
        if not one.amounts_differ:
            continue
        due = changed(_amount(one.before), _amount(one.after), whole, how.at_ms)
        if one.before is not None and due.credit:
            credit = -net_of(-due.credit, _paid(work, before, one.before, how, whole.end_ms))
            said.append(_item(before, one.before, credit, "Unused time on", rest, how.now_ms))
        if one.after is not None and due.charge:
            due_later = _item(before, one.after, due.charge, "Remaining time on", rest, how.now_ms)
            said.append(due_later)
    return [pend(work, caller, item) for item in said if item.amount]


def credit_all(
    work: Work, caller: Caller, before: Contract, how: Prorating
) -> list[Kept[InvoiceItem]]:
    """Credit what will not be used of all quantities: the period ends, or begins anew."""
    return prorate(work, caller, before, [ItemChange(one, None) for one in before.licensed], how)


def charge_all(work: Work, caller: Caller, after: Contract, how: Prorating) -> None:
    """Charge what remains of a period for all quantities: it goes on in the middle."""
    prorate(work, caller, after, [ItemChange(None, one) for one in after.licensed], how)


def _amount(one: Item | None) -> int:
    """What the quantity of an item costs in a whole period; nothing for usage."""
    if one is None or one.is_metered:
        return 0
    return amount(one.price, Decimal(1 if one.item.quantity is None else one.item.quantity))


def _paid(work: Work, agreed: Contract, one: Item, how: Prorating, end_ms: int) -> list[Paid]:
    """What was billed of an item last, up to the end of a period, before and after discounts.

    What was never billed has no worth, so that nothing is credited that nobody paid for.
    """
    now, session = agreed.subscription, work.session
    pending = waiting(session, agreed.scope, now.customer, now.currency, now.id)
    own = [item for _, item in pending if item.subscription_item == one.item.id]
    charged = [item.amount for item in own if item.proration and item.amount > 0]
    if charged:
        given = discounts_of(agreed, how.now_ms)
        off = taken_off(session, agreed, charged[-1], one, given, how.now_ms)
        return [Paid(charged[-1], charged[-1] - off)]
    for _, invoice in session.invoices.every(agreed.scope, subscription=now.id):
        lines = [line for line in invoice.lines if _bills_ahead(line, one, end_ms)]
        if lines:
            return [Paid(line.amount, net(line)) for line in lines]
        if invoice.created_ms < now.period_start_ms:
            break
    return [Paid(1, 0)]


def _bills_ahead(line: InvoiceLine, one: Item, end_ms: int) -> bool:
    """Whether a line bills the quantity of an item up to the end of a period."""
    is_own = line.subscription_item == one.item.id and line.price == one.price.id
    return is_own and line.amount > 0 and line.period_end_ms == end_ms


def bill_usage_so_far(work: Work, caller: Caller, before: Contract, one: Item, now_ms: int) -> None:
    """Have the usage of a metered item that ends, or changes its price, wait for an invoice."""
    window = one.current
    lines = metered_lines(before, one, window, usage_of(work, one.item, window), now_ms)
    for line in lines:
        period = Period(window.start_ms, max(min(window.end_ms, now_ms), window.start_ms))
        made = InvoiceItem(
            **_common(before, one, period, now_ms),
            amount=line.amount,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            description=line.description,
            discounts=one.item.discounts,
        )
        pend(work, caller, made)


def _item(
    agreed: Contract, one: Item, amount: int, says: str, rest: Period, now_ms: int
) -> InvoiceItem:
    """A proration. A credit is net of discounts already; a charge is discounted on its invoice."""
    quantity = Decimal(1 if one.item.quantity is None else one.item.quantity)
    day = _EPOCH + timedelta(milliseconds=rest.start_ms)
    return InvoiceItem(
        **_common(agreed, one, rest, now_ms),
        amount=amount,
        quantity=quantity,
        description=f"{says} {quantity:,} x {one.product_name} after {day:%d %b %Y}",
        proration=True,
        discountable=amount > 0,
    )


def _common(agreed: Contract, one: Item, period: Period, now_ms: int) -> dict[str, Any]:
    """What an invoice item has of the item that it is for."""
    now = agreed.subscription
    return {
        "id": new_id("ii", now_ms),
        "account": now.account,
        "livemode": now.livemode,
        "created_ms": now_ms,
        "customer": now.customer,
        "currency": now.currency,
        "price": one.price.id,
        "product": one.price.product,
        "period_start_ms": period.start_ms,
        "period_end_ms": period.end_ms,
        "subscription": now.id,
        "subscription_item": one.item.id,
        "tax_rates": one.item.tax_rates or now.default_tax_rates,
        "metadata": one.item.metadata,
    }
