"""Access, limits on usage and reservations as objects, and their shapes: all of them ours."""

from decimal import Decimal
from typing import Literal, TypedDict

from tripmeter.model.quantity import format_quantity, of_decimal
from tripmeter.model.scope import Scope
from tripmeter.model.standing import Standing
from tripmeter.model.usage_limit import (
    LimitChange,
    Reservation,
    ReservationStatus,
    UsageLimit,
)
from tripmeter.wire.times import unix, unix_or_none


class AccessObject(TypedDict):
    """Whether a customer may go on with a meter, and how far."""

    object: Literal["access"]
    customer: str
    meter: str | None
    allowed: bool
    reason: str
    note: str | None
    used: str
    limit: str | None
    remaining: str | None
    reserved: str
    resets_at: int | None
    usage_limit: str | None
    livemode: bool


class UsageLimitObject(TypedDict):
    """How much of a meter may be used."""

    id: str
    object: Literal["billing.usage_limit"]
    created: int
    customer: str | None
    kind: str
    limit: str
    livemode: bool
    meter: str
    period: str
    set_by: str


class DeletedUsageLimitObject(TypedDict):
    """What is left of a limit that was deleted."""

    id: str
    object: Literal["billing.usage_limit"]
    deleted: Literal[True]


class ReservationObject(TypedDict):
    """Room under a limit that is kept for usage to come."""

    id: str
    object: Literal["access.reservation"]
    committed: str | None
    created: int
    customer: str
    expires_at: int
    livemode: bool
    meter: str
    quantity: str
    status: str


class LimitChangeObject(TypedDict):
    """Who changed a limit, when, from what to what."""

    id: str
    object: Literal["billing.limit_change"]
    after: str | None
    before: str | None
    created: int
    customer: str | None
    kind: str
    livemode: bool
    meter: str
    period: str
    portal_session: str | None
    request: str | None
    set_by: str
    usage_limit: str


def access_object(
    scope: Scope, customer: str, meter: str | None, now: Standing, note: str = ""
) -> AccessObject:
    """Where a customer stands; without a meter, what goes for all of them."""
    return {
        "object": "access",
        "customer": customer,
        "meter": meter,
        "allowed": now.allowed,
        "reason": now.reason.value,
        "note": note or now.note or None,
        "used": format_quantity(now.used),
        "limit": _scaled_or_none(now.limit),
        "remaining": _scaled_or_none(now.remaining),
        "reserved": format_quantity(now.reserved),
        "resets_at": unix_or_none(now.resets_ms),
        "usage_limit": now.usage_limit,
        "livemode": scope.livemode,
    }


def usage_limit_object(limit: UsageLimit) -> UsageLimitObject:
    """A limit."""
    return {
        "id": limit.id,
        "object": "billing.usage_limit",
        "created": unix(limit.created_ms),
        "customer": limit.customer,
        "kind": limit.kind.value,
        "limit": decimal_text(limit.limit),
        "livemode": limit.livemode,
        "meter": limit.meter,
        "period": limit.period.value,
        "set_by": limit.set_by.value,
    }


def deleted_usage_limit_object(limit: UsageLimit) -> DeletedUsageLimitObject:
    """What is left of it."""
    return {"id": limit.id, "object": "billing.usage_limit", "deleted": True}


def reservation_object(reservation: Reservation, now_ms: int) -> ReservationObject:
    """A reservation; one that was not committed in time has expired."""
    is_open = reservation.status is ReservationStatus.RESERVED
    is_over = is_open and reservation.expires_ms <= now_ms
    return {
        "id": reservation.id,
        "object": "access.reservation",
        "committed": _decimal_or_none(reservation.committed),
        "created": unix(reservation.created_ms),
        "customer": reservation.customer,
        "expires_at": unix(reservation.expires_ms),
        "livemode": reservation.livemode,
        "meter": reservation.meter,
        "quantity": decimal_text(reservation.quantity),
        "status": "expired" if is_over else reservation.status.value,
    }


def limit_change_object(change: LimitChange) -> LimitChangeObject:
    """A change of a limit."""
    return {
        "id": change.id,
        "object": "billing.limit_change",
        "after": _decimal_or_none(change.after),
        "before": _decimal_or_none(change.before),
        "created": unix(change.created_ms),
        "customer": change.customer or None,
        "kind": change.kind.value,
        "livemode": change.livemode,
        "meter": change.meter,
        "period": change.period.value,
        "portal_session": change.portal_session,
        "request": change.request_id,
        "set_by": change.set_by.value,
        "usage_limit": change.usage_limit,
    }


def decimal_text(number: Decimal) -> str:
    """The shortest decimal string of a number of units."""
    return format_quantity(of_decimal(number))


def _scaled_or_none(scaled: int | None) -> str | None:
    return None if scaled is None else format_quantity(scaled)


def _decimal_or_none(number: Decimal | None) -> str | None:
    return None if number is None else decimal_text(number)
