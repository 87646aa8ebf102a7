"""Reporting usage: single events (v1, v2), cancellations, and the stream with its sessions.

These paths store no answers. An event without an identifier takes one derived from its request's
idempotency key; an event seen before under the same key is answered as it was the first time.
"""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields
from tripmeter.api.encoding import encode
from tripmeter.api.idempotency import request_digest
from tripmeter.control.access import open_session
from tripmeter.model.errors import ParameterMissing, UsageNotAccepted
from tripmeter.model.ids import new_id
from tripmeter.model.usage import UsageRefused, UsageReport, as_reports
from tripmeter.pipeline.jobs import CancelJob, CommandJob, Counted, UsageJob
from tripmeter.ports import Work
from tripmeter.wire import usage
from tripmeter.wire.objects import session_object
from tripmeter.wire.params import Enum, Object, String
from tripmeter.wire.reports import REPORT_V1, REPORT_V2, STREAM, usual_form, usual_stream
from tripmeter.wire.shapes import (
    AdjustmentObject,
    AdjustmentV2Object,
    MeterEventObject,
    MeterEventSessionObject,
    MeterEventV2Object,
)

_CANCEL: Final = Object({"identifier": String(max_length=100)})


def _report(params: dict[str, Any], timestamp_ms: int | None) -> UsageReport:
    return UsageReport(
        params["event_name"], params["payload"], params.get("identifier"), timestamp_ms
    )


async def _count_one(call: Call, report: UsageReport) -> Counted:
    key = call.caller.idempotency_key or ""
    job = UsageJob(call.scope, as_reports([report]), request_digest(call), key)
    outcome = (await call.services.writer.ask(job))[0]
    if isinstance(outcome, UsageRefused):
        raise UsageNotAccepted(outcome)
    assert isinstance(outcome, Counted)
    return outcome


async def create(call: Call) -> Reply:
    """Report one event (v1)."""
    seconds = call.params.get("timestamp")
    report = _report(call.params, None if seconds is None else seconds * 1000)
    counted = await _count_one(call, report)
    return _reply(usage.meter_event_object(call.scope, report, counted), counted)


async def create_v2(call: Call) -> Reply:
    """Report one event (v2)."""
    report = _report(call.params, call.params.get("timestamp"))
    counted = await _count_one(call, report)
    return _reply(usage.meter_event_v2_object(call.scope, report, counted), counted)


def _reply(rendered: Any, counted: Counted) -> Reply:
    headers = {"Idempotent-Replayed": "true"} if counted.replayed else {}
    return Reply(encode(rendered), 200, headers)


async def _cancel(call: Call) -> int:
    identifier = call.params.get("cancel", {}).get("identifier")
    if identifier is None:
        raise ParameterMissing("cancel[identifier]")
    event_name = call.params["event_name"]
    cancelled_ms: int = await call.services.writer.ask(
        CancelJob(call.scope, event_name, identifier)
    )
    return cancelled_ms


async def adjust(call: Call) -> Reply:
    """Cancel an event (v1). It is done when the answer comes."""
    await _cancel(call)
    rendered: AdjustmentObject = {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": call.params["cancel"]["identifier"]},
        "event_name": call.params["event_name"],
        "livemode": call.scope.livemode,
        "status": "complete",
        "type": "cancel",
    }
    return Reply(encode(rendered))


async def adjust_v2(call: Call) -> Reply:
    """Cancel an event (v2)."""
    cancelled_ms = await _cancel(call)
    rendered: AdjustmentV2Object = {
        "id": new_id("mtr_event_adj", cancelled_ms, livemode=call.scope.livemode),
        "object": "v2.billing.meter_event_adjustment",
        "cancel": {"identifier": call.params["cancel"]["identifier"]},
        "created": usage.rfc3339(cancelled_ms),
        "event_name": call.params["event_name"],
        "livemode": call.scope.livemode,
        "status": "complete",
        "type": "cancel",
    }
    return Reply(encode(rendered))


async def create_session(call: Call) -> Reply:
    """Open the stream for 15 minutes. A retry opens another session: no answer is stored that
    would hold the token."""

    def change(work: Work) -> MeterEventSessionObject:
        return session_object(*open_session(work.session, call.scope, work.now_ms))

    return Reply(encode(await call.services.writer.ask(CommandJob(change))))


async def stream(call: Call) -> Reply:
    """Report up to 100 events. Refused ones come back as an error report, not here."""
    key = call.caller.idempotency_key or ""
    digest = request_digest(call)
    job = UsageJob(call.scope, call.params["events"], digest, key, keep_refusals=True)
    await call.services.writer.ask(job)
    return Reply(b"{}")


ROUTES: Final = (
    Route(
        "POST",
        "/v1/billing/meter_events",
        "Report a meter event",
        MeterEventObject,
        fields(**REPORT_V1),
        usual=usual_form,
        handle=create,
        is_usage=True,
    ),
    Route(
        "POST",
        "/v2/billing/meter_event_stream",
        "Report up to 100 meter events",
        dict[str, Any],
        STREAM,
        usual=usual_stream,
        handle=stream,
        is_usage=True,
        auth="stream_token",
        events=lambda params: len(params["events"].identifiers),
    ),
    Route(
        "POST",
        "/v2/billing/meter_events",
        "Report a meter event",
        MeterEventV2Object,
        Object(REPORT_V2),
        handle=create_v2,
        is_usage=True,
    ),
    Route(
        "POST",
        "/v1/billing/meter_event_adjustments",
        "Cancel a meter event",
        AdjustmentObject,
        fields(
            event_name=String(required=True, max_length=100),
            type=Enum("cancel", required=True),
            cancel=_CANCEL,
        ),
        handle=adjust,
        is_usage=True,
    ),
    Route(
        "POST",
        "/v2/billing/meter_event_adjustments",
        "Cancel a meter event",
        AdjustmentV2Object,
        Object(
            {
                "event_name": String(required=True, max_length=100),
                "type": Enum("cancel", required=True),
                "cancel": Object(
                    {"identifier": String(required=True, max_length=100)}, required=True
                ),
            }
        ),
        handle=adjust_v2,
        is_usage=True,
    ),
    Route(
        "POST",
        "/v2/billing/meter_event_session",
        "Open the meter event stream",
        MeterEventSessionObject,
        Object({}),
        handle=create_session,
    ),
)
