"""What the data plane knows of the control plane: meters with their alerts, customers, endpoints.

A cache of the store, filled on first use and told of each change in the transaction that makes it.
"""

import itertools
from collections.abc import Collection, Mapping

from tripmeter.control.clocks import time_on
from tripmeter.model.alert import Alert
from tripmeter.model.event import Endpoint
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Scope
from tripmeter.model.standing import Bound
from tripmeter.model.stored import Kept
from tripmeter.model.usage import RefusalCode, UsageRefused
from tripmeter.ports import Session
from tripmeter.rules.access import applying, bound
from tripmeter.rules.aggregate import is_superseding
from tripmeter.rules.alerts.usage_threshold import Watch


class MeterState:
    """A meter and the alerts that watch it. `version` moves whenever the alerts change."""

    __slots__ = (
        "alerts",
        "by_customer",
        "everyone",
        "is_billed",
        "limited",
        "limits",
        "limits_by_customer",
        "meter",
        "no",
        "scope",
        "superseding",
        "version",
    )

    def __init__(self, no: int, meter: Meter) -> None:
        self.no = no
        self.meter = meter
        self.scope = Scope.of(meter)
        self.superseding = is_superseding(meter.formula, meter.window)
        self.version = 0
        self.alerts: dict[int, Alert] = {}
        self.everyone: tuple[Watch, ...] = ()
        self.by_customer: dict[str, tuple[Watch, ...]] = {}
        self.is_billed = False
        """Whether its usage was ever billed to anybody."""
        self.limited = False
        """Whether there is a limit on its usage, for anybody."""
        self.limits: tuple[Bound, ...] = ()
        self.limits_by_customer: dict[str, tuple[Bound, ...]] = {}

    def watches(self, customer: str) -> tuple[Watch, ...]:
        """The alerts that watch this customer's usage."""
        return self.everyone + self.by_customer.get(customer, ())

    def limits_of(self, customer: str) -> tuple[Bound, ...]:
        """The limits on this customer's usage."""
        own = self.limits_by_customer.get(customer)
        return self.limits if own is None else applying(self.limits, own)


class Catalogue:
    """Meters, customers and endpoints by the names that usage gives them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._versions = itertools.count(1)
        self._named: dict[tuple[Scope, str], MeterState] = {}
        self._meters: dict[int, MeterState] = {}
        self._endpoints: dict[Scope, list[Kept[Endpoint]]] = {}
        self._on_clocks: dict[Scope, dict[str, str]] = {}
        self._by_id: dict[tuple[Scope, str], int] = {}
        self.limited: set[int] = set()
        """The numbers of meters on whose usage there are limits."""

    def named(self, scope: Scope, event_name: str) -> MeterState | UsageRefused:
        """The active meter for an event name, or why there is none."""
        state = self._named.get((scope, event_name))
        if state is not None:
            return state
        kept = self._session.active_meter(scope, event_name)
        if kept is None:
            return self._no_meter(scope, event_name)
        state = self._named[scope, event_name] = self.numbered(kept.no)
        return state

    def _no_meter(self, scope: Scope, event_name: str) -> UsageRefused:
        inactive = self._session.any_meter(scope, event_name)
        if inactive is None:
            return UsageRefused(
                RefusalCode.NO_METER,
                f"No active meter found for event name '{event_name}'. "
                "Create a meter with this event_name first.",
                "event_name",
            )
        return UsageRefused(
            RefusalCode.ARCHIVED_METER,
            f"The meter {inactive.value.id} for event name '{event_name}' is inactive. "
            "Reactivate it, or create another one, to report usage.",
            "event_name",
            inactive.no,
        )

    def of_id(self, scope: Scope, meter: str, param: str = "meter") -> MeterState:
        """The meter with an id. Raises ResourceMissing naming `param`."""
        no = self._by_id.get((scope, meter))
        if no is None:
            no = self._session.meters.get(scope, meter, param).no
            self._by_id[scope, meter] = no
        return self.numbered(no)

    def numbered(self, no: int) -> MeterState:
        """The meter with this number, active or not."""
        state = self._meters.get(no)
        if state is None:
            state = self._meters[no] = MeterState(no, self._session.meters.numbered(no))
            self._read_alerts(state)
            self._read_limits(state)
        return state

    def customer_numbers(self, scope: Scope, customers: Collection[str]) -> dict[str, int]:
        """The numbers of customers that exist and are not deleted, from the store."""
        return self._session.customer_numbers(scope, customers)

    def on_clocks(self, scope: Scope) -> Mapping[str, str]:
        """The customers that are on a test clock, and its id. There are few: it is read as one."""
        if scope.livemode:
            return {}
        if scope not in self._on_clocks:
            self._on_clocks[scope] = {
                customer.value.id: clock.value.id
                for clock in self._session.test_clocks.every(scope)
                for customer in self._session.customers.every(scope, clock=clock.value.id)
            }
        return self._on_clocks[scope]

    def now_of(self, scope: Scope, customer: str, now_ms: int) -> int:
        """What time it is for a customer: `now_ms`, unless a test clock says otherwise."""
        clock = self.on_clocks(scope).get(customer)
        return now_ms if clock is None else time_on(self._session, scope, clock, now_ms)

    def customer_changed(self, scope: Scope) -> None:
        """Forget which customers of a scope are on clocks until that is asked for again."""
        self._on_clocks.pop(scope, None)

    def endpoints(self, scope: Scope) -> list[Kept[Endpoint]]:
        """The endpoints of a scope."""
        if scope not in self._endpoints:
            self._endpoints[scope] = self._session.outbox.endpoints(scope)
        return self._endpoints[scope]

    def meter_changed(self, scope: Scope, meter: str) -> None:
        """Read a meter and its alerts again; one that was rolled back is not there."""
        kept = self._session.meters.find(scope, meter)
        if kept is None:
            self._by_id.pop((scope, meter), None)
            return
        state = self._meters.get(kept.no)
        self._named.pop((scope, kept.value.event_name), None)
        if state is not None:
            state.meter = kept.value
            self._read_alerts(state)
            self._read_limits(state)

    def endpoints_changed(self, scope: Scope) -> None:
        """Forget a scope's endpoints until they are asked for again."""
        self._endpoints.pop(scope, None)

    def _read_alerts(self, state: MeterState) -> None:
        everyone: list[Watch] = []
        by_customer: dict[str, tuple[Watch, ...]] = {}
        kept = self._session.alerts_of_meter(state.scope, state.meter.id)
        for no, alert in kept:
            watch = watch_of(self._session, no, alert)
            if alert.customer is None:
                everyone.append(watch)
            else:
                others = by_customer.get(alert.customer, ())
                by_customer[alert.customer] = (*others, watch)
        state.alerts = dict(kept)
        state.everyone = tuple(everyone)
        state.by_customer = by_customer
        state.is_billed = self._session.bills_meter(state.scope, state.meter.id)
        state.version = next(self._versions)

    def _read_limits(self, state: MeterState) -> None:
        everyone: list[Bound] = []
        by_customer: dict[str, tuple[Bound, ...]] = {}
        for _, limit in self._session.usage_limits.every(state.scope, meter=state.meter.id):
            if limit.customer is None:
                everyone.append(bound(limit))
            else:
                by_customer[limit.customer] = (*by_customer.get(limit.customer, ()), bound(limit))
        state.limits = tuple(everyone)
        state.limits_by_customer = by_customer
        state.limited = bool(everyone or by_customer)
        if state.limited:
            self.limited.add(state.no)
        else:
            self.limited.discard(state.no)


def watch_of(session: Session, no: int, alert: Alert) -> Watch:
    """An alert as crossings see it: with its open activations."""
    activations = session.activations(no)
    opened = tuple(a for a in activations if a.closed_at is None)
    return Watch(no, alert.gte, alert.count_from, opened)
