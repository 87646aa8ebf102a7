"""Finds what a customer's page shows: usage with its lines, spend, credits, invoices, changes."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from tripmeter.billing.contract import contract
from tripmeter.billing.spending import spent
from tripmeter.billing.subscriptions import OVER
from tripmeter.billing.unbilled import Seen, used_of
from tripmeter.control.access import account_name
from tripmeter.control.clocks import time_on
from tripmeter.control.credit_scopes import balances_of
from tripmeter.model.alert import Alert, CountFrom
from tripmeter.model.invoice import InvoiceStatus
from tripmeter.model.portal import AlertLine, MeterFacts, PortalFacts, Spend
from tripmeter.model.quantities import total
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Scope
from tripmeter.model.standing import Bound
from tripmeter.model.stored import Page
from tripmeter.model.usage_limit import LimitKind, LimitPeriod, SetBy
from tripmeter.pipeline.access import measures
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tally
from tripmeter.rules.access import month_of, stand

SHOWN: Final = 20
"""Of meters, invoices and changes: so many at most."""


def portal_facts(state: State, scope: Scope, customer: str, now_ms: int) -> PortalFacts | None:
    """What the page of a customer shows; None for one that is gone."""
    kept = state.session.customers.find(scope, customer)
    if kept is None or kept.value.deleted:
        return None
    own_ms = time_on(state.session, scope, kept.value.clock, now_ms)
    session = state.session
    page = Page(SHOWN)
    invoices = session.invoices.page(scope, Page(SHOWN), customer=customer).items
    addresses = session.notice_addresses.page(scope, page, customer=customer).items
    changes = session.limit_changes.page(scope, page, customer=customer).items
    return PortalFacts(
        customer=kept.value,
        account_name=account_name(session, scope),
        now_ms=own_ms,
        meters=tuple(_meters(state, scope, customer, kept.no, now_ms)),
        spend=tuple(_spend(state, scope, customer, own_ms)),
        credits=tuple(_credits(state, scope, customer, now_ms)),
        invoices=tuple(
            one.value for one in invoices if one.value.status is not InvoiceStatus.DRAFT
        ),
        addresses=tuple(one.value for one in addresses),
        changes=tuple(one.value for one in changes),
    )


def _meters(
    state: State, scope: Scope, customer: str, customer_no: int, now_ms: int
) -> Iterator[MeterFacts]:
    for kept in state.session.meters.page(scope, Page(100), status="active").items:
        meter = state.catalogue.numbered(kept.no)
        if meter.limited:
            tally = Tally(state.tallies, state.tallies.named_row(meter, customer_no, customer))
        else:
            tally = state.peek(meter, customer_no, customer)
        found = _meter(state, scope, tally, now_ms)
        if tally.total or found.limits or tally.billing is not None:
            yield found


def _meter(state: State, scope: Scope, tally: Tally, now_ms: int) -> MeterFacts:
    meter, customer = tally.meter, tally.customer
    bounds = meter.limits_of(customer)
    period = _period(tally, bounds)
    used, start_ms, end_ms = _used(state, tally, period, now_ms)
    states = state.access.states(scope, customer)
    found = measures(state, scope, customer, meter, now_ms)
    return MeterFacts(
        meter=meter.meter,
        period=period,
        used=used,
        start_ms=start_ms,
        end_ms=end_ms,
        now=stand(found, states, meter.meter.id),
        limits=tuple(one for one in bounds if one.limit.period is period),
        alerts=tuple(_alerts(state, meter, customer, period)),
    )


def _period(tally: Tally, bounds: tuple[Bound, ...]) -> LimitPeriod:
    """That of the operator's hard limit; else that which is billed, or the month."""
    for one in bounds:
        if one.limit.kind is LimitKind.HARD and one.limit.set_by is SetBy.OPERATOR:
            return one.limit.period
    for one in bounds:
        return one.limit.period
    if tally.meter.superseding:
        return LimitPeriod.LIFETIME
    billing = tally.billing
    return LimitPeriod.BILLING if billing and billing.current else LimitPeriod.MONTH


def _used(
    state: State, tally: Tally, period: LimitPeriod, now_ms: int
) -> tuple[int, int | None, int | None]:
    meter, billing = tally.meter, tally.billing
    if period is LimitPeriod.MONTH:
        month = month_of(state.catalogue.now_of(meter.scope, tally.customer, now_ms))
        cells = state.cells(meter, tally.customer_no, tally.customer, month)
        return total(cells.quantities), *month
    if period is LimitPeriod.BILLING:
        current = billing.current if billing is not None else []
        if not current:
            return 0, None, None
        most = max(current, key=lambda one: one.usage(tally.total))
        return most.usage(tally.total), most.window.start_ms, most.window.end_ms
    return tally.total, None, None


_COUNTED: Final = {
    LimitPeriod.LIFETIME: CountFrom.LIFETIME,
    LimitPeriod.BILLING: CountFrom.PERIOD_START,
}
"""Which alerts count what a period counts; none counts a calendar month."""


def _alerts(
    state: State, meter: MeterState, customer: str, period: LimitPeriod
) -> Iterator[AlertLine]:
    session, scope = state.session, meter.scope
    found: list[Alert] = [
        *(kept.value for kept in session.alerts_of_meter(scope, meter.meter.id)),
        *(kept.value for kept in session.untallied_alerts(scope, customer)),
    ]
    for alert in found:
        is_here = alert.meter == meter.meter.id and alert.customer in (None, customer)
        if is_here and alert.count_from is _COUNTED.get(period):
            yield AlertLine(alert.title, alert.gte * SCALE)


def _spend(state: State, scope: Scope, customer: str, own_ms: int) -> Iterator[Spend]:
    for _, subscription in state.session.subscriptions.every(scope, customer=customer):
        if subscription.status in OVER:
            continue
        agreed = contract(state.session, scope, subscription.id)
        used = used_of(agreed, partial(state.window_usage, position=state.position))
        yield Spend(
            spent(state.session, Seen(agreed, used, own_ms)),
            subscription.currency,
            subscription.period_start_ms,
            subscription.period_end_ms,
        )


def _credits(state: State, scope: Scope, customer: str, now_ms: int) -> Iterator[tuple[int, str]]:
    params = {
        "customer": customer,
        "filter": {
            "type": "applicability_scope",
            "applicability_scope": {"price_type": "metered"},
        },
    }
    _, balances = balances_of(state.session, scope, params, now_ms)
    for balance in balances:
        yield balance.available, balance.currency
