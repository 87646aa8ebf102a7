"""Subscriptions are changed: their terms, their items, and when their periods begin.

What is asked for is read and checked first; then it is stored, and billed as far as it has to be.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import structs

from tripmeter.billing import windows
from tripmeter.billing.added_items import add_invoice_items
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.frozen import freeze_drafts
from tripmeter.billing.items import Given, ItemChange, item_changes
from tripmeter.billing.pausing import proration_moment
from tripmeter.billing.pending import waiting
from tripmeter.billing.periods import Bill, bill_period, end_with_trial, stops_after_trial
from tripmeter.billing.prorating import Prorating, bill_usage_so_far, credit_all, prorate
from tripmeter.billing.restarting import Start, restart
from tripmeter.billing.starting import new_start
from tripmeter.billing.subscriptions import OVER, changed, plan, tell
from tripmeter.billing.terms import with_terms
from tripmeter.control.clocks import now_of
from tripmeter.control.discounts import announce_discounts
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.model.catalogue import Discount
from tripmeter.model.errors import StateConflict
from tripmeter.model.invoice import BillingReason
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status, Subscription, SubscriptionItem
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_from
from tripmeter.rules.subscriptions import check_amount_threshold

EVALUATED: Final = (Status.ACTIVE, Status.PAST_DUE)
"""States in which thresholds may be reached at once, by being set to what is due already."""

_WHEN_OVER: Final = frozenset({"cancellation_details", "metadata"})
"""What can still be said of a subscription that is over (Stripe)."""


class Asked(NamedTuple):
    """What a subscription is to become."""

    subscription: Subscription
    items: Sequence[ItemChange]
    start: Start | None
    how: Prorating
    stops: bool = False
    """Whether it is to end its trial, and to do so is to be canceled, or paused."""


def update_subscription(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Contract:
    """Change a subscription. What is not mentioned stays as it is.

    Raises ParameterInvalid and its kin, naming the parameter; ResourceMissing; StateConflict.
    """
    given = [(f"items[{index}]", one) for index, one in enumerate(params.get("items") or ())]
    return change(work, caller, id, params, given)


def change(
    work: Work,
    caller: Caller,
    id: str,
    params: Mapping[str, Any],
    given: Sequence[tuple[str, Given]],
) -> Contract:
    """Change a subscription and its items; those come with the parameters that they stand under."""
    before = contract(work.session, caller.scope, id)
    _check_not_over(before.subscription, params, given)
    now_ms = now_of(work, before.customer.value)
    asked = _asked(work, caller, before, params, given, now_ms)
    add_invoice_items(
        work, caller, asked.subscription, params.get("add_invoice_items") or (), now_ms
    )
    after = _carried_out(work, caller, before, asked)
    announce_discounts(work, caller, _discounts(before), _discounts(after))
    tell(work, caller, "updated", after, before)
    refresh_entitlements(work, caller.scope, before.subscription.customer)
    if asked.stops:
        end_with_trial(work, caller, after, now_ms)
    if after.subscription.status in EVALUATED:
        work.evaluate_thresholds(caller, id)
    return contract(work.session, caller.scope, id)


def _check_not_over(
    now: Subscription, params: Mapping[str, Any], given: Sequence[tuple[str, Given]]
) -> None:
    if now.status in OVER and (given or params.keys() - _WHEN_OVER):
        raise StateConflict(
            f"The subscription {now.id} is {now.status}: only its cancellation_details and "
            "metadata can change. Make another subscription.",
            code="invalid_canceled_subscription_fields",
        )


def _asked(
    work: Work,
    caller: Caller,
    before: Contract,
    params: Mapping[str, Any],
    given: Sequence[tuple[str, Given]],
    now_ms: int,
) -> Asked:
    """What is asked for, found and checked; nothing of it is stored."""
    now = before.subscription
    period = Period(now.period_start_ms, now.period_end_ms)
    at_ms = proration_moment(params, period, now_ms)
    how = Prorating(params.get("proration_behavior", "create_prorations"), at_ms, now_ms)
    items = item_changes(work, caller, before, given, now_ms) if given else []
    after = _with_items(before, items)
    subscription = with_terms(work, caller, before, params, now_ms)
    if subscription.amount_gte is not None and now.status not in OVER:
        check_amount_threshold(subscription.amount_gte, [one.price for one in after])
    start = new_start(before, after, subscription, params, now_ms)
    ends_trial = params.get("trial_end") == "now" and now.status is Status.TRIALING
    stops = ends_trial and stops_after_trial(subscription) is not None
    return Asked(subscription, items, None if stops else start, how, stops)


def _with_items(before: Contract, changes: Sequence[ItemChange]) -> tuple[Item, ...]:
    """The items of a subscription once they are changed, oldest first."""
    targets = {one.before.item.id: one for one in changes if one.before is not None}
    kept = []
    for item in before.items:
        found = targets.get(item.item.id)
        if found is None:
            kept.append(item)
        elif found.after is not None:
            kept.append(found.after)
    return (*kept, *(one.after for one in changes if one.before is None and one.after is not None))


def _discounts(agreed: Contract) -> list[Discount]:
    of_items = [one for item in agreed.items for one in item.item.discounts]
    return [one for one in (*agreed.subscription.discounts, *of_items) if not one.used]


# --- carried out -------------------------------------------------------------------------------


def _carried_out(work: Work, caller: Caller, before: Contract, asked: Asked) -> Contract:
    how, start = asked.how, asked.start
    for one in asked.items:
        if one.before is not None and one.is_replaced:
            _finish(work, caller, before, one, how.now_ms)
    if start is None:
        prorate(work, caller, before, asked.items, how)
    else:
        credit_all(work, caller, before, how)
    after = _stored(work, before, asked)
    if start is not None:
        return restart(work, caller, before, after, start, how.now_ms)
    plan(work, after, before)
    if how.behavior == "always_invoice":
        after = _invoiced(work, caller, after, how.now_ms)
    return after


def _finish(work: Work, caller: Caller, before: Contract, one: ItemChange, now_ms: int) -> None:
    """End what an item sold so far: its usage waits for an invoice, unless it is forgotten."""
    item = one.before
    assert item is not None  # it is replaced
    if not item.is_metered:
        return
    if one.after is not None and one.after.item.meter != item.item.meter:
        freeze_drafts(work, caller, before, item, now_ms)
    is_billed = before.subscription.status not in (Status.TRIALING, Status.PAUSED)
    if is_billed and not one.clear_usage:
        bill_usage_so_far(work, caller, before, item, now_ms)


def _stored(work: Work, before: Contract, asked: Asked) -> Contract:
    """The subscription with its items as they are to be, in the period that goes on."""
    entered: dict[str, Item] = {}
    for one in asked.items:
        if one.after is None:
            assert one.before is not None
            gone = _gone(one.before.item, asked.how.now_ms)
            work.session.subscription_items.replace(one.before.no, gone)
            continue
        item = _in_period(before, one, asked, work.position)
        no = one.after.no if one.before else work.session.subscription_items.insert(item)
        entered[item.id] = one.after._replace(no=no, item=item)
    items = [entered.get(one.item.id, one) for one in _with_items(before, asked.items)]
    return changed(work, before, asked.subscription, items)


def _gone(item: SubscriptionItem, now_ms: int) -> SubscriptionItem:
    """An item that is deleted now. What comes late for former periods is on their drafts still."""
    kept = windows.closing_alone(item)
    end_ms = min(item.period_end_ms, max(now_ms, item.period_start_ms))
    return structs.replace(kept, deleted=True, period_end_ms=end_ms)


def _in_period(before: Contract, one: ItemChange, asked: Asked, position: int) -> SubscriptionItem:
    """A new state of an item, with the windows that its usage needs from now on."""
    assert one.after is not None
    item, now, former = one.after.item, before.subscription, one.before
    if former is not None and not one.is_replaced:
        return item
    if former is not None and former.takes_usage and former.item.meter == item.meter:
        return windows.repriced(item, former.current.start_ms, position)
    item = windows.without_any(item)
    if item.meter is None or asked.start is not None or now.status is Status.PAUSED:
        return item
    period = Period(now.period_start_ms, now.period_end_ms)
    following = period_from(now.anchor_ms, before.recurring, now.period_end_ms)
    taking = Period(asked.how.now_ms, now.period_end_ms)
    return windows.begun_anew(item, taking, period, following, position)


def _invoiced(work: Work, caller: Caller, after: Contract, now_ms: int) -> Contract:
    """Bill at once what waits for an invoice of the subscription, if anything does."""
    now = after.subscription
    found = waiting(work.session, after.scope, now.customer, now.currency, now.id)
    if not any(item.subscription == now.id for _, item in found):
        return after
    return bill_period(
        work, caller, after, Bill(BillingReason.UPDATE, Period(now_ms, now_ms), is_final=True)
    )
