"""`/v1/billing/alerts`."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, bounds_ms, fields, list_object, listing
from tripmeter.api.encoding import encode
from tripmeter.control import alerts
from tripmeter.model.errors import ParameterMissing
from tripmeter.model.stored import Page
from tripmeter.pipeline.explain import explain
from tripmeter.pipeline.jobs import QueryJob
from tripmeter.pipeline.state import State
from tripmeter.ports import Session, Work
from tripmeter.wire.explanations import explanation_object
from tripmeter.wire.objects import alert_object, notification_object
from tripmeter.wire.params import Enum, Integer, ListOf, Object, Range, String
from tripmeter.wire.shapes import AlertExplanationObject, AlertNotificationObject, AlertObject

_PATH: Final = "/v1/billing/alerts"
_ONE: Final = f"{_PATH}/{{id}}"

_FILTER: Final = Object({"type": Enum("customer", required=True), "customer": String()})

_CREATE: Final = fields(
    alert_type=Enum("usage_threshold", required=True),
    title=String(required=True, max_length=256),
    usage_threshold=Object(
        {
            "gte": Integer(required=True, minimum=1, maximum=10**15 - 1),
            "meter": String(required=True),
            "recurrence": Enum("one_time", required=True),
            "filters": ListOf(_FILTER, max_items=1, blank="unset"),
            "count_from": Enum(
                "creation",
                "lifetime",
                description="Which usage counts: what is reported after the alert's creation or "
                "activation, or all there ever was (extension).",
            ),
        }
    ),
)


def create(work: Work, call: Call) -> Any:
    """Make an alert."""
    if "usage_threshold" not in call.params:
        raise ParameterMissing("usage_threshold")
    return alert_object(alerts.create_alert(work, call.caller, call.own_params))


def activate(work: Work, call: Call) -> Any:
    """Let an alert fire again."""
    return alert_object(alerts.activate_alert(work, call.caller, call.id))


def deactivate(work: Work, call: Call) -> Any:
    """Keep an alert from firing."""
    return alert_object(alerts.deactivate_alert(work, call.caller, call.id))


def archive(work: Work, call: Call) -> Any:
    """Retire an alert."""
    return alert_object(alerts.archive_alert(work, call.caller, call.id))


def retrieve(session: Session, call: Call) -> Any:
    """One alert, archived or not."""
    return alert_object(session.alerts.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Alerts that are not archived, newest first."""
    filters = {name: call.params.get(name) for name in ("alert_type", "meter", "customer")}
    return list_object(_PATH, session.alerts.page(call.scope, call.page, **filters), alert_object)


def notifications(session: Session, call: Call) -> Any:
    """The firings of an alert for a customer, newest first."""
    alert = session.alerts.get(call.scope, call.id).value
    found = session.firings.page(
        call.scope,
        call.page,
        alert=alert.id,
        customer=call.params["customer"],
        **bounds_ms(call.params.get("notified_at")),
    )
    if call.params.get("action", "triggered") != "triggered" or _elsewhere(call, alert.meter):
        found = found._replace(items=[], has_more=False)
    return list_object(f"{_PATH}/{alert.id}/notifications", found, notification_object)


def _elsewhere(call: Call, meter: str) -> bool:
    """Whether a filter names something that no notification of this alert belongs to."""
    return call.params.get("meter", meter) != meter or "subscription" in call.params


async def explanation(call: Call) -> Reply:
    """Why the alert has or has not fired for a customer."""

    def query(state: State, session: Session, _now_ms: int) -> Any:
        kept = session.alerts.get(call.scope, call.id)
        customer = session.customers.get(call.scope, call.params["customer"], "customer")
        facts = explain(state, kept, customer.no, customer.value.id)
        fired = session.firings.page(
            call.scope, Page(1), alert=kept.value.id, customer=customer.value.id
        )
        return explanation_object(facts, fired.items[0].value if fired.items else None)

    return Reply(encode(await call.services.writer.ask(QueryJob(query))))


ROUTES: Final = (
    Route("POST", _PATH, "Create an alert", AlertObject, _CREATE, change=create),
    Route(
        "GET",
        _PATH,
        "List alerts",
        AlertObject,
        listing(alert_type=Enum("usage_threshold"), meter=String(), customer=String()),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve an alert", AlertObject, fields(), read=retrieve),
    Route("POST", f"{_ONE}/activate", "Activate an alert", AlertObject, fields(), change=activate),
    Route(
        "POST",
        f"{_ONE}/deactivate",
        "Deactivate an alert",
        AlertObject,
        fields(),
        change=deactivate,
    ),
    Route("POST", f"{_ONE}/archive", "Archive an alert", AlertObject, fields(), change=archive),
    Route(
        "GET",
        f"{_ONE}/notifications",
        "List the firings of an alert for a customer",
        AlertNotificationObject,
        listing(
            customer=String(required=True),
            action=Enum("triggered", "recovered"),
            cadence=String(),
            meter=String(),
            notified_at=Range(),
            subscription=String(),
        ),
        read=notifications,
        is_list=True,
    ),
    Route(
        "GET",
        f"{_ONE}/explain",
        "Explain why an alert has or has not fired for a customer",
        AlertExplanationObject,
        fields(customer=String(required=True)),
        handle=explanation,
    ),
)
