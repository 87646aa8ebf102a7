"""The tallies in use, one row each: columns of numbers, and what only few tallies have beside them.

Columns let a batch be counted without a step of Python per event, and keep a tally in about 200
bytes. `Tally` is one row as an object, for the steps that look at single events.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final

import numpy as np
import numpy.typing as npt

from tripmeter.model.alert import FiredMark
from tripmeter.model.quantities import I64, LIMB, Bools, Quantities
from tripmeter.model.scope import Scope
from tripmeter.model.subscription import SubscriptionItem
from tripmeter.model.usage import Holder, Join, TallyRow
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.limited import Limited
from tripmeter.pipeline.tally_blocks import (
    NOT_PLAIN,
    Special,
    Tallied,
    join_columns,
    merged,
    stored_tallies,
)
from tripmeter.pipeline.windows import EARLIEST_MS, LATEST_MS, NEVER, Billing, opened
from tripmeter.ports import Session
from tripmeter.rules.acceptance import MAX_TOTAL
from tripmeter.rules.alerts.usage_threshold import Watch

STALE: Final = -1
"""The version of a tally whose alerts have to be looked at again."""

NOT_BILLED: Final = -1

_FIRST_ROWS: Final = 1024

__all__ = ["NEVER", "STALE", "Tallies", "Tally"]


class Tallies:
    """All tallies in use; filled from the store on first use."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.size = 0
        self.meter_no: I64 = _column()
        self.customer_no: I64 = _column()
        self.version: I64 = _column()
        self.totals = Quantities(_column(), _column())
        self.lines = Quantities(_column(), _column())
        self.alert_lines = Quantities(_column(), _column())
        """The total at which the next alert fires, for those who look on."""
        self.goals: I64 = _column()
        """What that alert counts up to, in whole units; 0 where none is to fire."""
        self.meters: dict[int, MeterState] = {}
        self.customers: list[str] = []
        self.joins: list[tuple[Join, ...]] = []
        self.marks: dict[int, list[FiredMark]] = {}
        self.holders: dict[int, dict[int, Holder]] = {}
        self.billing: dict[int, Billing] = {}
        """The open windows of tallies whose usage is billed."""
        self.limits: dict[int, Limited] = {}
        """What limited tallies have beside their totals; made on first use."""
        self.span_starts: I64 = _column()
        self.span_ends: I64 = _column()
        """Of a billed tally: in which span an event belongs to all of its current periods."""
        self.span_since: I64 = _column()
        """And behind which position; `NOT_BILLED` where usage is not billed at all."""
        self.stored_to: dict[int, tuple[int, int]] | None = None
        """Up to which positions the stored total, and hours, of a row are true; for replay only."""
        self._rows: dict[int, dict[str, int]] = {}
        self._superseding: set[int] = set()
        self._unnamed: dict[tuple[int, int], int] = {}

    def index(self, meter: MeterState) -> dict[str, int]:
        """The rows of a meter's customers, by the customer's id; those in use only."""
        return self._rows.setdefault(meter.no, {})

    def holds(self, meter: MeterState, customer_no: int, customer: str) -> bool:
        """Whether a customer's tally is in use."""
        return self._held(meter, customer_no, customer) is not None

    def row(self, meter: MeterState, customer_no: int, customer: str) -> int:
        """The row of a customer, deleted or not; read from the store on first use."""
        row = self._held(meter, customer_no, customer)
        if row is None:
            self.bring_in(meter, {customer_no: customer})
            row = self._unnamed[meter.no, customer_no]
        return row

    def named_row(self, meter: MeterState, customer_no: int, customer: str) -> int:
        """As `row`, of a customer that exists: from now on it is in the index."""
        row = self.row(meter, customer_no, customer)
        self._unnamed.pop((meter.no, customer_no), None)
        self.index(meter)[customer] = row
        return row

    def bring_in(self, meter: MeterState, customers: Mapping[int, str]) -> None:
        """Have customers in use, by number: what the store has of all of them is read at once."""
        missing = {
            number: customer
            for number, customer in customers.items()
            if not self.holds(meter, number, customer)
        }
        if not missing:
            return
        found = stored_tallies(self._session, meter.no, missing)
        stored = {row.customer_no: row for row in found.rows(meter.no)}
        marks = self._session.fired(meter.no, missing)  # with a stored row or without
        for number, customer in missing.items():
            row = self._add(meter, number, customer, stored.get(number))
            if number in marks:
                self.marks[row] = marks[number]
            self._unnamed[meter.no, number] = row
        self._bring_in_windows(meter, missing, stored)

    def _bring_in_windows(
        self, meter: MeterState, customers: Mapping[int, str], stored: Mapping[int, TallyRow]
    ) -> None:
        """Have the open windows of customers in use, where their usage is billed."""
        if not meter.is_billed:
            return
        numbers = {customer: number for number, customer in customers.items()}
        items = self._session.billed_items(meter.scope, meter.meter.id, [*numbers])
        for customer, own in groupby(sorted(items, key=_customer_of), key=_customer_of):
            number = numbers[customer]
            row = self.row(meter, number, customer)
            usages = stored[number].usages if number in stored else {}
            self._open(row, list(own), usages)

    def _open(self, row: int, items: Sequence[SubscriptionItem], usages: Mapping[int, int]) -> None:
        billing = opened(items, self.totals.at(row), usages)
        if billing is None:
            self.billing.pop(row, None)
            self.span_since[row] = NOT_BILLED
        else:
            if self.stored_to is not None:
                billing.look_away()
            self._set(row, billing)

    def look_again(self, scope: Scope | None = None, customer: str | None = None) -> None:
        """Have what is billed evaluated at the next event: all of it, or a scope's, or a
        customer's."""
        for row, billing in self.billing.items():
            is_other = customer not in (None, self.customers[row])
            if is_other or scope not in (None, self.meters[int(self.meter_no[row])].scope):
                continue
            billing.look_again()
            self.version[row] = STALE

    def _set(self, row: int, billing: Billing) -> None:
        self.billing[row] = billing
        self.span_starts[row], self.span_ends[row] = billing.span()
        self.span_since[row] = billing.since()

    def billing_changed(
        self, meter: MeterState, customer_no: int, customer: str
    ) -> Callable[[], None]:
        """What a customer's usage is billed for is not as it was: read it again.

        Gives what brings back how it was, for when the change is rolled back.
        """
        row = self._held(meter, customer_no, customer)
        if row is None:
            return lambda: self._read_again(meter, customer_no, customer)
        known = self.billing.get(row)
        usages = known.usages(self.totals.at(row)) if known else {}
        self._open(row, self._session.billed_items(meter.scope, meter.meter.id, [customer]), usages)
        self.version[row] = STALE
        return lambda: self._bring_back(row, known)

    def _bring_back(self, row: int, known: Billing | None) -> None:
        """Have a tally's windows as they were."""
        if known is None:
            self.billing.pop(row, None)
            self.span_since[row] = NOT_BILLED
        else:
            known.look_again()
            self._set(row, known)
        self.version[row] = STALE

    def _read_again(self, meter: MeterState, customer_no: int, customer: str) -> None:
        """Have a tally's windows as they are stored, if it has come into use meanwhile."""
        row = self._held(meter, customer_no, customer)
        if row is not None:
            found = stored_tallies(self._session, meter.no, [customer_no]).rows(meter.no)
            stored = {one.customer_no: one for one in found}
            self.billing.pop(row, None)
            self.span_since[row] = NOT_BILLED
            self._bring_in_windows(meter, {customer_no: customer}, stored)
            self.version[row] = STALE

    def astray(self, owners: I64, sizes: I64, moments_ms: I64) -> Bools:
        """Which events, those of each owner together, are not stamped in its current month; where
        months are limited."""
        spans = np.array(
            [
                (EARLIEST_MS, LATEST_MS) if (own := self.limits.get(row)) is None else own.span
                for row in owners.tolist()
            ],
            dtype=np.int64,
        )
        starts, ends = np.repeat(spans, sizes, axis=0).T
        return np.asarray((moments_ms < starts) | (moments_ms >= ends))

    def outside(self, rows: I64, moments_ms: I64, positions: I64) -> Bools:
        """Which events of billed tallies do not simply belong to the current period."""
        starts, ends = self.span_starts[rows], self.span_ends[rows]
        is_outside = (moments_ms < starts) | (moments_ms >= ends)
        is_outside |= positions <= self.span_since[rows]
        return np.asarray((self.span_since[rows] != NOT_BILLED) & is_outside)

    def _held(self, meter: MeterState, customer_no: int, customer: str) -> int | None:
        row = self.index(meter).get(customer)
        if row is not None and self.customer_no[row] == customer_no:
            return row
        return self._unnamed.get((meter.no, customer_no))

    def tally(self, meter: MeterState, customer_no: int, customer: str) -> "Tally":
        """The tally of a customer, read from the store on first use."""
        return Tally(self, self.row(meter, customer_no, customer))

    def forget_name(self, scope: Scope, customer: str) -> None:
        """A customer is new or gone: its name is to be looked up again."""
        for meter_no, index in self._rows.items():
            meter = self.meters.get(meter_no)
            row = index.pop(customer, None) if meter and meter.scope == scope else None
            if row is not None:
                self._unnamed[meter_no, int(self.customer_no[row])] = row

    def has_room(self, rows: I64) -> Bools:
        """Which rows' totals are below the limit (`rules.acceptance.MAX_TOTAL`)."""
        return np.asarray(np.abs(self.totals.high[rows]) < MAX_TOTAL // LIMB)

    def stale(self, rows: I64) -> Bools:
        """Which rows have alerts to be looked at again: versions are unique among all meters."""
        current = [meter.version for meter in self.meters.values()]
        if len(current) == 1:
            return np.asarray(self.version[rows] != current[0])
        return np.isin(self.version[rows], current, invert=True)

    def superseding(self, rows: I64) -> Bools:
        """Which rows belong to a superseding meter."""
        if not self._superseding:
            return np.zeros(len(rows), dtype=np.bool_)
        return np.isin(self.meter_no[rows], [*self._superseding])

    def set_stale(self) -> None:
        """All alerts have to be looked at again."""
        self.version[: self.size] = STALE

    def save(self, rows: npt.NDArray[np.intp], position: int, hours_to: int) -> None:
        """Have the store say of rows: true up to `position`, with their hours up to `hours_to`."""
        meters = self.meter_no[rows]
        for meter_no in np.unique(meters).tolist():
            fresh = self._tallied(rows[meters == meter_no], position, hours_to)
            self._session.usage.save_tallies(merged(self._session, meter_no, fresh))

    def _tallied(self, rows: npt.NDArray[np.intp], position: int, hours_to: int) -> Tallied:
        """Rows of one meter as the store keeps them."""
        customers = self.customer_no[rows]
        all_joins = [self.joins[row] for row in rows.tolist()]
        joins, baselines = join_columns(all_joins)
        special: dict[int, Special] = {}
        for number, row, own, join in zip(
            customers.tolist(), rows.tolist(), all_joins, joins.tolist(), strict=True
        ):
            holders, billing = self.holders.get(row), self.billing.get(row)
            if holders or billing or (own and join == NOT_PLAIN):
                usages = billing.usages(self.totals.at(row)) if billing else {}
                kept = own if join == NOT_PLAIN else ()
                special[number] = Special(kept, holders or {}, usages)
        return Tallied(
            customers,
            np.full(len(rows), position, dtype=np.int64),
            np.full(len(rows), hours_to, dtype=np.int64),
            self.totals.pick(rows),
            joins,
            baselines,
            special,
        )

    def _add(
        self, meter: MeterState, customer_no: int, customer: str, stored: TallyRow | None
    ) -> int:
        if self.size == len(self.meter_no):
            self._grow()
        row, self.size = self.size, self.size + 1
        self.meters[meter.no] = meter
        if meter.superseding:
            self._superseding.add(meter.no)
        self.meter_no[row], self.customer_no[row] = meter.no, customer_no
        self.version[row] = STALE
        self.customers.append(customer)
        self.joins.append(stored.joins if stored else ())
        self.totals.put(row, stored.total if stored else 0)
        self.lines.put(row, NEVER)
        self.goals[row] = 0
        self.span_since[row] = NOT_BILLED
        if stored is not None and stored.holders:
            self.holders[row] = dict(stored.holders)
        if stored is not None and self.stored_to is not None:
            self.stored_to[row] = (stored.position, stored.hours_to)
        return row

    def _grow(self) -> None:
        room = len(self.meter_no) * 3 // 2
        self.meter_no = np.resize(self.meter_no, room)
        self.customer_no = np.resize(self.customer_no, room)
        self.version = np.resize(self.version, room)
        self.goals = np.resize(self.goals, room)
        self.span_starts = np.resize(self.span_starts, room)
        self.span_ends = np.resize(self.span_ends, room)
        self.span_since = np.resize(self.span_since, room)
        self.totals = Quantities(*(np.resize(limb, room) for limb in self.totals))
        self.lines = Quantities(*(np.resize(limb, room) for limb in self.lines))
        self.alert_lines = Quantities(*(np.resize(limb, room) for limb in self.alert_lines))


class Tally:
    """One row of `Tallies`."""

    __slots__ = ("_all", "meter", "row")

    def __init__(self, tallies: Tallies, row: int) -> None:
        self._all = tallies
        self.row = row
        self.meter = tallies.meters[int(tallies.meter_no[row])]

    @property
    def customer_no(self) -> int:
        """The customer's number."""
        return int(self._all.customer_no[self.row])

    @property
    def customer(self) -> str:
        """The customer's id."""
        return self._all.customers[self.row]

    @property
    def watches(self) -> tuple[Watch, ...]:
        """The alerts that watch it."""
        return self.meter.watches(self.customer)

    @property
    def total(self) -> int:
        """The running total; scaled."""
        return self._all.totals.at(self.row)

    @total.setter
    def total(self, scaled: int) -> None:
        self._all.totals.put(self.row, scaled)

    @property
    def next_line(self) -> int:
        """The total at which an alert has to be looked at; `NEVER` without one. Scaled."""
        return self._all.lines.at(self.row)

    @next_line.setter
    def next_line(self, scaled: int) -> None:
        self._all.lines.put(self.row, min(scaled, NEVER))

    def head_for(self, line: int, goal: int) -> None:
        """Note at which total the next alert fires, scaled, and what it counts up to; or 0."""
        self._all.alert_lines.put(self.row, line)
        self._all.goals[self.row] = goal

    @property
    def joins(self) -> tuple[Join, ...]:
        """Where alerts joined."""
        return self._all.joins[self.row]

    @joins.setter
    def joins(self, joins: tuple[Join, ...]) -> None:
        self._all.joins[self.row] = joins

    @property
    def marks(self) -> Sequence[FiredMark]:
        """Which alerts have fired."""
        return self._all.marks.get(self.row, ())

    def mark(self, fired: FiredMark) -> None:
        """Note that an alert has fired."""
        self._all.marks.setdefault(self.row, []).append(fired)

    @property
    def billing(self) -> Billing | None:
        """The open windows, where the usage is billed."""
        return self._all.billing.get(self.row)

    @property
    def limited(self) -> Limited | None:
        """What its limits need, once that was made."""
        return self._all.limits.get(self.row)

    @limited.setter
    def limited(self, limited: Limited) -> None:
        self._all.limits[self.row] = limited

    @property
    def holders(self) -> dict[int, Holder]:
        """The event that counts for each window, on a superseding meter."""
        return self._all.holders.setdefault(self.row, {})

    @property
    def is_stale(self) -> bool:
        """Whether its alerts have to be looked at again."""
        return bool(self._all.version[self.row] != self.meter.version)

    def freshen(self) -> None:
        """Its alerts are as the meter's version says."""
        self._all.version[self.row] = self.meter.version


def _customer_of(item: SubscriptionItem) -> str:
    return item.customer


def _column() -> I64:
    return np.zeros(_FIRST_ROWS, dtype=np.int64)
