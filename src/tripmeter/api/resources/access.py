"""`/v1/customers/{id}/access`, `/v1/access/reservations` and `/v1/billing/usage_limits`."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields, filters_of, list_object, listing
from tripmeter.api.encoding import encode
from tripmeter.control import access_changes, reservations, usage_limits
from tripmeter.model.standing import Standing
from tripmeter.model.usage_limit import Reservation
from tripmeter.pipeline.access import all_standings, standing
from tripmeter.pipeline.jobs import QueryJob
from tripmeter.pipeline.state import State
from tripmeter.ports import Session, Work
from tripmeter.wire.access import (
    AccessObject,
    DeletedUsageLimitObject,
    LimitChangeObject,
    ReservationObject,
    UsageLimitObject,
    access_object,
    deleted_usage_limit_object,
    limit_change_object,
    reservation_object,
    usage_limit_object,
)
from tripmeter.wire.params import DecimalText, Enum, Integer, Map, Refused, String

_CUSTOMER: Final = "/v1/customers/{id}"
_ACCESS: Final = f"{_CUSTOMER}/access"
_RESERVATION: Final = "/v1/access/reservations/{id}"
_LIMITS: Final = "/v1/billing/usage_limits"
_LIMIT: Final = f"{_LIMITS}/{{id}}"

_UNITS: Final = "Units of the meter, as a decimal string."

_NO_CURRENCY: Final = Refused(
    "limits are quantities of usage and have no currency. Watch money with an alert of the type"
    " spend_threshold."
)


async def retrieve(call: Call) -> Reply:
    """Whether a customer may go on: with one meter, or with all that are limited."""
    wanted = call.params.get("meter")

    def query(state: State, _: Session, now_ms: int) -> Any:
        if wanted is None:
            found = all_standings(state, call.scope, call.id, now_ms)
            return {
                "object": "list",
                "url": _ACCESS.replace("{id}", call.id),
                "has_more": False,
                "data": [_rendered(call, meter, now) for meter, now in found],
            }
        meter = state.catalogue.of_id(call.scope, wanted)
        return _rendered(call, wanted, standing(state, call.scope, call.id, meter, now_ms))

    return Reply(encode(await call.services.writer.ask(QueryJob(query))))


def _rendered(call: Call, meter: str | None, now: Standing) -> AccessObject:
    return access_object(call.scope, call.id, meter, now)


def revoke(work: Work, call: Call) -> Any:
    """Take access away until it is restored."""
    meter, reason = call.params.get("meter"), call.params.get("reason", "")
    return _rendered(call, meter, access_changes.revoke(work, call.caller, call.id, meter, reason))


def restore(work: Work, call: Call) -> Any:
    """Give access back."""
    meter, reason = call.params.get("meter"), call.params.get("reason", "")
    return _rendered(call, meter, access_changes.restore(work, call.caller, call.id, meter, reason))


def reserve(work: Work, call: Call) -> Any:
    """Keep room for usage to come."""
    return _reservation(work, reservations.reserve(work, call.caller, call.id, call.own_params))


def commit(work: Work, call: Call) -> Any:
    """Count what was used of a reservation."""
    return _reservation(work, reservations.commit(work, call.caller, call.id, call.own_params))


def release(work: Work, call: Call) -> Any:
    """Give back what was reserved."""
    return _reservation(work, reservations.release(work, call.caller, call.id))


def _reservation(work: Work, reservation: Reservation) -> ReservationObject:
    return reservation_object(reservation, work.now_ms)


def retrieve_reservation(session: Session, call: Call) -> Any:
    """One reservation."""
    kept = session.reservations.get(call.scope, call.id)
    return reservation_object(kept.value, call.now_ms)


def create_limit(work: Work, call: Call) -> Any:
    """Set a limit."""
    return usage_limit_object(usage_limits.create_limit(work, call.caller, call.own_params))


def update_limit(work: Work, call: Call) -> Any:
    """Raise or lower a limit."""
    level = call.params["limit"]
    return usage_limit_object(usage_limits.update_limit(work, call.caller, call.id, level))


def delete_limit(work: Work, call: Call) -> Any:
    """Lift a limit."""
    return deleted_usage_limit_object(usage_limits.delete_limit(work, call.caller, call.id))


def retrieve_limit(session: Session, call: Call) -> Any:
    """One limit."""
    return usage_limit_object(session.usage_limits.get(call.scope, call.id).value)


def list_limits(session: Session, call: Call) -> Any:
    """Limits, newest first."""
    filters = filters_of(call.params, "customer", "meter", "set_by")
    return list_object(
        _LIMITS, session.usage_limits.page(call.scope, call.page, **filters), usage_limit_object
    )


def list_changes(session: Session, call: Call) -> Any:
    """Who changed a customer's limits, newest first."""
    session.customers.get(call.scope, call.id)
    found = session.limit_changes.page(call.scope, call.page, customer=call.id)
    url = f"{_CUSTOMER}/limit_changes".replace("{id}", call.id)
    return list_object(url, found, limit_change_object)


_METER: Final = String(description="All of them, unless given.")
_REASON: Final = String(max_length=500, description="What is said of it in events and answers.")

ROUTES: Final = (
    Route(
        "GET",
        _ACCESS,
        "Retrieve whether a customer may go on",
        dict[str, Any],
        fields(meter=String(description="Of all that have a limit, unless given: a list.")),
        handle=retrieve,
    ),
    Route(
        "POST",
        f"{_ACCESS}/revoke",
        "Take a customer's access away",
        AccessObject,
        fields(meter=_METER, reason=_REASON),
        change=revoke,
    ),
    Route(
        "POST",
        f"{_ACCESS}/restore",
        "Give a customer's access back",
        AccessObject,
        fields(meter=_METER, reason=_REASON),
        change=restore,
    ),
    Route(
        "POST",
        f"{_ACCESS}/reserve",
        "Reserve usage under a customer's limits",
        ReservationObject,
        fields(
            meter=String(required=True),
            quantity=DecimalText(required=True, description=_UNITS),
            expires_in=Integer(
                minimum=reservations.SHORTEST_S,
                maximum=reservations.LONGEST_S,
                description=f"Seconds; {reservations.USUAL_S} unless given.",
            ),
        ),
        change=reserve,
    ),
    Route(
        "GET",
        _RESERVATION,
        "Retrieve a reservation",
        ReservationObject,
        fields(),
        read=retrieve_reservation,
    ),
    Route(
        "POST",
        f"{_RESERVATION}/commit",
        "Count what was used of a reservation",
        ReservationObject,
        fields(
            quantity=DecimalText(description="All of it, unless given."),
            payload=Map(
                max_keys=10,
                key_length=100,
                value_length=100,
                keep_blank=False,
                required=False,
                description="What else the usage event says, such as its dimensions.",
            ),
        ),
        change=commit,
    ),
    Route(
        "POST",
        f"{_RESERVATION}/release",
        "Release a reservation",
        ReservationObject,
        fields(),
        change=release,
    ),
    Route(
        "POST",
        _LIMITS,
        "Create a usage limit",
        UsageLimitObject,
        fields(
            meter=String(required=True),
            limit=DecimalText(required=True, description=_UNITS),
            customer=String(description="Every customer for itself, unless given."),
            period=Enum("billing", "lifetime", "month", description="lifetime unless given."),
            kind=Enum("hard", "warning", description="hard unless given."),
            set_by=Enum("operator", "customer", description="operator unless given."),
            currency=_NO_CURRENCY,
        ),
        change=create_limit,
    ),
    Route(
        "GET",
        _LIMITS,
        "List usage limits",
        UsageLimitObject,
        listing(customer=String(), meter=String(), set_by=Enum("operator", "customer")),
        read=list_limits,
        is_list=True,
    ),
    Route("GET", _LIMIT, "Retrieve a usage limit", UsageLimitObject, fields(), read=retrieve_limit),
    Route(
        "POST",
        _LIMIT,
        "Update a usage limit",
        UsageLimitObject,
        fields(limit=DecimalText(required=True, description=_UNITS), currency=_NO_CURRENCY),
        change=update_limit,
    ),
    Route(
        "DELETE",
        _LIMIT,
        "Delete a usage limit",
        DeletedUsageLimitObject,
        fields(),
        change=delete_limit,
    ),
    Route(
        "GET",
        f"{_CUSTOMER}/limit_changes",
        "List who changed a customer's limits",
        LimitChangeObject,
        listing(),
        read=list_changes,
        is_list=True,
    ),
)
