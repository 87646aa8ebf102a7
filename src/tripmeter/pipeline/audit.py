"""Recomputes totals, hours and firings from the usage log, and tells every difference (C8).

So it does with what was billed (`audit_billing`). The ledgers of credits are added up as well.

Plain on purpose: it takes one event after the other, by definition, where the data plane works on
columns. It reads the log twice, to keep in memory only those events that are cancelled later.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from tripmeter.model.alert import Firing
from tripmeter.model.cells import BLOCK, HOUR_MS, Cells
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import format_quantity
from tripmeter.model.scope import Scope
from tripmeter.model.usage import CancelEntry, LogRow, UsageEvent
from tripmeter.pipeline import log
from tripmeter.pipeline.audit_alerts import AlertAudit
from tripmeter.pipeline.audit_billing import BillingAudit
from tripmeter.pipeline.audit_identifiers import IdentifierAudit
from tripmeter.pipeline.counter import Counter
from tripmeter.pipeline.hours import block_cells
from tripmeter.pipeline.ledgers import check_ledgers
from tripmeter.pipeline.tally_blocks import all_stored_tallies
from tripmeter.ports import Session
from tripmeter.rules.aggregate import superseding_window

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
        self._cancelled = cancelled_positions(session)
        self._events: dict[int, UsageEvent] = {}
        """Those of them that were read already."""
        self._books: dict[Slot, Counter] = {}
        self._firing = AlertAudit(session)
        self._identifiers = IdentifierAudit(session)
        self.differences: list[Difference] = []
        self.events = 0
        self.cancellations = 0

    def read(self, row: LogRow) -> None:
        """Take one batch of the log in."""
        for position, item, _ in log.items(row):
            if isinstance(item, CancelEntry):
                self.cancellations += 1
                self._cancel(position, self._events.pop(item.cancelled))
            else:
                self.events += 1
                scope = Scope.of(self._meter(item.meter_no))
                self._identifiers.see(scope, item, row.received_ms)
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
        for event in self._identifiers.counted_twice():
            where = f"identifier {event.identifier}, position {event.position}"
            self.differences.append(Difference("counted twice", where, "twice", "once in 24 h"))
        self.differences += [Difference(*fault) for fault in self._billing.finish()]

    @property
    def firings(self) -> int:
        """How often alerts on usage should have fired."""
        return len(self._firing.fired)

    @property
    def invoices(self) -> int:
        """How many invoices there are."""
        return self._billing.invoices

    def _count(self, event: UsageEvent) -> None:
        slot = (event.meter_no, event.customer_no)
        self._compare_if_beyond(slot, event.position)
        if slot not in self._stored and event.position <= self._flushed:
            self._missing.add(slot)
        if event.position in self._cancelled:
            self._events[event.position] = event
        book = self._book(slot)
        book.add(event)
        self._billing.count(event)
        self._firing.count(event, book)

    def _cancel(self, position: int, event: UsageEvent) -> None:
        slot = (event.meter_no, event.customer_no)
        self._compare_if_beyond(slot, position)
        self._book(slot).remove(event)
        self._billing.cancel(position, event)
        self._firing.cancel(event)

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
        customer = self._session.customers.numbered(slot[1])
        return f"meter {self._meter(slot[0]).id}, customer {customer.id}"

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
        for key in stored.keys() | self._firing.fired.keys():
            kept, counted = stored.get(key), self._firing.fired.get(key)
            found = (kept.position, kept.value) if kept else None
            if found != counted:
                where = f"alert no {key[0]}, customer no {key[1]}, activation {key[2]}"
                self.differences.append(Difference("firing", where, _shown(found), _shown(counted)))

    def _book(self, slot: Slot) -> Counter:
        if slot not in self._books:
            self._books[slot] = Counter(self._meter(slot[0]))
        return self._books[slot]

    def _meter(self, no: int) -> Meter:
        if no not in self._meters:
            self._meters[no] = self._session.meters.numbered(no)
        return self._meters[no]


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
        auditing.firings,
        auditing.invoices,
        ledgers.grants,
        auditing.differences + [Difference("credits", *fault) for fault in ledgers.faults],
    )


def cancelled_positions(session: Session) -> set[int]:
    """The positions of all events that are cancelled."""
    return {
        entry.cancelled
        for row in session.usage.rows_after(0)
        for _, entry in log.entries(row)
        if isinstance(entry, CancelEntry)
    }


def all_firings(session: Session) -> Iterator[Firing]:
    """Every firing of every scope."""
    for scope in session.scopes():
        yield from (kept.value for kept in session.firings.every(scope))


def _shown(firing: tuple[int, int] | None) -> str:
    return "none" if firing is None else f"at {firing[0]} with {format_quantity(firing[1])}"
