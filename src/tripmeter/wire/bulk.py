"""Reads bulk bodies: lines of JSON, or one JSON object of columns, decoded at speed.

A line has the shape of a v2 meter event. Columns have an array per field, all of one length; where
a single value stands in place of an array, it goes for all.
"""

from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from tripmeter.model.errors import BodyMalformed
from tripmeter.model.usage import PayloadColumns, Reports, UsageReport
from tripmeter.wire.reports import Entries, Line, Name, Text, UsualLine, milliseconds, reports_of

COLUMNS_TYPE: Final = "application/vnd.tripmeter.columns+json"
"""The media type of bulk bodies in columns."""

EVENTS_LIMIT: Final = 100_000
"""Events of a bulk body."""


class _Columns(msgspec.Struct, forbid_unknown_fields=True):
    event_name: Name | list[Name]
    payload: Entries[Text | list[Text]]
    identifier: list[Name | None] | None = None
    timestamp: datetime | list[datetime | None] | None = None


_LINES: Final = msgspec.json.Decoder(Line)
_USUAL_LINES: Final = msgspec.json.Decoder(UsualLine)
_COLUMNS: Final = msgspec.json.Decoder(_Columns)
COMMAS_LIMIT: Final = 16 * EVENTS_LIMIT
"""Commas of a body in columns. They bound its values: short ones take far more memory than text."""

_NUL: Final = rb"\u0000"
"""NUL as JSON has it, in which it cannot stand as it is."""

T = TypeVar("T")


def columns_schema() -> dict[str, Any]:
    """Columns as OpenAPI describes them. That arrays agree in length is beyond JSON Schema."""
    _, components = msgspec.json.schema_components([_Columns], ref_template="{name}")
    schema: dict[str, Any] = components["_Columns"]
    return {
        **{key: value for key, value in schema.items() if key != "title"},
        "description": "One array per field, all of one length; a single value goes for all.",
    }


def read_lines(body: bytes) -> Reports | None:
    """All lines; None if `read_line` has to read them one by one, as one of them may be broken.

    Blank ones are none.
    """
    if _NUL in body or body.count(b"{") > 2 * EVENTS_LIMIT:  # perhaps too many, all on one line
        return None
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
    _refuse_nul(line, one.event_name, one.payload, one.identifier)
    moments = milliseconds([one.timestamp])
    return UsageReport(one.event_name, one.payload, one.identifier, moments[0] if moments else None)


def read_columns(body: bytes) -> Reports:
    """Columns. Raises BodyMalformed saying what is wrong with them."""
    if body.count(b",") > COMMAS_LIMIT:
        raise BodyMalformed(
            f"a bulk request can have at most {EVENTS_LIMIT} events, of 16 values each; split it"
        )
    try:
        columns = _COLUMNS.decode(body)
    except msgspec.DecodeError as error:
        raise BodyMalformed(f"the columns are not as they should be: {error}") from error
    except UnicodeDecodeError as error:
        raise BodyMalformed("the text is not valid UTF-8") from error
    _refuse_nul(body, columns.event_name, columns.payload, columns.identifier)
    size = _size(columns)
    check_events(size)
    moments = _spread(columns.timestamp, size)
    return Reports(
        _spread(columns.event_name, size),
        PayloadColumns({k: _spread(v, size) for k, v in columns.payload.items()}, size),
        _spread(columns.identifier, size),
        milliseconds(moments),
    )


def check_events(size: int) -> None:
    """Raises BodyMalformed for more events than a bulk body may have."""
    if size > EVENTS_LIMIT:
        raise BodyMalformed(f"a bulk request can have at most {EVENTS_LIMIT} events; split it")


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
        raise BodyMalformed("at least one field must be an array, with one entry for each event")
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise BodyMalformed(f"all arrays must have the same length; {told}")
    return next(iter(sizes.values()))


def _refuse_nul(raw: bytes, *decoded: Any) -> None:
    """Raises BodyMalformed for text with NUL, which no other path takes and PostgreSQL cannot."""
    if _NUL in raw and any(map(_has_nul, decoded)):
        raise BodyMalformed("text must not contain the character NUL")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _spread(column: T | list[T], size: int) -> list[T]:
    return column if isinstance(column, list) else [column] * size
