"""ACCESS: how much of each limit is used? Usage against limits, as the data plane knows it.

What follows from it is decided in `rules/access` and done in `control/access_changes`.
"""

import numpy as np

from tripmeter.model.errors import ResourceMissing
from tripmeter.model.quantities import I64, total
from tripmeter.model.scope import Scope
from tripmeter.model.standing import Measures, Standing
from tripmeter.model.usage_limit import LimitPeriod
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.limited import Limited
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tally
from tripmeter.pipeline.tally import draw_next_line
from tripmeter.rules.access import month_of, revocation, stand


def make_ready(state: State, rows: I64, now_ms: int) -> None:
    """Have what limits need for the tallies of events that are about to be counted.

    Before their hours are noted: the usage of a month is made of hours and total at one moment.
    """
    for no in state.catalogue.limited:
        own = rows[state.tallies.meter_no[rows] == no]
        if len(own):
            for row in _concerned(state, state.catalogue.numbered(no), own):
                ready(state, Tally(state.tallies, row), now_ms)


def _concerned(state: State, meter: MeterState, rows: I64) -> list[int]:
    """Those rows whose customers have limits; quick where only few customers have any."""
    named = meter.limits_by_customer
    if not meter.limits and len(named) < len(rows):
        index = state.tallies.index(meter)
        known = [index[customer] for customer in named if customer in index]
        rows = rows[np.isin(rows, known)]
    found: list[int] = np.unique(rows).tolist()
    return found


def ready(state: State, tally: Tally, now_ms: int) -> Limited:
    """What limits need of a tally, made if it was not, and anew if a month has begun."""
    limited, meter = tally.limited, tally.meter
    if limited is not None and limited.version == meter.version and limited.month is None:
        return limited
    now_ms = state.catalogue.now_of(meter.scope, tally.customer, now_ms)
    if (
        limited is not None
        and limited.version == meter.version
        and limited.span[0] <= now_ms < limited.span[1]
    ):
        return limited
    made = Limited(meter.version, meter.limits_of(tally.customer))
    if any(one.limit.period is LimitPeriod.MONTH for one in made.bounds):
        made.month = month_of(now_ms)
        cells = state.cells(meter, tally.customer_no, tally.customer, made.month)
        made.base = tally.total - total(cells.quantities)
    made.learn(state.access.states(meter.scope, tally.customer), meter.meter.id)
    tally.limited = made
    draw_next_line(tally)
    return made


def learn_again(state: State, scope: Scope, customer: str) -> None:
    """Have a customer's tallies know what was told by now."""
    state.access.forget_states(scope, customer)
    for no in state.catalogue.limited:
        meter = state.catalogue.numbered(no)
        row = state.tallies.index(meter).get(customer) if meter.scope == scope else None
        if row is None:
            continue
        tally = Tally(state.tallies, row)
        if (limited := tally.limited) is not None:
            limited.learn(state.access.states(scope, customer), meter.meter.id)
            draw_next_line(tally)


def measures(state: State, scope: Scope, customer: str, meter: MeterState, now_ms: int) -> Measures:
    """How much of each limit a customer has used. Raises ResourceMissing for no such customer."""
    reserved = state.access.reserved(scope, customer, meter.meter.id, now_ms)
    customer_no = _number(state, scope, customer, meter)
    if not meter.limited:
        return Measures(state.peek(meter, customer_no, customer).total, reserved, ())
    row = state.tallies.named_row(meter, customer_no, customer)
    tally = Tally(state.tallies, row)
    limited = ready(state, tally, now_ms)
    return Measures(tally.total, reserved, limited.measured(tally.total, tally.billing))


def standing(state: State, scope: Scope, customer: str, meter: MeterState, now_ms: int) -> Standing:
    """Whether a customer may go on with a meter."""
    found = measures(state, scope, customer, meter, now_ms)
    return stand(found, state.access.states(scope, customer), meter.meter.id)


def all_standings(
    state: State, scope: Scope, customer: str, now_ms: int
) -> list[tuple[str | None, Standing]]:
    """Where a customer stands with each meter that is limited, or of which something was said;
    and, with None, what goes for all of them. Reads the store."""
    if state.session.customers.get(scope, customer).value.deleted:
        raise ResourceMissing("customer", customer)
    own = state.session.usage_limits.every(scope, customer=customer)
    meters = dict.fromkeys(state.access.meters_for_all(scope))
    meters |= {kept.value.meter: None for kept in own}
    states = state.access.states(scope, customer)
    meters |= {one.meter: None for one in states if one.meter}
    found: list[tuple[str | None, Standing]] = []
    if revocation(states, ""):
        found.append((None, stand(Measures(0, 0, ()), states, "")))
    for meter in sorted(meters):
        known = state.catalogue.of_id(scope, meter)
        found.append((meter, standing(state, scope, customer, known, now_ms)))
    return found


def _number(state: State, scope: Scope, customer: str, meter: MeterState) -> int:
    row = state.tallies.index(meter).get(customer)
    if row is not None:
        return int(state.tallies.customer_no[row])
    kept = state.session.customers.get(scope, customer)
    if kept.value.deleted:
        raise ResourceMissing("customer", customer)
    return kept.no
