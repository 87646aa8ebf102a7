"""Usage: events as reported, as accepted, as refused; and what the engine keeps per customer."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec


class UsageReport(NamedTuple):
    """One meter event as a caller sent it: decoded, not yet checked against the catalogue."""

    event_name: str
    payload: dict[str, str]
    identifier: str | None
    timestamp_ms: int | None
    """None means: now."""


class Payloads(Protocol):
    """The payloads of several reports."""

    def __len__(self) -> int: ...

    def column(self, key: str) -> Sequence[str | None]:
        """What each payload says under a key."""
        ...

    def extras(self, own: tuple[str, ...]) -> dict[int, dict[str, str]]:
        """What payloads hold under other keys, by the index of those that do."""
        ...

    def row(self, index: int) -> dict[str, str]:
        """One payload."""
        ...


class PayloadRows(list[dict[str, str]]):
    """Payloads, one by one."""

    def column(self, key: str) -> Sequence[str | None]:
        """What each payload says under a key."""
        return [payload.get(key) for payload in self]

    def extras(self, own: tuple[str, ...]) -> dict[int, dict[str, str]]:
        """What payloads hold under other keys, by the index of those that do."""
        plain, keys = len(own), set(own)
        return {
            index: others
            for index, payload in enumerate(self)
            if len(payload) != plain or not keys.issuperset(payload)
            if (others := {key: value for key, value in payload.items() if key not in keys})
        }

    def row(self, index: int) -> dict[str, str]:
        """One payload."""
        return self[index]


class PayloadColumns:
    """Payloads that all have the same keys."""

    def __init__(self, columns: Mapping[str, Sequence[str]], size: int) -> None:
        self.columns = columns
        self._size = size

    def __len__(self) -> int:
        return self._size

    def column(self, key: str) -> Sequence[str | None]:
        """What each payload says under a key."""
        return self.columns.get(key) or [None] * self._size

    def extras(self, own: tuple[str, ...]) -> dict[int, dict[str, str]]:
        """What payloads hold under other keys, by the index of those that do."""
        others = [key for key in self.columns if key not in own]
        if not others:
            return {}
        return {
            index: {key: self.columns[key][index] for key in others} for index in range(self._size)
        }

    def row(self, index: int) -> dict[str, str]:
        """One payload."""
        return {key: column[index] for key, column in self.columns.items()}


class Reports(NamedTuple):
    """The meter events of one request as columns: decoded, not yet checked."""

    event_names: Sequence[str]
    payloads: Payloads
    identifiers: Sequence[str | None]
    timestamps_ms: Sequence[int | None] | None
    """None, whether for all or for one, means: now."""

    def report(self, index: int) -> UsageReport:
        """One of them."""
        moments = self.timestamps_ms
        return UsageReport(
            self.event_names[index],
            self.payloads.row(index),
            self.identifiers[index],
            None if moments is None else moments[index],
        )


def as_reports(reports: Sequence[UsageReport]) -> Reports:
    """Reports as columns."""
    moments = [report.timestamp_ms for report in reports]
    return Reports(
        [report.event_name for report in reports],
        PayloadRows(report.payload for report in reports),
        [report.identifier for report in reports],
        None if not any(moment is not None for moment in moments) else moments,
    )


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
    LATE = "usage_after_invoice_finalized"
    """Counted for the meter, but billed by nobody: its period's invoice is final."""


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
    hours_to: int = 0
    """Up to which position the stored hours of this customer and meter are complete."""
    total: int
    joins: tuple[Join, ...] = ()
    holders: dict[int, Holder] = {}
    usages: dict[int, int] = {}
    """Usage of open billing windows, by their number; scaled."""


class TallyBlock(NamedTuple):
    """The stored tallies of one meter and the customers of one block."""

    meter_no: int
    block: int
    """The customer's number divided by `cells.BLOCK`."""
    body: bytes


class MinuteEvent(NamedTuple):
    """One event inside a minute, kept singly where a later one may supersede it."""

    position: int
    timestamp_ms: int
    quantity: int


class Request(NamedTuple):
    """One request among those that were counted together."""

    digest: str | None
    """Of its idempotency key, to know a retry from a repeated identifier."""
    counted: int
    """Events of it that were counted; they stand one after the other."""
    reported: int
    """Events that it had in all."""
    earlier: int = 0
    """Position of the first event that was counted when it came before; 0 if it did not."""


class UsageEntry(msgspec.Struct, frozen=True, array_like=True, tag="usage"):
    """Events that were accepted together, as columns; each event takes one position."""

    requests: list[Request]
    meters: bytes
    """Numbers, 32 bits each, little-endian."""
    customers: bytes
    """Numbers, 64 bits each, little-endian."""
    timestamps_ms: bytes
    """64 bits each, little-endian."""
    quantities: list[str]
    """As reported."""
    identifiers: list[str]
    extras: dict[int, dict[str, str]] = {}
    """Payload beside customer and value (dimensions), by index."""


class CancelEntry(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """One cancellation; it takes one position of its own."""

    cancelled: int
    """Position of the event that it takes back."""


LogEntry = UsageEntry | CancelEntry
