"""The oracle: what must have happened, by definition.

It shares no code with the engine. It keeps a plain list of everything that was done, never a
running total, and answers each question by going through that list from the beginning, with the
rules of `definitions`. `now` is always given.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from support.definitions import (
    AHEAD_MS,
    ALERTS_PER_SCOPE,
    OLDEST_MS,
    REMEMBERED_MS,
    Activation,
    Alert,
    Answer,
    Endpoint,
    Event,
    Firing,
    Meter,
    Moment,
    Notice,
    Report,
    activation_of,
    read_value,
    usage_by_arrival,
    usage_by_timestamp,
)


class Ordinals:
    """Hands out positions: one for each event counted and for each cancellation, without gaps."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        """The next position."""
        self.last += 1
        return self.last


class Oracle:
    """All that was done in one account and mode, and what follows from it.

    Every change answers with a word: `done`, `counted`, `replayed`, or why it was refused.
    """

    def __init__(self, ordinals: Ordinals) -> None:
        self.ordinals = ordinals
        self.meters: dict[str, Meter] = {}
        self.customers: dict[str, bool] = {}
        """Whether each is deleted."""
        self.alerts: dict[str, Alert] = {}
        self.events: list[Event] = []
        self.derived: dict[tuple[str | None, int], str] = {}
        """The identifier that the engine gave to the nameless event at a place of a request."""
        self.firings: list[Firing] = []
        self.endpoints: dict[str, Endpoint] = {}
        self.disabled: set[str] = set()
        self.notices: Counter[Notice] = Counter()
        self.pending: dict[str, Counter[Notice]] = {}

    # meters and customers

    def active_meter(self, event_name: str) -> Meter | None:
        """The meter that counts events of this name."""
        named = (m for m in self.meters.values() if m.event_name == event_name and m.active)
        return next(named, None)

    def create_meter(self, meter: Meter) -> str:
        """Only one active meter may have an event name."""
        if self.active_meter(meter.event_name):
            return "MeterNameTaken"
        self.meters[meter.key] = meter
        return self._tell("billing.meter.created", meter.key)

    def deactivate_meter(self, key: str) -> str:
        """From now on its events are refused."""
        meter = self.meters[key]
        if not meter.active:
            return "StateConflict"
        meter.active = False
        return self._tell("billing.meter.deactivated", key)

    def reactivate_meter(self, key: str) -> str:
        """From now on its events are counted again."""
        meter = self.meters[key]
        if meter.active:
            return "StateConflict"
        if self.active_meter(meter.event_name):
            return "MeterNameTaken"
        meter.active = True
        return self._tell("billing.meter.reactivated", key)

    def create_customer(self, id: str) -> str:
        """An id is never given twice, not even after a deletion."""
        if id in self.customers:
            return "ParameterInvalid"
        self.customers[id] = False
        return self._tell("customer.created", id)

    def delete_customer(self, id: str) -> str:
        """From now on usage of this customer is refused."""
        if not self._exists(id):
            return "ResourceMissing"
        self.customers[id] = True
        return self._tell("customer.deleted", id)

    def _exists(self, customer: str) -> bool:
        return self.customers.get(customer) is False

    # alerts

    def create_alert(self, alert: Alert) -> str:
        """At most 25 for one meter and customer, archived ones aside."""
        if alert.customer is not None and not self._exists(alert.customer):
            return "ResourceMissing"
        beside = [
            other
            for other in self.alerts.values()
            if other.meter is alert.meter
            and other.customer == alert.customer
            and other.status != "archived"
        ]
        if len(beside) >= ALERTS_PER_SCOPE:
            return "AlertLimitReached"
        self.alerts[alert.key] = alert
        return self._happens(alert, "created")

    def activate(self, key: str) -> str:
        """Opens an activation, unless the alert is archived."""
        alert = self.alerts[key]
        return "StateConflict" if alert.status == "archived" else self._happens(alert, "activated")

    def deactivate(self, key: str) -> str:
        """Only an active alert can be deactivated."""
        alert = self.alerts[key]
        return "StateConflict" if alert.status != "active" else self._happens(alert, "deactivated")

    def archive(self, key: str) -> str:
        """Only once."""
        alert = self.alerts[key]
        return "StateConflict" if alert.status == "archived" else self._happens(alert, "archived")

    def _happens(self, alert: Alert, what: str) -> str:
        alert.moments.append(Moment(what, self.ordinals.last))
        return "done"

    # usage

    def report(self, reports: list[Report], request: str | None, now_ms: int) -> list[Answer]:
        """A word for each report of one request, in order, and the event that was meant."""
        return [
            self._report_one(report, request, index, len(reports), now_ms)
            for index, report in enumerate(reports)
        ]

    def _report_one(
        self, report: Report, request: str | None, index: int, of: int, now_ms: int
    ) -> Answer:
        refused = self._what_is_wrong(report, now_ms)
        if refused:
            return Answer(refused)
        event = self._event(report, request, index, now_ms)
        seen = self._seen(event, now_ms)
        if seen:
            word = self._judge_repeated(seen, event, report.timestamp_ms is not None, of)
            return Answer(word, seen if word == "replayed" else None)
        event.position = self.ordinals.next()
        self.events.append(event)
        self._evaluate(event)
        return Answer("counted", event)

    def _what_is_wrong(self, report: Report, now_ms: int) -> str | None:
        meter = self.active_meter(report.event_name)
        if meter is None:
            known = any(m.event_name == report.event_name for m in self.meters.values())
            return "archived_meter" if known else "no_meter"
        if not report.payload.get("stripe_customer_id"):
            return "meter_event_no_customer_defined"
        if not self._exists(report.payload["stripe_customer_id"]):
            return "meter_event_customer_not_found"
        if meter.formula != "count":
            if "value" not in report.payload:
                return "meter_event_value_not_found"
            value = read_value(report.payload["value"])
            if isinstance(value, str):
                return value
        at = now_ms if report.timestamp_ms is None else report.timestamp_ms
        if at < now_ms - OLDEST_MS:
            return "timestamp_too_far_in_past"
        if at > now_ms + AHEAD_MS:
            return "timestamp_in_future"
        if not all(report.payload.get(key) for key in meter.dimensions):
            return "missing_dimension_payload_keys"
        return None

    def _event(self, report: Report, request: str | None, index: int, now_ms: int) -> Event:
        meter = self.active_meter(report.event_name)
        assert meter
        value = Decimal(1) if meter.formula == "count" else Decimal(report.payload["value"])
        own = ("stripe_customer_id", "value")
        return Event(
            position=0,
            meter=meter,
            customer=report.payload["stripe_customer_id"],
            timestamp_ms=now_ms if report.timestamp_ms is None else report.timestamp_ms,
            value=value,
            extras={key: text for key, text in report.payload.items() if key not in own},
            identifier=report.identifier or self.derived.get((request, index)),
            request=request,
            index=index,
            received_ms=now_ms,
        )

    def _seen(self, event: Event, now_ms: int) -> Event | None:
        """The event received in the last 24 hours with the same identifier.

        Nameless events are known by their request and their place in it.
        """
        for other in reversed(self.events):
            if now_ms - other.received_ms > REMEMBERED_MS:
                continue
            if event.identifier is not None and other.identifier == event.identifier:
                return other
            same_place = (other.request, other.index) == (event.request, event.index)
            if event.identifier is None and event.request is not None and same_place:
                return other
        return None

    def remembered(self, now_ms: int) -> set[str | None]:
        """The identifiers of the last 24 hours."""
        recent = (e for e in self.events if now_ms - e.received_ms <= REMEMBERED_MS)
        return {event.identifier for event in recent}

    def _judge_repeated(self, seen: Event, event: Event, timed: bool, of: int) -> str:
        if event.request is None or event.request != seen.request:
            return "duplicate_meter_event"
        same = (
            seen.meter is event.meter
            and seen.customer == event.customer
            and seen.value == event.value
            and seen.extras == event.extras
            and (not timed or seen.timestamp_ms == event.timestamp_ms)
        )
        if same:
            return "replayed"
        return "IdempotencyMismatch" if of == 1 else "duplicate_meter_event"

    def cancel(self, event_name: str, identifier: str, now_ms: int) -> str:
        """Take an event back: within 24 hours of its receipt, and once."""
        recent = [
            event
            for event in self.events
            if event.identifier == identifier and now_ms - event.received_ms <= REMEMBERED_MS
        ]
        if not recent or recent[-1].meter.event_name != event_name or recent[-1].cancelled_at:
            return "CancellationRefused"
        recent[-1].cancelled_at = self.ordinals.next()
        return "done"

    # what follows

    def counted_events(self, meter: Meter, customer: str, after: int = 0) -> list[Event]:
        """The events of a customer that arrived after a position and are not cancelled."""
        return [
            event
            for event in self.events
            if event.meter is meter
            and event.customer == customer
            and event.position > after
            and not event.cancelled_at
        ]

    def usage(self, alert: Alert, customer: str, activation: Activation) -> Decimal:
        """The usage that an alert counts for a customer."""
        after = 0 if alert.count_from == "lifetime" else activation.after
        return usage_by_arrival(alert.meter, self.counted_events(alert.meter, customer, after))

    def _evaluate(self, event: Event) -> None:
        """Which alerts fire on this very event?"""
        for alert in self.alerts.values():
            if alert.meter is not event.meter or not alert.covers(event.customer):
                continue
            activation = activation_of(alert, event.customer)
            if activation is None or activation.fired:
                continue
            usage = self.usage(alert, event.customer, activation)
            if usage >= alert.gte:
                alert.moments.append(Moment("fired", event.position, event.customer))
                fired = Firing(alert.key, event.customer, activation.number, event, usage)
                self.firings.append(fired)
                self._tell("billing.alert.triggered", alert.key)

    def total(self, meter: Meter, customer: str) -> Decimal:
        """A customer's usage over all time."""
        return usage_by_arrival(meter, self.counted_events(meter, customer))

    def summary(self, meter: Meter, customer: str, start_ms: int, end_ms: int) -> Decimal:
        """A customer's usage with a timestamp in [start, end)."""
        events = self.counted_events(meter, customer)
        inside = [event for event in events if start_ms <= event.timestamp_ms < end_ms]
        return usage_by_timestamp(meter, inside)

    def statuses(self) -> Iterator[tuple[Alert, str, Activation | None]]:
        """Where each alert stands for each customer that it covers."""
        for alert in self.alerts.values():
            for customer in self.customers:
                if alert.covers(customer):
                    yield alert, customer, activation_of(alert, customer)

    # endpoints

    def create_endpoint(self, endpoint: Endpoint) -> str:
        """It is told of what happens from now on."""
        self.endpoints[endpoint.key] = endpoint
        self.pending[endpoint.key] = Counter()
        return "done"

    def enable_endpoint(self, key: str, *, enabled: bool) -> str:
        """A disabled endpoint is told nothing; what was on its way is given up."""
        if enabled:
            self.disabled.discard(key)
        else:
            self.disabled.add(key)
            self.pending[key].clear()
        return "done"

    def delete_endpoint(self, key: str) -> str:
        """As if it had never been, from now on."""
        del self.endpoints[key], self.pending[key]
        self.disabled.discard(key)
        return "done"

    def delivered(self, key: str, notice: Notice) -> None:
        """An endpoint received what was on its way to it."""
        assert self.pending[key][notice] > 0, f"{key} received {notice}, which it was not to"
        self.pending[key] -= Counter([notice])

    def _tell(self, type_: str, about: str) -> str:
        for thin in (False, True):
            notice = Notice(f"v1.{type_}" if thin else type_, about)
            self.notices[notice] += 1
            for key, endpoint in self.endpoints.items():
                wants = "*" in endpoint.types or notice.type in endpoint.types
                if endpoint.thin is thin and wants and key not in self.disabled:
                    self.pending[key][notice] += 1
        return "done"
