"""`/v1/dashboard/nearest`: the customers who are nearest to a line of a usage alert."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from tripmeter.api.call import Call, Reply, Route, fields
from tripmeter.api.encoding import encode
from tripmeter.api.looks import Ask
from tripmeter.model.alert import AlertStatus
from tripmeter.model.cells import HOUR_MS, joined
from tripmeter.model.explanation import Reason
from tripmeter.model.meter import Meter
from tripmeter.model.quantities import total
from tripmeter.model.stored import Kept, Page
from tripmeter.pipeline.explain_billed import explain_billed
from tripmeter.pipeline.hours import Span, stored_cells
from tripmeter.pipeline.looking import Look, pin
from tripmeter.pipeline.nearest import SPARE, Place, View, Way, nearest, view, ways
from tripmeter.pipeline.state import State
from tripmeter.ports import Session
from tripmeter.rules.aggregate import is_superseding
from tripmeter.rules.projections import projected_ms
from tripmeter.wire.looking import NearestLineObject, billed_line_object, nearest_line_object
from tripmeter.wire.params import Boolean, Integer, String

_PATH: Final = "/v1/dashboard/nearest"

PACE_MS: Final = 7 * 24 * HOUR_MS
"""How far back the pace is looked at by which a crossing is expected."""

MORE: Final = 8
"""So many times more candidates are looked at when too many of the first had fired already."""


class _Wanted(NamedTuple):
    """What was asked for."""

    meters: dict[int, Meter]
    """By number."""
    customer_no: int | None
    alert_no: int | None
    limit: int
    with_fired: bool


async def list_(call: Call) -> Reply:
    """The nearest first; of one customer, every line that is drawn for it."""

    def use(session: Session, ask: Ask) -> list[NearestLineObject]:
        with call.services.store.reader() as before:  # the session is for the moment of the look
            wanted = _wanted(before, call)
        look, seen = ask(
            lambda state: (pin(state, session), view(state, [*wanted.meters], wanted.alert_no))
        )
        if wanted.customer_no is not None:
            places = [Place(no, wanted.customer_no) for no in wanted.meters]
            found = [way for way in _ways(ask, places, wanted) if way.is_ahead or wanted.with_fired]
            shown = sorted(found, key=lambda way: (-way.share, way.place))[: wanted.limit]
        else:
            shown = _nearest(call, look, seen, wanted, ask)
        paces = _paces(call, look, shown)
        rows = [_rendered(call, session, wanted, way, paces.get(way.place)) for way in shown]
        if wanted.customer_no is not None:
            rows += ask(lambda state: _billed(state, call, wanted))
            rows.sort(key=lambda row: Decimal(row["share"]), reverse=True)
        return rows[: wanted.limit]

    data = await call.desk.looks.take_and_ask(call.services.writer, use)
    return Reply(encode({"object": "list", "url": _PATH, "has_more": False, "data": data}))


def _wanted(session: Session, call: Call) -> _Wanted:
    params, scope = call.params, call.scope
    customer_no = alert_no = None
    if "customer" in params:
        customer_no = session.customers.get(scope, params["customer"], "customer").no
    meters: list[Kept[Meter]] = []
    if "meter" in params:
        meters = [session.meters.get(scope, params["meter"], "meter")]
    else:
        meters = list(session.meters.every(scope))
    if "alert" in params:
        kept = session.alerts.get(scope, params["alert"], "alert")
        alert_no = kept.no
        is_drawn = kept.value.tallied and kept.value.status is AlertStatus.ACTIVE
        meters = [one for one in meters if is_drawn and one.value.id == kept.value.meter]
        if customer_no is None and kept.value.customer is not None:
            customer_no = session.customers.get(scope, kept.value.customer).no
    return _Wanted(
        {one.no: one.value for one in meters},
        customer_no,
        alert_no,
        params.get("limit", 10),
        bool(params.get("include_fired")),
    )


def _nearest(call: Call, look: Look, seen: View, wanted: _Wanted, ask: Ask) -> list[Way]:
    """Candidates are reckoned exactly; when too few of them are left, more are looked at."""
    count = wanted.limit * SPARE
    while True:
        places = call.desk.candidates.find(look.session, seen, count)
        found = _ways(ask, places, wanted)
        gone = _gone(look.session, found)
        shown = nearest([way for way in found if way.place.customer_no not in gone], wanted.limit)
        if len(shown) >= wanted.limit or len(places) < count or count > wanted.limit * SPARE:
            return shown
        count *= MORE


def _ways(ask: Ask, places: Sequence[Place], wanted: _Wanted) -> list[Way]:
    """How far customers have come on the way to every alert, or to the one that is wanted."""
    found: list[Way] = ask(lambda state: ways(state, state.session, places))
    return [way for way in found if wanted.alert_no in (None, way.alert_no)]


def _gone(session: Session, found: Sequence[Way]) -> set[int]:
    """Customers that are deleted: what they used still counts, and nothing comes after it."""
    numbers = {way.place.customer_no for way in found}
    return {number for number in numbers if session.customers.numbered(number).deleted}


def _billed(state: State, call: Call, wanted: _Wanted) -> list[NearestLineObject]:
    """The lines of alerts on spend, and on the usage of a period, for one customer; by the writer.

    Credit balance alerts are no way up to a line, and are left out.
    """
    session = state.session
    assert wanted.customer_no is not None
    customer = session.customers.numbered(wanted.customer_no)
    rows = []
    for kept in session.untallied_alerts(call.scope, customer.id):
        alert, meter = kept.value, None
        if wanted.alert_no not in (None, kept.no) or alert.lte is not None:
            continue
        if alert.meter is not None:
            meter = session.meters.get(call.scope, alert.meter).value
        if "meter" in call.params and (meter is None or meter.id != call.params["meter"]):
            continue
        for compared in explain_billed(state, kept, customer.id, call.now_ms).compared:
            if wanted.with_fired or compared.reason is not Reason.FIRED:
                rows.append(billed_line_object(customer, meter, alert, compared))
    return rows


class _Pace(NamedTuple):
    """What was used of late, and since when."""

    used: int
    """Scaled."""
    since_ms: int


def _paces(call: Call, look: Look, shown: Sequence[Way]) -> dict[Place, _Pace]:
    """How fast customers have been of late, by place; those who used nothing are left out."""
    now_ms = call.now_ms
    span: Span = ((now_ms - PACE_MS) // HOUR_MS * HOUR_MS, now_ms + HOUR_MS)
    by_meter: dict[int, set[int]] = {}
    for way in shown:
        by_meter.setdefault(way.place.meter_no, set()).add(way.place.customer_no)
    paces = {}
    for meter_no, customers in by_meter.items():
        fresh = look.unstored(meter_no, span, [*customers])
        for customer_no in customers:
            stored = stored_cells(look.session, meter_no, customer_no, span)
            cells = joined([stored, fresh.pick(fresh.owners == customer_no)])
            if len(cells.owners):
                pace = _Pace(total(cells.quantities), int(cells.moments_ms.min()))
                paces[Place(meter_no, customer_no)] = pace
    return paces


def _rendered(
    call: Call, session: Session, wanted: _Wanted, way: Way, pace: _Pace | None
) -> NearestLineObject:
    meter = wanted.meters[way.place.meter_no]
    customer = session.customers.numbered(way.place.customer_no)
    expected_ms = fired_ms = None
    if way.has_fired:
        page = session.firings.page(call.scope, Page(1), alert=way.alert.id, customer=customer.id)
        fired_ms = page.items[0].value.fired_ms if page.items else None
    elif pace is not None and not is_superseding(meter.formula, meter.window):
        expected_ms = projected_ms(way.remaining, *pace, call.now_ms)
    return nearest_line_object(customer, meter, way.alert, way.counted, expected_ms, fired_ms)


ROUTES: Final = (
    Route(
        "GET",
        _PATH,
        "List the customers nearest to a line",
        NearestLineObject,
        fields(
            limit=Integer(minimum=1, maximum=100),
            meter=String(),
            customer=String(description="Every line that is drawn for this customer."),
            alert=String(),
            include_fired=Boolean(description="Of one customer, also lines that were reached."),
        ),
        handle=list_,
        is_list=True,
    ),
)
