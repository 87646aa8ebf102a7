"""What the passing of time does to a subscription: periods begin, trials end, it ends itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import structs

from tripmeter.billing import windows
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.drafting import item_lines, licensed_lines
from tripmeter.billing.invoices import Draft, customer_facts, draft, finalize
from tripmeter.billing.pending import put_on, waiting
from tripmeter.billing.subscriptions import OVER, changed, plan, tell, with_invoice
from tripmeter.billing.usage import usage_lines
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.model.invoice import BillingReason
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status, Subscription, Window
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_at

Ended = Sequence[tuple[Item, Window]]
"""Metered items, and the window of each that is over."""


class Bill(NamedTuple):
    """What a period's invoice takes."""

    reason: BillingReason
    past: Period
    ended: Ended = ()
    """Windows whose usage is billed for the last time."""
    ahead: Period | None = None
    """The period whose quantities are billed in advance."""


def begun(work: Work, agreed: Contract) -> Contract:
    """A subscription whose first period takes usage, its end planned."""
    now = agreed.subscription
    period = Period(now.period_start_ms, now.period_end_ms)
    following = period_at(now.anchor_ms, agreed.recurring, period.end_ms)
    items = [_begun(one, period, following, work.position) for one in agreed.items]
    agreed = changed(work, agreed, now, items)
    plan(work, agreed)
    return agreed


def _begun(one: Item, period: Period, following: Period, position: int) -> Item:
    item = structs.replace(one.item, period_start_ms=period.start_ms, period_end_ms=period.end_ms)
    if one.is_metered:
        item = windows.with_windows(item, period, following, position)
    return one._replace(item=item)


def roll(work: Work, caller: Caller, id: str, now_ms: int) -> None:
    """End the period of a subscription that is over: bill it, and begin the next one, or none."""
    before = contract(work.session, caller.scope, id)
    now = before.subscription
    if now.status in OVER or now.period_end_ms > now_ms:
        return
    if now.cancel_at_period_end:
        end(work, caller, before, now.period_end_ms)
        return
    ended = closing(before)
    after = _next_period(work, before)
    if now.status is Status.TRIALING:
        after = _dropped(work, after, ended)
        ended = []
    bill = Bill(
        BillingReason.CYCLE,
        Period(now.period_start_ms, now.period_end_ms),
        ended,
        Period(after.subscription.period_start_ms, after.subscription.period_end_ms),
    )
    after = bill_period(work, caller, after, bill, ordinal=now.invoices_in_period + 1)
    tell(work, caller, "updated", after, before)
    if now.status is Status.TRIALING:
        refresh_entitlements(work, caller.scope, now.customer)


def end(work: Work, caller: Caller, before: Contract, at_ms: int, *, bill: bool = True) -> Contract:
    """End a subscription for good; what was used is billed on a last invoice, unless not."""
    now = before.subscription
    ended = closing(before)
    items = [
        one._replace(item=windows.without_following(one.item, at_ms)) if one.is_metered else one
        for one in before.items
    ]
    subscription = structs.replace(
        now,
        status=Status.CANCELED,
        ended_ms=at_ms,
        canceled_ms=now.canceled_ms or at_ms,
        period_end_ms=min(now.period_end_ms, max(at_ms, now.period_start_ms + 1)),
    )
    after = changed(work, before, subscription, items)
    plan(work, after)
    if ended and bill and now.status is not Status.TRIALING:
        last = Bill(BillingReason.CYCLE, Period(now.period_start_ms, at_ms), ended)
        after = bill_period(work, caller, after, last, ordinal=now.invoices_in_period + 1)
    else:
        after = _dropped(work, after, ended)
    tell(work, caller, "deleted", after)
    refresh_entitlements(work, caller.scope, now.customer)
    return after


def closing(agreed: Contract) -> Ended:
    """The current windows of metered items."""
    return [(one, one.current) for one in agreed.metered]


def _next_period(work: Work, before: Contract) -> Contract:
    now = before.subscription
    period = period_at(now.anchor_ms, before.recurring, now.period_end_ms)
    following = period_at(now.anchor_ms, before.recurring, period.end_ms)
    subscription = structs.replace(
        now,
        status=Status.ACTIVE if now.status is Status.TRIALING else now.status,
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        invoices_in_period=0,
    )
    items = [_rolled(one, period, following, work.position) for one in before.items]
    after = changed(work, before, subscription, items)
    plan(work, after)
    return after


def _rolled(one: Item, period: Period, following: Period, position: int) -> Item:
    if one.is_metered:
        return one._replace(item=windows.rolled(one.item, following, position))
    item = structs.replace(one.item, period_start_ms=period.start_ms, period_end_ms=period.end_ms)
    return one._replace(item=item)


def _dropped(work: Work, agreed: Contract, ended: Ended) -> Contract:
    """A subscription without windows that nobody bills."""
    numbers = frozenset(window.no for _, window in ended)
    items = [one._replace(item=windows.without(one.item, numbers)) for one in agreed.items]
    return changed(work, agreed, agreed.subscription, items)


def bill_period(
    work: Work, caller: Caller, agreed: Contract, bill: Bill, *, ordinal: int
) -> Contract:
    """Make the invoice of a period; a draft for as long as usage may come late."""
    now_ms = bill.past.end_ms
    wanted = invoice_for(work, agreed, bill, now_ms)
    kept = draft(
        work,
        caller,
        replace(
            wanted,
            ordinal=ordinal,
            finalizes_ms=now_ms + work.terms.grace_ms if bill.ended else now_ms,
        ),
    )
    pending = waiting(
        work.session, caller.scope, agreed.customer.value.id, wanted.currency, wanted.subscription
    )
    put_on(work, pending, kept.value)
    agreed = with_invoice(work, agreed, kept.value)
    if not bill.ended:
        finalize(work, caller, kept)
    return agreed


def invoice_for(work: Work, agreed: Contract, bill: Bill, now_ms: int) -> Draft:
    """What the invoice of a period says, with what waited for it."""
    subscription: Subscription = agreed.subscription
    lines = usage_lines(work, agreed, bill.ended, now_ms)
    if bill.ahead is not None:
        for item in agreed.licensed:
            lines += licensed_lines(agreed, item, bill.ahead, now_ms)
    pending = waiting(
        work.session, agreed.scope, subscription.customer, subscription.currency, subscription.id
    )
    lines += item_lines(pending, now_ms)
    return Draft(
        customer=agreed.customer.value,
        currency=subscription.currency,
        reason=bill.reason,
        period=bill.past,
        lines=lines,
        subscription=subscription.id,
        discounts=subscription.discounts,
        fields=invoice_fields(agreed, [window.no for _, window in bill.ended]),
    )


def invoice_fields(agreed: Contract, closing_windows: Sequence[int]) -> dict[str, object]:
    """What an invoice has of its subscription."""
    now = agreed.subscription
    details = {
        **customer_facts(agreed.customer.value),
        "windows": list(closing_windows),
        "days_until_due": now.days_until_due,
        "subscription_metadata": now.metadata,
    }
    return {
        "collection_method": now.collection_method,
        "default_tax_rates": now.default_tax_rates,
        "details": details,
    }
