"""Usage: events as reported, as accepted, as refused; and what the engine keeps per customer."""

from enum import StrEnum
from typing import NamedTuple

import msgspec


class UsageReport(NamedTuple):
    """One meter event as a caller sent it: decoded, not yet checked against the catalogue."""

    event_name: str
    payload: dict[str, str]
    identifier: str | None
    timestamp_ms: int | None
    """None means: now."""


class UsageEvent(NamedTuple):
    """One accepted meter event, as the usage log holds it."""

    position: int
    """Its ordinal in the log of this store, from 1, without gaps."""
    meter_no: int
    customer_no: int
    timestamp_ms: int
    quantity: int
    """Scaled; what the meter's formula counts for it (1 for `count`)."""
    identifier: str
    extras: dict[str, str] | None = None
    """Payload beside customer and value (dimensions)."""


class RefusalCode(StrEnum):
    """Why usage was refused, in Stripe's words (codes of the error reports)."""

    NO_METER = "no_meter"
    ARCHIVED_METER = "archived_meter"
    NO_CUSTOMER_DEFINED = "meter_event_no_customer_defined"
    CUSTOMER_NOT_FOUND = "meter_event_customer_not_found"
    VALUE_NOT_FOUND = "meter_event_value_not_found"
    INVALID_VALUE = "meter_event_invalid_value"
    TOO_MANY_DIGITS = "meter_event_value_too_many_digits"
    MISSING_DIMENSION = "missing_dimension_payload_keys"
    IN_FUTURE = "timestamp_in_future"
    TOO_OLD = "timestamp_too_far_in_past"
    DUPLICATE = "duplicate_meter_event"


class UsageRefused(NamedTuple):
    """One report that was not counted, and why."""

    code: RefusalCode
    message: str
    param: str | None = None
    meter_no: int | None = None


class LogRow(NamedTuple):
    """One batch of the usage log: the truth that totals, firings and summaries derive from."""

    first: int
    """Position of its first item."""
    size: int
    """How many positions it takes: one per event, one per cancellation."""
    received_ms: int
    body: bytes


class Join(NamedTuple):
    """Where alerts joined a tally: activations up to `position` count from `baseline`."""

    position: int
    baseline: int


class Holder(NamedTuple):
    """The event that counts for a window of a superseding meter."""

    position: int
    quantity: int


class TallyRow(msgspec.Struct, frozen=True, kw_only=True):
    """The stored running total of one (meter, customer), true up to and including `position`."""

    meter_no: int
    customer_no: int
    position: int
    total: int
    joins: tuple[Join, ...] = ()
    holders: dict[int, Holder] = {}


class MinuteEvent(NamedTuple):
    """One event inside a minute, kept singly where a later one may supersede it."""

    position: int
    timestamp_ms: int
    quantity: int


class MinuteTotal(NamedTuple):
    """The additive content of one minute."""

    quantity: int
    events: int


class UsageEntry(msgspec.Struct, frozen=True, array_like=True, tag="usage"):
    """The accepted events of one request, as columns; each event takes one position."""

    request: str | None
    """Digest of the request's idempotency key, to know a retry from a repeated identifier."""
    meters: list[int]
    customers: list[int]
    timestamps_ms: list[int]
    quantities: list[str]
    identifiers: list[str]
    extras: list[dict[str, str] | None] = []
    """Payload beside customer and value (dimensions)."""


class CancelEntry(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """One cancellation; it takes one position of its own."""

    cancelled: int
    """Position of the event that it takes back."""


LogEntry = UsageEntry | CancelEntry
