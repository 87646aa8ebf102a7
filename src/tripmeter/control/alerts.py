"""Alerts: create, activate, deactivate, archive. Alerts are never edited, and have no events."""

from typing import Any

from msgspec import structs

from tripmeter.control.customers import existing
from tripmeter.model.alert import Activation, ActivationKind, Alert, AlertStatus, CountFrom
from tripmeter.model.errors import AlertLimitReached, ParameterInvalid, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.alerts.usage_threshold import ALERT_LIMIT


def create_alert(work: Work, caller: Caller, params: dict[str, Any]) -> Alert:
    """Make an active alert. Usage acknowledged before this never counts for it (C4).

    Raises AlertLimitReached for the 26th of one meter and customer; ResourceMissing for an
    unknown meter or customer.
    """
    scope = caller.scope
    threshold = params["usage_threshold"]
    meter = work.session.meters.get(scope, threshold["meter"], "usage_threshold[meter]").value
    customer = _filtered_customer(work, caller, threshold.get("filters") or [])
    if work.session.count_alerts(scope, meter.id, customer) >= ALERT_LIMIT:
        raise AlertLimitReached(ALERT_LIMIT)
    alert = Alert(
        id=new_id("alrt", work.now_ms, livemode=scope.livemode),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        title=params["title"],
        meter=meter.id,
        gte=threshold["gte"],
        customer=customer,
        count_from=CountFrom(threshold.get("count_from", "creation")),
    )
    no = work.session.alerts.insert(alert)
    _open(work, no, 1, ActivationKind.OPEN)
    work.meter_changed(scope, meter.id)
    return alert


def activate_alert(work: Work, caller: Caller, id: str) -> Alert:
    """Let an alert fire again: for everyone if it was inactive, else where it had fired."""
    kept = _changeable(work, caller, id)
    is_active = kept.value.status is AlertStatus.ACTIVE
    kind = ActivationKind.REARM if is_active else ActivationKind.OPEN
    number = work.session.activations(kept.no)[-1].number + 1
    _open(work, kept.no, number, kind)
    return _set_status(work, caller, kept, AlertStatus.ACTIVE)


def deactivate_alert(work: Work, caller: Caller, id: str) -> Alert:
    """Keep an alert from firing until it is activated again."""
    kept = _changeable(work, caller, id)
    if kept.value.status is AlertStatus.INACTIVE:
        raise StateConflict(f"The alert {id} is inactive already.")
    work.session.close_activations(kept.no, work.position)
    return _set_status(work, caller, kept, AlertStatus.INACTIVE)


def archive_alert(work: Work, caller: Caller, id: str) -> Alert:
    """Retire an alert for good. It can still be read by its id."""
    kept = _changeable(work, caller, id)
    work.session.close_activations(kept.no, work.position)
    return _set_status(work, caller, kept, AlertStatus.ARCHIVED)


def _open(work: Work, alert_no: int, number: int, kind: ActivationKind) -> None:
    activation = Activation(number, kind, work.position, opened_ms=work.now_ms)
    work.session.add_activation(alert_no, activation)


def _changeable(work: Work, caller: Caller, id: str) -> Kept[Alert]:
    kept = work.session.alerts.get(caller.scope, id)
    if kept.value.status is AlertStatus.ARCHIVED:
        raise StateConflict(f"The alert {id} is archived, which is final. Create a new alert.")
    return kept


def _set_status(work: Work, caller: Caller, kept: Kept[Alert], status: AlertStatus) -> Alert:
    alert = structs.replace(kept.value, status=status)
    work.session.alerts.replace(kept.no, alert)
    work.meter_changed(caller.scope, alert.meter)
    return alert


def _filtered_customer(work: Work, caller: Caller, filters: list[dict[str, Any]]) -> str | None:
    if not filters:
        return None
    param = "usage_threshold[filters][0][customer]"
    if "customer" not in filters[0]:
        raise ParameterInvalid(param, "A filter of type customer needs a customer.")
    return existing(work, caller, filters[0]["customer"], param).value.id
