"""`/v1/billing/meters` and their event summaries."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields, list_object, listing
from tripmeter.api.encoding import encode
from tripmeter.control import meters
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.meter import Window
from tripmeter.model.stored import Page
from tripmeter.pipeline.jobs import QueryJob
from tripmeter.pipeline.state import State
from tripmeter.pipeline.summaries import summarize
from tripmeter.ports import Session, Work
from tripmeter.rules.windows import Span, Windows, cut
from tripmeter.wire.objects import meter_object, summary_object, summary_start_ms
from tripmeter.wire.params import Enum, ListOf, Object, String, Timestamp
from tripmeter.wire.shapes import MeterEventSummaryObject, MeterObject

_PATH: Final = "/v1/billing/meters"
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
    url = f"{_PATH}/{call.id}/event_summaries"
    return Reply(encode({"object": "list", "url": url, "has_more": has_more, "data": rows}))


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
        "List event summaries of a customer",
        MeterEventSummaryObject,
        listing(
            customer=String(required=True),
            start_time=Timestamp(required=True, description="Inclusive, on a whole minute."),
            end_time=Timestamp(required=True, description="Exclusive, on a whole minute."),
            value_grouping_window=Enum("hour", "day"),
        ),
        handle=summaries,
        is_list=True,
    ),
)
