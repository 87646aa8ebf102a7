"""`/v1/billing/alerts/preview`: whom a line would have caught (extension)."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields
from tripmeter.api.encoding import encode
from tripmeter.api.resources.meters import check_additive, span_of
from tripmeter.model.quantity import SCALE
from tripmeter.pipeline import looking
from tripmeter.pipeline.looking import Look, by_customers, of_customer
from tripmeter.wire.looking import TENTHS, AlertPreviewObject, alert_preview_object
from tripmeter.wire.params import Enum, Integer, ListOf, Object, String, Timestamp

SHOWN: Final = 20
"""Customers that a preview names."""

_FILTER: Final = Object(
    {"type": Enum("customer", required=True), "customer": String(required=True)}
)


async def preview(call: Call) -> Reply:
    """Whom an alert would have caught over past usage (extension)."""
    threshold, span = call.params["usage_threshold"], span_of(call)
    line = threshold["gte"] * SCALE
    edges = [line * tenth // 10 for tenth in TENTHS]

    def use(look: Look) -> Any:
        session = look.session
        kept = session.meters.get(call.scope, threshold["meter"], "usage_threshold[meter]")
        check_additive(kept.value)
        parts = by_customers(look, kept.no, span)
        for one in threshold.get("filters") or ():
            param = "usage_threshold[filters][0][customer]"
            number = session.customers.get(call.scope, one["customer"], param).no
            parts = of_customer(look, kept.no, number, span)
        found = looking.preview(parts, line, edges, SHOWN)
        first = [
            (session.customers.numbered(one.customer_no), one.at_ms, one.total)
            for one in found.first
        ]
        return alert_preview_object(
            kept.value, threshold["gte"], span, found.caught, found.customers, first, found.below
        )

    return Reply(encode(await call.desk.looks.take(call.services.writer, use)))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/billing/alerts/preview",
        "Preview whom an alert would have caught",
        AlertPreviewObject,
        fields(
            alert_type=Enum("usage_threshold"),
            usage_threshold=Object(
                {
                    "gte": Integer(required=True, minimum=1, maximum=10**15 - 1),
                    "meter": String(required=True),
                    "filters": ListOf(_FILTER, max_items=1, blank="unset"),
                },
                required=True,
            ),
            start_time=Timestamp(description="The last 30 days without one."),
            end_time=Timestamp(),
        ),
        handle=preview,
    ),
)
