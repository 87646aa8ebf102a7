"""A subscription's states: stored with its items, planned on the agenda, and told of."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from tripmeter.billing.contract import Contract, Item
from tripmeter.billing.rendering import rendered_subscription
from tripmeter.control.access_changes import settle_customer
from tripmeter.control.announcing import announce
from tripmeter.model.agenda import Due, Task
from tripmeter.model.invoice import Invoice
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status, Subscription
from tripmeter.ports import Work
from tripmeter.rules.periods import DAY_MS

URL: Final = "/v1/subscriptions"

OVER: Final = (Status.CANCELED, Status.INCOMPLETE_EXPIRED)
"""States that a subscription does not leave."""

TRIAL_NOTICE_MS: Final = 3 * DAY_MS
"""So long before its end a trial is said to end (Stripe)."""


def changed(
    work: Work, before: Contract, subscription: Subscription, items: Sequence[Item]
) -> Contract:
    """Store new states of a subscription and its items, and have the data plane know of them."""
    known = {one.no: one.item for one in before.items}
    work.session.subscriptions.replace(before.no, subscription)
    for one in items:
        if known.get(one.no) != one.item:
            work.session.subscription_items.replace(one.no, one.item)
    after = before._replace(subscription=subscription, items=tuple(items))
    for meter in {one.item.meter for one in (*before.items, *items)} - {None}:
        assert meter is not None
        work.billing_changed(before.scope, meter, subscription.customer)
    settle_customer(work, Caller(before.scope), subscription.customer)
    return after


def plan(work: Work, agreed: Contract, before: Contract | None = None) -> None:
    """Put on the agenda what a subscription waits for; with `before`, as far as that changed: what
    was done when it was due is not done again."""
    scope, now = agreed.scope, agreed.subscription
    known = {} if before is None else _moments(before.subscription)
    if not now.held_back:
        work.session.agenda.drop(scope, Task.RETRY_THRESHOLD, now.id)
    for task, due_ms in _moments(now).items():
        if before is not None and known[task] == due_ms:
            continue
        if due_ms is None:
            work.session.agenda.drop(scope, task, now.id)
        else:
            work.session.agenda.put(Due(scope, task, now.id, due_ms, now.clock))


def _moments(now: Subscription) -> dict[Task, int | None]:
    if now.status in OVER:
        return dict.fromkeys(
            (Task.PERIOD_END, Task.CANCEL, Task.TRIAL_WILL_END, Task.RESUME_COLLECTION)
        )
    resumes_at = (now.details.get("pause_collection") or {}).get("resumes_at")
    is_trial = now.status is Status.TRIALING and now.trial_end_ms is not None
    return {
        Task.PERIOD_END: None if now.status is Status.PAUSED else now.period_end_ms,
        Task.CANCEL: now.cancel_at_ms,
        Task.RESUME_COLLECTION: None if resumes_at is None else resumes_at * 1000,
        Task.TRIAL_WILL_END: (now.trial_end_ms or 0) - TRIAL_NOTICE_MS if is_trial else None,
    }


def collection_paused(now: Subscription, now_ms: int) -> str | None:
    """What happens to invoices while their collection is paused; None if it is not."""
    pause = now.details.get("pause_collection")
    if not pause:
        return None
    resumes_at = pause.get("resumes_at")
    is_over = resumes_at is not None and resumes_at * 1000 <= now_ms
    return None if is_over else str(pause["behavior"])


def with_invoice(work: Work, agreed: Contract, invoice: Invoice) -> Contract:
    """A subscription whose latest invoice is this one."""
    subscription = structs.replace(
        agreed.subscription,
        latest_invoice=invoice.id,
        period_invoice=agreed.subscription.period_invoice or invoice.id,
        invoices_in_period=invoice.ordinal or 0,
    )
    work.session.subscriptions.replace(agreed.no, subscription)
    return agreed._replace(subscription=subscription)


def tell(
    work: Work, caller: Caller, what: str, agreed: Contract, before: Contract | None = None
) -> None:
    """Announce `customer.subscription.<what>`; with `before`, what that changed."""
    announce(
        work,
        caller,
        f"customer.subscription.{what}",
        rendered_subscription(work.session, agreed),
        URL,
        before=None if before is None else rendered_subscription(work.session, before),
    )
