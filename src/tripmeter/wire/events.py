"""The event envelopes: snapshot events (v1) and their thin twins (v2)."""

from importlib import resources
from typing import Any, Final

from tripmeter.model.event import Announcement, Event, EventPayload
from tripmeter.model.ids import new_id, new_thin_event_id
from tripmeter.wire import shapes
from tripmeter.wire.times import rfc3339, unix

API_VERSION: Final = "2026-10-28.endive"
"""The version that events are rendered in, unless an endpoint is pinned to another."""

ALERT_TRIGGERED: Final = "billing.alert.triggered"
ALERT_RECOVERED: Final = "billing.alert.recovered"
ERROR_REPORT: Final = "v1.billing.meter.error_report_triggered"
NO_METER_FOUND: Final = "v1.billing.meter.no_meter_found"
ACCESS_RESTORED: Final = "billing.access.restored"
ACCESS_REVOKED: Final = "billing.access.revoked"
ACCESS_WARNING: Final = "billing.access.warning"
PING: Final = "v2.core.event_destination.ping"

SNAPSHOT_TYPES: Final = frozenset(
    {
        ACCESS_RESTORED,
        ACCESS_REVOKED,
        ACCESS_WARNING,
        ALERT_RECOVERED,
        ALERT_TRIGGERED,
        "billing.credit_balance_transaction.created",
        "billing.credit_grant.created",
        "billing.credit_grant.updated",
        "billing.meter.created",
        "billing.meter.updated",
        "billing.meter.deactivated",
        "billing.meter.reactivated",
        "coupon.created",
        "coupon.deleted",
        "coupon.updated",
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.discount.created",
        "customer.discount.deleted",
        "customer.discount.updated",
        "price.created",
        "price.updated",
        "product.created",
        "product.deleted",
        "product.updated",
        "promotion_code.created",
        "promotion_code.updated",
        "tax_rate.created",
        "tax_rate.updated",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "entitlements.active_entitlement_summary.updated",
        "invoice.created",
        "invoice.deleted",
        "invoice.finalized",
        "invoice.marked_uncollectible",
        "invoice.overdue",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice.sent",
        "invoice.updated",
        "invoice.voided",
        "invoice_payment.paid",
        "invoiceitem.created",
        "invoiceitem.deleted",
        "test_helpers.test_clock.advancing",
        "test_helpers.test_clock.created",
        "test_helpers.test_clock.deleted",
        "test_helpers.test_clock.ready",
    }
)
"""Snapshot events that this engine sends."""

THIN_TYPES: Final = frozenset({f"v1.{type_}" for type_ in SNAPSHOT_TYPES}) | {
    ERROR_REPORT,
    NO_METER_FOUND,
    PING,
}
"""Thin events that this engine sends."""


def _read_types() -> frozenset[str]:
    text = (resources.files("tripmeter.wire") / "event_types.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


KNOWN_TYPES: Final = _read_types()
"""Every type that an endpoint can subscribe to, sent by this engine or not."""


def snapshot_event(announcement: Announcement, now_ms: int) -> Event | None:
    """The snapshot event of what happened; None where only a thin event tells of it."""
    if announcement.object is None:
        return None
    return _event(
        announcement,
        now_ms,
        id=new_id("evt", now_ms),
        type=announcement.type,
        payload=EventPayload.SNAPSHOT,
        data=announcement.object,
        previous_attributes=announcement.previous_attributes,
        preview=announcement.preview,
    )


def thin_event(announcement: Announcement, now_ms: int, twin: Event | None) -> Event | None:
    """The thin event of what happened, if its type has one."""
    type_ = announcement.type if announcement.object is None else f"v1.{announcement.type}"
    if type_ not in THIN_TYPES:
        return None
    return _event(
        announcement,
        now_ms,
        id=new_thin_event_id(now_ms, livemode=announcement.livemode),
        type=type_,
        payload=EventPayload.THIN,
        data=announcement.thin_data,
        snapshot_event=twin.id if twin else None,
    )


def _event(announcement: Announcement, now_ms: int, **own: Any) -> Event:
    """What both kinds of event have in common, with what is their own."""
    return Event(
        account=announcement.account,
        livemode=announcement.livemode,
        created_ms=now_ms,
        api_version=API_VERSION,
        object_id=announcement.object_id,
        object_type=announcement.object_type,
        object_url=announcement.object_url,
        request_id=announcement.request_id,
        idempotency_key=announcement.idempotency_key,
        **own,
    )


def event_object(
    event: Event, pending_webhooks: int, version: str | None = None
) -> shapes.EventObject:
    """A snapshot event as it is read, and as it is sent to an endpoint pinned to `version`."""
    snapshot = event.data or {}
    if version is not None and version.endswith(".preview") and event.preview:
        snapshot = {**snapshot, **event.preview}
    data: dict[str, Any] = {"object": snapshot}
    if event.previous_attributes is not None:
        data["previous_attributes"] = event.previous_attributes
    return {
        "id": event.id,
        "object": "event",
        "api_version": version or event.api_version,
        "created": unix(event.created_ms),
        "data": data,
        "livemode": event.livemode,
        "pending_webhooks": pending_webhooks,
        "request": {"id": event.request_id, "idempotency_key": event.idempotency_key},
        "type": event.type,
    }


def event_v2_object(event: Event, *, with_data: bool) -> shapes.EventV2Object:
    """A thin event. Its own data come only by reading it, never with the push."""
    request = None
    if event.request_id is not None:
        key = event.idempotency_key or ""
        request = {"type": "request", "request": {"id": event.request_id, "idempotency_key": key}}
    rendered: shapes.EventV2Object = {
        "id": event.id,
        "object": "v2.core.event",
        "context": None,
        "created": rfc3339(event.created_ms),
        "livemode": event.livemode,
        "reason": request,
        "snapshot_event": event.snapshot_event,
        "type": event.type,
    }
    if event.object_id is not None:
        rendered["related_object"] = {
            "id": event.object_id,
            "type": event.object_type or "",
            "url": event.object_url or "",
        }
    if with_data and event.data is not None:
        rendered["data"] = event.data
    return rendered


def previous_attributes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What an update changed, with the values from before; objects member by member."""
    changed: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            if inner := previous_attributes(old, new):
                changed[name] = inner
        elif old != new:
            changed[name] = old
    return changed
