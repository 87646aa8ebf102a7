"""`/v2/billing/meter_events/bulk`: many events in one request, one JSON object a line (ours).

The answer tells of every line that was not counted; the rest was. All lines of a request are
committed together, so after a lost answer the same body can be sent again: what was counted comes
back as repeated, never as counted twice.
"""

import zlib
from typing import Final, TypedDict

import msgspec

from tripmeter.api.call import MIB, Call, Reply, Route
from tripmeter.api.encoding import encode
from tripmeter.api.idempotency import request_digest
from tripmeter.model.errors import BodyMalformed, BodyTooLarge, Refusal
from tripmeter.model.usage import RefusalCode, UsageRefused, UsageReport
from tripmeter.pipeline.jobs import Counted, UsageJob
from tripmeter.wire.bulk import read_line, read_lines
from tripmeter.wire.params import Object

BULK_LIMIT: Final = 64 * MIB
"""Bytes of a bulk body, as sent and as unpacked."""

LINES_LIMIT: Final = 100_000
"""Lines of a bulk body."""


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
    """Count the lines; tell of those that were refused."""
    body = _unpacked(call)
    lines = [(at, line) for at, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if len(lines) > LINES_LIMIT:
        raise BodyMalformed(f"A bulk request can have at most {LINES_LIMIT} lines; split it.")
    reports, errors = _read([line for _, line in lines], [at for at, _ in lines])
    job = UsageJob(call.scope, [report for _, report in reports], request_digest(call))
    outcomes = await call.services.writer.ask(job)
    repeated = 0
    for (at, report), outcome in zip(reports, outcomes, strict=True):
        if isinstance(outcome, UsageRefused):
            repeated += outcome.code is RefusalCode.DUPLICATE
            errors.append(_line(at, outcome.code.value, outcome.message, report.identifier))
        elif isinstance(outcome, Counted):
            repeated += outcome.replayed
    errors.sort(key=lambda error: error["line"])
    refused = sum(error["code"] != RefusalCode.DUPLICATE for error in errors)
    answer: BulkObject = {
        "object": "v2.billing.meter_event_bulk",
        "counted": len(lines) - repeated - refused,
        "repeated": repeated,
        "refused": refused,
        "errors": errors,
    }
    return Reply(encode(answer))


def _read(
    lines: list[bytes], numbers: list[int]
) -> tuple[list[tuple[int, UsageReport]], list[BulkLine]]:
    """The reports with their line numbers, and the lines that are no report at all."""
    reports = read_lines(lines)
    if reports is not None:
        return list(zip(numbers, reports, strict=True)), []
    good: list[tuple[int, UsageReport]] = []
    bad: list[BulkLine] = []
    for at, line in zip(numbers, lines, strict=True):
        try:
            good.append((at, read_line(line)))
        except (Refusal, msgspec.DecodeError) as error:
            bad.append(_line(at, "invalid_line", _reason(error), None))
    return good, bad


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", "") or getattr(error, "reason", "") or error)


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
        raise BodyMalformed(
            f"The body is not gzip, as its Content-Encoding says: {error}."
        ) from error
    if len(body) > BULK_LIMIT:
        raise BodyTooLarge(BULK_LIMIT)
    if not unpacker.eof:
        raise BodyMalformed("The gzip body ends too early; it was cut off.")
    return body


ROUTES: Final = (
    Route(
        "POST",
        "/v2/billing/meter_events/bulk",
        "Report many meter events, one JSON object a line",
        BulkObject,
        Object({}),
        handle=bulk,
        body_limit=BULK_LIMIT,
        raw_body=True,
    ),
)
