"""Renders why an alert has or has not fired: facts for programs, one sentence for people."""

from typing import Literal, TypedDict

from tripmeter.model.alert import Alert, AlertStatus, AlertType, CountFrom, Firing
from tripmeter.model.explanation import BilledExplanation, Compared, Explanation, Reason
from tripmeter.model.quantity import SCALE, format_quantity
from tripmeter.wire.alerts import AggregationPeriod, aggregation_period
from tripmeter.wire.times import unix


class AlertExplanationObject(TypedDict):
    """Why an alert has or has not fired for a customer (ours)."""

    object: Literal["billing.alert_explanation"]
    alert: str
    customer: str
    livemode: bool
    status: str
    reason: str
    explanation: str
    counted_from: str
    counting_since: int | None
    usage_counted: str
    usage_not_counted: str
    total: str
    gte: int
    remaining: str | None
    fired_at: int | None
    meter_event_identifier: str | None
    notification_event: str | None


class ComparedShape(TypedDict):
    """What the line is compared with for one subscription, or for the customer's credits."""

    subscription: str | None
    value: str
    remaining: str | None
    reason: str
    aggregation_period: AggregationPeriod | None
    notification_event: str | None
    notified_at: int | None


class BilledAlertExplanationObject(TypedDict):
    """Why an alert on what is billed, or on credits, has or has not fired (ours)."""

    object: Literal["billing.alert_explanation"]
    alert: str
    alert_type: str
    customer: str
    livemode: bool
    status: str
    reason: str
    explanation: str
    currency: str | None
    line: int
    compared: list[ComparedShape]


def explanation_object(facts: Explanation, fired: Firing | None) -> AlertExplanationObject:
    """The explanation; `fired` is the newest firing for the customer, if there is one."""
    alert = facts.alert
    current = fired if facts.reason is Reason.FIRED else None
    remaining = None if facts.remaining is None else format_quantity(facts.remaining)
    return {
        "object": "billing.alert_explanation",
        "alert": alert.id,
        "customer": facts.customer,
        "livemode": alert.livemode,
        "status": alert.status.value,
        "reason": facts.reason.value,
        "explanation": _sentence(facts, current),
        "counted_from": alert.count_from.value,
        "counting_since": unix(facts.activation.opened_ms) if facts.activation else None,
        "usage_counted": format_quantity(facts.counted),
        "usage_not_counted": format_quantity(facts.not_counted),
        "total": format_quantity(facts.total),
        "gte": alert.gte,
        "remaining": remaining,
        "fired_at": unix(current.fired_ms) if current else None,
        "meter_event_identifier": current.identifier if current else None,
        "notification_event": current.event if current else None,
    }


def _sentence(facts: Explanation, fired: Firing | None) -> str:
    alert = facts.alert
    if facts.reason is Reason.OTHER_CUSTOMER:
        return f"This alert watches customer {alert.customer} only."
    if facts.reason is Reason.NOT_ACTIVE:
        return _inactive_sentence(alert.status)
    if fired is not None:
        return (
            f"It fired on the meter event with identifier {fired.identifier}, which brought the "
            f"counted usage to {format_quantity(fired.value)}. It fires again for this customer "
            "only after it is activated again."
        )
    counted = format_quantity(facts.counted)
    left_out = _left_out(facts)
    remaining = format_quantity(facts.remaining or 0)
    return (
        f"{counted} of {alert.gte} are counted{left_out}. "
        f"It fires on the event that brings {remaining} more."
    )


def _inactive_sentence(status: AlertStatus) -> str:
    if status is AlertStatus.ARCHIVED:
        return "The alert is archived and never fires again. Create a new one."
    return "The alert is inactive. Activate it; usage counts from then on."


def _left_out(facts: Explanation) -> str:
    if facts.alert.count_from is CountFrom.LIFETIME or not facts.not_counted:
        return ""
    earlier = format_quantity(facts.not_counted)
    return f"; {earlier} from before the alert's activation are left out"


def billed_explanation_object(facts: BilledExplanation) -> BilledAlertExplanationObject:
    """The explanation of an alert on what is billed, or on credits."""
    alert = facts.alert
    return {
        "object": "billing.alert_explanation",
        "alert": alert.id,
        "alert_type": alert.alert_type.value,
        "customer": facts.customer,
        "livemode": alert.livemode,
        "status": alert.status.value,
        "reason": facts.reason.value,
        "explanation": _billed_sentence(facts),
        "currency": alert.currency,
        "line": alert.gte if alert.lte is None else alert.lte,
        "compared": [_compared(alert, one) for one in facts.compared],
    }


def _compared(alert: Alert, one: Compared) -> ComparedShape:
    told = one.told if one.reason is Reason.FIRED else None
    is_waiting = one.reason is Reason.BELOW
    return {
        "subscription": one.subscription,
        "value": _amount(alert, one.value),
        "remaining": _amount(alert, _remaining(alert, one)) if is_waiting else None,
        "reason": one.reason.value,
        "aggregation_period": aggregation_period(one.period_start_ms, one.period_end_ms),
        "notification_event": told.event if told else None,
        "notified_at": unix(told.created_ms) if told else None,
    }


def _amount(alert: Alert, value: int) -> str:
    return format_quantity(value) if alert.alert_type is AlertType.USAGE else str(value)


def _remaining(alert: Alert, one: Compared) -> int:
    if alert.lte is not None:
        return one.value - alert.lte
    line = alert.gte * SCALE if alert.alert_type is AlertType.USAGE else alert.gte
    return line - one.value


def _billed_sentence(facts: BilledExplanation) -> str:
    alert = facts.alert
    if facts.reason is Reason.OTHER_CUSTOMER:
        return f"This alert watches customer {alert.customer or alert.subscriber} only."
    if facts.reason is Reason.NOT_ACTIVE:
        return _inactive_sentence(alert.status)
    if facts.reason is Reason.NO_PERIOD:
        return (
            "The customer has no subscription that it watches: none is in force that bills its"
            " meter, or is billed in its currency."
        )
    return " ".join(_about(alert, one) for one in facts.compared)


def _about(alert: Alert, one: Compared) -> str:
    where = f" in this period of {one.subscription}" if one.subscription else ""
    if one.reason is Reason.FIRED:
        again = "in the next period" if one.subscription else "once it has recovered"
        return f"It has fired{where}, and fires again {again}, or once it is activated again."
    if one.reason is Reason.REACHED:
        return f"Its line is reached{where}: it fires on what comes next."
    value, remaining = _amount(alert, one.value), _amount(alert, _remaining(alert, one))
    match alert.alert_type:
        case AlertType.USAGE:
            said = f"{value} of {alert.gte} are used{where}; it fires on the event that brings"
            return f"{said} {remaining} more."
        case AlertType.SPEND:
            said = f"{value} of {alert.gte} ({alert.currency}, in its smallest unit) are spent"
            return f"{said}{where}; it fires on the event that costs {remaining} more."
        case AlertType.CREDIT_BALANCE:
            return (
                f"Credits of {value} ({alert.currency}, in its smallest unit) are left; it fires"
                f" when {remaining} more are gone."
            )
