"""`/v1/billing/alerts`."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, bounds_ms, fields, list_object, listing
from tripmeter.api.encoding import encode
from tripmeter.api.resources.credits import CREDIT_SCOPE, money
from tripmeter.control import alerts
from tripmeter.model.stored import Page, Slice
from tripmeter.pipeline.explain import explain
from tripmeter.pipeline.explain_billed import explain_billed
from tripmeter.pipeline.jobs import QueryJob
from tripmeter.pipeline.state import State
from tripmeter.ports import Session, Work
from tripmeter.wire.actions import ACTIONS
from tripmeter.wire.alerts import (
    AlertNotificationObject,
    AlertObject,
    alert_object,
    firing_object,
    notification_object,
)
from tripmeter.wire.explanations import (
    AlertExplanationObject,
    billed_explanation_object,
    explanation_object,
)
from tripmeter.wire.params import Enum, Integer, ListOf, Object, Range, String

_PATH: Final = "/v1/billing/alerts"
_ONE: Final = f"{_PATH}/{{id}}"

_FILTER: Final = Object({"type": Enum("customer", required=True), "customer": String()})

_TYPES: Final = ("usage_threshold", "spend_threshold", "credit_balance_threshold")

_USAGE: Final = Object(
    {
        "gte": Integer(required=True, minimum=1, maximum=10**15 - 1),
        "meter": String(required=True),
        "recurrence": Enum("one_time", required=True),
        "filters": ListOf(_FILTER, max_items=1, blank="unset"),
        "count_from": Enum(
            "creation",
            "lifetime",
            "period_start",
            description="Which usage counts: what is reported after the alert's creation or "
            "activation, all there ever was, or that of the current billing period, in each of "
            "which it fires anew (extension).",
        ),
    }
)

_PLANS: Final = "Not supported, as there are no pricing plans: refused."

_SPEND: Final = Object(
    {
        "aggregation_period": Enum("billing", required=True),
        "gte": Object(
            {
                "type": Enum("amount", required=True),
                "amount": Object(money(minimum=1)),
            },
            required=True,
        ),
        "filters": Object(
            {
                "customer": String(description="Watch this customer alone (extension)."),
                "subscription": String(description="Watch this subscription alone (extension)."),
                "billable_items": ListOf(String(), description=_PLANS),
                "billing_cadence": String(description=_PLANS),
                "pricing_plan": String(description=_PLANS),
                "pricing_plan_subscription": String(description=_PLANS),
            }
        ),
        "group_by": Enum("subscription", description="Each has its own spend (extension)."),
    }
)

_CREDIT_BALANCE: Final = Object(
    {
        "lte": Object(
            {
                "balance_type": Enum("monetary", required=True),
                "monetary": Object(money(minimum=0)),
            },
            required=True,
        ),
        "filters": ListOf(
            Object(
                {
                    "type": Enum("customer", required=True),
                    "customer": String(),
                    "credit_grants": Object(
                        {
                            "applicability_config": Object(
                                {"scope": Object(CREDIT_SCOPE, required=True)}, required=True
                            )
                        }
                    ),
                }
            ),
            max_items=1,
        ),
    }
)

_CREATE: Final = fields(
    alert_type=Enum(*_TYPES, required=True),
    title=String(required=True, max_length=256),
    usage_threshold=_USAGE,
    spend_threshold=_SPEND,
    credit_balance_threshold=_CREDIT_BALANCE,
    actions=ACTIONS,
)


def create(work: Work, call: Call) -> Any:
    """Make an alert."""
    return alert_object(alerts.create_alert(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change what is done when an alert is triggered."""
    return alert_object(alerts.update_alert(work, call.caller, call.id, call.own_params))


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
    """What was told of an alert, newest first."""
    alert = session.alerts.get(call.scope, call.id).value
    path = f"{_PATH}/{alert.id}/notifications"
    if call.params.get("meter", alert.meter) != alert.meter or "cadence" in call.params:
        return list_object(path, Slice([], has_more=False), notification_object)
    wanted: dict[str, Any] = {
        "alert": alert.id,
        "customer": call.params.get("customer"),
        **bounds_ms(call.params.get("notified_at")),
    }
    if not alert.tallied:
        wanted |= {name: call.params.get(name) for name in ("action", "subscription")}
        told = session.alert_notifications.page(call.scope, call.page, **wanted)
        return list_object(path, told, notification_object)
    fired = session.firings.page(call.scope, call.page, **wanted)
    if call.params.get("action") == "recovered" or "subscription" in call.params:
        fired = fired._replace(items=[], has_more=False)
    return list_object(path, fired, firing_object)


async def explanation(call: Call) -> Reply:
    """Why the alert has or has not fired for a customer."""

    def query(state: State, session: Session, now_ms: int) -> Any:
        kept = session.alerts.get(call.scope, call.id)
        customer = session.customers.get(call.scope, call.params["customer"], "customer")
        if not kept.value.tallied:
            found = explain_billed(state, kept, customer.value.id, now_ms)
            return billed_explanation_object(found)
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
        listing(alert_type=Enum(*_TYPES), meter=String(), customer=String()),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve an alert", AlertObject, fields(), read=retrieve),
    Route(
        "POST",
        _ONE,
        "Change the actions of an alert",
        AlertObject,
        fields(actions=ACTIONS),
        change=update,
    ),
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
        "List what was told of an alert",
        AlertNotificationObject,
        listing(
            customer=String(description="For whom; everybody unless given."),
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
