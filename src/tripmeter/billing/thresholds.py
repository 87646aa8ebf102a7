"""Threshold invoices: issued the moment usage crosses."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import structs

from tripmeter.billing import windows
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.drafting import item_lines, licensed_lines
from tripmeter.billing.invoices import draft, finalize
from tripmeter.billing.pending import put_on
from tripmeter.billing.prorating import Prorating, credit_all
from tripmeter.billing.rate import held_back_until
from tripmeter.billing.subscriptions import changed, plan, tell, with_invoice
from tripmeter.billing.unbilled import Used, draft_of, unbilled_lines
from tripmeter.billing.usage import billed_usage
from tripmeter.failpoints import reach
from tripmeter.model.agenda import Due, Task
from tripmeter.model.invoice import InvoiceItem, InvoiceLine, ItemReason, ThresholdReason
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_at
from tripmeter.rules.thresholds import Crossing


def issue(
    work: Work, caller: Caller, agreed: Contract, used: Sequence[Used], crossed: Crossing,
    now_ms: int,
) -> Contract:  # fmt: skip
    """Bill all usage so far, overshoot and all, and go on from there.

    With `reset_billing_cycle_anchor` a new period begins now, for which quantities are billed, too.
    Where the rate rule for invoices lets none through, it is put off, and what was used meanwhile
    will be on the next one.
    """
    before = agreed
    later_ms = held_back_until(work, agreed.scope, agreed.subscription.id, now_ms)
    if later_ms is not None:
        return _hold_back(work, caller, agreed, later_ms)
    lines = unbilled_lines(agreed, used, now_ms)
    ordinal = agreed.subscription.invoices_in_period + 1
    resets = agreed.subscription.reset_billing_cycle_anchor
    anew = _quantities_anew(work, caller, agreed, now_ms) if resets else _Anew([], [])
    wanted = replace(
        draft_of(agreed, [*lines, *anew.lines], now_ms),
        ordinal=ordinal,
        usages=tuple(billed_usage(work, one.item, one.item.current, one.usage) for one in used),
        threshold_reason=_reason(crossed, agreed, lines),
    )
    kept = draft(work, caller, wanted)
    put_on(work, anew.credits, kept.value)
    reach("bill.issued")
    agreed = _restarted(work, agreed, now_ms) if resets else _gone_on(work, agreed, used)
    agreed = with_invoice(work, agreed, kept.value)
    if kept.value.auto_advance:
        finalize(work, caller, kept)
        agreed = contract(work.session, agreed.scope, agreed.subscription.id)
    tell(work, caller, "updated", agreed, before)
    return agreed


class _Anew(NamedTuple):
    """What a new period has of quantities."""

    lines: Sequence[InvoiceLine]
    credits: Sequence[Kept[InvoiceItem]]
    """For the time that was paid for already, and is in the new period; on lines as well."""


def _quantities_anew(work: Work, caller: Caller, agreed: Contract, now_ms: int) -> _Anew:
    """Quantities in a period that begins now, as with any new anchor: without this, they would be
    free from the end of the former period on."""
    credits = credit_all(work, caller, agreed, Prorating("create_prorations", now_ms, now_ms))
    moved = structs.replace(agreed.subscription, anchor_ms=now_ms)
    period = period_at(now_ms, agreed.recurring, now_ms)
    ahead = [
        line
        for item in agreed.licensed
        for line in licensed_lines(agreed._replace(subscription=moved), item, period, now_ms)
    ]
    return _Anew([*ahead, *item_lines(credits, now_ms)], credits)


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
        period_invoice=None,
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
    if now.held_back and now.held_until_ms == until_ms:
        return agreed
    held = structs.replace(now, held_back=True, held_until_ms=until_ms)
    after = changed(work, agreed, held, agreed.items)
    tell(work, caller, "updated", after, agreed)
    return after
