"""`/v1/webhook_endpoints` and `/v2/core/event_destinations`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, list_object, listing
from tripmeter.api.cursors import v2_list, v2_page
from tripmeter.control import endpoints
from tripmeter.model.event import EndpointKind
from tripmeter.ports import Session, Work
from tripmeter.wire.events import event_v2_object
from tripmeter.wire.objects import (
    attempt_object,
    deleted_object,
    deleted_v2_object,
    event_destination_object,
    webhook_endpoint_object,
)
from tripmeter.wire.params import Boolean, Enum, Integer, ListOf, Map, Object, Param, String
from tripmeter.wire.shapes import (
    DeletedObject,
    DeletedV2Object,
    DeliveryAttemptObject,
    EventDestinationObject,
    EventV2Object,
    WebhookEndpointObject,
)

_V1: Final = "/v1/webhook_endpoints"
_V2: Final = "/v2/core/event_destinations"
_V1_ONE: Final = f"{_V1}/{{id}}"
_V2_ONE: Final = f"{_V2}/{{id}}"

_TYPES: Final = String(max_length=200)


def create(work: Work, call: Call) -> Any:
    """Make a webhook endpoint; its secret is shown this once."""
    made = endpoints.create_webhook_endpoint(
        work, call.caller, call.own_params, allow_private=call.services.allow_private
    )
    return webhook_endpoint_object(made, with_secret=True)


def update(work: Work, call: Call) -> Any:
    """Change a webhook endpoint."""
    changed = endpoints.update_webhook_endpoint(
        work, call.caller, call.id, call.own_params, allow_private=call.services.allow_private
    )
    return webhook_endpoint_object(changed)


def delete(work: Work, call: Call) -> Any:
    """Delete a webhook endpoint."""
    kind = EndpointKind.WEBHOOK_ENDPOINT
    gone = endpoints.delete_endpoint(work, call.caller, call.id, kind)
    return deleted_object(gone.id, "webhook_endpoint")


def retrieve(session: Session, call: Call) -> Any:
    """One webhook endpoint."""
    kept = session.destinations.get(call.scope, call.id)
    return webhook_endpoint_object(
        endpoints.get_endpoint(kept, EndpointKind.WEBHOOK_ENDPOINT).value
    )


def rotate_secret(work: Work, call: Call) -> Any:
    """Make another signing secret, which is shown this once."""
    expires_in = call.params.get("expires_in", 86_400)
    rotated = endpoints.rotate_secret(work, call.caller, call.id, expires_in)
    return webhook_endpoint_object(rotated, with_secret=True)


def list_(session: Session, call: Call) -> Any:
    """Webhook endpoints, newest first."""
    kind = EndpointKind.WEBHOOK_ENDPOINT
    found = session.destinations.page(call.scope, call.page, kind=kind)
    return list_object(_V1, found, webhook_endpoint_object)


def attempts(session: Session, call: Call) -> Any:
    """Attempts at an endpoint of either kind, newest first."""
    endpoint = session.destinations.get(call.scope, call.id).value.id
    found = session.attempts.page(call.scope, call.page, endpoint=endpoint)
    return list_object(f"{_V1}/{endpoint}/delivery_attempts", found, attempt_object)


def _include(call: Call) -> frozenset[str]:
    return frozenset(call.params.get("include") or ())


def create_v2(work: Work, call: Call) -> Any:
    """Make an event destination."""
    made = endpoints.create_event_destination(
        work, call.caller, call.own_params, allow_private=call.services.allow_private
    )
    return event_destination_object(made, _include(call))


def update_v2(work: Work, call: Call) -> Any:
    """Change an event destination."""
    changed = endpoints.update_event_destination(
        work, call.caller, call.id, call.own_params, allow_private=call.services.allow_private
    )
    return event_destination_object(changed, _include(call))


def enable(work: Work, call: Call) -> Any:
    """Switch an event destination on."""
    return event_destination_object(
        endpoints.enable_event_destination(work, call.caller, call.id, enabled=True)
    )


def disable(work: Work, call: Call) -> Any:
    """Switch an event destination off."""
    return event_destination_object(
        endpoints.enable_event_destination(work, call.caller, call.id, enabled=False)
    )


def delete_v2(work: Work, call: Call) -> Any:
    """Delete an event destination."""
    kind = EndpointKind.EVENT_DESTINATION
    gone = endpoints.delete_endpoint(work, call.caller, call.id, kind)
    return deleted_v2_object(gone.id, "v2.core.event_destination")


def ping(work: Work, call: Call) -> Any:
    """Send a test event."""
    event = endpoints.ping_event_destination(work, call.caller, call.id)
    return event_v2_object(event, with_data=True)


def retrieve_v2(session: Session, call: Call) -> Any:
    """One event destination."""
    kept = session.destinations.get(call.scope, call.id)
    found = endpoints.get_endpoint(kept, EndpointKind.EVENT_DESTINATION).value
    return event_destination_object(found, _include(call))


def list_v2(session: Session, call: Call) -> Any:
    """Event destinations, newest first."""
    kind = EndpointKind.EVENT_DESTINATION
    found = session.destinations.page(call.scope, v2_page(call.params), kind=kind)
    include = _include(call)
    return v2_list(_V2, call.params, found, lambda e: event_destination_object(e, include))


_ENABLED: Final = ListOf(_TYPES, required=True, max_items=300)
_INCLUDE_URL: Final = ListOf(Enum("webhook_endpoint.url"))
_INCLUDE_SECRET: Final = ListOf(Enum("webhook_endpoint.signing_secret", "webhook_endpoint.url"))
_TARGET: Final = Object({"url": String(required=True)})

_CREATE_V2: Final[dict[str, Param]] = {
    "description": String(blank="unset"),
    "enabled_events": _ENABLED,
    "event_payload": Enum("snapshot", "thin", required=True),
    "events_from": ListOf(Enum("self")),
    "include": _INCLUDE_SECRET,
    "metadata": Map(),
    "name": String(required=True),
    "snapshot_api_version": String(max_length=64),
    "type": Enum("webhook_endpoint", required=True),
    "webhook_endpoint": _TARGET,
}

_UPDATE_V2: Final[dict[str, Param]] = {
    "description": String(blank="unset"),
    "enabled_events": ListOf(_TYPES, max_items=300),
    "include": _INCLUDE_URL,
    "metadata": Map(),
    "name": String(),
    "webhook_endpoint": _TARGET,
}

ROUTES: Final = (
    Route(
        "POST",
        _V1,
        "Create a webhook endpoint",
        WebhookEndpointObject,
        fields(
            url=String(required=True),
            enabled_events=_ENABLED,
            api_version=String(max_length=64),
            connect=Boolean(description="Accepted, and without effect: there are no platforms."),
            description=String(blank="unset"),
            metadata=Map(),
        ),
        change=create,
    ),
    Route(
        "GET",
        _V1,
        "List webhook endpoints",
        WebhookEndpointObject,
        listing(),
        read=list_,
        is_list=True,
    ),
    Route(
        "GET",
        _V1_ONE,
        "Retrieve a webhook endpoint",
        WebhookEndpointObject,
        fields(),
        read=retrieve,
    ),
    Route(
        "POST",
        _V1_ONE,
        "Update a webhook endpoint",
        WebhookEndpointObject,
        fields(
            url=String(),
            enabled_events=ListOf(_TYPES, max_items=300),
            description=String(blank="unset"),
            disabled=Boolean(),
            metadata=Map(),
        ),
        change=update,
    ),
    Route("DELETE", _V1_ONE, "Delete a webhook endpoint", DeletedObject, fields(), change=delete),
    Route(
        "POST",
        f"{_V1_ONE}/rotate_secret",
        "Rotate the signing secret of a webhook endpoint",
        WebhookEndpointObject,
        fields(
            expires_in=Integer(
                minimum=0,
                maximum=7 * 86_400,
                description="Seconds for which the present secret signs as well; a day without it.",
            )
        ),
        change=rotate_secret,
    ),
    Route(
        "GET",
        f"{_V1_ONE}/delivery_attempts",
        "List the attempts at an endpoint",
        DeliveryAttemptObject,
        listing(),
        read=attempts,
        is_list=True,
    ),
    Route(
        "POST",
        _V2,
        "Create an event destination",
        EventDestinationObject,
        Object(_CREATE_V2),
        change=create_v2,
    ),
    Route(
        "GET",
        _V2,
        "List event destinations",
        EventDestinationObject,
        Object(
            {"include": _INCLUDE_URL, "limit": Integer(minimum=1, maximum=100), "page": String()}
        ),
        read=list_v2,
        is_list=True,
    ),
    Route(
        "GET",
        _V2_ONE,
        "Retrieve an event destination",
        EventDestinationObject,
        Object({"include": _INCLUDE_URL}),
        read=retrieve_v2,
    ),
    Route(
        "POST",
        _V2_ONE,
        "Update an event destination",
        EventDestinationObject,
        Object(_UPDATE_V2),
        change=update_v2,
    ),
    Route(
        "DELETE",
        _V2_ONE,
        "Delete an event destination",
        DeletedV2Object,
        Object({}),
        change=delete_v2,
    ),
    Route(
        "POST",
        f"{_V2_ONE}/enable",
        "Enable an event destination",
        EventDestinationObject,
        change=enable,
    ),
    Route(
        "POST",
        f"{_V2_ONE}/disable",
        "Disable an event destination",
        EventDestinationObject,
        change=disable,
    ),
    Route("POST", f"{_V2_ONE}/ping", "Ping an event destination", EventV2Object, change=ping),
)
