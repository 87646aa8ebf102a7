"""Advances tallies by events in columns: a few steps for a whole batch, whatever its size.

Customers whose batch may reach a line are not added up but named, so that they can be counted event
by event and an alert fires on the very event. So are those of superseding meters.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.model.alert import CountFrom
from tripmeter.model.cells import MINUTE_MS, Cells
from tripmeter.model.quantities import (
    I64,
    Bools,
    Quantities,
    at_least,
    first_of_each,
    group_sums,
    plus,
)
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import Join, UsageEvent
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.hours import Unsaved
from tripmeter.pipeline.tallies import NEVER, Tallies, Tally
from tripmeter.pipeline.tally import join

Indexes = npt.NDArray[np.intp]

FEW: Final = 8
"""So many events are counted one by one: the steps for a batch would take longer."""


class Events(NamedTuple):
    """Accepted events in the order of the log, as columns."""

    rows: I64
    """Rows of their tallies."""
    moments_ms: I64
    quantities: Quantities
    positions: I64

    def pick(self, chosen: Indexes | npt.NDArray[np.bool_]) -> "Events":
        """Those at some indexes, or where a mask is true."""
        return Events(
            self.rows[chosen],
            self.moments_ms[chosen],
            self.quantities.pick(chosen),
            self.positions[chosen],
        )

    def event(self, tally: Tally, index: int, identifier: str) -> UsageEvent:
        """One of them, on its tally."""
        return UsageEvent(
            int(self.positions[index]),
            tally.meter.no,
            tally.customer_no,
            int(self.moments_ms[index]),
            self.quantities.at(index),
            identifier,
        )


def add_totals(tallies: Tallies, events: Events, before: int) -> Indexes:
    """Add events to the totals of those who cannot reach a line by them.

    `before` is the position before the first event. Gives the events that were left out, in order:
    they are to be counted one by one.
    """
    if len(events.rows) <= FEW:
        return np.arange(len(events.rows))
    order = np.argsort(events.rows, kind="stable")
    rows = events.rows[order]
    starts = first_of_each(rows)
    owners = rows[starts]
    _join(tallies, owners[tallies.stale(owners)], before)
    quantities = events.quantities.pick(order)
    sums = group_sums(quantities, starts)
    totals = plus(tallies.totals.pick(owners), sums)
    negative = quantities.high < 0
    peaks = totals
    if negative.any():
        gains = Quantities(*(np.where(negative, 0, limb) for limb in quantities))
        peaks = plus(tallies.totals.pick(owners), group_sums(gains, starts))
    singly = at_least(peaks, tallies.lines.pick(owners)) | tallies.superseding(owners)
    if tallies.billing:
        outside = tallies.outside(rows, events.moments_ms[order], events.positions[order])
        singly |= np.logical_or.reduceat(outside, starts)
        singly |= _billed_together(tallies, owners, singly)
    if tallies.limits:
        sizes = np.diff(np.append(starts, len(rows)))
        astray = tallies.astray(owners, sizes, events.moments_ms[order])
        singly |= np.logical_or.reduceat(astray, starts)
    plain = owners[~singly]
    tallies.totals.high[plain] = totals.high[~singly]
    tallies.totals.low[plain] = totals.low[~singly]
    if not singly.any():
        return np.empty(0, dtype=np.intp)
    sizes = np.append(starts[1:], len(rows)) - starts
    return np.sort(order[np.repeat(singly, sizes)])


def _billed_together(tallies: Tallies, owners: I64, singly: Bools) -> Bools:
    """Which owners are billed on one subscription with others that are counted singly: what their
    invoice would say depends on all of them, at each event."""
    subscriptions = {
        one.subscription
        for row in owners[singly].tolist()
        if row in tallies.billing
        for one in tallies.billing[row].current
    }
    if not subscriptions:
        return np.zeros(len(owners), dtype=np.bool_)
    return np.array(
        [
            row in tallies.billing
            and any(one.subscription in subscriptions for one in tallies.billing[row].current)
            for row in owners.tolist()
        ],
        dtype=np.bool_,
    )


def add_cells(
    minutes: Unsaved, singles: Unsaved, tallies: Tallies, events: Events, sign: int = 1
) -> None:
    """Note when events happened: by the minute, or singly where a later one may supersede.

    With `sign` -1, and their quantities negated, they are taken back.
    """
    singly = tallies.superseding(events.rows)
    if singly.any():
        own = events.pick(singly)
        singles.add(_cells(own, own.moments_ms, own.positions, sign))
        events = events.pick(~singly)
    if len(events.rows):
        moments = events.moments_ms // MINUTE_MS * MINUTE_MS
        minutes.add(_cells(events, moments, np.zeros(len(moments), dtype=np.int64), sign))


def _cells(events: Events, moments_ms: I64, positions: I64, sign: int) -> Cells:
    counts = np.full(len(moments_ms), sign, dtype=np.int64)
    return Cells(events.rows, moments_ms, positions, counts, events.quantities)


class _Alerts(NamedTuple):
    """What the alerts of a meter come to for tallies where none has fired yet."""

    newest: int
    """The position of the newest activation; below 0 without one."""
    joined: tuple[Join, ...]
    """Where they join tallies that are still at 0."""
    creation: int
    """The lowest limit counted from a join; scaled."""
    lifetime: int
    """The lowest limit counted from 0; scaled."""


def _join(tallies: Tallies, rows: I64, position: int) -> None:
    """Let alerts join tallies: what comes to the same for many is found out once per meter."""
    known: dict[int, _Alerts] = {}
    for row in rows.tolist():
        tally = Tally(tallies, row)
        meter = tally.meter
        alerts = known.get(meter.no) or known.setdefault(meter.no, _alerts(meter, position))
        if not _join_simply(tally, alerts, position):
            join(tally, position)


def _alerts(meter: MeterState, position: int) -> _Alerts:
    opened = [watch for watch in meter.everyone if watch.activations[0].position <= position]
    newest = max(
        (a.position for w in opened for a in w.activations if a.position <= position), default=-1
    )
    limits: dict[CountFrom, int] = {}
    for watch in opened:
        if watch.activations[-1].position <= newest:
            limit = min(watch.gte * SCALE, limits.get(watch.count_from, NEVER))
            limits[watch.count_from] = limit
    return _Alerts(
        newest,
        (Join(position, 0),) if opened else (),
        limits.get(CountFrom.CREATION, NEVER),
        limits.get(CountFrom.LIFETIME, NEVER),
    )


def _join_simply(tally: Tally, alerts: _Alerts, position: int) -> bool:
    """As `join`, for tallies without anything special; False for the others."""
    joins, total = tally.joins, tally.total
    meter = tally.meter
    if len(joins) > 1 or tally.marks or tally.billing or tally.customer in meter.by_customer:
        return False
    if meter.limited:
        return False
    if joins and joins[0].position < alerts.newest:
        return False
    if not joins or alerts.newest < 0:
        joins = alerts.joined if total == 0 or alerts.newest < 0 else (Join(position, total),)
        tally.joins = joins
    base = joins[0].baseline if joins else 0
    by_creation = base + alerts.creation
    tally.next_line = min(by_creation, alerts.lifetime)
    goal = alerts.creation if by_creation <= alerts.lifetime else alerts.lifetime
    tally.head_for(tally.next_line, 0 if goal >= NEVER else goal // SCALE)
    tally.freshen()
    return True
