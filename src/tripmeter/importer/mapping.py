"""Turns a record into a meter event. Owns identifiers, and what makes a row unusable."""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec

from tripmeter.importer.failures import BadRow, ImportFailed
from tripmeter.importer.order import Order
from tripmeter.importer.sources import Pick, Record, Source, require
from tripmeter.importer.times import read_time, shifted, unix_ms
from tripmeter.model.quantity import NotANumber, TooManyDigits, format_quantity, parse

CUSTOMER_ID_LENGTH: Final = 64
"""Characters that a customer id may have."""

_DEALT: Final = re.compile(r"row%([1-9][0-9]{0,8})", re.ASCII)

_UNUSABLE: Final = re.compile(r"[^A-Za-z0-9._:@-]", re.ASCII)
"""What a customer id cannot have in it."""

_encode: Final = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """A meter event, ready to be sent."""

    line: bytes
    customer: str


class Meter(NamedTuple):
    """What an import needs to know of the meter."""

    event_name: str
    formula: str
    customer_key: str
    value_key: str
    dimension_keys: tuple[str, ...]
    livemode: bool


class Mapping:
    """How the records of one file become events of one meter. Raises ImportFailed if they can't."""

    def __init__(self, order: Order, source: Source, meter: Meter) -> None:
        _check_value(order, meter)
        self._meter = meter
        self._rule, self._customer = _customer_rule(order, source)
        self._value_columns = _value_columns(order, source)
        self._values = [(c, source.picker(c)) for c in self._value_columns]
        self._timestamp_column = require(source, order.timestamp)
        self._timestamp = source.picker(order.timestamp)
        self._dimension_columns = _dimensions(order, source, meter)
        self._dimensions = [(k, source.picker(c)) for k, c in self._dimension_columns]
        self.shift = timedelta()

    @property
    def description(self) -> list[Any]:
        """The mapping as plain values: the same for the same meaning, and a part of identifiers."""
        return [
            self._meter.event_name,
            self._rule,
            self._value_columns,
            self._timestamp_column,
            self._dimension_columns,
        ]

    def identify(self, digest: str) -> None:
        """Take identifiers from the file's digest, this mapping and the row numbers."""
        text = digest.encode() + _encode(self.description)
        self._prefix = f"imp_{hashlib.sha256(text).hexdigest()[:40]}_"

    def newest_ms(self, record: Record) -> int | None:
        """The record's time in Unix milliseconds, before any shift; None if it has none."""
        try:
            return unix_ms(self._moment(record))
        except BadRow:
            return None

    def event(self, record: Record) -> Event:
        """The event of a record. Raises BadRow."""
        moment = shifted(self._moment(record), self.shift)
        customer = self._customer(record)
        payload = {self._meter.customer_key: customer}
        if self._values:
            payload[self._meter.value_key] = self._value(record.data)
        for key, pick in self._dimensions:
            text = pick(record.data)
            if text is not None:
                payload[key] = text
        content = {
            "event_name": self._meter.event_name,
            "payload": payload,
            "identifier": f"{self._prefix}{record.row}",
            "timestamp": moment,
        }
        try:
            return Event(_encode(content), customer)
        except UnicodeEncodeError as error:
            raise BadRow("the text is not UTF-8") from error

    def _moment(self, record: Record) -> Any:
        if record.problem is not None:
            raise BadRow(record.problem)
        text = self._timestamp(record.data)
        if text is None:
            raise BadRow(f"{self._timestamp_column} is empty, so the row has no time")
        return read_time(text)

    def _value(self, data: Any) -> str:
        if len(self._values) == 1:
            column, pick = self._values[0]
            text = pick(data)
            _scaled(column, text)
            return text or ""
        return format_quantity(sum(_scaled(column, pick(data)) for column, pick in self._values))


def _scaled(column: str, text: str | None) -> int:
    if text is None:
        raise BadRow(f"{column} is empty; it must be a number")
    try:
        return parse(text)
    except NotANumber as error:
        raise BadRow(
            f"{column} must be a number such as 25, -3 or 0.5, not {text[:40]!r}"
        ) from error
    except TooManyDigits as error:
        raise BadRow(f"{column} can have at most 15 digits: {text[:40]}") from error


def _check_value(order: Order, meter: Meter) -> None:
    if meter.formula == "count" and order.value is not None:
        raise ImportFailed(f"Meter {meter.event_name!r} counts events; leave --value out.")
    if meter.formula != "count" and order.value is None:
        raise ImportFailed(
            f"Meter {meter.event_name!r} needs a value ({meter.formula}): add --value COL, or "
            "--value A+B for a sum of columns."
        )


def _value_columns(order: Order, source: Source) -> list[str]:
    if order.value is None:
        return []
    if order.value in source.columns:
        return [order.value]
    return [require(source, column.strip()) for column in order.value.split("+")]


def _customer_rule(order: Order, source: Source) -> tuple[str, Callable[[Record], str]]:
    """The rule as text for identifiers, and as a function."""
    dealt = _DEALT.fullmatch(order.customer)
    if dealt is None or order.customer in source.columns:
        column = require(source, order.customer)
        return column, _from_column(column, source.picker(column))
    hands, stem = int(dealt[1]), _UNUSABLE.sub("_", source.path.stem)
    if len(f"{stem}_{hands - 1}") > CUSTOMER_ID_LENGTH:
        raise ImportFailed(f"The file name is too long for customer ids: rename {source.path.name}")
    return f"row%{hands} {stem}", lambda record: f"{stem}_{record.row % hands}"


def _from_column(column: str, pick: Pick) -> Callable[[Record], str]:
    def customer(record: Record) -> str:
        id_ = pick(record.data)
        if id_ is None:
            raise BadRow(f"{column} is empty, so the row has no customer")
        if len(id_) > CUSTOMER_ID_LENGTH:
            raise BadRow(
                f"the customer {id_[:20]!r}… is longer than {CUSTOMER_ID_LENGTH} characters"
            )
        return id_

    return customer


def _dimensions(order: Order, source: Source, meter: Meter) -> list[tuple[str, str]]:
    pairs: dict[str, str] = {}
    for text in order.dimension:
        key, _, column = text.partition("=") if text not in source.columns else (text, "", text)
        pairs[key] = require(source, column or key)
    _check_keys(list(pairs), meter)
    return list(pairs.items())


def _check_keys(keys: Sequence[str], meter: Meter) -> None:
    taken = [key for key in keys if key in (meter.customer_key, meter.value_key)]
    if taken:
        raise ImportFailed(
            f"{taken[0]!r} is the meter's own key; send the column as KEY={taken[0]}."
        )
    missing = [key for key in meter.dimension_keys if key not in keys]
    if missing:
        raise ImportFailed(
            f"Each event of meter {meter.event_name!r} must carry {', '.join(missing)}: add "
            f"--dimension {missing[0]}, or --dimension {missing[0]}=COL for another column."
        )
