"""`/v1/billing/meters` and their event summaries."""

from bisect import bisect_left
from itertools import accumulate
from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields, list_object, listing, long_listing
from tripmeter.api.encoding import encode
from tripmeter.control import meters
from tripmeter.model.cells import HOUR_MS, MINUTE_MS
from tripmeter.model.errors import ParameterInvalid, ResourceMissing, StateConflict
from tripmeter.model.meter import Meter, Window
from tripmeter.model.stored import Kept, Page
from tripmeter.pipeline.jobs import QueryJob
from tripmeter.pipeline.looking import Look, hourly, top
from tripmeter.pipeline.state import State
from tripmeter.pipeline.summaries import summarize
from tripmeter.ports import Session, Work
from tripmeter.rules.aggregate import is_superseding
from tripmeter.rules.windows import Span, Windows, cut
from tripmeter.wire.looking import (
    MeterErrorReportObject,
    MeterTopCustomerObject,
    error_report_object,
    top_customer_object,
)
from tripmeter.wire.objects import meter_object, summary_object, summary_start_ms
from tripmeter.wire.params import Enum, Integer, ListOf, Object, String, Timestamp
from tripmeter.wire.shapes import MeterEventSummaryObject, MeterObject

_PATH: Final = "/v1/billing/meters"

MOST_SUMMARIES: Final = 100
"""Rows of a page (Stripe); of all customers together there can be ten times as many."""
_ONE: Final = f"{_PATH}/{{id}}"

_CREATE: Final = fields(
    display_name=String(required=True, max_length=250),
    event_name=String(required=True, max_length=100),
    default_aggregation=Object(
        {"formula": Enum("sum", "count", "last", required=True)}, required=True
    ),
    customer_mapping=Object(
        {
            "type": Enum("by_id", required=True),
            "event_payload_key": String(required=True, max_length=100),
        }
    ),
    value_settings=Object({"event_payload_key": String(required=True, max_length=100)}),
    event_time_window=Enum("day", "hour"),
    dimension_payload_keys=ListOf(String(max_length=100), max_items=10),
)


def create(work: Work, call: Call) -> Any:
    """Make a meter."""
    return meter_object(meters.create_meter(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Rename a meter."""
    return meter_object(meters.update_meter(work, call.caller, call.id, call.own_params))


def deactivate(work: Work, call: Call) -> Any:
    """Stop accepting usage."""
    return meter_object(meters.deactivate_meter(work, call.caller, call.id))


def reactivate(work: Work, call: Call) -> Any:
    """Accept usage again."""
    return meter_object(meters.reactivate_meter(work, call.caller, call.id))


def retrieve(session: Session, call: Call) -> Any:
    """One meter."""
    return meter_object(session.meters.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Meters, newest first."""
    found = session.meters.page(call.scope, call.page, status=call.params.get("status"))
    return list_object(_PATH, found, meter_object)


async def summaries(call: Call) -> Reply:
    """What a customer's events amount to, newest first; every window has a row, zero or not."""
    window = call.params.get("value_grouping_window")
    windows = cut(
        call.params["start_time"] * 1000,
        call.params["end_time"] * 1000,
        Window(window) if window else None,
    )
    if "customer" not in call.params:
        return await _summaries_of_all(call, windows)
    if call.page.limit > MOST_SUMMARIES:
        raise ParameterInvalid(
            "limit", f"Invalid integer: must be at most {MOST_SUMMARIES} with a customer."
        )
    spans, has_more = _page_of(windows, call.page)

    def query(state: State, session: Session, _now_ms: int) -> list[Any]:
        kept = session.meters.get(call.scope, call.id)
        customer = session.customers.get(call.scope, call.params["customer"], "customer")
        meter = state.catalogue.numbered(kept.no)
        name = customer.value.id
        values = summarize(state, meter, customer.no, name, spans)
        return [
            summary_object(kept.value, name, start, end, value)
            for (start, end), value in zip(spans, values, strict=True)
        ]

    rows = await call.services.writer.ask(QueryJob(query))
    return _summaries(call, rows, has_more)


def _summaries(call: Call, rows: list[Any], has_more: bool) -> Reply:
    url = f"{_PATH}/{call.id}/event_summaries"
    return Reply(encode({"object": "list", "url": url, "has_more": has_more, "data": rows}))


async def _summaries_of_all(call: Call, windows: Windows) -> Reply:
    """What the events of all customers together amount to (extension): from sums by the hour."""
    for param, moment_ms in (("start_time", windows.start_ms), ("end_time", windows.end_ms)):
        if moment_ms % HOUR_MS:
            raise ParameterInvalid(
                param, f"Without a customer, {param} must be aligned with whole hours."
            )
    spans, has_more = _page_of(windows, call.page)

    def use(look: Look) -> list[Any]:
        kept = additive_meter(look.session, call)
        whole = min(start for start, _ in spans), max(end for _, end in spans)
        sums = hourly(look, kept.no, whole)
        hours = sorted(sums)
        added = [0, *accumulate(sums[hour] for hour in hours)]
        rows = []
        for start, end in spans:
            begin, stop = (bisect_left(hours, moment // HOUR_MS) for moment in (start, end))
            value = added[stop] - added[begin]
            rows.append(summary_object(kept.value, "", start, end, value))
        return rows

    rows = await call.desk.looks.take(call.services.writer, use) if spans else []
    return _summaries(call, rows, has_more)


def additive_meter(session: Session, call: Call) -> Kept[Meter]:
    """The meter of the path. Raises StateConflict for one whose customers do not add up."""
    kept = session.meters.get(call.scope, call.id)
    check_additive(kept.value)
    return kept


def check_additive(meter: Meter) -> None:
    """Raises StateConflict for a meter of which a later event takes the place of an earlier one."""
    if is_superseding(meter.formula, meter.window):
        raise StateConflict(
            f"On the meter {meter.id} a later event takes the place of an earlier one, so that"
            " there is no sum of all customers. Name a customer."
        )


async def top_customers(call: Call) -> Reply:
    """Who used the most of a meter, and how much (extension)."""
    span = span_of(call)

    def use(look: Look) -> Any:
        kept = additive_meter(look.session, call)
        found = top(look, kept.no, span, call.params.get("limit", 10))
        customers = [(look.session.customers.numbered(no), total) for no, total in found]
        data = [top_customer_object(customer, total) for customer, total in customers]
        url = f"{_PATH}/{call.id}/top_customers"
        return {"object": "list", "url": url, "has_more": False, "data": data}

    return Reply(encode(await call.desk.looks.take(call.services.writer, use)))


def span_of(call: Call) -> Span:
    """The span of a look in milliseconds; the last 30 days without one. Raises ParameterInvalid."""
    end = call.params.get("end_time", call.now_ms // 1000 + 60)
    start = call.params.get("start_time", end - 30 * 86_400)
    if end <= start:
        raise ParameterInvalid("end_time", "end_time must be later than start_time.")
    return start * 1000 // MINUTE_MS * MINUTE_MS, -(-end * 1000 // MINUTE_MS) * MINUTE_MS


def error_reports(session: Session, call: Call) -> Any:
    """Usage of a meter that was refused, as the error reports tell of it (extension)."""
    meter = session.meters.get(call.scope, call.id).value
    found = session.error_reports.page(call.scope, call.page, object_id=meter.id)
    url = f"{_PATH}/{meter.id}/error_reports"
    return list_object(url, found, lambda event: error_report_object(event, meter))


def _page_of(windows: Windows, page: Page) -> tuple[list[Span], bool]:
    """The windows of a page, and whether more follow in its direction."""
    if page.ending_before is not None:
        end = _place(windows, page.ending_before, "ending_before")
        start = max(0, end - page.limit)
        return windows.part(start, end), start > 0
    start = 0
    if page.starting_after is not None:
        start = _place(windows, page.starting_after, "starting_after") + 1
    return windows.part(start, start + page.limit), start + page.limit < windows.size


def _place(windows: Windows, id_: str, param: str) -> int:
    start_ms = summary_start_ms(id_)
    place = None if start_ms is None else windows.index_of(start_ms)
    if place is None:
        raise ResourceMissing("meter event summary", id_, param)
    return place


ROUTES: Final = (
    Route("POST", _PATH, "Create a meter", MeterObject, _CREATE, change=create),
    Route(
        "GET",
        _PATH,
        "List meters",
        MeterObject,
        listing(status=Enum("active", "inactive")),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a meter", MeterObject, fields(), read=retrieve),
    Route(
        "POST",
        _ONE,
        "Update a meter",
        MeterObject,
        fields(display_name=String(max_length=250)),
        change=update,
    ),
    Route(
        "POST", f"{_ONE}/deactivate", "Deactivate a meter", MeterObject, fields(), change=deactivate
    ),
    Route(
        "POST", f"{_ONE}/reactivate", "Reactivate a meter", MeterObject, fields(), change=reactivate
    ),
    Route(
        "GET",
        f"{_ONE}/event_summaries",
        "List event summaries",
        MeterEventSummaryObject,
        long_listing(
            customer=String(
                description="Without one, all customers together, by whole hours (extension)."
            ),
            start_time=Timestamp(required=True, description="Inclusive, on a whole minute."),
            end_time=Timestamp(required=True, description="Exclusive, on a whole minute."),
            value_grouping_window=Enum("hour", "day"),
        ),
        handle=summaries,
        is_list=True,
    ),
    Route(
        "GET",
        f"{_ONE}/top_customers",
        "List the customers who used the most",
        MeterTopCustomerObject,
        fields(
            start_time=Timestamp(description="The last 30 days without one."),
            end_time=Timestamp(),
            limit=Integer(minimum=1, maximum=100),
        ),
        handle=top_customers,
        is_list=True,
    ),
    Route(
        "GET",
        f"{_ONE}/error_reports",
        "List error reports",
        MeterErrorReportObject,
        listing(),
        read=error_reports,
        is_list=True,
    ),
)
