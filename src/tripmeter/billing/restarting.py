"""Periods that begin now and not when they are due: a new anchor, a trial, its end, a resumption.

Usage so far, and what is due in advance, stand on an invoice that is final at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from tripmeter.billing import windows
from tripmeter.billing.contract import Contract, Item
from tripmeter.billing.periods import Bill, Ended, closing, invoice_for, put_through
from tripmeter.billing.prorating import BILLED_AHEAD
from tripmeter.billing.subscriptions import changed, plan
from tripmeter.model.invoice import BillingReason
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_from


class Start(NamedTuple):
    """A period that begins now, or is another one from now on."""

    status: Status
    anchor_ms: int
    period: Period
    trial: Period | None = None
    """The trial that it is, or that is over with it."""
    charges: bool = True
    """Whether it is billed as a whole; if not, its quantities are prorated, or free."""


def restart(
    work: Work, caller: Caller, before: Contract, after: Contract, start: Start, now_ms: int
) -> Contract:
    """Begin a period now; `after` has the items of it. What is due for both is on one invoice."""
    was_billed = before.subscription.status in BILLED_AHEAD
    ended = _unfinished(before, after) if was_billed else []
    trial = start.trial
    subscription = structs.replace(
        after.subscription,
        status=start.status,
        anchor_ms=start.anchor_ms,
        period_start_ms=start.period.start_ms,
        period_end_ms=start.period.end_ms,
        periods=before.subscription.periods + 1,
        period_invoice=None,
        trial_start_ms=trial.start_ms if trial else after.subscription.trial_start_ms,
        trial_end_ms=trial.end_ms if trial else after.subscription.trial_end_ms,
    )
    after = after._replace(subscription=subscription)
    is_trial = start.status is Status.TRIALING
    ahead = start.period if start.charges and not is_trial else None
    bill = Bill(BillingReason.UPDATE, Period(now_ms, now_ms), ended, ahead, is_final=True)
    wanted = invoice_for(work, after, bill, now_ms)
    items = _begun_anew(after, start, work.position, keeps_late=was_billed)
    after = changed(work, after, subscription, items)
    plan(work, after, before)
    if wanted.lines or ahead is not None:
        after = put_through(work, caller, after, wanted, now_ms)
    return after


def _unfinished(before: Contract, after: Contract) -> Ended:
    """The windows that end now. The usage of an item whose price changes waits for the invoice
    already, and its new price had no usage in the period that ends."""
    prices = {one.item.id: one.price.id for one in before.items}
    return [pair for pair in closing(after) if prices.get(pair[0].item.id) == pair[0].price.id]


def _begun_anew(
    agreed: Contract, start: Start, position: int, *, keeps_late: bool
) -> Sequence[Item]:
    """The items in their new period. What was used in a trial, or while paused, is free."""
    period = start.period
    following = period_from(start.anchor_ms, agreed.recurring, period.end_ms)
    begun = []
    for one in agreed.items:
        item = structs.replace(
            one.item, period_start_ms=period.start_ms, period_end_ms=period.end_ms
        )
        if one.is_metered:
            taking = period
            if keeps_late and one.takes_usage:
                taking = Period(min(one.current.start_ms, period.start_ms), period.end_ms)
            item = windows.begun_anew(one.item, taking, period, following, position)
        begun.append(one._replace(item=item))
    return begun
