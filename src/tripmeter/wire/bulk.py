"""Reads bulk bodies: lines of JSON, or one JSON object of columns, decoded at speed.

A line has the shape of a v2 meter event. Columns have an array per field, all of one length; where
a single value stands in place of an array, it goes for all.
"""

from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from tripmeter.model.errors import BodyMalformed
from tripmeter.model.usage import PayloadColumns, Reports, UsageReport
from tripmeter.wire.reports import Line, Name, Text, UsualLine, milliseconds, reports_of


class _Columns(msgspec.Struct, forbid_unknown_fields=True):
    event_name: Name | list[Name]
    payload: dict[Name, Text | list[Text]]
    identifier: list[Name | None] | None = None
    timestamp: datetime | list[datetime | None] | None = None


_LINES: Final = msgspec.json.Decoder(Line)
_USUAL_LINES: Final = msgspec.json.Decoder(UsualLine)
_COLUMNS: Final = msgspec.json.Decoder(_Columns)

T = TypeVar("T")


def read_lines(body: bytes) -> Reports | None:
    """All lines; None if one of them is broken, to be found by `read_line`. Blank ones are none."""
    for decoder in (_USUAL_LINES, _LINES):
        try:
            return reports_of(decoder.decode_lines(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        except BodyMalformed:
            return None
    return None


def read_line(line: bytes) -> UsageReport:
    """One line. Raises msgspec.DecodeError or BodyMalformed saying what is wrong with it."""
    one = _LINES.decode(line)
    moments = milliseconds([one.timestamp])
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
        milliseconds(moments),
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
