"""ROLL: what the passing of time brings. Error reports of refused usage, and housekeeping."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from tripmeter.billing.agenda import AT_ONCE, do_what_is_due
from tripmeter.failpoints import reach
from tripmeter.model.event import Announcement
from tripmeter.model.scope import Scope
from tripmeter.model.stored import RefusalRow
from tripmeter.model.usage import RefusalCode
from tripmeter.ports import Work
from tripmeter.wire.events import ERROR_REPORT, NO_METER_FOUND
from tripmeter.wire.times import rfc3339

REPORT_WINDOW_MS: Final = 10_000
"""Refusals are gathered for this long before they are reported (Stripe: 10-second windows)."""

SAMPLES_PER_ERROR: Final = 5

KEEP_REPLIES_MS: Final = 24 * 3_600_000
"""How long an idempotency key is remembered (Stripe: at least 24 hours)."""


KEEP_RESERVATIONS_MS: Final = 24 * 3_600_000
"""How long reservations are kept that have come to their end."""


def roll(work: Work) -> None:
    """Do what is due at `work.now_ms`."""
    report_refusals(work)
    work.session.purge_replies(work.now_ms - KEEP_REPLIES_MS)
    work.session.purge_reservations(work.now_ms - KEEP_RESERVATIONS_MS)


def bill(work: Work) -> bool:
    """Do what billing has due; True where there may be more."""
    return do_what_is_due(work) == AT_ONCE


def report_refusals(work: Work) -> None:
    """Turn refusals that have waited for a window into one error report per meter.

    Those from the future are of a clock that was ahead and has stepped back: they wait no longer.
    """
    now_ms = work.now_ms
    rows = work.session.usage.refusals_outside(now_ms - REPORT_WINDOW_MS, now_ms)
    by_meter: dict[tuple[Scope, int | None], list[RefusalRow]] = defaultdict(list)
    for row in rows:
        meter_no = None if row.code is RefusalCode.NO_METER else row.meter_no
        by_meter[row.scope, meter_no].append(row)
    for (scope, meter_no), group in by_meter.items():
        _report(work, scope, meter_no, group)
        reach("roll.reported")
    if rows:
        work.session.usage.drop_refusals([row.no for row in rows])
        reach("roll.dropped")


def _report(work: Work, scope: Scope, meter_no: int | None, rows: Sequence[RefusalRow]) -> None:
    data = report_data(rows)
    meter = work.session.meters.numbered(meter_no).id if meter_no is not None else None
    work.announce(
        Announcement(
            account=scope.account,
            livemode=scope.livemode,
            type=ERROR_REPORT if meter else NO_METER_FOUND,
            object_id=meter,
            object_type="billing.meter" if meter else None,
            object_url=f"/v1/billing/meters/{meter}" if meter else None,
            thin_data=data,
        )
    )


def report_data(rows: Sequence[RefusalRow]) -> dict[str, Any]:
    """Counts and samples of refusals, by code, as Stripe's error reports give them."""
    by_code: dict[RefusalCode, list[RefusalRow]] = defaultdict(list)
    for row in rows:
        by_code[row.code].append(row)
    count = sum(row.refused for row in rows)
    return {
        "developer_message_summary": _summary(count),
        "reason": {
            "error_count": count,
            "error_types": [_error_type(code, group) for code, group in by_code.items()],
        },
        "validation_start": rfc3339(min(row.created_ms for row in rows)),
        "validation_end": rfc3339(max(row.created_ms for row in rows)),
    }


def _summary(count: int) -> str:
    return "There is 1 invalid event" if count == 1 else f"There are {count} invalid events"


def _error_type(code: RefusalCode, rows: Sequence[RefusalRow]) -> dict[str, Any]:
    samples = [sample for row in rows for sample in row.samples][:SAMPLES_PER_ERROR]
    return {
        "code": code.value,
        "error_count": sum(row.refused for row in rows),
        "sample_errors": [
            {"error_message": message, "request": {"identifier": identifier}}
            for identifier, message in samples
        ],
    }
