"""Meters: create, rename, deactivate, reactivate."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce
from tripmeter.model.errors import MeterNameTaken, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.meter import Formula, Meter, Window
from tripmeter.model.scope import Caller
from tripmeter.ports import Work
from tripmeter.wire.objects import meter_object

_URL: Final = "/v1/billing/meters"


def create_meter(work: Work, caller: Caller, params: dict[str, Any]) -> Meter:
    """Make a meter. Raises MeterNameTaken while another one is active for the event name."""
    scope = caller.scope
    _check_name_free(work, caller, params["event_name"])
    window = params.get("event_time_window")
    dimensions = params.get("dimension_payload_keys")
    meter = Meter(
        id=new_id("mtr", work.now_ms, livemode=scope.livemode),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        updated_ms=work.now_ms,
        display_name=params["display_name"],
        event_name=params["event_name"],
        formula=Formula(params["default_aggregation"]["formula"]),
        window=Window(window) if window else None,
        customer_key=_payload_key(params, "customer_mapping", "stripe_customer_id"),
        value_key=_payload_key(params, "value_settings", "value"),
        dimension_keys=tuple(dimensions) if dimensions is not None else None,
    )
    work.session.meters.insert(meter)
    work.meter_changed(scope, meter.id)
    announce(work, caller, "billing.meter.created", meter_object(meter), _URL)
    return meter


def update_meter(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Meter:
    """Rename a meter; nothing else of it can change."""
    before = work.session.meters.get(caller.scope, id).value
    name = params.get("display_name", before.display_name)
    return _change(work, caller, id, "billing.meter.updated", display_name=name)


def deactivate_meter(work: Work, caller: Caller, id: str) -> Meter:
    """Stop accepting usage for a meter. Its event name becomes free."""
    if not work.session.meters.get(caller.scope, id).value.active:
        raise StateConflict(f"The meter {id} is inactive already.")
    changes = {"active": False, "deactivated_ms": work.now_ms}
    return _change(work, caller, id, "billing.meter.deactivated", **changes)


def reactivate_meter(work: Work, caller: Caller, id: str) -> Meter:
    """Accept usage again. Raises MeterNameTaken if the event name has found another meter."""
    meter = work.session.meters.get(caller.scope, id).value
    if meter.active:
        raise StateConflict(f"The meter {id} is active already.")
    _check_name_free(work, caller, meter.event_name)
    changes: dict[str, Any] = {"active": True, "deactivated_ms": None}
    return _change(work, caller, id, "billing.meter.reactivated", **changes)


def _change(work: Work, caller: Caller, id: str, event_type: str, **changes: Any) -> Meter:
    kept = work.session.meters.get(caller.scope, id)
    after = structs.replace(kept.value, updated_ms=work.now_ms, **changes)
    work.session.meters.replace(kept.no, after)
    work.meter_changed(caller.scope, id)
    before = meter_object(kept.value)
    announce(work, caller, event_type, meter_object(after), _URL, before=before)
    return after


def _check_name_free(work: Work, caller: Caller, event_name: str) -> None:
    if work.session.active_meter(caller.scope, event_name) is not None:
        raise MeterNameTaken(event_name)


def _payload_key(params: dict[str, Any], group: str, default: str) -> str:
    return str(params.get(group, {}).get("event_payload_key", default))
