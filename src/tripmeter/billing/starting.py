"""Whether a change has a period begin: by its anchor, its trial, or an interval that is another."""

from collections.abc import Mapping, Sequence
from typing import Any

from tripmeter.billing.contract import Contract, Item
from tripmeter.billing.restarting import Start
from tripmeter.model.errors import ParameterInvalid, ParametersExclusive, StateConflict
from tripmeter.model.subscription import Status, Subscription
from tripmeter.rules.periods import Period, add_months, period_at, period_from
from tripmeter.rules.subscriptions import LONGEST_TRIAL_MONTHS

Params = Mapping[str, Any]


def new_start(
    before: Contract,
    items: Sequence[Item],
    subscription: Subscription,
    params: Params,
    now_ms: int,
) -> Start | None:
    """The period that begins with a change; None if the one that is current goes on.

    Raises ParameterInvalid, ParametersExclusive, StateConflict.
    """
    now = before.subscription
    recurring = items[0].price.recurring if items else None
    if recurring is None:
        return None
    resets = params.get("billing_cycle_anchor") == "now"
    given = params.get("trial_end")
    if resets and given is not None:
        raise ParametersExclusive(("billing_cycle_anchor", "trial_end"))
    is_other = (recurring.interval, recurring.interval_count) != (
        before.recurring.interval,
        before.recurring.interval_count,
    )
    if now.status is Status.PAUSED and (resets or given is not None or is_other):
        raise StateConflict(f"The subscription {now.id} is paused. Resume it first.")
    status = Status.PAST_DUE if now.status is Status.PAST_DUE else Status.ACTIVE
    anew = Start(status, now_ms, period_at(now_ms, recurring, now_ms))
    if isinstance(given, int):
        return _trial(now, subscription, given * 1000, now_ms)
    if now.status is Status.TRIALING:
        return _in_trial(now, anew, items, given, resets=resets, is_other=is_other, now_ms=now_ms)
    return anew if resets or is_other else None


def _trial(now: Subscription, subscription: Subscription, end_ms: int, now_ms: int) -> Start:
    """A trial from now on, or one that ends at another time."""
    if end_ms <= now_ms:
        raise ParameterInvalid(
            "trial_end", "trial_end must be in the future; use `now` to end the trial."
        )
    if end_ms > add_months(now_ms, LONGEST_TRIAL_MONTHS):
        raise ParameterInvalid("trial_end", "trial_end must be within two years.")
    is_longer = now.status is Status.TRIALING
    start_ms = now.period_start_ms if is_longer else now_ms
    trial = Period(start_ms, end_ms)
    anchor_ms = now.anchor_ms if _keeps_anchor(subscription) else end_ms
    shown = Period(now.trial_start_ms or start_ms, end_ms) if is_longer else trial
    return Start(Status.TRIALING, anchor_ms, trial, shown)


def _in_trial(
    now: Subscription,
    anew: Start,
    items: Sequence[Item],
    given: str | None,
    *,
    resets: bool,
    is_other: bool,
    now_ms: int,
) -> Start | None:
    """What becomes of a trial that is not given another end."""
    if resets:
        raise ParameterInvalid(
            "billing_cycle_anchor",
            f"The subscription {now.id} is in its trial. To begin its first period now, use "
            "trial_end=now.",
        )
    start_ms = now.trial_start_ms or now.period_start_ms
    if given == "now":
        if now.trial_end_ms != now.anchor_ms:
            recurring = items[0].price.recurring
            assert recurring is not None  # checked
            period = period_from(now.anchor_ms, recurring, now_ms)
            anew = anew._replace(anchor_ms=now.anchor_ms, period=period)
        return anew._replace(trial=Period(start_ms, now_ms))
    if is_other:
        period = Period(now.period_start_ms, now.period_end_ms)
        return Start(Status.TRIALING, now.anchor_ms, period)
    return None


def _keeps_anchor(subscription: Subscription) -> bool:
    behavior = (subscription.details.get("trial_settings") or {}).get("end_behavior") or {}
    return behavior.get("billing_cycle_anchor") == "unchanged"
