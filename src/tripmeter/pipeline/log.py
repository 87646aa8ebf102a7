"""The usage log's rows: how a batch is built, and how it is read again."""

from collections.abc import Iterator

import msgspec

from tripmeter.model.quantity import parse
from tripmeter.model.usage import CancelEntry, LogEntry, LogRow, UsageEntry, UsageEvent

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[LogEntry])


class LogBuilder:
    """Collects the entries of one batch; positions run on from the end of the log."""

    def __init__(self, last_position: int) -> None:
        self.position = last_position
        self._entries: list[LogEntry] = []
        self._open: UsageEntry | None = None
        self._first = last_position + 1

    @property
    def written(self) -> int:
        """The position up to which `take` has given everything."""
        return self._first - 1

    def append(self, request: str | None, event: UsageEvent, text: str) -> None:
        """Add an event, whose position is the next one, with its quantity as reported."""
        entry = self._open
        if entry is None or entry.request != request:
            entry = self._open = UsageEntry(request, [], [], [], [], [], [])
            self._entries.append(entry)
        self.position = event.position
        entry.meters.append(event.meter_no)
        entry.customers.append(event.customer_no)
        entry.timestamps_ms.append(event.timestamp_ms)
        entry.quantities.append(text)
        entry.identifiers.append(event.identifier)
        entry.extras.append(event.extras)

    def cancel(self, position: int) -> None:
        """Add a cancellation, which takes the next position."""
        self.position += 1
        self._open = None
        self._entries.append(CancelEntry(position))

    def take(self, received_ms: int) -> LogRow | None:
        """The row of what was collected since the last `take`, if there is any."""
        if not self._entries:
            return None
        size = self.position - self._first + 1
        row = LogRow(self._first, size, received_ms, _encoder.encode(self._entries))
        self._entries = []
        self._open = None
        self._first = self.position + 1
        return row


def items(row: LogRow) -> Iterator[tuple[int, UsageEvent | CancelEntry, str | None]]:
    """(position, event or cancellation, request) of a row, in order."""
    position = row.first
    for entry in _decoder.decode(row.body):
        if isinstance(entry, CancelEntry):
            yield position, entry, None
            position += 1
            continue
        for event in events_of(entry, position):
            yield event.position, event, entry.request
        position += len(entry.meters)


def events_of(entry: UsageEntry, first: int) -> Iterator[UsageEvent]:
    """The events of one request, the first of them at position `first`."""
    columns = zip(
        entry.meters,
        entry.customers,
        entry.timestamps_ms,
        entry.quantities,
        entry.identifiers,
        entry.extras,
        strict=True,
    )
    for position, (meter, customer, timestamp, quantity, identifier, extra) in enumerate(
        columns, first
    ):
        yield UsageEvent(position, meter, customer, timestamp, parse(quantity), identifier, extra)


def find(row: LogRow, position: int) -> tuple[UsageEvent, str | None] | None:
    """The event at a position of a row, and the request that brought it."""
    for at, item, request in items(row):
        if at == position and isinstance(item, UsageEvent):
            return item, request
    return None
