"""`/v2/billing/meter_events/bulk`: many events in one request, one JSON object a line (ours).

The answer tells of every line that was not counted; the rest was. All lines of a request are
committed together, so after a lost answer the same body can be sent again: what was counted comes
back as repeated, never as counted twice.
"""

import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, TypedDict

import msgspec

from tripmeter.api.call import MIB, Call, Reply, Route
from tripmeter.api.encoding import encode
from tripmeter.api.idempotency import request_digest
from tripmeter.model.errors import BodyMalformed, BodyTooLarge
from tripmeter.model.usage import RefusalCode, Reports, UsageRefused, UsageReport, as_reports
from tripmeter.pipeline.jobs import Outcomes, UsageJob
from tripmeter.wire.bulk import COLUMNS_TYPE, check_events, read_columns, read_line, read_lines
from tripmeter.wire.params import Object

BULK_LIMIT: Final = 64 * MIB
"""Bytes of a bulk body, as sent and as unpacked."""


class BulkLine(TypedDict):
    """A line that was not counted."""

    line: int
    code: str
    message: str
    identifier: str | None


class BulkObject(TypedDict):
    """What became of a bulk request."""

    object: str
    counted: int
    repeated: int
    refused: int
    errors: list[BulkLine]


async def bulk(call: Call) -> Reply:
    """Count the events; tell of those that were refused."""
    body = _unpacked(call)
    reports, numbers, errors = _read(call, body)
    size = len(reports.identifiers) + len(errors)
    check_events(size)
    job = UsageJob(call.scope, reports, request_digest(call))
    outcomes: Outcomes = await call.services.writer.ask(job)
    repeated = 0
    for index, outcome in outcomes.exceptions.items():
        if isinstance(outcome, UsageRefused):
            repeated += outcome.code is RefusalCode.DUPLICATE
            identifier = reports.identifiers[index]
            errors.append(_line(numbers[index], outcome.code.value, outcome.message, identifier))
        else:
            repeated += outcome.replayed
    errors.sort(key=lambda error: error["line"])
    refused = sum(error["code"] != RefusalCode.DUPLICATE for error in errors)
    answer: BulkObject = {
        "object": "v2.billing.meter_event_bulk",
        "counted": size - repeated - refused,
        "repeated": repeated,
        "refused": refused,
        "errors": errors,
    }
    return Reply(encode(answer))


def _read(call: Call, body: bytes) -> tuple[Reports, Sequence[int], list[BulkLine]]:
    """The events, the line of each, and the lines that are no event at all."""
    if (call.content_type or "").partition(";")[0].strip().lower() == COLUMNS_TYPE:
        columns = read_columns(body)
        return columns, range(1, len(columns.identifiers) + 1), []
    check_events(body.count(b"\n") // 2)  # with a blank line after each
    reports = read_lines(body)
    if reports is not None:
        return reports, _Numbers(body, len(reports.identifiers)), []
    return _read_each(body)


def _read_each(body: bytes) -> tuple[Reports, Sequence[int], list[BulkLine]]:
    good: list[UsageReport] = []
    numbers: list[int] = []
    bad: list[BulkLine] = []
    for at, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            good.append(read_line(line))
            numbers.append(at)
        except (BodyMalformed, msgspec.DecodeError, UnicodeDecodeError) as error:
            bad.append(_line(at, "invalid_line", _reason(error), None))
    return as_reports(good), numbers, bad


class _Numbers(Sequence[int]):
    """The number of each event's line, found out only where it is asked for.

    Events that do not keep to a line each are numbered by themselves.
    """

    def __init__(self, body: bytes, size: int) -> None:
        self._body = body
        self._size = size

    @cached_property
    def _numbers(self) -> Sequence[int]:
        lines = [at for at, line in enumerate(self._body.split(b"\n"), 1) if line.strip()]
        return lines if len(lines) == self._size else range(1, self._size + 1)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: Any) -> Any:
        return self._numbers[index]


def _reason(error: Exception) -> str:
    match error:
        case BodyMalformed():
            return error.reason
        case UnicodeDecodeError():
            return "the text is not valid UTF-8"
        case _:
            return str(error)


def _line(at: int, code: str, message: str, identifier: str | None) -> BulkLine:
    return {"line": at, "code": code, "message": message, "identifier": identifier}


def _unpacked(call: Call) -> bytes:
    """The body, unpacked if it is gzip, and never beyond the limit."""
    if (call.content_encoding or "").lower() != "gzip":
        return call.body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(call.body, BULK_LIMIT + 1)
    except zlib.error as error:
        raise BodyMalformed(f"it is not gzip, as its Content-Encoding says: {error}") from error
    if len(body) > BULK_LIMIT:
        raise BodyTooLarge(BULK_LIMIT)
    call.hold(len(body))
    if not unpacker.eof:
        raise BodyMalformed("the gzip ends too early; it was cut off")
    return body


ROUTES: Final = (
    Route(
        "POST",
        "/v2/billing/meter_events/bulk",
        "Report many meter events, one JSON object a line",
        BulkObject,
        Object({}),
        handle=bulk,
        is_usage=True,
        body_limit=BULK_LIMIT,
        raw_body=True,
    ),
)
