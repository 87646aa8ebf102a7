"""The usage log's rows: how a batch is built, and how it is read again."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from tripmeter.model.quantities import I64
from tripmeter.model.quantity import parse
from tripmeter.model.usage import CancelEntry, LogEntry, LogRow, UsageEntry, UsageEvent

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[LogEntry])


class LogBuilder:
    """Collects the entries of one batch; positions run on from the end of the log."""

    def __init__(self, last_position: int) -> None:
        self.position = last_position
        self._entries: list[LogEntry] = []
        self._first = last_position + 1

    @property
    def written(self) -> int:
        """The position up to which `take` has given everything."""
        return self._first - 1

    def append(self, entry: UsageEntry) -> None:
        """Add events, which take the next positions."""
        self.position += len(entry.identifiers)
        self._entries.append(entry)

    def cancel(self, position: int) -> None:
        """Add a cancellation, which takes the next position."""
        self.position += 1
        self._entries.append(CancelEntry(position))

    def take(self, received_ms: int) -> LogRow | None:
        """The row of what was collected since the last `take`, if there is any."""
        if not self._entries:
            return None
        size = self.position - self._first + 1
        row = LogRow(self._first, size, received_ms, _encoder.encode(self._entries))
        self._entries = []
        self._first = self.position + 1
        return row


class Logged(NamedTuple):
    """An event of the log, and the request that brought it."""

    event: UsageEvent
    request: str | None
    received_ms: int


def entries(row: LogRow) -> Iterator[tuple[int, LogEntry]]:
    """The entries of a row, and the position of the first item of each."""
    position = row.first
    for entry in _decoder.decode(row.body):
        yield position, entry
        position += 1 if isinstance(entry, CancelEntry) else len(entry.identifiers)


def numbers(entry: UsageEntry) -> tuple[I64, I64, I64]:
    """Meters, customers and timestamps of an entry, as columns."""
    return (
        np.frombuffer(entry.meters, "<i4").astype(np.int64),
        np.frombuffer(entry.customers, "<i8").astype(np.int64),
        np.frombuffer(entry.timestamps_ms, "<i8").astype(np.int64),
    )


def items(row: LogRow) -> Iterator[tuple[int, UsageEvent | CancelEntry, str | None]]:
    """(position, event or cancellation, request) of a row, in order."""
    for first, entry in entries(row):
        if isinstance(entry, CancelEntry):
            yield first, entry, None
            continue
        requests = (r.digest for r in entry.requests for _ in range(r.counted))
        for event, request in zip(events_of(entry, first), requests, strict=True):
            yield event.position, event, request


def events_of(entry: UsageEntry, first: int, part: slice = slice(0, None)) -> Iterator[UsageEvent]:
    """The events of an entry, or a part of them; the first of the entry is at position `first`."""
    meters, customers, moments = (column[part].tolist() for column in numbers(entry))
    texts, identifiers = entry.quantities[part], entry.identifiers[part]
    columns = zip(meters, customers, moments, texts, identifiers, strict=True)
    for index, (meter, customer, moment, text, identifier) in enumerate(columns, part.start):
        extras = entry.extras.get(index)
        yield UsageEvent(first + index, meter, customer, moment, parse(text), identifier, extras)


def find(row: LogRow, position: int) -> UsageEvent | None:
    """The event at a position of a row. The others beside it, which may be many, are not made."""
    for first, entry in entries(row):
        if isinstance(entry, UsageEntry) and first <= position < first + len(entry.identifiers):
            place = position - first
            return next(events_of(entry, first, slice(place, place + 1)))
    return None


class Brought(NamedTuple):
    """What one request brought."""

    events: dict[str, Logged]
    """By identifier."""
    earlier: int
    """Position of an event that it brought when it came before; 0 if it did not."""


def of_request(row: LogRow, position: int) -> Brought:
    """What the request brought that the event at a position of a row came with."""
    for first, entry in entries(row):
        if isinstance(entry, CancelEntry) or not first <= position < first + len(entry.identifiers):
            continue
        end = 0
        for request in entry.requests:
            begin, end = end, end + request.counted
            if first + begin <= position < first + end:
                own = events_of(entry, first, slice(begin, end))
                logged = [Logged(event, request.digest, row.received_ms) for event in own]
                return Brought({one.event.identifier: one for one in logged}, request.earlier)
    return Brought({}, 0)
