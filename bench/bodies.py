"""Requests made at speed: records of fixed width whose slots numpy fills with random values.

A closed loop never runs out of them and no identifier comes twice, without holding gigabytes of
prepared requests. A source is plain data until it is iterated, so it can be sent to the process
that sends the load; the same seed gives the same requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

CUSTOMER: Final = b"C" * 7
IDENTIFIER: Final = b"I" * 32
MOMENT: Final = b"T" * 24
VALUE: Final = b"V" * 3
"""The slots of a record."""

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
COLUMNS: Final = "application/vnd.tripmeter.columns+json"

V1: Final = "/v1/billing/meter_events"
STREAM: Final = "/v2/billing/meter_event_stream"
BULK: Final = "/v2/billing/meter_events/bulk"

EVENT: Final = (
    b'{"event_name":"tokens","identifier":"%s","payload":{"stripe_customer_id":"cus_%s",'
    b'"value":"%s"}}' % (IDENTIFIER, CUSTOMER, VALUE)
)
_PLACES: Final = 10 ** np.arange(len(CUSTOMER) - 1, -1, -1)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


def customer_id(number: int) -> str:
    """The id of a customer."""
    return f"cus_{number:07}"


class Filler:
    """Fills copies of one record; `customers` and `values` tell what the last ones hold."""

    def __init__(self, record: bytes, customers: int, seed: int) -> None:
        """Customers are numbered from 0; one seed never repeats an identifier."""
        self._record: Bytes = np.frombuffer(record, np.uint8)
        self._at = {slot: record.find(slot) for slot in (CUSTOMER, IDENTIFIER, MOMENT, VALUE)}
        self._count = customers
        self._random = np.random.default_rng(seed)
        self.customers: Numbers = np.zeros(0, np.int64)
        self.values: Numbers = np.zeros(0, np.int64)

    def fill(self, size: int, moments_ms: Numbers | None = None) -> Bytes:
        """So many records, one a row. `moments_ms` are the timestamps, if the record has them."""
        rows: Bytes = np.tile(self._record, (size, 1))
        self.customers = self._random.integers(0, self._count, size)
        self.values = self._random.integers(100, 1000, size)
        self._put(rows, CUSTOMER, _digits(self.customers, len(CUSTOMER)))
        self._put(rows, VALUE, _digits(self.values, len(VALUE)))
        text = self._random.bytes(16 * size).hex().encode()
        self._put(rows, IDENTIFIER, np.frombuffer(text, np.uint8).reshape(size, -1))
        if moments_ms is not None:
            texts = np.char.add(np.datetime_as_string(moments_ms.astype("M8[ms]")), "Z")
            flat = np.frombuffer(texts.astype("S24").tobytes(), np.uint8)
            self._put(rows, MOMENT, flat.reshape(size, -1))
        return rows

    def _put(self, rows: Bytes, slot: bytes, what: Bytes) -> None:
        at = self._at[slot]
        if at >= 0:
            rows[:, at : at + len(slot)] = what


def _digits(numbers: Numbers, width: int) -> Bytes:
    digits: Bytes = (numbers[:, None] // _PLACES[-width:] % 10 + ord("0")).astype(np.uint8)
    return digits


@dataclass(frozen=True)
class Door:
    """Where requests go: the host's name in them, the key, and a path."""

    path: str
    key: str = ""
    kind: str = JSON

    def head(self, length: int) -> bytes:
        """Everything of a POST that comes before its body."""
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: {self.kind}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def request(self, body: bytes) -> bytes:
        """A whole POST."""
        return self.head(len(body)) + body


@dataclass
class Events:
    """Where events come from: how many customers there are, and a seed."""

    customers: int
    seed: int
    totals: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """What has been made for each customer in all, once it was iterated by `Bulk`."""


@dataclass
class Single:
    """Requests of one event each, for the v1 path or a baseline that takes JSON."""

    door: Door
    events: Events
    record: bytes = (
        b"event_name=tokens&payload[stripe_customer_id]=cus_%s&payload[value]=%s&identifier=%s"
        % (CUSTOMER, VALUE, IDENTIFIER)
    )

    def __iter__(self) -> Iterator[bytes]:
        """Requests without end."""
        yield from _each(self.door.request(self.record), self.events)


@dataclass
class Packed:
    """Records as they are, without HTTP: what another protocol sends."""

    record: bytes
    events: Events

    def __iter__(self) -> Iterator[bytes]:
        """Records without end."""
        yield from _each(self.record, self.events)


def _each(record: bytes, events: Events) -> Iterator[bytes]:
    filler = Filler(record, events.customers, events.seed)
    while True:
        packed = filler.fill(500).tobytes()
        for at in range(0, len(packed), len(record)):
            yield packed[at : at + len(record)]


@dataclass
class Stream:
    """Requests of a stream: many events in one JSON object."""

    door: Door
    events: Events
    size: int = 100

    def bodies(self) -> Iterator[bytes]:
        """Bodies without end."""
        filler = Filler(EVENT + b",", self.events.customers, self.events.seed)
        while True:
            yield b'{"events":[%s]}' % filler.fill(self.size).tobytes()[:-1]

    def __iter__(self) -> Iterator[bytes]:
        """Requests without end."""
        return map(self.door.request, self.bodies())


@dataclass
class Bulk:
    """Bulk requests, one JSON object a line.

    With `since_ms` and `until_ms` there are `requests` of them, whose events lie between these
    times in the order of time, and `events.totals` adds them up by customer.
    """

    door: Door
    events: Events
    size: int = 10_000
    requests: int = 0
    since_ms: int = 0
    until_ms: int = 0

    def bodies(self) -> Iterator[bytes]:
        """Bodies: without end, or as many as there are requests."""
        events = self.events
        if not self.requests:
            filler = Filler(EVENT + b"\n", events.customers, events.seed)
            while True:
                yield filler.fill(self.size).tobytes()
        timed = EVENT[:-1] + b',"timestamp":"%s"}\n' % MOMENT
        filler = Filler(timed, events.customers, events.seed)
        borders = np.linspace(self.since_ms, self.until_ms, self.requests + 1)
        events.totals = np.zeros(events.customers, np.int64)
        for begin, end in pairwise(borders):
            moments = np.linspace(begin, end, self.size, endpoint=False).astype(np.int64)
            yield filler.fill(self.size, moments).tobytes()
            np.add.at(events.totals, filler.customers, filler.values)

    def __iter__(self) -> Iterator[bytes]:
        """Requests."""
        return map(self.door.request, self.bodies())


@dataclass
class Columns:
    """Bulk requests in columns: one array per field, the event name standing for all rows."""

    door: Door
    events: Events
    size: int = 10_000

    def bodies(self) -> Iterator[bytes]:
        """Bodies without end."""
        slots = (IDENTIFIER, b"cus_" + CUSTOMER, VALUE)
        fillers = [
            Filler(b'"%s",' % slot, self.events.customers, self.events.seed) for slot in slots
        ]
        while True:
            columns = tuple(filler.fill(self.size).tobytes()[:-1] for filler in fillers)
            yield (
                b'{"event_name":"tokens","identifier":[%s],"payload":{"stripe_customer_id":[%s],'
                b'"value":[%s]}}' % columns
            )

    def __iter__(self) -> Iterator[bytes]:
        """Requests."""
        return map(self.door.request, self.bodies())


@dataclass
class Crossing:
    """Every nth request counts 1 for the next customer on the meter `cross`; the rest are v1."""

    door: Door
    events: Events
    every: int
    meter: str = "cross"

    def __iter__(self) -> Iterator[bytes]:
        """Requests without end; the first one, and each nth after it, is one that crosses."""
        plain = iter(Single(self.door, self.events))
        at = 0
        while True:
            if at % self.every:
                yield next(plain)
            else:
                customer = customer_id(at // self.every % self.events.customers)
                body = (
                    f"event_name={self.meter}&payload[stripe_customer_id]={customer}"
                    "&payload[value]=1"
                )
                yield self.door.request(body.encode())
            at += 1


@dataclass
class Listed:
    """Requests made by hand, once each."""

    requests: list[bytes]

    def __iter__(self) -> Iterator[bytes]:
        """Each of them."""
        return iter(self.requests)


Source = Any
"""Something of the above: an iterable of requests that can be pickled."""
