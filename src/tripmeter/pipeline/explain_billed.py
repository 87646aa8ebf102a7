"""Finds the facts that explain an alert on what is billed, or on credits: contract C9."""

from collections.abc import Iterator
from functools import partial

from tripmeter.billing.contract import contract
from tripmeter.billing.spending import spent
from tripmeter.billing.unbilled import Seen, Used, used_of
from tripmeter.control.clocks import time_on
from tripmeter.control.credit_scopes import available_balance
from tripmeter.control.notices import last_told
from tripmeter.model.alert import Action, Alert, AlertNotification, AlertStatus, AlertType
from tripmeter.model.explanation import BilledExplanation, Compared, Reason
from tripmeter.model.quantity import SCALE, of_decimal
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.pipeline.state import State
from tripmeter.ports import Session
from tripmeter.rules.alerts.notices import due_action
from tripmeter.rules.alerts.period_usage import watches_usage
from tripmeter.rules.alerts.spend_threshold import watches_spend


def explain_billed(
    state: State, kept: Kept[Alert], customer: str, now_ms: int
) -> BilledExplanation:
    """What each of a customer's subscriptions, or its credits, have come to, and what is next."""
    alert = kept.value
    if alert.status is not AlertStatus.ACTIVE:
        return BilledExplanation(alert=alert, customer=customer, reason=Reason.NOT_ACTIVE)
    if (alert.customer or alert.subscriber) not in (None, customer):
        return BilledExplanation(alert=alert, customer=customer, reason=Reason.OTHER_CUSTOMER)
    if alert.alert_type is AlertType.CREDIT_BALANCE:
        compared = [_credits(state.session, kept, customer, now_ms)]
    else:
        compared = [*_subscriptions(state, kept, customer, now_ms)]
    reason = next((one.reason for one in compared), Reason.NO_PERIOD)
    return BilledExplanation(
        alert=alert, customer=customer, reason=reason, compared=tuple(compared)
    )


def _credits(session: Session, kept: Kept[Alert], customer: str, now_ms: int) -> Compared:
    alert = kept.value
    assert alert.currency is not None and alert.lte is not None  # such alerts have both
    scope = Scope.of(alert)
    clock = session.customers.get(scope, customer).value.clock
    balance = available_balance(
        session, scope, customer, alert.currency, alert.prices,
        time_on(session, scope, clock, now_ms),
    )  # fmt: skip
    told = last_told(session, alert, customer)
    reason = _reason(session, kept, told, 0, is_reached=balance <= alert.lte)
    return Compared(value=balance, reason=reason, told=told)


def _subscriptions(
    state: State, kept: Kept[Alert], customer: str, now_ms: int
) -> Iterator[Compared]:
    alert = kept.value
    scope = Scope.of(alert)
    for _, subscription in state.session.subscriptions.every(scope, customer=customer):
        agreed = contract(state.session, scope, subscription.id)
        used = used_of(agreed, partial(state.window_usage, position=state.position))
        if watches_spend(alert, subscription):
            own_ms = time_on(state.session, scope, subscription.clock, now_ms)
            yield _spend(state.session, kept, Seen(agreed, used, own_ms))
        for one in used:
            if watches_usage(alert, one.item.item):
                yield _usage(state.session, kept, one, subscription.periods)


def _spend(session: Session, kept: Kept[Alert], seen: Seen) -> Compared:
    now = seen.agreed.subscription
    value = spent(session, seen)
    told = last_told(session, kept.value, now.id)
    is_reached = value >= kept.value.gte
    return Compared(
        value=value,
        reason=_reason(session, kept, told, now.periods, is_reached=is_reached),
        subscription=now.id,
        period_start_ms=now.period_start_ms,
        period_end_ms=now.period_end_ms,
        told=told,
    )


def _usage(session: Session, kept: Kept[Alert], one: Used, periods: int) -> Compared:
    item, window = one.item.item, one.item.current
    value = of_decimal(one.usage)
    told = last_told(session, kept.value, item.id)
    is_reached = value >= kept.value.gte * SCALE
    return Compared(
        value=value,
        reason=_reason(session, kept, told, periods, is_reached=is_reached),
        subscription=item.subscription,
        period_start_ms=window.start_ms,
        period_end_ms=window.end_ms,
        told=told,
    )


def _reason(
    session: Session,
    kept: Kept[Alert],
    told: AlertNotification | None,
    period: int,
    *,
    is_reached: bool,
) -> Reason:
    activation = session.activations(kept.no)[-1].number
    due = due_action(told, activation, period, reached=True)
    if due is not Action.TRIGGERED:
        return Reason.FIRED
    return Reason.REACHED if is_reached else Reason.BELOW
