"""`/v1/events`, `/v2/core/events`, and the attempts to deliver them.

A restricted key sees the events of those objects alone that it may read.
"""

from typing import Any, Final

import msgspec

from tripmeter.api.call import Call, Route, bounds_ms, fields, list_object, listing
from tripmeter.api.cursors import v2_list, v2_page
from tripmeter.control import endpoints
from tripmeter.control.access import require
from tripmeter.model.access import Permissions
from tripmeter.model.errors import ParametersExclusive, ResourceMissing
from tripmeter.model.event import Event, EventPayload
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.rules.permissions import needed_for_event, permits
from tripmeter.wire.events import SNAPSHOT_TYPES, THIN_TYPES, event_object, event_v2_object
from tripmeter.wire.objects import attempt_object
from tripmeter.wire.params import Boolean, Integer, ListOf, Object, Range, Rfc3339, String
from tripmeter.wire.shapes import DeliveryAttemptObject, EventObject, EventV2Object

_V1: Final = "/v1/events"
_V2: Final = "/v2/core/events"

_TYPES: Final = ListOf(String(), max_items=20)


def _of_kind(session: Session, call: Call, payload: EventPayload) -> Kept[Event]:
    kept = _readable(session, call)
    if kept.value.payload is not payload:
        raise ResourceMissing("event", call.id)
    return kept


def _readable(session: Session, call: Call) -> Kept[Event]:
    """The event of the request. Raises ResourceMissing or PermissionMissing."""
    kept = session.events.get(call.scope, call.id)
    if call.caller.permissions is not None:
        needed = needed_for_event(kept.value.type)
        assert needed is not None, "every type that is sent tells of a resource"
        require(call.caller.permissions, needed)
    return kept


def _wanted(call: Call, asked: list[str] | None, sent: frozenset[str]) -> str | None:
    """The types to list, of those that are `sent`, as the store takes them; None for all."""
    permissions = call.caller.permissions
    if permissions is None:
        return None if asked is None else _json(asked)
    readable = (type_ for type_ in sent if asked is None or type_ in asked)
    return _json([type_ for type_ in readable if _may_read(permissions, type_)])


def _may_read(permissions: Permissions, type_: str) -> bool:
    needed = needed_for_event(type_)
    return needed is not None and permits(permissions, needed)


def retrieve(session: Session, call: Call) -> Any:
    """One snapshot event."""
    kept = _of_kind(session, call, EventPayload.SNAPSHOT)
    return event_object(kept.value, session.outbox.pending_count(kept.no))


def list_(session: Session, call: Call) -> Any:
    """Snapshot events, newest first."""
    params = call.params
    if "type" in params and "types" in params:
        raise ParametersExclusive(("type", "types"))
    asked = params.get("types") or ([params["type"]] if "type" in params else None)
    wildcard = params["type"][:-1] if params.get("type", "").endswith("*") else None
    found = session.events.page(
        call.scope,
        call.page,
        payload=EventPayload.SNAPSHOT,
        types=_wanted(call, None if wildcard is not None else asked, SNAPSHOT_TYPES),
        type_prefix=wildcard,
        delivered=params.get("delivery_success"),
        **bounds_ms(params.get("created")),
    )
    pending = {kept.value.id: session.outbox.pending_count(kept.no) for kept in found.items}
    return list_object(_V1, found, lambda event: event_object(event, pending[event.id]))


def retrieve_v2(session: Session, call: Call) -> Any:
    """One thin event, with its data."""
    return event_v2_object(_of_kind(session, call, EventPayload.THIN).value, with_data=True)


def list_v2(session: Session, call: Call) -> Any:
    """Thin events, newest first."""
    params = call.params
    bounds = {f"created_{name}": at for name, at in params.get("created", {}).items()}
    found = session.events.page(
        call.scope,
        v2_page(params),
        payload=EventPayload.THIN,
        types=_wanted(call, params.get("types"), THIN_TYPES),
        object_id=params.get("object_id"),
        **bounds,
    )
    return v2_list(_V2, params, found, lambda event: event_v2_object(event, with_data=True))


def resend(work: Work, call: Call) -> Any:
    """Deliver an event once more."""
    _readable(work.session, call)
    kept = endpoints.resend_event(work, call.caller, call.id, call.params.get("webhook_endpoint"))
    if kept.value.payload is EventPayload.THIN:
        return event_v2_object(kept.value, with_data=True)
    return event_object(kept.value, work.session.outbox.pending_count(kept.no))


def attempts_of_event(session: Session, call: Call) -> Any:
    """Attempts to deliver an event, newest first."""
    event = session.events.get(call.scope, call.id).value.id
    found = session.attempts.page(call.scope, call.page, event=event)
    return list_object(f"{_V1}/{event}/delivery_attempts", found, attempt_object)


def _json(types: list[str]) -> str:
    return msgspec.json.encode(types).decode()


_RANGE_V2: Final = Object({bound: Rfc3339() for bound in ("gt", "gte", "lt", "lte")})

ROUTES: Final = (
    Route(
        "GET",
        _V1,
        "List events",
        EventObject,
        listing(created=Range(), delivery_success=Boolean(), type=String(), types=_TYPES),
        read=list_,
        is_list=True,
    ),
    Route("GET", f"{_V1}/{{id}}", "Retrieve an event", EventObject, fields(), read=retrieve),
    Route(
        "POST",
        f"{_V1}/{{id}}/retry",
        "Deliver an event once more",
        EventObject,
        fields(webhook_endpoint=String()),
        change=resend,
    ),
    Route(
        "GET",
        f"{_V1}/{{id}}/delivery_attempts",
        "List the attempts to deliver an event",
        DeliveryAttemptObject,
        listing(),
        read=attempts_of_event,
        is_list=True,
    ),
    Route(
        "GET",
        _V2,
        "List thin events",
        EventV2Object,
        Object(
            {
                "created": _RANGE_V2,
                "limit": Integer(minimum=1, maximum=100),
                "object_id": String(),
                "page": String(),
                "types": _TYPES,
            }
        ),
        read=list_v2,
        is_list=True,
    ),
    Route(
        "GET", f"{_V2}/{{id}}", "Retrieve a thin event", EventV2Object, Object({}), read=retrieve_v2
    ),
)
