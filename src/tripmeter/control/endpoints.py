"""Endpoints of both API generations: webhook endpoints (v1) and event destinations (v2)."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from msgspec import structs

from tripmeter.control.access import require
from tripmeter.control.announcing import merge_metadata
from tripmeter.model.addresses import check_url
from tripmeter.model.errors import ParameterInvalid, ResourceMissing, StateConflict
from tripmeter.model.event import Announcement, Endpoint, EndpointKind, Event, EventPayload
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.permissions import needed_for_event
from tripmeter.wire.events import API_VERSION, KNOWN_TYPES, PING, SNAPSHOT_TYPES, THIN_TYPES

_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", re.ASCII)

ENDPOINT_LIMIT: Final = 16
"""Endpoints of one kind that an account may have (Stripe)."""


def create_webhook_endpoint(
    work: Work, caller: Caller, params: dict[str, Any], *, allow_private: bool
) -> Endpoint:
    """Make a webhook endpoint, with a fresh signing secret."""
    _check_url(params["url"], "url", allow_private)
    _check_types(params["enabled_events"], EventPayload.SNAPSHOT)
    _check_reach(caller, params["enabled_events"])
    return _insert(
        work,
        caller,
        kind=EndpointKind.WEBHOOK_ENDPOINT,
        id=new_id("we", work.now_ms),
        payload=EventPayload.SNAPSHOT,
        url=params["url"],
        enabled_events=tuple(params["enabled_events"]),
        api_version=_check_version(params.get("api_version"), "api_version"),
        description=params.get("description"),
        metadata=merge_metadata({}, params.get("metadata")),
    )


def update_webhook_endpoint(
    work: Work, caller: Caller, id: str, params: dict[str, Any], *, allow_private: bool
) -> Endpoint:
    """Change a webhook endpoint. Disabling it cancels what was on its way to it."""
    kept = _get(work, caller, id, EndpointKind.WEBHOOK_ENDPOINT)
    before = kept.value
    if "url" in params:
        _check_url(params["url"], "url", allow_private)
    types = tuple(params.get("enabled_events", before.enabled_events))
    _check_types(types, EventPayload.SNAPSHOT)
    if "url" in params or "enabled_events" in params:
        _check_reach(caller, types)
    changes = {
        "url": params.get("url", before.url),
        "enabled_events": types,
        "enabled": not params.get("disabled", not before.enabled),
        "description": params.get("description", before.description),
        "metadata": merge_metadata(before.metadata, params.get("metadata")),
    }
    return _change(work, caller, kept, changes)


def rotate_secret(work: Work, caller: Caller, id: str, expires_in_s: int) -> Endpoint:
    """Give a webhook endpoint another signing secret; the present one signs as well for a while."""
    kept = _get(work, caller, id, EndpointKind.WEBHOOK_ENDPOINT)
    changes = {
        "secret": new_secret("whsec_"),
        "former_secret": kept.value.secret if expires_in_s else None,
        "former_until_ms": work.now_ms + expires_in_s * 1000,
    }
    return _change(work, caller, kept, changes)


def create_event_destination(
    work: Work, caller: Caller, params: dict[str, Any], *, allow_private: bool
) -> Endpoint:
    """Make an event destination of type webhook_endpoint; the others are clouds we cannot reach."""
    target = params.get("webhook_endpoint")
    if target is None:
        raise ParameterInvalid("webhook_endpoint", "Give webhook_endpoint.url, where events go.")
    _check_url(target["url"], "webhook_endpoint[url]", allow_private)
    payload = EventPayload(params["event_payload"])
    _check_types(params["enabled_events"], payload)
    _check_reach(caller, params["enabled_events"])
    return _insert(
        work,
        caller,
        kind=EndpointKind.EVENT_DESTINATION,
        id=new_id("ed", work.now_ms, livemode=caller.scope.livemode),
        payload=payload,
        url=target["url"],
        enabled_events=tuple(params["enabled_events"]),
        api_version=_snapshot_version(payload, params),
        name=params["name"],
        description=params.get("description"),
        metadata=merge_metadata({}, params.get("metadata")),
    )


def update_event_destination(
    work: Work, caller: Caller, id: str, params: dict[str, Any], *, allow_private: bool
) -> Endpoint:
    """Change an event destination."""
    kept = _get(work, caller, id, EndpointKind.EVENT_DESTINATION)
    before = kept.value
    target = params.get("webhook_endpoint", {"url": before.url})
    _check_url(target["url"], "webhook_endpoint[url]", allow_private)
    types = tuple(params.get("enabled_events", before.enabled_events))
    _check_types(types, before.payload)
    if "webhook_endpoint" in params or "enabled_events" in params:
        _check_reach(caller, types)
    changes = {
        "url": target["url"],
        "enabled_events": types,
        "name": params.get("name", before.name),
        "description": params.get("description", before.description),
        "metadata": merge_metadata(before.metadata, params.get("metadata")),
    }
    return _change(work, caller, kept, changes)


def enable_event_destination(work: Work, caller: Caller, id: str, *, enabled: bool) -> Endpoint:
    """Switch an event destination on or off."""
    kept = _get(work, caller, id, EndpointKind.EVENT_DESTINATION)
    return _change(work, caller, kept, {"enabled": enabled})


def delete_endpoint(work: Work, caller: Caller, id: str, kind: EndpointKind) -> Endpoint:
    """Delete an endpoint; what was on its way to it is cancelled, its attempts stay readable."""
    kept = _get(work, caller, id, kind)
    work.session.outbox.delete_endpoint(kept.no)
    work.endpoints_changed(caller.scope)
    return kept.value


def ping_event_destination(work: Work, caller: Caller, id: str) -> Event:
    """Send a test event to one destination, whatever it subscribes to."""
    kept = _get(work, caller, id, EndpointKind.EVENT_DESTINATION)
    if not kept.value.enabled:
        raise StateConflict(f"The event destination {id} is disabled. Enable it, then ping it.")
    ping = Announcement(
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        type=PING,
        object_id=id,
        object_type="v2.core.event_destination",
        object_url=f"/v2/core/event_destinations/{id}",
        request_id=caller.request_id,
        idempotency_key=caller.idempotency_key,
    )
    return work.announce(ping, only=kept.no)[0]


def resend_event(work: Work, caller: Caller, id: str, endpoint: str | None) -> Kept[Event]:
    """Deliver an event once more, to one endpoint or to all that want it."""
    event = work.session.events.get(caller.scope, id)
    endpoints = work.session.outbox.endpoints(caller.scope)
    if endpoint is not None:
        wanted = [kept for kept in endpoints if kept.value.id == endpoint]
        if not wanted:
            raise ResourceMissing("webhook endpoint", endpoint, "webhook_endpoint")
        if not wanted[0].value.enabled:
            raise StateConflict(f"The endpoint {endpoint} is disabled. Enable it first.")
    else:
        wanted = [kept for kept in endpoints if kept.value.wants(event.value)]
    if not wanted:
        raise StateConflict("No enabled endpoint wants this event. Name one in webhook_endpoint.")
    for kept in wanted:
        work.deliver_again(event, kept.no)
    return event


def _get(work: Work, caller: Caller, id: str, kind: EndpointKind) -> Kept[Endpoint]:
    return get_endpoint(work.session.destinations.get(caller.scope, id), kind)


def get_endpoint(kept: Kept[Endpoint], kind: EndpointKind) -> Kept[Endpoint]:
    """The endpoint, if it was made with the API that asks for it. Raises ResourceMissing."""
    if kept.value.kind is not kind:
        raise ResourceMissing(kind.value.replace("_", " "), kept.value.id)
    return kept


def _insert(work: Work, caller: Caller, *, kind: EndpointKind, **fields: Any) -> Endpoint:
    endpoints = work.session.outbox.endpoints(caller.scope)
    if sum(kept.value.kind is kind for kept in endpoints) >= ENDPOINT_LIMIT:
        noun = kind.value.replace("_", " ")
        raise StateConflict(
            f"You have reached the maximum of {ENDPOINT_LIMIT} {noun}s. Delete one first."
        )
    endpoint = Endpoint(
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        updated_ms=work.now_ms,
        secret=new_secret("whsec_"),
        kind=kind,
        **fields,
    )
    work.session.destinations.insert(endpoint)
    work.endpoints_changed(caller.scope)
    return endpoint


def _change(work: Work, caller: Caller, kept: Kept[Endpoint], changes: dict[str, Any]) -> Endpoint:
    after = structs.replace(kept.value, updated_ms=work.now_ms, **changes)
    work.session.destinations.replace(kept.no, after)
    if not after.enabled:
        work.session.outbox.cancel_pending(kept.no)
    work.endpoints_changed(caller.scope)
    return after


def _check_url(url: str, param: str, allow_private: bool) -> None:
    wrong = check_url(url, allow_private)
    if wrong is not None:
        raise ParameterInvalid(param, wrong, "url_invalid")


def _check_types(types: Sequence[str], payload: EventPayload) -> None:
    """Thin endpoints take types of v2 events, the others those of v1; a typo would never fire."""
    for index, type_ in enumerate(types):
        is_thin = type_.startswith(("v1.", "v2."))
        fits = is_thin == (payload is EventPayload.THIN)
        if type_ != "*" and (type_ not in KNOWN_TYPES or not fits):
            raise ParameterInvalid(f"enabled_events[{index}]", _wrong_type(type_, payload))


def _check_reach(caller: Caller, types: Sequence[str]) -> None:
    """A restricted key lets no endpoint learn what the key itself may not read."""
    if caller.permissions is None:
        return
    for index, type_ in enumerate(types):
        needed = needed_for_event(type_)
        if needed is None:
            raise ParameterInvalid(
                f"enabled_events[{index}]",
                f"A restricted key cannot send '{type_}' anywhere: no permission covers all that it"
                " tells of. Name the types that are wanted, or use a secret key.",
            )
        require(caller.permissions, needed)


def _wrong_type(type_: str, payload: EventPayload) -> str:
    candidates = THIN_TYPES if payload is EventPayload.THIN else SNAPSHOT_TYPES
    closest = get_close_matches(type_, sorted(candidates), 1, cutoff=0)[0]
    return f"'{type_}' is no type of a {payload.value} event. Did you mean '{closest}'?"


def _check_version(version: str | None, param: str) -> str | None:
    """A version is a date, and since 2024 a name: 2026-10-28.endive."""
    if version is not None and not _VERSION.fullmatch(version):
        message = f"Invalid {param}: {version}. An API version looks like {API_VERSION}."
        raise ParameterInvalid(param, message)
    return version


def _snapshot_version(payload: EventPayload, params: dict[str, Any]) -> str | None:
    if payload is EventPayload.THIN:
        return None
    version = params.get("snapshot_api_version")
    return _check_version(version, "snapshot_api_version") or API_VERSION
