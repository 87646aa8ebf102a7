"""Reads the lines of a bulk body: the shape of a v2 meter event, decoded at speed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from tripmeter.model.errors import BodyMalformed
from tripmeter.model.usage import UsageReport

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    event_name: _Name
    payload: dict[_Name, Annotated[str, msgspec.Meta(max_length=5000)]]
    identifier: _Name | None = None
    timestamp: datetime | None = None


_DECODER: Final = msgspec.json.Decoder(_Line)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_lines(lines: Sequence[bytes]) -> list[UsageReport] | None:
    """All lines as reports; None if one of them is broken, to be found by `read_line`."""
    try:
        decoded = _DECODER.decode_lines(b"\n".join(lines))
        return [_report(line) for line in decoded]
    except (msgspec.DecodeError, BodyMalformed):
        return None


def read_line(line: bytes) -> UsageReport:
    """One line. Raises msgspec.DecodeError or BodyMalformed saying what is wrong with it."""
    return _report(_DECODER.decode(line))


def _report(line: _Line) -> UsageReport:
    moment = line.timestamp
    if moment is None:
        return UsageReport(line.event_name, line.payload, line.identifier, None)
    if moment.tzinfo is None:
        raise BodyMalformed("The timestamp has no offset; end it with Z for UTC.")
    since = moment - _EPOCH
    timestamp_ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return UsageReport(line.event_name, line.payload, line.identifier, timestamp_ms)
