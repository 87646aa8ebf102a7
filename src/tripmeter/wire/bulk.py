"""Reads bulk bodies: lines of JSON, or one JSON object of columns, decoded at speed.

A line has the shape of a v2 meter event. Columns have an array per field, all of one length; where
a single value stands in place of an array, it goes for all.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import msgspec

from tripmeter.model.errors import BodyMalformed
from tripmeter.model.usage import PayloadColumns, PayloadRows, Reports, UsageReport

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Text = Annotated[str, msgspec.Meta(max_length=5000)]


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    event_name: _Name
    payload: dict[_Name, _Text]
    identifier: _Name | None = None
    timestamp: datetime | None = None


class _UsualPayload(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a meter with Stripe's default keys and no dimensions takes: twice as quick."""

    stripe_customer_id: _Text
    value: _Text


class _UsualLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    event_name: _Name
    payload: _UsualPayload
    identifier: _Name | None = None
    timestamp: datetime | None = None


class _Columns(msgspec.Struct, forbid_unknown_fields=True):
    event_name: _Name | list[_Name]
    payload: dict[_Name, _Text | list[_Text]]
    identifier: list[_Name | None] | None = None
    timestamp: datetime | list[datetime | None] | None = None


_LINES: Final = msgspec.json.Decoder(_Line)
_USUAL_LINES: Final = msgspec.json.Decoder(_UsualLine)
_COLUMNS: Final = msgspec.json.Decoder(_Columns)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

T = TypeVar("T")


def read_lines(body: bytes) -> Reports | None:
    """All lines; None if one of them is broken, to be found by `read_line`. Blank ones are none."""
    try:
        usual = _USUAL_LINES.decode_lines(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_unusual(body)
    payloads = PayloadColumns(
        {
            "stripe_customer_id": [line.payload.stripe_customer_id for line in usual],
            "value": [line.payload.value for line in usual],
        },
        len(usual),
    )
    return _reports(usual, payloads)


def _read_unusual(body: bytes) -> Reports | None:
    try:
        lines = _LINES.decode_lines(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _reports(lines, PayloadRows(line.payload for line in lines))


def _reports(
    lines: Sequence[_Line] | Sequence[_UsualLine], payloads: PayloadColumns | PayloadRows
) -> Reports | None:
    try:
        moments = _moments([line.timestamp for line in lines])
    except BodyMalformed:
        return None
    names = [line.event_name for line in lines]
    return Reports(names, payloads, [line.identifier for line in lines], moments)


def read_line(line: bytes) -> UsageReport:
    """One line. Raises msgspec.DecodeError or BodyMalformed saying what is wrong with it."""
    one = _LINES.decode(line)
    moments = _moments([one.timestamp])
    return UsageReport(one.event_name, one.payload, one.identifier, moments[0] if moments else None)


def read_columns(body: bytes) -> Reports:
    """Columns. Raises BodyMalformed saying what is wrong with them."""
    try:
        columns = _COLUMNS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyMalformed(f"The columns could not be read: {error}.") from error
    size = _size(columns)
    moments = _spread(columns.timestamp, size)
    return Reports(
        _spread(columns.event_name, size),
        PayloadColumns({k: _spread(v, size) for k, v in columns.payload.items()}, size),
        _spread(columns.identifier, size),
        _moments(moments),
    )


def _size(columns: _Columns) -> int:
    """How many rows there are. Raises BodyMalformed unless all arrays agree."""
    fields: dict[str, Any] = {
        "event_name": columns.event_name,
        "identifier": columns.identifier,
        "timestamp": columns.timestamp,
        **{f"payload.{key}": column for key, column in columns.payload.items()},
    }
    sizes = {name: len(column) for name, column in fields.items() if isinstance(column, list)}
    if not sizes:
        raise BodyMalformed("At least one field must be an array, with one entry for each event.")
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise BodyMalformed(f"All arrays must have the same length; {told}.")
    return next(iter(sizes.values()))


def _spread(column: T | list[T], size: int) -> list[T]:
    return column if isinstance(column, list) else [column] * size


def _moments(moments: Sequence[datetime | None]) -> list[int | None] | None:
    """Milliseconds since the epoch; None if no moment is given. Raises BodyMalformed."""
    if moments.count(None) == len(moments):
        return None
    try:
        return [None if at is None else (at - _EPOCH) // _MS for at in moments]
    except TypeError as error:
        raise BodyMalformed("The timestamp has no offset; end it with Z for UTC.") from error
