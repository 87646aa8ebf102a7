"""NEAREST: which customers are nearest to the line of a usage alert. Reads memory, and what is
stored of totals; never the log, nor hours.

Among all customers candidates are found by columns, beside the writer: their shares are rough, and
a total may be just being written. What is shown is then reckoned exactly, for the candidates alone,
by the writer's own figures. Those whom memory does not hold are read once, and again when alerts
change: they cannot use anything without coming into memory.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.model.alert import Alert, CountFrom
from tripmeter.model.quantities import I64, LIMB, Quantities
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Scope
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.looking import among
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import STALE, Tallies, Tally
from tripmeter.pipeline.tally_blocks import NOT_PLAIN, Tallied, meter_tallies
from tripmeter.ports import Session
from tripmeter.rules.alerts.usage_threshold import (
    Standing,
    Watch,
    baseline,
    current_activation,
)

Rows = slice | npt.NDArray[np.intp]

Shares = npt.NDArray[np.float64]
"""Rough: they only tell who is looked at closely."""

_UNITS: Final = np.float64(LIMB // SCALE)
_SCALE: Final = np.float64(SCALE)
_NONE: Final = np.float64(-1)
_TINY: Final = 1 / np.float64(SCALE)
"""Who is at or below the start of the way to one line may be on the way to another."""

SPARE: Final = 4
"""So many times as many candidates as are wanted: some turn out to have fired, or to be gone."""

REMEMBERED: Final = 64
"""Meters of which is remembered what the store has."""

SINGLY: Final = 50_000
"""So many customers are looked at one by one for an alert that need not be their next; of more,
what counts for their next one stands for what counts for this."""


class MeterView(NamedTuple):
    """A meter and its alerts at one moment; none of it changes any more."""

    no: int
    version: int
    everyone: tuple[Watch, ...]
    by_customer: Mapping[str, tuple[Watch, ...]]

    @property
    def is_watched(self) -> bool:
        """Whether any alert watches it."""
        return bool(self.everyone or self.by_customer)


class View(NamedTuple):
    """What memory holds of some meters' totals. Columns may still change in place."""

    meters: Sequence[MeterView]
    tallies: Tallies
    size: int
    meter_no: I64
    customer_no: I64
    totals: Quantities
    lines: Quantities
    goals: I64
    version: I64
    wanted: int | None
    """The number of the only alert that is looked at; None for all."""


class Place(NamedTuple):
    """A customer on a meter."""

    meter_no: int
    customer_no: int


class Way(NamedTuple):
    """How far a customer has come on the way to an alert's line."""

    place: Place
    alert_no: int
    alert: Alert
    counted: int
    """What counts for the alert; scaled."""
    has_fired: bool

    @property
    def is_ahead(self) -> bool:
        """Whether the line is still to be reached."""
        return not self.has_fired

    @property
    def remaining(self) -> int:
        """What is left of the way; scaled."""
        return self.alert.gte * SCALE - self.counted

    @property
    def share(self) -> Fraction:
        """Of the whole way; 1 is the line."""
        return Fraction(self.counted, self.alert.gte * SCALE)


def view(state: State, meter_nos: Sequence[int], wanted: int | None = None) -> View:
    """Take hold of meters and columns; by the writer. `wanted` is the number of an alert."""
    meters = [_meter_view(state.catalogue.numbered(no), wanted) for no in meter_nos]
    tallies = state.tallies
    return View(
        [meter for meter in meters if meter.is_watched],
        tallies,
        tallies.size,
        tallies.meter_no,
        tallies.customer_no,
        tallies.totals,
        tallies.alert_lines,
        tallies.goals,
        tallies.version,
        wanted,
    )


def _meter_view(meter: MeterState, wanted: int | None) -> MeterView:
    if wanted is None:
        return MeterView(meter.no, meter.version, meter.everyone, meter.by_customer)
    everyone = tuple(watch for watch in meter.everyone if watch.alert_no == wanted)
    return MeterView(meter.no, meter.version, everyone, {})


class Stored(NamedTuple):
    """What the store has of a meter's totals, for alerts as they were: the nearest in front."""

    tallies: "weakref.ref[Tallies]"
    version: int
    customers: I64
    shares: Shares


class Candidates:
    """Finds those who may be nearest. Remembers what it has read of the store."""

    def __init__(self) -> None:
        self._stored: dict[tuple[int, int | None], Stored] = {}

    def find(self, session: Session, seen: View, count: int) -> list[Place]:
        """Those with the greatest shares below 1, the greatest first."""
        found: list[tuple[I64, I64, Shares]] = []
        for meter in seen.meters:
            own = seen.meter_no[: seen.size] == meter.no
            rows: Rows = slice(0, seen.size) if own.all() else np.flatnonzero(own)
            customers = seen.customer_no[rows]
            found.append(_best(meter.no, customers, in_memory(seen, meter, rows), count))
            found.append(_first(self._read(session, seen, meter), meter.no, customers, count))
        if not found:
            return []
        meters, numbers, shares = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.argsort(-shares, kind="stable")[:count]
        return [Place(int(meters[at]), int(numbers[at])) for at in order.tolist()]

    def _read(self, session: Session, seen: View, meter: MeterView) -> Stored:
        key = meter.no, seen.wanted
        known = self._stored.get(key)
        if known and known.tallies() is seen.tallies and known.version == meter.version:
            return known
        tallied = meter_tallies(session, meter.no)
        shares = in_store(session, meter, tallied)
        chosen = np.flatnonzero(shares > 0)
        chosen = chosen[np.argsort(-shares[chosen])]
        own = weakref.ref(seen.tallies)
        read = Stored(own, meter.version, tallied.customers[chosen], shares[chosen])
        if len(self._stored) >= REMEMBERED:
            self._stored.clear()
        self._stored[key] = read
        return read


def _first(stored: Stored, meter_no: int, held: I64, count: int) -> tuple[I64, I64, Shares]:
    """The nearest of those that memory does not hold."""
    chosen = np.flatnonzero(~among(stored.customers, held))[:count]
    meters = np.full(len(chosen), meter_no, dtype=np.int64)
    return meters, stored.customers[chosen], stored.shares[chosen]


def _best(meter_no: int, customers: I64, shares: Shares, count: int) -> tuple[I64, I64, Shares]:
    """The greatest shares from 0 to below 1."""
    chosen = np.flatnonzero((shares > 0) & (shares < 1))
    if len(chosen) > count:
        chosen = chosen[np.argpartition(-shares[chosen], count)[:count]]
    meters = np.full(len(chosen), meter_no, dtype=np.int64)
    return meters, customers[chosen], shares[chosen]


def _units(quantities: Quantities) -> Shares:
    """Whole units and their fractions, roughly."""
    return np.asarray(quantities.high * _UNITS + quantities.low / _SCALE)


def _picked(quantities: Quantities, rows: Rows) -> Quantities:
    return Quantities(quantities.high[rows], quantities.low[rows])


def in_memory(seen: View, meter: MeterView, rows: Rows) -> Shares:
    """The share of the way to the next line, or to the one that is looked at.

    Of those whose alerts have changed, to any line: it will be drawn with their next event.
    """
    totals = _units(_picked(seen.totals, rows))
    goals = seen.goals[rows]
    counted = goals - (_units(_picked(seen.lines, rows)) - totals)
    shares = np.where(goals > 0, np.maximum(counted / np.maximum(goals, 1), _TINY), _NONE)
    if seen.wanted is not None:
        (watch,) = meter.everyone
        if watch.count_from is CountFrom.LIFETIME:
            counted = totals
        elif len(totals) <= SINGLY:
            counted = totals - _bases(seen.tallies, watch, rows, totals)
        return np.asarray(counted / watch.gte)
    version = seen.version[rows]
    stale = (version == STALE) | (version != meter.version)
    if stale.any():
        for watch in meter.everyone:
            if watch.count_from is CountFrom.LIFETIME:
                reached = totals / watch.gte
                better = stale & (reached < 1) & (reached > shares)
                shares = np.where(better, reached, shares)
    return np.asarray(shares)


def _bases(tallies: Tallies, watch: Watch, rows: Rows, totals: Shares) -> Shares:
    """What does not count for an alert, roughly; all of it where it has not joined yet."""
    bases = totals.copy()
    begun = min(activation.position for activation in watch.activations)
    numbers = range(rows.stop) if isinstance(rows, slice) else rows.tolist()
    for at, row in enumerate(numbers):
        for join in tallies.joins[row]:
            if join.position >= begun:
                bases[at] = join.baseline / SCALE
                break
    return bases


def in_store(session: Session, meter: MeterView, tallied: Tallied) -> Shares:
    """The greatest share below 1 of any alert that watches a customer, as far as it is stored."""
    shares = np.full(len(tallied.customers), _NONE)
    for watch in meter.everyone:
        _raise(shares, watch, tallied)
    if meter.by_customer:
        places = {number: at for at, number in enumerate(tallied.customers.tolist())}
        for number, watches in _numbered(session, meter).items():
            if number in places:
                own = slice(places[number], places[number] + 1)
                one = tallied.pick(np.arange(own.start, own.stop))
                for watch in watches:
                    _raise(shares[own], watch, one)
    return shares


def _raise(shares: Shares, watch: Watch, tallied: Tallied) -> None:
    """Have shares be those on the way to an alert, where these are greater and below 1."""
    for begun in {activation.position for activation in watch.activations}:
        others = _counted(watch, begun, tallied) / watch.gte
        better = (others < 1) & (others > shares)
        shares[better] = others[better]


def _numbered(session: Session, meter: MeterView) -> dict[int, tuple[Watch, ...]]:
    kept = session.meters.numbered(meter.no)
    scope = Scope.of(kept)
    numbers = session.customer_numbers(scope, [*meter.by_customer])
    return {number: meter.by_customer[customer] for customer, number in numbers.items()}


def _counted(watch: Watch, begun: int, tallied: Tallied) -> Shares:
    """What counts for an alert of an activation, roughly."""
    totals = _units(tallied.totals)
    if watch.count_from is CountFrom.LIFETIME:
        return totals
    joined = (tallied.joins != NOT_PLAIN) & (tallied.joins >= begun)
    counted = np.where(joined, totals - _units(tallied.baselines), np.float64(0))
    if tallied.special:
        for at in np.flatnonzero(tallied.joins == NOT_PLAIN).tolist():
            special = tallied.special.get(int(tallied.customers[at]))
            for join in special.joins if special else ():
                if join.position >= begun:
                    counted[at] = totals[at] - join.baseline / SCALE
                    break
    return np.asarray(counted)


# exactly


def ways(state: State, session: Session, places: Sequence[Place]) -> list[Way]:
    """How far customers have come to each line that is drawn for them; by the writer."""
    by_meter: dict[int, list[int]] = {}
    for place in places:
        by_meter.setdefault(place.meter_no, []).append(place.customer_no)
    found: list[Way] = []
    for meter_no, numbers in by_meter.items():
        meter = state.catalogue.numbered(meter_no)
        for tally in _tallies(state, session, meter, numbers):
            found += _ways(tally)
    return found


def _tallies(
    state: State, session: Session, meter: MeterState, numbers: Sequence[int]
) -> Iterator[Tally]:
    names = session.customer_ids(numbers)
    held = {n: name for n, name in names.items() if state.tallies.holds(meter, n, name)}
    for number, name in held.items():
        yield state.tallies.tally(meter, number, name)
    others = {number: name for number, name in names.items() if number not in held}
    if others:
        aside = Tallies(session)  # so that no trace is left of those who only were looked at
        aside.bring_in(meter, others)
        for number, name in others.items():
            yield aside.tally(meter, number, name)


def _ways(tally: Tally) -> Iterator[Way]:
    place = Place(tally.meter.no, tally.customer_no)
    for watch in tally.watches:
        marks = [mark for mark in tally.marks if mark.alert_no == watch.alert_no]
        activation, standing = current_activation(watch.activations, marks)
        base = tally.total
        if watch.count_from is CountFrom.LIFETIME:
            base = 0
        elif tally.joins and tally.joins[-1].position >= activation.position:
            base = baseline(watch.count_from, activation, tally.joins)
        alert = tally.meter.alerts[watch.alert_no]
        yield Way(place, watch.alert_no, alert, tally.total - base, standing is Standing.FIRED)


def nearest(found: Sequence[Way], limit: int) -> list[Way]:
    """The nearest line of each customer on a meter, those who are nearest in front."""
    best: dict[Place, Way] = {}
    for way in found:
        if way.has_fired or way.counted <= 0:
            continue
        if way.place not in best or best[way.place].share < way.share:
            best[way.place] = way
    return sorted(best.values(), key=lambda way: (-way.share, way.place))[:limit]
