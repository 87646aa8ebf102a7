"""Stripe events, where they are sent, and each attempt to send them."""

from enum import StrEnum
from typing import Any

import msgspec


class EventPayload(StrEnum):
    """Snapshot events carry the object as it was; thin events only name it."""

    SNAPSHOT = "snapshot"
    THIN = "thin"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, rendered when it happened and never again."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    type: str
    payload: EventPayload
    api_version: str
    object_id: str | None = None
    """The object concerned; `related_object` of a thin event."""
    object_type: str | None = None
    object_url: str | None = None
    data: dict[str, Any] | None = None
    """Snapshot: the object. Thin: the event's own data, if its type has any."""
    previous_attributes: dict[str, Any] | None = None
    preview: dict[str, Any] | None = None
    """Snapshot: fields that preview versions of the API show differently."""
    request_id: str | None = None
    idempotency_key: str | None = None
    snapshot_event: str | None = None
    """Thin: the id of its snapshot twin."""


class EndpointKind(StrEnum):
    """Which API the endpoint was made with."""

    WEBHOOK_ENDPOINT = "webhook_endpoint"
    EVENT_DESTINATION = "event_destination"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A URL that receives events, of either API generation."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    updated_ms: int
    kind: EndpointKind
    payload: EventPayload
    url: str
    secret: str
    enabled_events: tuple[str, ...]
    enabled: bool = True
    api_version: str | None = None
    name: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    former_secret: str | None = None
    """The one before, after it was rotated."""
    former_until_ms: int = 0
    """Until when it signs as well."""

    def secrets(self, now_ms: int) -> tuple[str, ...]:
        """What signs at a time."""
        if self.former_secret is None or self.former_until_ms <= now_ms:
            return (self.secret,)
        return self.secret, self.former_secret

    def wants(self, event: Event) -> bool:
        """Whether this endpoint receives the event. `*` means every type."""
        if not self.enabled or event.payload is not self.payload:
            return False
        return "*" in self.enabled_events or event.type in self.enabled_events


class DeliveryState(StrEnum):
    """`pending` while another attempt is due; the others are final."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one endpoint."""

    no: int
    event_no: int
    endpoint_no: int
    state: DeliveryState
    attempts: int
    created_ms: int
    due_ms: int
    manual: bool = False
    """Asked for by a person: one attempt, whatever happened before."""


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to deliver, as it happened."""

    id: str
    account: str
    livemode: bool
    event: str
    endpoint: str
    number: int
    created_ms: int
    url: str
    outcome: str
    signature: str
    status: int | None = None
    body: str = ""
    error: str | None = None
    duration_ms: int = 0
    next_attempt_ms: int | None = None
    manual: bool = False


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """That something happened, with the object as it was: what a Stripe event is made from."""

    account: str
    livemode: bool
    type: str
    object: dict[str, Any] | None = None
    """The snapshot. None where only a thin event tells of it."""
    previous_attributes: dict[str, Any] | None = None
    object_id: str | None = None
    object_type: str | None = None
    object_url: str | None = None
    preview: dict[str, Any] | None = None
    thin_data: dict[str, Any] | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
