"""Objects for those who look on: the overview, and word of events; and their shapes."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from typing import Any, Literal, TypedDict

from tripmeter.model.alert import Alert
from tripmeter.model.customer import Customer
from tripmeter.model.event import Event
from tripmeter.model.explanation import Compared, Reason
from tripmeter.model.meter import Meter
from tripmeter.model.pulse import MINUTE_MS, Counts, Pending, Told
from tripmeter.model.quantity import SCALE, format_quantity
from tripmeter.model.scope import Scope
from tripmeter.wire.times import unix, unix_or_none

SHOWN_MINUTES = 60
_DAY = 24 * 60


class TodayObject(TypedDict):
    """What was counted since midnight, UTC."""

    events: int
    since: int


class AlertsFiredObject(TypedDict):
    """How many alerts have fired."""

    last_24_hours: int
    last_7_days: int


class DeliveriesObject(TypedDict):
    """What became of deliveries in the last 24 hours, and what is on its way."""

    failed: int
    """Given up."""
    oldest_pending_age: int | None
    """Seconds."""
    pending: int
    succeeded: int


class ErrorsObject(TypedDict):
    """Meter events that were refused, repeated ones aside."""

    last_24_hours: int


class OverviewObject(TypedDict):
    """How things are in an account and mode."""

    object: Literal["dashboard.overview"]
    alerts_fired: AlertsFiredObject
    at: int
    deliveries: DeliveriesObject
    errors: ErrorsObject
    events_per_minute: list[int]
    """Of the last 60 minutes, the oldest first; the last one is under way."""
    events_per_second: int
    """Of the last second that is over."""
    livemode: bool
    minutes_start: int
    """When the first of them began."""
    today: TodayObject


class ToldObject(TypedDict):
    """Word of an event, in the stream."""

    id: str
    created: int
    customer: str | None
    object_id: str | None
    type: str


def overview_object(
    scope: Scope,
    now_ms: int,
    per_second: int,
    by_minute: Mapping[int, Counts],
    fired_week: int,
    pending: Pending,
) -> OverviewObject:
    """The overview, of the counts of at least a day by the minute."""
    minute = now_ms // MINUTE_MS
    first, midnight = minute - SHOWN_MINUTES + 1, minute // _DAY * _DAY
    nothing = Counts()
    day = nothing
    for own, counts in by_minute.items():
        if minute - _DAY < own <= minute:
            day = day.plus(counts)
    oldest_ms = pending.oldest_ms
    return {
        "object": "dashboard.overview",
        "alerts_fired": {"last_24_hours": day.fired, "last_7_days": fired_week},
        "at": unix(now_ms),
        "deliveries": {
            "failed": day.undelivered,
            "oldest_pending_age": None if oldest_ms is None else max(unix(now_ms - oldest_ms), 0),
            "pending": pending.deliveries,
            "succeeded": day.delivered,
        },
        "errors": {"last_24_hours": day.refused},
        "events_per_minute": [
            by_minute.get(one, nothing).counted for one in range(first, minute + 1)
        ],
        "events_per_second": per_second,
        "livemode": scope.livemode,
        "minutes_start": unix(first * MINUTE_MS),
        "today": {
            "events": sum(own.counted for one, own in by_minute.items() if one >= midnight),
            "since": unix(midnight * MINUTE_MS),
        },
    }


def told_object(told: Told) -> ToldObject:
    """Word of an event."""
    return {
        "id": told.id,
        "created": unix(told.created_ms),
        "customer": told.customer,
        "object_id": told.object_id,
        "type": told.type,
    }


def stream_event(name: str, data: bytes, id: str | None = None) -> bytes:
    """One message of a text/event-stream; JSON has no line breaks of its own."""
    head = f"event: {name}\n" + (f"id: {id}\n" if id else "")
    return head.encode() + b"data: " + data + b"\n\n"


def customer_in(snapshot: Mapping[str, Any]) -> str | None:
    """The customer that an event's object names."""
    named = snapshot.get("customer")
    return named if isinstance(named, str) else None


class RequestObject(TypedDict):
    """A request to the API, and what came of it."""

    id: str
    object: Literal["dashboard.request"]
    account: str
    created: int
    duration_ms: int
    key: str | None
    """What may be shown of the key that asked."""
    livemode: bool
    member: str | None
    method: str
    path: str
    query: str | None
    request_body: str | None
    response_body: str | None
    status: int


class MeterTopCustomerObject(TypedDict):
    """What a customer used of a meter in a span of time."""

    object: Literal["billing.meter_top_customer"]
    aggregated_value: Decimal
    customer: str
    name: str | None


class MeterErrorReportObject(TypedDict):
    """Usage that was refused within some seconds, and why; the newest kind of error first."""

    id: str
    object: Literal["billing.meter_error_report"]
    code: str
    """Of the most frequent error."""
    created: int
    error_count: int
    event_name: str
    identifier: str | None
    """Of a meter event with it."""
    message: str


def top_customer_object(customer: Customer, total: int) -> MeterTopCustomerObject:
    """What a customer used; `total` is scaled."""
    return {
        "object": "billing.meter_top_customer",
        "aggregated_value": Decimal(format_quantity(total)),
        "customer": customer.id,
        "name": name_of(customer),
    }


def name_of(customer: Customer) -> str | None:
    """What people call a customer, if it has a name."""
    named = customer.details.get("name") or customer.email
    return named if isinstance(named, str) else None


def error_report_object(event: Event, meter: Meter) -> MeterErrorReportObject:
    """An error report, as the event tells of it."""
    reason = (event.data or {}).get("reason", {})
    kinds = reason.get("error_types") or [{}]
    most = max(kinds, key=lambda kind: kind.get("error_count", 0))
    sample = (most.get("sample_errors") or [{}])[0]
    return {
        "id": event.id,
        "object": "billing.meter_error_report",
        "code": most.get("code", "unknown"),
        "created": unix(event.created_ms),
        "error_count": reason.get("error_count", 0),
        "event_name": meter.event_name,
        "identifier": sample.get("request", {}).get("identifier") or None,
        "message": sample.get("error_message", ""),
    }


class CaughtObject(TypedDict):
    """A customer whom a line would have caught."""

    crossed_at: int
    customer: str
    name: str | None
    value: Decimal
    """What they used in the whole span."""


class BucketObject(TypedDict):
    """How many customers used so much."""

    customers: int
    up_to: str | None
    """They used less than this, and not less than the one before; null for all the others."""


class AlertPreviewObject(TypedDict):
    """Whom an alert would have caught, had it been there."""

    object: Literal["billing.alert_preview"]
    count: int
    customers: list[CaughtObject]
    """The first of them."""
    end_time: int
    gte: int
    histogram: list[BucketObject]
    livemode: bool
    meter: str
    start_time: int
    total_customers: int


TENTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 100)
"""Where the picture has its borders, in tenths of the line."""


def alert_preview_object(
    meter: Meter,
    gte: int,
    span: tuple[int, int],
    caught: int,
    customers: int,
    first: Sequence[tuple[Customer, int, int]],
    below: Sequence[int],
) -> AlertPreviewObject:
    """A preview; `first` are customers with the time, and their total, scaled."""
    up_to = [format_quantity(SCALE * gte * tenth // 10) for tenth in TENTHS]
    counts = [more - less for less, more in pairwise([0, *below, customers])]
    return {
        "object": "billing.alert_preview",
        "count": caught,
        "customers": [
            {
                "crossed_at": unix(at_ms),
                "customer": customer.id,
                "name": name_of(customer),
                "value": Decimal(format_quantity(total)),
            }
            for customer, at_ms, total in first
        ],
        "end_time": unix(span[1]),
        "gte": gte,
        "histogram": [
            {"customers": count, "up_to": edge}
            for count, edge in zip(counts, [*up_to, None], strict=True)
        ],
        "livemode": meter.livemode,
        "meter": meter.id,
        "start_time": unix(span[0]),
        "total_customers": customers,
    }


class NearestLineObject(TypedDict):
    """How far a customer has come on the way to an alert's line."""

    object: Literal["dashboard.nearest_line"]
    alert: str
    alert_title: str
    alert_type: str
    currency: str | None
    """Of an alert on spend, whose line and total are in minor units."""
    customer: str
    customer_name: str | None
    fired_at: int | None
    line: str
    """What the alert counts up to."""
    meter: str | None
    meter_name: str | None
    projected_at: int | None
    """When it will be reached at the pace of the last 7 days."""
    share: str
    """Of the whole way, as a decimal; 1 is the line."""
    subscription: str | None
    """Whose period it is about, where it counts by the period."""
    total: str
    """What has counted so far."""


def billed_line_object(
    customer: Customer, meter: Meter | None, alert: Alert, compared: Compared
) -> NearestLineObject:
    """As `nearest_line_object`, of an alert on what a period has cost, or what was used in it."""
    line = alert.gte if meter is None else alert.gte * SCALE
    total = str(compared.value) if meter is None else format_quantity(compared.value)
    told = compared.told
    has_fired = compared.reason is Reason.FIRED
    return {
        "object": "dashboard.nearest_line",
        "alert": alert.id,
        "alert_title": alert.title,
        "alert_type": alert.alert_type.value,
        "currency": alert.currency,
        "customer": customer.id,
        "customer_name": name_of(customer),
        "fired_at": unix(told.created_ms) if has_fired and told is not None else None,
        "line": str(alert.gte),
        "meter": meter.id if meter else None,
        "meter_name": meter.display_name if meter else None,
        "projected_at": None,
        "share": _shown_share(Decimal(compared.value) / line),
        "subscription": compared.subscription,
        "total": total,
    }


def _shown_share(share: Decimal) -> str:
    return f"{share.quantize(_SHARE, ROUND_DOWN).normalize():f}"


def nearest_line_object(
    customer: Customer,
    meter: Meter,
    alert: Alert,
    counted: int,
    projected_ms: int | None,
    fired_ms: int | None,
) -> NearestLineObject:
    """A customer on the way to a line; `counted` is scaled."""
    share = Decimal(counted) / (alert.gte * SCALE)
    return {
        "object": "dashboard.nearest_line",
        "alert": alert.id,
        "alert_title": alert.title,
        "alert_type": alert.alert_type.value,
        "currency": None,
        "customer": customer.id,
        "customer_name": name_of(customer),
        "fired_at": unix_or_none(fired_ms),
        "line": str(alert.gte),
        "meter": meter.id,
        "meter_name": meter.display_name,
        "projected_at": unix_or_none(projected_ms),
        "share": _shown_share(share),
        "subscription": None,
        "total": format_quantity(counted),
    }


_SHARE = Decimal("0.000001")
