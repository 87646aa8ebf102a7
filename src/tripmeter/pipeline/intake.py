"""INTAKE: which reports are acceptable? The part of the answer that needs the catalogue.

Reports of a whole commit are checked as columns. What the columns cannot vouch for is looked at
again, one by one, by `examine`: it knows the reasons.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tripmeter.model.meter import Formula
from tripmeter.model.quantities import I64, Quantities, parse_column
from tripmeter.model.scope import Scope
from tripmeter.model.usage import Payloads, RefusalCode, Reports, UsageRefused, UsageReport
from tripmeter.pipeline.catalogue import Catalogue, MeterState
from tripmeter.pipeline.jobs import UsageJob
from tripmeter.pipeline.tallies import Tallies
from tripmeter.rules.acceptance import (
    MAX_AGE_MS,
    MAX_AHEAD_MS,
    check_dimensions,
    check_time,
    check_total,
    read_quantity,
)

REFUSED: Final = -1
"""In place of a row: the customer is not in use yet, or the report is refused."""


class Accepted(NamedTuple):
    """A report that may be counted, once its identifier is known to be new."""

    meter: MeterState
    customer_no: int
    customer: str
    quantity: int
    timestamp_ms: int


class Intake(NamedTuple):
    """The reports of several requests, one after the other, as columns."""

    rows: I64
    """The row of each report's tally; below 0 where it was refused."""
    moments_ms: I64
    quantities: Quantities
    texts: list[str]
    """The quantities as reported."""
    extras: dict[int, dict[str, str]]
    refused: dict[int, UsageRefused]


def take_in(
    catalogue: Catalogue, tallies: Tallies, jobs: Sequence[UsageJob], now_ms: int
) -> Intake:
    """Check meter, customer, value, time and dimensions of all reports, in this order."""
    columns = _Columns(catalogue, tallies, now_ms)
    for job in jobs:
        columns.add(job.scope, job.reports)
    columns.bring_in()
    rows = np.array(columns.rows, dtype=np.int64)
    moments = np.array(columns.moments_ms, dtype=np.int64)
    quantities, read = parse_column(columns.texts)
    sound = read & (rows >= 0) & tallies.has_room(rows)
    sound &= (moments >= now_ms - MAX_AGE_MS) & (moments <= now_ms + MAX_AHEAD_MS)
    on_clocks = _rows_on_clocks(catalogue, tallies, {job.scope for job in jobs})
    if on_clocks:
        sound &= ~np.isin(rows, on_clocks)
    intake = Intake(rows, moments, quantities, columns.texts, columns.extras, {})
    odd = np.flatnonzero(~sound).tolist()
    if odd:
        ends = np.cumsum([len(job.reports.identifiers) for job in jobs]).tolist()
        for index in odd:
            at = bisect_right(ends, index)
            job = jobs[at]
            report = job.reports.report(index - ends[at] + len(job.reports.identifiers))
            _enter(tallies, intake, index, examine(catalogue, job.scope, report, now_ms))
    return intake


def _rows_on_clocks(catalogue: Catalogue, tallies: Tallies, scopes: set[Scope]) -> list[int]:
    """The rows of customers whose time is that of a test clock."""
    rows = []
    for scope in scopes:
        customers = catalogue.on_clocks(scope)
        for meter in tallies.meters.values() if customers else ():
            if meter.scope == scope:
                row_of = tallies.index(meter).get
                rows += [row for row in map(row_of, customers) if row is not None]
    return rows


def _enter(tallies: Tallies, intake: Intake, index: int, found: Accepted | UsageRefused) -> None:
    """Enter what was found by looking at one report alone."""
    if not isinstance(found, UsageRefused):
        row = tallies.named_row(found.meter, found.customer_no, found.customer)
        refused = check_total(tallies.totals.at(row))
        if refused is None:
            intake.rows[index] = row
            intake.moments_ms[index] = found.timestamp_ms
            intake.quantities.put(index, found.quantity)
            return
        found = refused._replace(meter_no=found.meter.no)
    intake.rows[index] = REFUSED
    intake.refused[index] = found


class _Columns:
    """Reports as they are put one after the other."""

    def __init__(self, catalogue: Catalogue, tallies: Tallies, now_ms: int) -> None:
        self._catalogue = catalogue
        self._tallies = tallies
        self._now_ms = now_ms
        self.rows: list[int] = []
        self.texts: list[str] = []
        self.moments_ms: list[int] = []
        self.extras: dict[int, dict[str, str]] = {}
        self._strangers: dict[int, dict[int, str]] = {}
        """Customers that are not in use, by meter and index."""

    def add(self, scope: Scope, reports: Reports) -> None:
        """Put the reports of one request behind the others."""
        moments = reports.timestamps_ms
        if moments is None:
            self.moments_ms += [self._now_ms] * len(reports.identifiers)
        else:
            self.moments_ms += [self._now_ms if at is None else at for at in moments]
        if len(set(reports.event_names)) == 1:
            meter = self._catalogue.named(scope, reports.event_names[0])
            if not isinstance(meter, UsageRefused) and not meter.meter.dimension_keys:
                self._add_of_one_meter(meter, reports.payloads)
                return
        for index, name in enumerate(reports.event_names):
            self._add_one(self._catalogue.named(scope, name), reports.payloads.row(index))

    def _add_of_one_meter(self, meter: MeterState, payloads: Payloads) -> None:
        shape, first = meter.meter, len(self.rows)
        extras = payloads.extras((shape.customer_key, shape.value_key))
        self.extras.update({first + index: others for index, others in extras.items()})
        row_of = self._tallies.index(meter).get
        customers = payloads.column(shape.customer_key)
        rows = [row_of(customer or "", REFUSED) for customer in customers]
        if REFUSED in rows:
            strangers = self._strangers.setdefault(meter.no, {})
            for index, (row, customer) in enumerate(zip(rows, customers, strict=True), first):
                if row == REFUSED and customer:
                    strangers[index] = customer
        self.rows += rows
        if shape.formula is Formula.COUNT:
            self.texts += ["1"] * len(payloads)
        else:
            self.texts += [text or "" for text in payloads.column(shape.value_key)]

    def _add_one(self, meter: MeterState | UsageRefused, payload: dict[str, str]) -> None:
        if isinstance(meter, UsageRefused) or check_dimensions(meter.meter, payload) is not None:
            self.rows.append(REFUSED)
            self.texts.append("")
            return
        shape = meter.meter
        extras = _extras(payload, shape.customer_key, shape.value_key)
        if extras:
            self.extras[len(self.rows)] = extras
        customer = payload.get(shape.customer_key) or ""
        row = self._tallies.index(meter).get(customer, REFUSED)
        if row == REFUSED and customer:
            self._strangers.setdefault(meter.no, {})[len(self.rows)] = customer
        self.rows.append(row)
        text = "1" if shape.formula is Formula.COUNT else payload.get(shape.value_key)
        self.texts.append(text or "")

    def bring_in(self) -> None:
        """Have those in use who were not: a few reads, however many they are."""
        for meter_no, strangers in self._strangers.items():
            meter = self._catalogue.numbered(meter_no)
            numbers = self._catalogue.customer_numbers(meter.scope, {*strangers.values()})
            self._tallies.bring_in(meter, {no: customer for customer, no in numbers.items()})
            row_of = {
                customer: self._tallies.named_row(meter, number, customer)
                for customer, number in numbers.items()
            }
            for index, customer in strangers.items():
                self.rows[index] = row_of.get(customer, REFUSED)


def examine(
    catalogue: Catalogue, scope: Scope, report: UsageReport, now_ms: int
) -> Accepted | UsageRefused:
    """Check one report."""
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
    customer_no = catalogue.customer_numbers(state.scope, [customer]).get(customer)
    if customer_no is None:
        return _no_such_customer(customer, meter.customer_key)
    quantity = read_quantity(meter, payload)
    if isinstance(quantity, UsageRefused):
        return quantity
    now_ms = catalogue.now_of(state.scope, customer, now_ms)
    timestamp_ms = now_ms if report.timestamp_ms is None else report.timestamp_ms
    refused = check_time(timestamp_ms, now_ms) or check_dimensions(meter, payload)
    if refused is not None:
        return refused
    return Accepted(state, customer_no, customer, quantity, timestamp_ms)


def _extras(payload: dict[str, str], *own: str) -> dict[str, str] | None:
    return {key: value for key, value in payload.items() if key not in own} or None


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
