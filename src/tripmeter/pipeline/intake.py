"""INTAKE: is a report acceptable? The part of the answer that needs the catalogue."""

from typing import NamedTuple

from tripmeter.model.meter import Formula
from tripmeter.model.scope import Scope
from tripmeter.model.usage import RefusalCode, UsageRefused, UsageReport
from tripmeter.pipeline.catalogue import Catalogue, MeterState
from tripmeter.rules.acceptance import check_dimensions, check_time, read_quantity


class Accepted(NamedTuple):
    """A report that may be counted, once its identifier is known to be new."""

    meter: MeterState
    customer_no: int
    customer: str
    timestamp_ms: int
    quantity: int
    text: str
    """The quantity as reported."""
    extras: dict[str, str] | None


def examine(
    catalogue: Catalogue, scope: Scope, report: UsageReport, now_ms: int
) -> Accepted | UsageRefused:
    """Check meter, customer, value, time and dimensions, in this order."""
    state = catalogue.named(scope, report.event_name)
    if isinstance(state, UsageRefused):
        return state
    found = _examine_payload(catalogue, state, report, now_ms)
    return found._replace(meter_no=state.no) if isinstance(found, UsageRefused) else found


def _examine_payload(
    catalogue: Catalogue, state: MeterState, report: UsageReport, now_ms: int
) -> Accepted | UsageRefused:
    meter, payload = state.meter, report.payload
    customer = payload.get(meter.customer_key)
    if not customer:
        return _no_customer_key(meter.customer_key)
    customer_no = catalogue.customer_no(state.scope, customer)
    if customer_no is None:
        return _no_such_customer(customer, meter.customer_key)
    quantity = read_quantity(meter, payload)
    if isinstance(quantity, UsageRefused):
        return quantity
    timestamp_ms = now_ms if report.timestamp_ms is None else report.timestamp_ms
    refused = check_time(timestamp_ms, now_ms) or check_dimensions(meter, payload)
    if refused is not None:
        return refused
    text = "1" if meter.formula is Formula.COUNT else payload[meter.value_key]
    extras = _extras(payload, meter.customer_key, meter.value_key)
    return Accepted(state, customer_no, customer, timestamp_ms, quantity, text, extras)


def _extras(payload: dict[str, str], *own: str) -> dict[str, str] | None:
    if len(payload) <= len(own) and all(key in own for key in payload):
        return None
    return {key: value for key, value in payload.items() if key not in own}


def _no_customer_key(key: str) -> UsageRefused:
    return UsageRefused(
        RefusalCode.NO_CUSTOMER_DEFINED,
        f"Customer mapping key {key} not found in payload.",
        f"payload[{key}]",
    )


def _no_such_customer(customer: str, key: str) -> UsageRefused:
    return UsageRefused(
        RefusalCode.CUSTOMER_NOT_FOUND,
        f"No such customer: '{customer[:60]}'. Create the customer before reporting its usage.",
        f"payload[{key}]",
    )
