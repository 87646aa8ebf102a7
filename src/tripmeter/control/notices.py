"""Tells of alerts on what is billed, and on credits: each notice once, with its event."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import structs

from tripmeter.failpoints import reach
from tripmeter.model.alert import Action, Alert, AlertNotification
from tripmeter.model.event import Announcement
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import WindowUsage
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.rules.alerts.notices import due_action
from tripmeter.wire.alerts import alert_notice_object, preview_of
from tripmeter.wire.events import ALERT_RECOVERED, ALERT_TRIGGERED


class Reading(NamedTuple):
    """What an alert's line is compared with, and what that is about."""

    customer: str
    subject: str
    """The id of a subscription, of one of its items, or of the customer."""
    value: int
    """Minor units, or scaled usage."""
    is_reached: bool
    now_ms: int
    """The customer's time."""
    subscription: str | None = None
    period: int = 0
    """What tells periods of the subject apart; 0 where it has none."""
    period_start_ms: int = 0
    period_end_ms: int = 0
    usages: tuple[WindowUsage, ...] = ()


def last_told(session: Session, alert: Alert, subject: str) -> AlertNotification | None:
    """What was told last of an alert about a subject, late usage aside."""
    return next((one for one in _told(session, alert, subject) if not one.is_late), None)


def _told(session: Session, alert: Alert, subject: str) -> Iterator[AlertNotification]:
    """What was told of an alert about a subject, newest first."""
    found = session.alert_notifications.every(Scope.of(alert), alert=alert.id, subject=subject)
    return (kept.value for kept in found)


def notice(work: Work, caller: Caller, kept: Kept[Alert], reading: Reading) -> bool:
    """Tell what is to be told of an alert now, if anything; whether it may fire from here on."""
    last = last_told(work.session, kept.value, reading.subject)
    activation = work.session.activations(kept.no)[-1].number
    action = due_action(last, activation, reading.period, reached=reading.is_reached)
    if action is None:
        return due_action(last, activation, reading.period, reached=True) is not None
    turn = 0 if reading.period or last is None else last.turn + 1
    _tell(work, caller, kept.value, reading, action, activation, turn)
    return action is Action.RECOVERED


def notice_late(work: Work, caller: Caller, kept: Kept[Alert], reading: Reading) -> bool:
    """Tell that usage has reached an alert's line that came when its period was over, unless that
    period had it told already; whether it may be told from here on. `reading.period` is minus the
    number of the window."""
    activation = work.session.activations(kept.no)[-1].number
    windows = {one.window.no for one in reading.usages}
    is_told = any(
        one.action is Action.TRIGGERED
        and one.activation == activation
        and windows & {used.window.no for used in one.usages}
        for one in _told(work.session, kept.value, reading.subject)
    )
    if is_told or not reading.is_reached:
        return not is_told
    _tell(work, caller, kept.value, reading, Action.TRIGGERED, activation, 0)
    return False


def _tell(
    work: Work,
    caller: Caller,
    alert: Alert,
    reading: Reading,
    action: Action,
    activation: int,
    turn: int,
) -> None:
    notification = AlertNotification(
        id=new_id("alrtn", work.now_ms),
        account=alert.account,
        livemode=alert.livemode,
        created_ms=reading.now_ms,
        alert=alert.id,
        alert_type=alert.alert_type,
        action=action,
        customer=reading.customer,
        subject=reading.subject,
        subscription=reading.subscription,
        meter=alert.meter,
        currency=alert.currency,
        value=reading.value,
        activation=activation,
        period=reading.period,
        period_start_ms=reading.period_start_ms,
        period_end_ms=reading.period_end_ms,
        turn=turn,
        is_late=reading.period < 0,
        position=work.position,
        usages=reading.usages,
    )
    is_fired = action is Action.TRIGGERED
    events = work.announce(
        Announcement(
            account=alert.account,
            livemode=alert.livemode,
            type=ALERT_TRIGGERED if is_fired else ALERT_RECOVERED,
            object=dict(alert_notice_object(alert, notification)),
            object_id=alert.id,
            object_type="billing.alert",
            object_url=f"/v1/billing/alerts/{alert.id}",
            preview=preview_of(notification),
            request_id=caller.request_id,
            idempotency_key=caller.idempotency_key,
        )
    )
    reach("bill.told")
    told = structs.replace(notification, event=events[0].id)
    work.session.alert_notifications.insert(told)
    work.follow(alert, told)
