"""Finds the facts that explain an alert to a person: contract C9."""

from tripmeter.model.alert import Activation, Alert, AlertStatus, CountFrom
from tripmeter.model.explanation import Explanation, Reason
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.pipeline.catalogue import watch_of
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tally
from tripmeter.rules.alerts.usage_threshold import Standing, Watch, baseline, current_activation


def explain(state: State, kept: Kept[Alert], customer_no: int, customer: str) -> Explanation:
    """What was counted for a customer, what was not, and what happens next; of tallied alerts."""
    alert = kept.value
    assert alert.meter is not None  # a total is that of a meter
    scope_meter = state.session.meters.get(Scope.of(alert), alert.meter)
    meter = state.catalogue.numbered(scope_meter.no)
    tally = state.peek(meter, customer_no, customer)
    watch = watch_of(state.session, kept.no, alert)
    if alert.status is not AlertStatus.ACTIVE or not watch.activations:
        return _idle(alert, customer, Reason.NOT_ACTIVE, tally.total)
    if alert.customer not in (None, customer):
        return _idle(alert, customer, Reason.OTHER_CUSTOMER, tally.total)
    marks = [mark for mark in tally.marks if mark.alert_no == kept.no]
    activation, standing = current_activation(watch.activations, marks)
    base = _baseline(watch, activation, tally)
    counted = tally.total - base
    return Explanation(
        alert=alert,
        customer=customer,
        reason=_reason(standing, counted),
        total=tally.total,
        counted=counted,
        not_counted=base,
        remaining=None if standing is Standing.FIRED else max(alert.gte * SCALE - counted, 0),
        activation=activation,
    )


def _idle(alert: Alert, customer: str, reason: Reason, total: int) -> Explanation:
    return Explanation(
        alert=alert,
        customer=customer,
        reason=reason,
        total=total,
        counted=0,
        not_counted=total,
        remaining=None,
        activation=None,
    )


def _baseline(watch: Watch, activation: Activation, tally: Tally) -> int:
    """As drawn when the alert joined; the total as it is, where it will join on the next event."""
    joined = tally.joins and tally.joins[-1].position >= activation.position
    if watch.count_from is CountFrom.LIFETIME:
        return 0
    return baseline(watch.count_from, activation, tally.joins) if joined else tally.total


def _reason(standing: Standing, counted: int) -> Reason:
    if standing is Standing.FIRED:
        return Reason.FIRED
    return Reason.BELOW if counted else Reason.NO_USAGE_YET
