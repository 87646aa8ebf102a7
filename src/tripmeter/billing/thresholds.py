"""Threshold invoices: issued the moment usage crosses."""

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from tripmeter.billing import windows
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.invoices import draft, finalize
from tripmeter.billing.subscriptions import changed, plan, tell, with_invoice
from tripmeter.billing.unbilled import Used, draft_of, unbilled_lines
from tripmeter.billing.usage import billed_usage
from tripmeter.failpoints import reach
from tripmeter.model.agenda import Due, Task
from tripmeter.model.invoice import InvoiceLine, ItemReason, ThresholdReason
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Page
from tripmeter.ports import Work
from tripmeter.rules.invoice_rate import DAY_MS, allowed_at
from tripmeter.rules.periods import Period, period_at
from tripmeter.rules.thresholds import Crossing


def issue(
    work: Work, caller: Caller, agreed: Contract, used: Sequence[Used], crossed: Crossing,
    now_ms: int,
) -> Contract:  # fmt: skip
    """Bill all usage so far, overshoot and all, and go on from there.

    With `reset_billing_cycle_anchor` a new period begins now. Where the rate rule for invoices
    lets none through, it is put off, and what was used meanwhile will be on the next one.
    """
    before = agreed
    later_ms = _held_back_until(work, agreed, now_ms)
    if later_ms is not None:
        return _hold_back(work, caller, agreed, later_ms)
    lines = unbilled_lines(agreed, used, now_ms)
    ordinal = agreed.subscription.invoices_in_period + 1
    wanted = replace(
        draft_of(agreed, lines, now_ms),
        ordinal=ordinal,
        usages=tuple(billed_usage(work, one.item, one.item.current, one.usage) for one in used),
        threshold_reason=_reason(crossed, agreed, lines),
    )
    kept = draft(work, caller, wanted)
    reach("bill.issued")
    if agreed.subscription.reset_billing_cycle_anchor:
        agreed = _restarted(work, agreed, now_ms)
    else:
        agreed = _gone_on(work, agreed, used)
    agreed = with_invoice(work, agreed, kept.value)
    if kept.value.auto_advance:
        finalize(work, caller, kept)
        agreed = contract(work.session, agreed.scope, agreed.subscription.id)
    tell(work, caller, "updated", agreed, before)
    return agreed


def _reason(crossed: Crossing, agreed: Contract, lines: Sequence[InvoiceLine]) -> ThresholdReason:
    reasons = []
    for one in agreed.metered:
        if one.item.id in crossed.items and one.item.usage_gte is not None:
            own = tuple(line.id for line in lines if line.subscription_item == one.item.id)
            reasons.append(ItemReason(one.item.usage_gte, own))
    return ThresholdReason(crossed.amount_gte, tuple(reasons))


def _gone_on(work: Work, agreed: Contract, used: Sequence[Used]) -> Contract:
    """The same period, from which this usage has been billed."""
    usage = {one.item.item.id: one.usage for one in used}
    items = [
        one._replace(
            item=windows.billed(
                one.item, structs.replace(one.current, billed_usage=usage[one.item.id])
            )
        )
        if one.is_metered
        else one
        for one in agreed.items
    ]
    return changed(work, agreed, structs.replace(agreed.subscription, held_back=False), items)


def _restarted(work: Work, agreed: Contract, now_ms: int) -> Contract:
    """A new period from now on, in which tiers start over.

    Its windows take what is stamped in the former period, too: what the crossing event overtook
    on its way is not lost.
    """
    period = period_at(now_ms, agreed.recurring, now_ms)
    following = period_at(now_ms, agreed.recurring, period.end_ms)
    subscription = structs.replace(
        agreed.subscription,
        anchor_ms=now_ms,
        periods=agreed.subscription.periods + 1,
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        held_back=False,
    )
    items = [_restarted_item(one, period, following, work.position) for one in agreed.items]
    agreed = changed(work, agreed, subscription, items)
    plan(work, agreed)
    return agreed


def _restarted_item(one: Item, period: Period, following: Period, position: int) -> Item:
    if not one.is_metered:
        item = structs.replace(
            one.item, period_start_ms=period.start_ms, period_end_ms=period.end_ms
        )
        return one._replace(item=item)
    taking = Period(one.current.start_ms, period.end_ms)
    item = windows.begun_anew(one.item, taking, period, following, position)
    return one._replace(item=item)


def _held_back_until(work: Work, agreed: Contract, now_ms: int) -> int | None:
    """When the rate rule lets the next invoice through; None if it does now."""
    terms = work.terms
    most = max(terms.invoices_a_minute or 0, terms.invoices_a_day or 0)
    if not most:
        return None
    lately = work.session.invoices.page(
        agreed.scope,
        Page(limit=most),
        subscription=agreed.subscription.id,
        created_gt=now_ms - DAY_MS,
    )
    moments = [kept.value.created_ms for kept in lately.items]
    at_ms = allowed_at(moments, terms.invoices_a_minute, terms.invoices_a_day, now_ms)
    return at_ms if at_ms > now_ms else None


def let_through(work: Work, caller: Caller, agreed: Contract) -> Contract:
    """A subscription of which nothing is held back any more: usage was taken back."""
    now = agreed.subscription
    if not now.held_back:
        return agreed
    after = changed(work, agreed, structs.replace(now, held_back=False), agreed.items)
    tell(work, caller, "updated", after, agreed)
    return after


def _hold_back(work: Work, caller: Caller, agreed: Contract, until_ms: int) -> Contract:
    """Put a threshold invoice off, and say so."""
    now = agreed.subscription
    task = Due(agreed.scope, Task.RETRY_THRESHOLD, now.id, until_ms, now.clock)
    work.session.agenda.put(task)
    if now.held_back:
        return agreed
    after = changed(work, agreed, structs.replace(now, held_back=True), agreed.items)
    tell(work, caller, "updated", after, agreed)
    return after
