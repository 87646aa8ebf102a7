"""LOOK: what many customers used together, read beside the writer and not by it.

A look is a moment: the writer hands over, as it is, what memory holds and the store does not, and a
reading session is pinned to the state that goes with it. All work is then done in another thread,
on columns that nobody changes any more. Nothing here reads the log of events.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from tripmeter.model.cells import (
    BLOCK,
    HOUR_MS,
    MINUTE_MS,
    NO_CELLS,
    Cells,
    HourBlock,
    MeterHour,
    joined,
)
from tripmeter.model.quantities import (
    I64,
    LIMB,
    Bools,
    Quantities,
    at_least,
    first_of_each,
    group_sums,
    of_integers,
)
from tripmeter.pipeline.hours import Span, decoded_all, stored_cells
from tripmeter.pipeline.state import State
from tripmeter.ports import Session

ROWS: Final = 2_000
"""Stored hours read at a time."""

MOST_ROWS: Final = 400_000
"""Stored hours that one look may read: some seconds of work. They are those of 35,000 customers who
use something every hour, over 30 days."""

DENSE: Final = 64_000_000
"""Numbers below it are told apart by a mask, quicker than by sorting."""

_BASE: Final = 10**9
"""Low limbs are added up in halves, so that millions of them fit."""


class TooMuch(Exception):
    """There is more usage in a span than one look may read."""


class Look(NamedTuple):
    """What memory holds at one moment, and a session on what was stored then."""

    session: Session
    parts: Sequence[Cells]
    """Owned by rows of the tallies."""
    meters: I64
    """The number of the meter of each row."""
    customers: I64
    """The number of the customer of each row."""

    def unstored(self, meter_no: int, span: Span, customers: Sequence[int] | None = None) -> Cells:
        """What is not stored of a meter's usage in [start, end) ms, owned by customer numbers.

        Of all customers, or of some.
        """
        found = []
        wanted = self.meters == meter_no
        if customers is not None:
            wanted &= among(self.customers, np.array(customers, dtype=np.int64))
        for part in self.parts:
            own = np.flatnonzero(wanted[part.owners])
            moments = part.moments_ms[own]
            own = own[(moments >= span[0]) & (moments < span[1])]
            if len(own):
                cells = part.pick(own)
                found.append(cells._replace(owners=self.customers[cells.owners]))
        return joined(found)


def among(numbers: I64, others: I64) -> Bools:
    """Which of some numbers are among others."""
    if not len(numbers) or not len(others):
        return np.zeros(len(numbers), dtype=np.bool_)
    most = int(max(numbers.max(), others.max()))
    if most >= DENSE:
        return np.isin(numbers, others)
    mask = np.zeros(most + 1, dtype=np.bool_)
    mask[others] = True
    return np.asarray(mask[numbers])


def pin(state: State, session: Session) -> Look:
    """Take hold of this moment; by the writer, for a session that has not read anything yet."""
    session.usage.last_position()  # its state is this one from here on
    parts = [*state.minutes.parts, *state.singles.parts]
    if state.frozen is not None:
        parts += state.frozen.unsaved
    tallies = state.tallies
    return Look(session, parts, tallies.meter_no, tallies.customer_no)


# all customers by the hour


def hourly(look: Look, meter_no: int, span: Span) -> dict[int, int]:
    """What all customers used of a meter that adds up, by the hour since the epoch; scaled."""
    start, end = span[0] // HOUR_MS, -(-span[1] // HOUR_MS)
    stored = look.session.looking.meter_hours(meter_no, start, end)
    sums = {row.hour: row.quantity for row in stored}
    for hour, quantity in _unstored_hours(look, meter_no, start, end):
        sums[hour] = sums.get(hour, 0) + quantity
    return sums


def _unstored_hours(look: Look, meter_no: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sums of whole hours, without sorting anything: there may be millions of cells."""
    wanted = look.meters == meter_no
    high, upper, lower = (np.zeros(end - start, dtype=np.int64) for _ in range(3))
    for part in look.parts:
        hours = part.moments_ms // HOUR_MS - start
        own = wanted[part.owners] & (hours >= 0) & (hours < end - start)
        quantities = part.quantities
        if not own.all():
            hours, quantities = hours[own], quantities.pick(own)
        halves = quantities.low // _BASE
        np.add.at(high, hours, quantities.high)
        np.add.at(upper, hours, halves)
        np.add.at(lower, hours, quantities.low - halves * _BASE)
    for at in np.flatnonzero(high | upper | lower).tolist():
        yield start + at, int(high[at]) * LIMB + int(upper[at]) * _BASE + int(lower[at])


def meter_hours(cells: Cells, meter_no: int) -> list[MeterHour]:
    """Cells of one meter summed up by the hour."""
    if not len(cells.owners):
        return []
    hours = cells.moments_ms // HOUR_MS
    order = np.argsort(hours, kind="stable")
    hours = hours[order]
    starts = first_of_each(hours)
    sums = group_sums(cells.quantities.pick(order), starts)
    events = np.add.reduceat(cells.events[order], starts)
    return [
        MeterHour(meter_no, hour, count, sums.at(at))
        for at, (hour, count) in enumerate(
            zip(hours[starts].tolist(), events.tolist(), strict=True)
        )
    ]


# each customer


def by_customers(look: Look, meter_no: int, span: Span) -> Iterator[Cells]:
    """A meter's usage in a span, customers in order, some at a time and each of them whole.

    Cells are sorted by owner and moment, and are not summed up. Raises TooMuch.
    """
    _check_size(look, meter_no, span)
    fresh = _ordered(look.unstored(meter_no, span))
    begin = 0
    for border, rows in _stored(look.session, meter_no, span):
        end = len(fresh.owners)
        if border is not None:
            end = int(np.searchsorted(fresh.owners, border))
        own = fresh.pick(slice(begin, end))
        begin = end
        cells = decoded_all(rows)
        cells = cells.pick((cells.moments_ms >= span[0]) & (cells.moments_ms < span[1]))
        both = _ordered(joined([cells, own])) if len(cells.owners) else own
        if len(both.owners):
            yield both


def _ordered(cells: Cells) -> Cells:
    """By owner and minute."""
    if len(cells.owners) and int(cells.owners.max()) < 2**36:
        key = cells.owners << 26  # minutes since the epoch fit into 26 bits until 2097
        key |= cells.moments_ms // MINUTE_MS
        return cells.pick(np.argsort(key))
    return cells.pick(np.lexsort((cells.moments_ms, cells.owners)))


def _check_size(look: Look, meter_no: int, span: Span) -> None:
    """Raises TooMuch for what cannot end well: so many events that are spread so thinly."""
    start, end = span[0] // HOUR_MS, -(-span[1] // HOUR_MS)
    hours = look.session.looking.meter_hours(meter_no, start, end)
    places = len(hours) * look.session.looking.tally_blocks(meter_no)
    events = sum(row.events for row in hours)
    if places and events * places // (events + places) > MOST_ROWS:
        raise TooMuch  # fewer places are empty than if events were spread by chance


def _stored(
    session: Session, meter_no: int, span: Span
) -> Iterator[tuple[int | None, Sequence[HourBlock]]]:
    """Stored hours of whole blocks, and the number that later customers begin at; None at last."""
    start, end = span[0] // HOUR_MS, -(-span[1] // HOUR_MS)
    held: list[HourBlock] = []
    read = 0
    for rows in session.looking.hours(meter_no, start, end, ROWS):
        read += len(rows)
        if read > MOST_ROWS:
            raise TooMuch
        held += rows
        last = held[-1].block
        whole = [row for row in held if row.block != last]
        if whole:
            held = held[len(whole) :]
            yield last * BLOCK, whole
    yield None, held


def of_customer(look: Look, meter_no: int, customer_no: int, span: Span) -> Iterator[Cells]:
    """As `by_customers`, of one customer alone."""
    fresh = look.unstored(meter_no, span, [customer_no])
    stored = stored_cells(look.session, meter_no, customer_no, span)
    cells = joined([stored, fresh])
    cells = cells.pick((cells.moments_ms >= span[0]) & (cells.moments_ms < span[1]))
    if len(cells.owners):
        yield cells.pick(np.argsort(cells.moments_ms, kind="stable"))


class Totals(NamedTuple):
    """What customers used in a span, in the order of their numbers."""

    customers: I64
    quantities: Quantities

    def pick(self, chosen: Bools | I64) -> "Totals":
        """Some of them."""
        return Totals(self.customers[chosen], self.quantities.pick(chosen))


def totals(cells: Cells) -> Totals:
    """The sum of each customer's cells, which stand together."""
    starts = first_of_each(cells.owners)
    return Totals(cells.owners[starts], group_sums(cells.quantities, starts))


def top(look: Look, meter_no: int, span: Span, limit: int) -> list[tuple[int, int]]:
    """The customers who used the most of a meter that adds up, and how much; scaled."""
    best = Totals(NO_CELLS.owners, NO_CELLS.quantities)
    for cells in by_customers(look, meter_no, span):
        own = totals(cells)
        both = Totals(
            np.concatenate([best.customers, own.customers]),
            Quantities(
                np.concatenate([best.quantities.high, own.quantities.high]),
                np.concatenate([best.quantities.low, own.quantities.low]),
            ),
        )
        order = np.lexsort((both.customers, -both.quantities.low, -both.quantities.high))
        best = both.pick(order[:limit])
    return [(int(number), best.quantities.at(at)) for at, number in enumerate(best.customers)]


# who would have crossed


class Crossed(NamedTuple):
    """A customer who would have reached a line."""

    customer_no: int
    at_ms: int
    """The minute in which it was."""
    total: int
    """What they used in the whole span; scaled."""


class Preview(NamedTuple):
    """Whom a line would have caught in a span."""

    caught: int
    customers: int
    """Who used anything at all."""
    first: list[Crossed]
    below: list[int]
    """How many customers stayed below each of the edges that were asked for."""


def preview(parts: Iterable[Cells], line: int, edges: Sequence[int], shown: int) -> Preview:
    """Whom a line would have caught, on a meter that adds up; line and edges are scaled."""
    caught = customers = 0
    below = [0] * len(edges)
    first: list[Crossed] = []
    for cells in parts:
        own = totals(cells)
        customers += len(own.customers)
        for at, edge in enumerate(edges):
            reached = at_least(own.quantities, of_integers([edge]))
            below[at] += int(len(own.customers) - reached.sum())
        crossed = _crossings(cells, own, line)
        caught += len(crossed)
        first = sorted([*first, *crossed], key=lambda one: (one.at_ms, one.customer_no))[:shown]
    return Preview(caught, customers, first, below)


def _crossings(cells: Cells, own: Totals, line: int) -> list[Crossed]:
    """The first cell of each customer at which all up to it reach a line."""
    starts = first_of_each(cells.owners)
    sums = running(cells.quantities, starts)
    reached = np.flatnonzero(at_least(sums, of_integers([line])))
    if not len(reached):
        return []
    owners = cells.owners[reached]
    firsts = reached[first_of_each(owners)]
    places = np.searchsorted(own.customers, cells.owners[firsts])
    return [
        Crossed(number, moment_ms, own.quantities.at(place))
        for number, moment_ms, place in zip(
            cells.owners[firsts].tolist(),
            cells.moments_ms[firsts].tolist(),
            places.tolist(),
            strict=True,
        )
    ]


def running(quantities: Quantities, starts: I64) -> Quantities:
    """The sum of each group up to each of its members; groups begin at `starts`."""
    sizes = np.diff(np.append(starts, len(quantities.high)))
    upper = quantities.low // _BASE
    lower = quantities.low - upper * _BASE
    high, upper, lower = (_running(limb, starts, sizes) for limb in (quantities.high, upper, lower))
    carry = lower // _BASE
    lower -= carry * _BASE
    upper += carry
    carry = upper // _BASE
    upper -= carry * _BASE
    return Quantities(high + carry, upper * _BASE + lower)


def _running(column: I64, starts: I64, sizes: I64) -> I64:
    sums = np.cumsum(column)
    before = np.where(starts > 0, sums[starts - 1], 0)
    return np.asarray(sums - np.repeat(before, sizes))
