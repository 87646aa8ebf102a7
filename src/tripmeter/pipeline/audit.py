"""Recomputes totals, hours and firings from the usage log, and tells every difference (C8).

So it does with what was billed (`audit_billing`). The ledgers of credits are added up as well.

Slow and plain on purpose: it keeps a counter for each alert, activation and customer, where the
data plane keeps one total and a line. What both share is the log and the decision which activation
applies.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from tripmeter.model.alert import Activation, Alert, CountFrom, FiredMark, Firing
from tripmeter.model.cells import BLOCK, HOUR_MS, Cells
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import SCALE, format_quantity
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.model.usage import CancelEntry, LogRow, UsageEvent
from tripmeter.pipeline import log
from tripmeter.pipeline.audit_billing import BillingAudit
from tripmeter.pipeline.hours import block_cells
from tripmeter.pipeline.ledgers import check_ledgers
from tripmeter.pipeline.tally_blocks import all_stored_tallies
from tripmeter.ports import Session
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS
from tripmeter.rules.aggregate import superseding_window
from tripmeter.rules.alerts.usage_threshold import Standing, current_activation

_ALL_MS: Final = 2**50

BLOCKS_KEPT: Final = 16
"""Blocks whose hours are in memory at once."""

Slot = tuple[int, int]


class Difference(NamedTuple):
    """Something stored that is not what the log says."""

    what: str
    where: str
    stored: str
    recomputed: str


class AuditReport(NamedTuple):
    """What was checked, and what was found. Zero differences is the only passing figure."""

    events: int
    cancellations: int
    tallies: int
    firings: int
    invoices: int
    grants: int
    differences: list[Difference]


class Counter:
    """The usage of a set of events, by definition."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._windows: dict[int, dict[int, int]] = {}
        self.total = 0
        self.hours: dict[int, int] = {}

    def add(self, event: UsageEvent) -> None:
        """Count an event."""
        self._change(event, 1)

    def remove(self, event: UsageEvent) -> None:
        """Count it no longer."""
        self._change(event, -1)

    def _change(self, event: UsageEvent, sign: int) -> None:
        hour = event.timestamp_ms // HOUR_MS
        meter = self._meter
        window = superseding_window(meter.formula, meter.window, event.timestamp_ms)
        if window is None:
            self.total += sign * event.quantity
            self.hours[hour] = self.hours.get(hour, 0) + sign * event.quantity
            return
        self.hours[hour] = self.hours.get(hour, 0) + sign
        held = self._windows.setdefault(window, {})
        self.total -= held[max(held)] if held else 0
        if sign > 0:
            held[event.position] = event.quantity
        else:
            held.pop(event.position, None)
        self.total += held[max(held)] if held else 0


class Watched(NamedTuple):
    """An alert with all its activations, closed ones included."""

    alert: Alert
    activations: list[Activation]


class Audit:
    """One pass over the log."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stored = {(t.meter_no, t.customer_no): t for t in all_stored_tallies(session)}
        self.tallies = len(self._stored)
        self._billing = BillingAudit(session, self._stored)
        self._flushed = session.usage.flushed_position()
        self._missing: set[Slot] = set()
        self._blocks: dict[tuple[int, int], Cells] = {}
        self._compared: set[Slot] = set()
        self._hours_compared: set[Slot] = set()
        self._together: dict[tuple[int, int], int] = {}
        """What the stored hours of all customers come to, by meter and hour."""
        self._meters: dict[int, Meter] = {}
        self._alerts: dict[int, list[Kept[Watched]]] = {}
        self._customers: dict[int, str] = {}
        self._events: dict[int, UsageEvent] = {}
        self._books: dict[Slot, Counter] = {}
        self._counters: dict[tuple[int, int, int], Counter] = {}
        self._marks: dict[tuple[int, int], list[FiredMark]] = {}
        self._seen: dict[tuple[Scope, str], int] = {}
        self.fired: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.differences: list[Difference] = []
        self.events = 0
        self.cancellations = 0

    def read(self, row: LogRow) -> None:
        """Take one batch of the log in."""
        for position, item, _ in log.items(row):
            if isinstance(item, CancelEntry):
                self.cancellations += 1
                self._cancel(position, self._events[item.cancelled])
            else:
                self.events += 1
                self._check_identifier(item, row.received_ms)
                self._count(item)

    def finish(self) -> None:
        """Compare what is left to compare."""
        for slot in self._stored.keys() - self._compared:
            self._compare(slot)
        for slot in sorted(self._stored.keys() - self._hours_compared):  # block by block
            self._compare_hours(slot)
        self._compare_meter_hours()
        for slot in self._missing:
            counted = format_quantity(self._book(slot).total)
            self.differences.append(Difference("total", self._where(slot), "none", counted))
        self._compare_firings()
        self.differences += [Difference(*fault) for fault in self._billing.finish()]

    @property
    def invoices(self) -> int:
        """How many invoices there are."""
        return self._billing.invoices

    def _count(self, event: UsageEvent) -> None:
        slot = (event.meter_no, event.customer_no)
        self._compare_if_beyond(slot, event.position)
        if slot not in self._stored and event.position <= self._flushed:
            self._missing.add(slot)
        self._events[event.position] = event
        self._book(slot).add(event)
        self._billing.count(event)
        for no, watched in self._watching(event):
            opened = [a for a in watched.activations if _is_open(a, event.position)]
            for activation in opened:
                self._counter(no, activation, event).add(event)
            if opened:
                self._evaluate(no, watched.alert, opened, event)

    def _evaluate(self, no: int, alert: Alert, opened: list[Activation], event: UsageEvent) -> None:
        marks = self._marks.setdefault((no, event.customer_no), [])
        activation, standing = current_activation(opened, marks)
        if standing is Standing.FIRED:
            return
        usage = self._counter(no, activation, event).total
        if alert.count_from is CountFrom.LIFETIME:
            usage = self._book((event.meter_no, event.customer_no)).total
        if usage >= alert.gte * SCALE:
            marks.append(FiredMark(no, activation.number, event.position))
            self.fired[no, event.customer_no, activation.number] = (event.position, usage)

    def _cancel(self, position: int, event: UsageEvent) -> None:
        slot = (event.meter_no, event.customer_no)
        self._compare_if_beyond(slot, position)
        self._book(slot).remove(event)
        self._billing.cancel(position, event)
        for no, watched in self._watching(event):
            for activation in watched.activations:
                counter = self._counters.get((no, activation.number, event.customer_no))
                if counter is not None and activation.position < event.position:
                    counter.remove(event)

    def _check_identifier(self, event: UsageEvent, received_ms: int) -> None:
        meter = self._meter(event.meter_no)
        key = (Scope.of(meter), event.identifier)
        before = self._seen.get(key)
        if before is not None and 0 <= received_ms - before < CANCEL_WITHIN_MS:
            where = f"identifier {event.identifier}, position {event.position}"
            self.differences.append(Difference("counted twice", where, "twice", "once in 24 h"))
        self._seen[key] = received_ms

    def _compare_if_beyond(self, slot: Slot, position: int) -> None:
        stored = self._stored.get(slot)
        if stored is None:
            return
        if position > stored.hours_to and slot not in self._hours_compared:
            self._compare_hours(slot)
        if position > stored.position and slot not in self._compared:
            self._compare(slot)

    def _compare(self, slot: Slot) -> None:
        self._compared.add(slot)
        stored, book = self._stored[slot], self._book(slot)
        if stored.total != book.total:
            self._differ("total", self._where(slot), stored.total, book.total)

    def _compare_hours(self, slot: Slot) -> None:
        self._hours_compared.add(slot)
        stored, counted = self._stored_hours(slot), self._book(slot).hours
        for hour in sorted(stored.keys() | counted.keys()):
            kept, found = stored.get(hour, 0), counted.get(hour, 0)
            if kept != found:
                self._differ("hour", f"{self._where(slot)}, hour {hour}", kept, found)
        for hour, kept in stored.items():
            key = slot[0], hour
            self._together[key] = self._together.get(key, 0) + kept

    def _compare_meter_hours(self) -> None:
        """The sums of all customers are those of what is stored of each."""
        for meter_no in {meter_no for meter_no, _ in self._stored}:
            meter = self._meter(meter_no)
            if superseding_window(meter.formula, meter.window, 0) is not None:
                continue
            rows = self._session.looking.meter_hours(meter_no, 0, _ALL_MS // HOUR_MS)
            kept = {row.hour: row.quantity for row in rows}
            own = {hour: sum_ for (no, hour), sum_ in self._together.items() if no == meter_no}
            for hour in sorted(kept.keys() | own.keys()):
                if kept.get(hour, 0) != own.get(hour, 0):
                    where = f"meter {meter.id}, all customers, hour {hour}"
                    self._differ("hour", where, kept.get(hour, 0), own.get(hour, 0))

    def _stored_hours(self, slot: Slot) -> dict[int, int]:
        """What is stored for each hour: the sum, or the number of events where single ones are."""
        meter_no, customer_no = slot
        meter = self._meter(meter_no)
        additive = superseding_window(meter.formula, meter.window, 0) is None
        hours: dict[int, int] = {}
        of_block = self._block_cells(meter_no, customer_no // BLOCK)
        cells = of_block.pick(of_block.owners == customer_no)
        for at, moment_ms in enumerate(cells.moments_ms.tolist()):
            value = cells.quantities.at(at) if additive else int(cells.events[at])
            hours[moment_ms // HOUR_MS] = hours.get(moment_ms // HOUR_MS, 0) + value
        return hours

    def _block_cells(self, meter_no: int, block: int) -> Cells:
        """All stored hours of a block; the last few are kept, as its customers share them."""
        cells = self._blocks.get((meter_no, block))
        if cells is None:
            if len(self._blocks) >= BLOCKS_KEPT:
                self._blocks.clear()
            cells = block_cells(self._session, meter_no, block, (0, _ALL_MS))
            self._blocks[meter_no, block] = cells
        return cells

    def _where(self, slot: Slot) -> str:
        return f"meter {self._meter(slot[0]).id}, customer {self._customer(slot[1])}"

    def _differ(self, what: str, where: str, stored: int, recomputed: int) -> None:
        self.differences.append(
            Difference(what, where, format_quantity(stored), format_quantity(recomputed))
        )

    def _compare_firings(self) -> None:
        stored = {(f.alert_no, f.customer_no, f.activation): f for f in all_firings(self._session)}
        for firing in stored.values():
            if self._session.events.find(Scope.of(firing), firing.event) is None:
                where = f"firing {firing.id} of alert {firing.alert}"
                self.differences.append(Difference("event", where, "none", firing.event))
        for key in stored.keys() | self.fired.keys():
            kept, counted = stored.get(key), self.fired.get(key)
            found = (kept.position, kept.value) if kept else None
            if found != counted:
                where = f"alert no {key[0]}, customer no {key[1]}, activation {key[2]}"
                self.differences.append(Difference("firing", where, _shown(found), _shown(counted)))

    def _book(self, slot: Slot) -> Counter:
        if slot not in self._books:
            self._books[slot] = Counter(self._meter(slot[0]))
        return self._books[slot]

    def _counter(self, no: int, activation: Activation, event: UsageEvent) -> Counter:
        key = (no, activation.number, event.customer_no)
        if key not in self._counters:
            self._counters[key] = Counter(self._meter(event.meter_no))
        return self._counters[key]

    def _watching(self, event: UsageEvent) -> Iterator[Kept[Watched]]:
        customer = self._customer(event.customer_no)
        for kept in self._alerts_on(event.meter_no):
            if kept.value.alert.customer in (None, customer):
                yield kept

    def _alerts_on(self, meter_no: int) -> list[Kept[Watched]]:
        if meter_no not in self._alerts:
            meter = self._meter(meter_no)
            scope = Scope.of(meter)
            found = self._session.all_alerts_of_meter(scope, meter.id)
            self._alerts[meter_no] = [
                Kept(no, Watched(alert, self._session.activations(no))) for no, alert in found
            ]
        return self._alerts[meter_no]

    def _meter(self, no: int) -> Meter:
        if no not in self._meters:
            self._meters[no] = self._session.meters.numbered(no)
        return self._meters[no]

    def _customer(self, no: int) -> str:
        if no not in self._customers:
            self._customers[no] = self._session.customers.numbered(no).id
        return self._customers[no]


def audit(session: Session, progress: Callable[[int], Any] = lambda position: None) -> AuditReport:
    """Check a whole store. `progress` is told the position reached."""
    auditing = Audit(session)
    for row in session.usage.rows_after(0):
        auditing.read(row)
        progress(row.first + row.size - 1)
    auditing.finish()
    ledgers = check_ledgers(session)
    return AuditReport(
        auditing.events,
        auditing.cancellations,
        auditing.tallies,
        len(auditing.fired),
        auditing.invoices,
        ledgers.grants,
        auditing.differences + [Difference("credits", *fault) for fault in ledgers.faults],
    )


def all_firings(session: Session) -> Iterator[Firing]:
    """Every firing of every scope."""
    for scope in session.scopes():
        yield from (kept.value for kept in session.firings.every(scope))


def _is_open(activation: Activation, position: int) -> bool:
    """Whether an activation was open when the event at `position` arrived."""
    closed = activation.closed_at
    return activation.position < position and (closed is None or position <= closed)


def _shown(firing: tuple[int, int] | None) -> str:
    return "none" if firing is None else f"at {firing[0]} with {format_quantity(firing[1])}"
