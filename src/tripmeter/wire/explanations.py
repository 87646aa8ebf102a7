"""Renders why an alert has or has not fired: facts for programs, one sentence for people."""

from tripmeter.model.alert import AlertStatus, CountFrom, Firing
from tripmeter.model.explanation import Explanation, Reason
from tripmeter.model.quantity import format_quantity
from tripmeter.wire.shapes import AlertExplanationObject
from tripmeter.wire.times import unix


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
