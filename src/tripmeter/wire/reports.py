"""Meter events in: stream bodies and the usual form, decoded at speed.

What is fast here takes what is usual and leaves the rest, and every refusal, to the declaration of
the parameters (`params`), whose reading it must never contradict. Both give the same.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import msgspec

from tripmeter.model.errors import BodyMalformed, Refusal
from tripmeter.model.usage import (
    PayloadColumns,
    PayloadRows,
    Payloads,
    Reports,
    UsageReport,
    as_reports,
)
from tripmeter.wire.forms import split_pairs
from tripmeter.wire.params import ListOf, Map, Object, Param, Rfc3339, String, Timestamp

STREAM_LIMIT: Final = 100
"""Events that one stream request may carry (Stripe)."""

NAME_LENGTH: Final = 100
VALUE_LENGTH: Final = 5000

PAYLOAD: Final = Map(required=True, key_length=NAME_LENGTH, value_length=VALUE_LENGTH)

REPORT: Final[dict[str, Param]] = {
    "event_name": String(required=True, max_length=NAME_LENGTH),
    "payload": PAYLOAD,
    "identifier": String(max_length=NAME_LENGTH),
}
"""What every meter event says; its time is written differently in v1 and v2."""

REPORT_V1: Final[dict[str, Param]] = {**REPORT, "timestamp": Timestamp()}
REPORT_V2: Final[dict[str, Param]] = {**REPORT, "timestamp": Rfc3339()}


class _Report(Object):
    """A v2 meter event inside a list; reads as a UsageReport."""

    __slots__ = ()

    def convert(self, given: Any, name: str, form: bool) -> Any:
        """The report."""
        typed = super().convert(given, name, form)
        return UsageReport(
            typed["event_name"], typed["payload"], typed.get("identifier"), typed.get("timestamp")
        )


class _Reports(ListOf):
    """Meter events; reads as Reports."""

    __slots__ = ()

    def convert(self, given: Any, name: str, form: bool) -> Any:
        """The reports as columns."""
        return as_reports(super().convert(given, name, form))


STREAM: Final = Object(
    {"events": _Reports(_Report(REPORT_V2), required=True, max_items=STREAM_LIMIT)}
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH)]
Text = Annotated[str, msgspec.Meta(max_length=VALUE_LENGTH)]
T = TypeVar("T")
Entries = Annotated[dict[Name, T], msgspec.Meta(max_length=PAYLOAD.max_keys)]


class Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A v2 meter event."""

    event_name: Name
    payload: Entries[Text]
    identifier: Name | None = None
    timestamp: datetime | None = None


class UsualPayload(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a meter with Stripe's default keys and no dimensions takes: twice as quick to read."""

    stripe_customer_id: Text
    value: Text


class UsualLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A v2 meter event with such a payload."""

    event_name: Name
    payload: UsualPayload
    identifier: Name | None = None
    timestamp: datetime | None = None


class _Stream(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: Annotated[list[Line], msgspec.Meta(max_length=STREAM_LIMIT)]


class _UsualStream(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: Annotated[list[UsualLine], msgspec.Meta(max_length=STREAM_LIMIT)]


_USUAL_STREAM: Final = msgspec.json.Decoder(_UsualStream)
_STREAM: Final = msgspec.json.Decoder(_Stream)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

_ODD_TIME: Final = re.compile(
    rb'"timestamp"\s*+:\s*+'
    rb'(?!"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")'
)


def reports_of(lines: Sequence[Line] | Sequence[UsualLine]) -> Reports:
    """Lines as columns. Raises BodyMalformed for a timestamp without offset."""
    names = [line.event_name for line in lines]
    moments = milliseconds([line.timestamp for line in lines])
    return Reports(names, _payloads(lines), [line.identifier for line in lines], moments)


def _payloads(lines: Sequence[Line] | Sequence[UsualLine]) -> Payloads:
    usual = [line.payload for line in lines if isinstance(line, UsualLine)]
    if not usual:
        return PayloadRows(line.payload for line in lines if isinstance(line, Line))
    columns = {
        "stripe_customer_id": [payload.stripe_customer_id for payload in usual],
        "value": [payload.value for payload in usual],
    }
    return PayloadColumns(columns, len(usual))


def milliseconds(moments: Sequence[datetime | None]) -> list[int | None] | None:
    """Milliseconds since the epoch; None if no moment is given. Raises BodyMalformed."""
    if moments.count(None) == len(moments):
        return None
    try:
        return [None if at is None else (at - _EPOCH) // _MS for at in moments]
    except TypeError as error:
        raise BodyMalformed("the timestamp has no offset; end it with Z for UTC") from error


def usual_stream(raw: bytes) -> dict[str, Any] | None:
    """The parameters of a stream body, as STREAM reads them; None if it has to read them itself."""
    if _is_odd(raw):
        return None
    try:
        return {"events": reports_of(_USUAL_STREAM.decode(raw).events)}
    except (ValueError, RecursionError, BodyMalformed):
        pass
    try:
        return {"events": reports_of(_STREAM.decode(raw).events)}
    except (ValueError, RecursionError, BodyMalformed):  # broken JSON, UTF-8, or parameters
        return None


def _is_odd(raw: bytes) -> bool:
    """Whether the two readings of a stream body could differ: brackets, NUL, blanks, odd times.

    Looking for single bytes costs next to nothing.
    """
    return (
        raw.find(b"[", raw.find(b"[") + 1) >= 0
        or raw.find(b"]", raw.find(b"]") + 1) >= 0
        or b"\\" in raw
        or b"null" in raw
        or (b'"timestamp"' in raw and _ODD_TIME.search(raw) is not None)
    )


def usual_form(raw: bytes) -> dict[str, Any] | None:
    """The parameters of a v1 meter event, as REPORT_V1 reads them; None if it has to itself."""
    payload: dict[str, str] = {}
    params: dict[str, Any] = {}
    try:
        for path, value in split_pairs(raw):
            name = path[0]
            if not value or "\0" in value:
                return None
            if len(path) == 1 and name in _TEXTS and len(value) <= NAME_LENGTH:
                params[name] = value
            elif len(path) == 2 and name == "payload" and _is_usual_entry(path[1], value):
                params[name] = payload
                payload[path[1]] = value
            elif path == ("timestamp",):
                params[name] = REPORT_V1[name].value(value, name, True)
            else:
                return None
    except Refusal:
        return None
    is_complete = "event_name" in params and 0 < len(payload) <= PAYLOAD.max_keys
    return params if is_complete else None


_TEXTS: Final = frozenset({"event_name", "identifier"})


def _is_usual_entry(key: str, value: str) -> bool:
    """A key of digits looks like a list, and one with NUL is refused: not here."""
    return (
        0 < len(key) <= NAME_LENGTH
        and len(value) <= VALUE_LENGTH
        and not key.isdecimal()
        and "\0" not in key
    )
