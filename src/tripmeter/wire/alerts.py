"""Alerts, and what is told of them, as Stripe shows them."""

from typing import Any, Literal, NotRequired, TypedDict

from tripmeter.model.alert import (
    Action,
    Alert,
    AlertNotification,
    AlertType,
    CountFrom,
    Firing,
)
from tripmeter.model.quantity import format_quantity, whole_units
from tripmeter.wire.actions import action_object
from tripmeter.wire.times import unix


class AlertObject(TypedDict):
    """An alert: on the usage of a meter, on the spend of a period, or on credits."""

    id: str
    object: Literal["billing.alert"]
    alert_type: str
    livemode: bool
    status: str
    title: str
    usage_threshold: dict[str, Any] | None
    actions: NotRequired[list[dict[str, Any]]]
    spend_threshold: NotRequired[dict[str, Any]]
    credit_balance_threshold: NotRequired[dict[str, Any]]


class AlertTriggeredObject(TypedDict):
    """That an alert fired for a customer, with the alert as it was."""

    object: Literal["billing.alert_triggered"]
    alert: AlertObject
    created: int
    customer: str
    livemode: bool
    value: int


class AggregationPeriod(TypedDict):
    """The period that a value belongs to."""

    starts_at: int
    ends_at: int


class AlertNoticeObject(TypedDict):
    """That an alert on what is billed, or on credits, was triggered, or has recovered."""

    object: Literal["billing.alert_triggered", "billing.alert_recovered"]
    aggregation_period: AggregationPeriod | None
    alert: AlertObject
    created: int
    currency: str | None
    custom_pricing_unit: None
    customer: str
    external_customer_id: None
    livemode: bool
    value: int | str
    group_by: NotRequired[dict[str, str] | None]
    triggered_at: NotRequired[int]
    late: NotRequired[bool]


class AlertNotificationObject(TypedDict):
    """One firing of an alert, as the list of notifications shows it."""

    id: str
    object: Literal["billing.alert_notification"]
    action: Literal["triggered", "recovered"]
    aggregation_period_end: int | None
    aggregation_period_start: int | None
    alert: str
    alert_type: str
    cadence: str | None
    currency: str | None
    custom_pricing_unit: str | None
    customer: str
    livemode: bool
    meter: str | None
    notification_event: str
    notified_at: int
    subscription: str | None
    value: str
    meter_event_identifier: NotRequired[str]
    late: NotRequired[bool]


def alert_object(alert: Alert) -> AlertObject:
    """An alert. `filters`, `count_from`, `actions` are there only where they were given."""
    rendered: AlertObject = {
        "id": alert.id,
        "object": "billing.alert",
        "alert_type": alert.alert_type.value,
        "livemode": alert.livemode,
        "status": alert.status.value,
        "title": alert.title,
        "usage_threshold": None,
    }
    match alert.alert_type:
        case AlertType.USAGE:
            rendered["usage_threshold"] = _usage_threshold(alert)
        case AlertType.SPEND:
            rendered["spend_threshold"] = _spend_threshold(alert)
        case AlertType.CREDIT_BALANCE:
            rendered["credit_balance_threshold"] = _credit_balance_threshold(alert)
    if alert.actions:
        rendered["actions"] = [action_object(action) for action in alert.actions]
    return rendered


def _usage_threshold(alert: Alert) -> dict[str, Any]:
    threshold: dict[str, Any] = {
        "filters": _customer_filter(alert),
        "gte": alert.gte,
        "meter": alert.meter,
        "recurrence": "one_time",
    }
    if alert.count_from is not CountFrom.CREATION:
        threshold["count_from"] = alert.count_from.value
    return threshold


def _spend_threshold(alert: Alert) -> dict[str, Any]:
    filters: dict[str, Any] = {
        "billing_cadence": None,
        "pricing_plan": None,
        "pricing_plan_subscription": None,
        "customer": alert.customer,
        "subscription": alert.subscription,
    }
    is_filtered = alert.customer is not None or alert.subscription is not None
    return {
        "aggregation_period": "billing",
        "filters": filters if is_filtered else None,
        "group_by": "subscription",
        "gte": {
            "type": "amount",
            "amount": {"currency": alert.currency, "value": alert.gte},
            "custom_pricing_unit": None,
        },
    }


def _credit_balance_threshold(alert: Alert) -> dict[str, Any]:
    filters = _customer_filter(alert) or []
    if alert.prices:
        scope = {"prices": [{"id": price} for price in alert.prices]}
        filters[0]["credit_grants"] = {"applicability_config": {"scope": scope}}
    return {
        "filters": filters,
        "lte": {
            "balance_type": "monetary",
            "monetary": {"currency": alert.currency, "value": alert.lte},
            "custom_pricing_unit": None,
        },
    }


def _customer_filter(alert: Alert) -> list[dict[str, Any]] | None:
    if alert.customer is None:
        return None
    return [{"type": "customer", "customer": alert.customer}]


def alert_triggered_object(alert: Alert, firing: Firing) -> AlertTriggeredObject:
    """That an alert fired. `value` is the usage counted, in whole units, rounded down."""
    return {
        "object": "billing.alert_triggered",
        "alert": alert_object(alert),
        "created": unix(firing.fired_ms),
        "customer": firing.customer,
        "livemode": firing.livemode,
        "value": whole_units(firing.value),
    }


def alert_notice_object(alert: Alert, told: AlertNotification) -> AlertNoticeObject:
    """What the event says: `value` in minor units or whole units, as a string once recovered."""
    is_triggered = told.action is Action.TRIGGERED
    rendered: AlertNoticeObject = {
        "object": "billing.alert_triggered" if is_triggered else "billing.alert_recovered",
        "aggregation_period": _period(told),
        "alert": alert_object(alert),
        "created": unix(told.created_ms),
        "currency": told.currency,
        "custom_pricing_unit": None,
        "customer": told.customer,
        "external_customer_id": None,
        "livemode": told.livemode,
        "value": _whole(told) if is_triggered else _exact(told),
    }
    if is_triggered:
        rendered["group_by"] = _group(told)
        rendered["triggered_at"] = unix(told.created_ms)
    if told.is_late:
        rendered["late"] = True
    return rendered


def preview_of(told: AlertNotification) -> dict[str, Any]:
    """What previews of the API say otherwise: values are decimal strings."""
    return {"value": _exact(told)}


def _whole(told: AlertNotification) -> int:
    return told.value if told.meter is None else whole_units(told.value)


def _exact(told: AlertNotification) -> str:
    return str(told.value) if told.meter is None else format_quantity(told.value)


def _period(told: AlertNotification) -> AggregationPeriod | None:
    return aggregation_period(told.period_start_ms, told.period_end_ms)


def aggregation_period(start_ms: int, end_ms: int) -> AggregationPeriod | None:
    """A period; None where there is none, which ends at 0."""
    return {"starts_at": unix(start_ms), "ends_at": unix(end_ms)} if end_ms else None


def _group(told: AlertNotification) -> dict[str, str] | None:
    if told.subscription is None:
        return None
    return {"type": "subscription", "subscription": told.subscription}


def firing_object(firing: Firing) -> AlertNotificationObject:
    """One firing, with the identifier of the very event that crossed."""
    return {
        "id": firing.id,
        "object": "billing.alert_notification",
        "action": "triggered",
        "aggregation_period_end": None,
        "aggregation_period_start": None,
        "alert": firing.alert,
        "alert_type": AlertType.USAGE.value,
        "cadence": None,
        "currency": None,
        "custom_pricing_unit": None,
        "customer": firing.customer,
        "livemode": firing.livemode,
        "meter": firing.meter,
        "notification_event": firing.event,
        "notified_at": unix(firing.fired_ms),
        "subscription": None,
        "value": format_quantity(firing.value),
        "meter_event_identifier": firing.identifier,
    }


def notification_object(told: AlertNotification) -> AlertNotificationObject:
    """That an alert was triggered, or has recovered."""
    period = _period(told)
    rendered: AlertNotificationObject = {
        "id": told.id,
        "object": "billing.alert_notification",
        "action": told.action.value,
        "aggregation_period_end": period["ends_at"] if period else None,
        "aggregation_period_start": period["starts_at"] if period else None,
        "alert": told.alert,
        "alert_type": told.alert_type.value,
        "cadence": None,
        "currency": told.currency,
        "custom_pricing_unit": None,
        "customer": told.customer,
        "livemode": told.livemode,
        "meter": told.meter,
        "notification_event": told.event,
        "notified_at": unix(told.created_ms),
        "subscription": told.subscription,
        "value": _exact(told),
    }
    if told.is_late:
        rendered["late"] = True
    return rendered
