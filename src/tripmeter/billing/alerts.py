"""Alerts on what is billed: the spend of a period, and the usage of one."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.spending import spent
from tripmeter.billing.subscriptions import OVER
from tripmeter.billing.unbilled import Seen, see
from tripmeter.billing.usage import billed_usage, usage_of
from tripmeter.control.clocks import now_of
from tripmeter.control.credit_alerts import watch_credits
from tripmeter.control.notices import Reading, notice, notice_late
from tripmeter.model.alert import Alert
from tripmeter.model.quantity import SCALE, of_decimal
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import Window
from tripmeter.ports import Work
from tripmeter.rules.alerts.period_usage import watches_usage
from tripmeter.rules.alerts.spend_threshold import looks, watches_spend

Looks = Mapping[str, Decimal | None]
"""For items, by id, the usage at which to look again; None, or no entry, for never."""


def watch_period(work: Work, caller: Caller, seen: Seen) -> list[Looks]:
    """Tell what is to be told of the alerts on a subscription's current period."""
    now = seen.agreed.subscription
    found = work.session.untallied_alerts(seen.agreed.scope, now.customer)
    on_spend = [kept for kept in found if watches_spend(kept.value, now)]
    lines = [looks for kept in found for looks in _usage_looks(work, caller, kept, seen)]
    if on_spend:
        value = spent(work.session, seen)
        lines += [_spend_looks(work, caller, kept, seen, value) for kept in on_spend]
    return lines


def watch_new_period(work: Work, caller: Caller, subscription: str) -> None:
    """Tell which alerts have recovered with the period that is over, and whose line what is due in
    advance has reached already."""
    now = work.session.subscriptions.get(caller.scope, subscription).value
    if not work.session.untallied_alerts(caller.scope, now.customer):
        return
    agreed = contract(work.session, caller.scope, subscription)
    if now.status not in OVER:
        watch_period(work, caller, see(work, agreed))
    watch_credits(work, caller, agreed.customer.value)


def _spend_looks(work: Work, caller: Caller, kept: Kept[Alert], seen: Seen, value: int) -> Looks:
    now, gte = seen.agreed.subscription, kept.value.gte
    reading = Reading(
        customer=now.customer,
        subject=now.id,
        value=value,
        is_reached=value >= gte,
        now_ms=seen.now_ms,
        subscription=now.id,
        period=now.periods,
        period_start_ms=now.period_start_ms,
        period_end_ms=now.period_end_ms,
        usages=tuple(
            billed_usage(work, one.item, one.item.current, one.usage) for one in seen.used
        ),
    )
    return looks(gte, value, seen.facts) if notice(work, caller, kept, reading) else {}


def _usage_looks(work: Work, caller: Caller, kept: Kept[Alert], seen: Seen) -> Iterator[Looks]:
    now = seen.agreed.subscription
    for one, _ in seen.used:
        if not watches_usage(kept.value, one.item):
            continue
        if now.status in OVER:  # and waits for its last invoice
            may_fire = _notice_former(work, caller, kept, one, one.current, seen.now_ms)
        else:
            reading = _usage_reading(work, kept.value, one, one.current, now.periods, seen.now_ms)
            may_fire = notice(work, caller, kept, reading)
        if may_fire:
            yield {one.item.id: Decimal(kept.value.gte)}


def watch_former(work: Work, caller: Caller, agreed: Contract, item: str, window: Window) -> None:
    """Tell of alerts whose line late usage has reached in a period that is over."""
    own = next((one for one in agreed.metered if one.item.id == item), None)
    if own is None:
        return
    now_ms = now_of(work, agreed.customer.value)
    for kept in work.session.untallied_alerts(agreed.scope, agreed.subscription.customer):
        if watches_usage(kept.value, own.item):
            _notice_former(work, caller, kept, own, window, now_ms)


def _notice_former(
    work: Work, caller: Caller, kept: Kept[Alert], one: Item, window: Window, now_ms: int
) -> bool:
    reading = _usage_reading(work, kept.value, one, window, -window.no, now_ms)
    return notice_late(work, caller, kept, reading)


def _usage_reading(
    work: Work, alert: Alert, one: Item, window: Window, period: int, now_ms: int
) -> Reading:
    usage = usage_of(work, one.item, window)
    value = of_decimal(usage)
    return Reading(
        customer=one.item.customer,
        subject=one.item.id,
        value=value,
        is_reached=value >= alert.gte * SCALE,
        now_ms=now_ms,
        subscription=one.item.subscription,
        period=period,
        period_start_ms=window.start_ms,
        period_end_ms=window.end_ms,
        usages=(billed_usage(work, one, window, usage),),
    )
