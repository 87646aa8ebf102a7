"""What the passing of time does to a subscription: periods begin, trials end, it ends itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import structs

from tripmeter.billing import windows
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.discounting import discounts_of
from tripmeter.billing.drafting import item_lines, licensed_lines
from tripmeter.billing.invoices import Draft, customer_facts, draft, finalize
from tripmeter.billing.pending import put_on, waiting
from tripmeter.billing.prorating import Prorating, credit_all
from tripmeter.billing.rate import check_rate
from tripmeter.billing.subscriptions import (
    OVER,
    changed,
    collection_paused,
    plan,
    tell,
    with_invoice,
)
from tripmeter.billing.usage import usage_lines
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.failpoints import reach
from tripmeter.model.invoice import BillingReason, InvoiceItem
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import Status, Subscription, Window
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_from

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
    is_final: bool = False
    """Whether usage is billed as it is now: what is reported later belongs to other windows."""


def begun(work: Work, agreed: Contract) -> Contract:
    """A subscription whose first period takes usage, its end planned."""
    now = agreed.subscription
    period = Period(now.period_start_ms, now.period_end_ms)
    following = period_from(now.anchor_ms, agreed.recurring, period.end_ms)
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
    if now.status in (*OVER, Status.PAUSED) or now.period_end_ms > now_ms:
        return
    ends_itself = now.cancel_at_ms is not None and now.cancel_at_ms <= now.period_end_ms
    if now.cancel_at_period_end or ends_itself:
        end(work, caller, before, now.period_end_ms)
        return
    if now.status is Status.TRIALING and stops_after_trial(now):
        end_with_trial(work, caller, before, now.period_end_ms)
        return
    ended = closing(before)
    after = _next_period(work, before)
    reach("bill.rolled")
    if now.status is Status.TRIALING:
        after = _dropped(work, after, ended)
        ended = []
    bill = Bill(
        BillingReason.CYCLE,
        Period(now.period_start_ms, now.period_end_ms),
        ended,
        Period(after.subscription.period_start_ms, after.subscription.period_end_ms),
    )
    after = bill_period(work, caller, after, bill)
    tell(work, caller, "updated", after, before)
    if now.status is Status.TRIALING:
        refresh_entitlements(work, caller.scope, now.customer)


def stops_after_trial(now: Subscription) -> str | None:
    """What a trial's end has a subscription do, `cancel` or `pause`; None where it goes on.

    There are no payment methods here, so what is to happen without one, happens (Stripe).
    """
    behavior = (now.details.get("trial_settings") or {}).get("end_behavior") or {}
    said = behavior.get("missing_payment_method")
    return said if said in ("cancel", "pause") else None


def end_with_trial(work: Work, caller: Caller, before: Contract, at_ms: int) -> None:
    """Cancel or pause a subscription whose trial ends."""
    now = structs.replace(before.subscription, trial_end_ms=at_ms, period_end_ms=at_ms)
    if stops_after_trial(now) == "cancel":
        end(work, caller, before._replace(subscription=now), at_ms, bill=False)
    else:
        _pause(work, caller, before, now, at_ms)


def _pause(work: Work, caller: Caller, before: Contract, now: Subscription, at_ms: int) -> None:
    """Bill nothing until the subscription is resumed: no usage is anybody's until then."""
    paused = {
        "paused": {
            "subscription": {"type": "trial_end_without_payment_method"},
            "transitioned_at": at_ms // 1000,
            "type": "subscription",
        }
    }
    details = {**now.details, "status_details": paused}
    subscription = structs.replace(now, status=Status.PAUSED, details=details)
    items = [
        one._replace(item=windows.without_any(one.item)) if one.is_metered else one
        for one in before.items
    ]
    after = changed(work, before, subscription, items)
    plan(work, after)
    tell(work, caller, "updated", after, before)
    tell(work, caller, "paused", after)
    refresh_entitlements(work, caller.scope, now.customer)


def end(
    work: Work,
    caller: Caller,
    before: Contract,
    at_ms: int,
    *,
    bill: bool = True,
    prorates: bool = False,
) -> Contract:
    """End a subscription for good; what was used is billed on a last invoice, unless not.

    With `prorates`, quantities are credited for the time that is left of their period.
    """
    now = before.subscription
    if prorates and at_ms < now.period_end_ms:
        credit_all(work, caller, before, Prorating("create_prorations", at_ms, at_ms))
    items = [_ended(one, at_ms, work.position) for one in before.items]
    subscription = structs.replace(
        now,
        status=Status.CANCELED,
        ended_ms=at_ms,
        canceled_ms=now.canceled_ms or at_ms,
        period_end_ms=min(now.period_end_ms, max(at_ms, now.period_start_ms + 1)),
        held_back=False,
    )
    after = changed(work, before, subscription, items)
    plan(work, after)
    ended = closing(after)
    is_billed = bill and now.status not in (Status.TRIALING, Status.PAUSED)
    if is_billed and (ended or _waits(work, after)):
        last = Bill(BillingReason.CYCLE, Period(now.period_start_ms, at_ms), ended)
        after = bill_period(work, caller, after, last)
    else:
        after = _dropped(work, after, ended)
    tell(work, caller, "deleted", after)
    refresh_entitlements(work, caller.scope, now.customer)
    return after


def _ended(one: Item, at_ms: int, position: int) -> Item:
    if not one.is_metered:
        return one
    item = structs.replace(one.item, period_end_ms=min(one.item.period_end_ms, at_ms))
    return one._replace(item=windows.without_following(item, at_ms, position))


def _waits(work: Work, agreed: Contract) -> bool:
    """Whether anything waits for an invoice of the subscription."""
    now = agreed.subscription
    return any(item.subscription == now.id for _, item in _waiting(work, agreed))


def closing(agreed: Contract) -> Ended:
    """The current windows of metered items."""
    return [(one, one.current) for one in agreed.metered if one.takes_usage]


def _next_period(work: Work, before: Contract) -> Contract:
    now = before.subscription
    anchor_ms = _next_anchor(now)
    period = period_from(anchor_ms, before.recurring, now.period_end_ms)
    following = period_from(anchor_ms, before.recurring, period.end_ms)
    subscription = structs.replace(
        now,
        anchor_ms=anchor_ms,
        status=Status.ACTIVE if now.status is Status.TRIALING else now.status,
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        periods=now.periods + 1,
        period_invoice=None,
        held_back=False,
    )
    items = [_rolled(one, period, following, work.position) for one in before.items]
    after = changed(work, before, subscription, items)
    plan(work, after)
    return after


def _next_anchor(now: Subscription) -> int:
    """The anchor from the next period on: the end of a trial, where that was asked for."""
    behavior = (now.details.get("trial_settings") or {}).get("end_behavior") or {}
    if now.status is Status.TRIALING and behavior.get("billing_cycle_anchor") == "now":
        return now.period_end_ms
    return now.anchor_ms


def _rolled(one: Item, period: Period, following: Period, position: int) -> Item:
    if one.is_metered:
        return one._replace(item=windows.rolled(one.item, period, following, position))
    item = structs.replace(one.item, period_start_ms=period.start_ms, period_end_ms=period.end_ms)
    return one._replace(item=item)


def _dropped(work: Work, agreed: Contract, ended: Ended) -> Contract:
    """A subscription without windows that nobody bills."""
    numbers = frozenset(window.no for _, window in ended)
    items = [one._replace(item=windows.without(one.item, numbers)) for one in agreed.items]
    return changed(work, agreed, agreed.subscription, items)


def bill_period(work: Work, caller: Caller, agreed: Contract, bill: Bill) -> Contract:
    """Make the invoice of a period; a draft for a while, in which usage may come late, and items be
    added or taken away (Stripe)."""
    now_ms = bill.past.end_ms
    grace_ms = work.terms.grace_ms if bill.reason is BillingReason.CYCLE else 0
    wanted = invoice_for(work, agreed, bill, now_ms)
    return put_through(work, caller, agreed, wanted, now_ms + grace_ms)


def put_through(
    work: Work, caller: Caller, agreed: Contract, wanted: Draft, finalizes_ms: int
) -> Contract:
    """Make an invoice of a subscription, with what waited for it, and finalize it when it is time.

    While collection is paused it may be kept as a draft (Stripe). Gives the subscription as it is
    then: an invoice may use up discounts.

    Raises TooManyInvoices for one that was asked for, and not for one whose period is over.
    """
    is_kept = wanted.fields.get("auto_advance") is False
    now, last_ms = agreed.subscription, wanted.period.end_ms
    if wanted.reason is BillingReason.UPDATE:
        check_rate(work, agreed.scope, now.id, last_ms)
    ordinal = 0 if now.latest_invoice is None else now.invoices_in_period + 1
    kept = draft(
        work,
        caller,
        replace(wanted, ordinal=ordinal, finalizes_ms=None if is_kept else finalizes_ms),
    )
    if any(line.invoice_item for line in wanted.lines):
        put_on(work, _waiting(work, agreed), kept.value)
    agreed = with_invoice(work, agreed, kept.value)
    if is_kept or finalizes_ms > last_ms:
        return agreed
    finalize(work, caller, kept)
    return contract(work.session, agreed.scope, now.id)


def invoice_for(work: Work, agreed: Contract, bill: Bill, now_ms: int) -> Draft:
    """What the invoice of a period says, with what waited for it."""
    subscription: Subscription = agreed.subscription
    lines, usages = usage_lines(work, agreed, bill.ended, now_ms)
    if bill.ahead is not None:
        for item in agreed.licensed:
            lines += licensed_lines(agreed, item, bill.ahead, now_ms)
    pending = _waiting(work, agreed)
    lines += item_lines(pending, now_ms)
    return Draft(
        customer=agreed.customer.value,
        currency=subscription.currency,
        reason=bill.reason,
        period=bill.past,
        lines=lines,
        usages=usages,
        subscription=subscription.id,
        discounts=discounts_of(agreed, now_ms, pending),
        fields=invoice_fields(
            agreed, [] if bill.is_final else [window.no for _, window in bill.ended], now_ms
        ),
    )


def _waiting(work: Work, agreed: Contract) -> list[Kept[InvoiceItem]]:
    """What waits for an invoice of a subscription."""
    now = agreed.subscription
    return waiting(work.session, agreed.scope, now.customer, now.currency, now.id)


def invoice_fields(
    agreed: Contract, closing_windows: Sequence[int], now_ms: int
) -> dict[str, object]:
    """What an invoice has of its subscription."""
    now = agreed.subscription
    settings = now.details.get("invoice_settings") or {}
    paused = collection_paused(now, now_ms)
    details = {
        **customer_facts(agreed.customer.value),
        "windows": list(closing_windows),
        "days_until_due": now.days_until_due,
        "subscription_metadata": now.metadata,
        "custom_fields": settings.get("custom_fields"),
        "paused": paused,
    }
    return {
        "auto_advance": paused != "keep_as_draft",
        "collection_method": now.collection_method,
        "default_tax_rates": now.default_tax_rates,
        "description": settings.get("description"),
        "details": details,
        "footer": settings.get("footer"),
    }
