"""The cells of usage in time: collected in memory, frozen and sorted, stored in blocks by the hour.

Summaries are read from all three places. A block holds the hour of 64 customers, so that many
customers cost few rows, and one customer's month is read quickly.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tripmeter.model.cells import BLOCK, HOUR_MS, NO_CELLS, Cells, HourBlock, MeterHour, joined
from tripmeter.model.quantities import I64, Quantities, first_of_each, group_sums
from tripmeter.pipeline.tallies import Tallies
from tripmeter.ports import Session

_CHUNKS: Final = 128
"""So many small columns are joined into one."""

Span = tuple[int, int]


class Unsaved:
    """Cells that the store does not have yet, in columns that grow like a log."""

    def __init__(self) -> None:
        self._small: list[Cells] = []
        self._large: list[Cells] = []
        self.size = 0

    def add(self, cells: Cells) -> None:
        """Take cells, owned by rows of the tallies."""
        self.size += len(cells.owners)
        self._small.append(cells)
        if len(self._small) == _CHUNKS:
            self._large.append(joined(self._small))
            self._small.clear()

    def of(self, row: int) -> Cells:
        """The cells of one row."""
        parts = (*self._large, *self._small)
        return joined([part.pick(part.owners == row) for part in parts])

    @property
    def parts(self) -> tuple[Cells, ...]:
        """All of them, as they came; they never change."""
        return (*self._large, *self._small)

    def take(self) -> Cells:
        """All of them, to be saved."""
        cells = joined((*self._large, *self._small))
        self._small, self._large, self.size = [], [], 0
        return cells


class Sorted(NamedTuple):
    """Cells in the order in which they are stored, and where each hour of a block begins."""

    cells: Cells
    """Owned by rows of the tallies."""
    starts: npt.NDArray[np.intp]
    blocks: I64
    """The rank of each hour's block among all that are saved together."""
    hours: I64


class Frozen:
    """What was unsaved at one position, on its way into the store block by block."""

    def __init__(self, tallies: Tallies, minutes: Cells, singles: Cells, position: int) -> None:
        self.position = position
        self._tallies = tallies
        rows, of_each = _by_block(tallies, minutes, singles)
        starts = first_of_each(of_each)
        self._rows, self._blocks = rows, of_each[starts]
        self._row_starts = np.append(starts, len(rows))
        ranks = np.zeros(tallies.size, dtype=np.int64)
        ranks[rows] = np.repeat(np.arange(len(starts)), np.diff(self._row_starts))
        offsets = tallies.customer_no[: tallies.size] % BLOCK
        self._parts = [
            _sorted(part, ranks, offsets) for part in (minutes, singles) if len(part.owners)
        ]
        self._done = 0
        """Blocks that are in the store."""
        self.counted = 0
        """Events that were counted since, beside which it was to be written."""

    @property
    def pending(self) -> bool:
        """Whether anything is not in the store yet."""
        return self._done < len(self._blocks)

    @property
    def size(self) -> int:
        """Tallies that it has, saved ones included."""
        return len(self._rows)

    @property
    def saved(self) -> int:
        """Tallies that are in the store."""
        return int(self._row_starts[self._done])

    def of(self, row: int) -> Cells:
        """The cells of one row that are not in the store yet."""
        return joined([rest.pick(rest.owners == row) for rest in self.unsaved])

    @property
    def unsaved(self) -> list[Cells]:
        """The cells that are not in the store yet; they never change."""
        found = []
        for part in self._parts:
            first = np.searchsorted(part.blocks, self._done)
            begin = part.starts[first] if first < len(part.starts) else len(part.cells.owners)
            found.append(part.cells.pick(slice(int(begin), None)))
        return found

    def save_next(self, session: Session, tallies: int) -> npt.NDArray[np.intp]:
        """Write the hours of the next blocks, with at least so many tallies if there are.

        Gives the rows of these tallies.
        """
        begin = int(self._row_starts[self._done])
        last = min(int(np.searchsorted(self._row_starts, begin + tallies)), len(self._blocks))
        session.usage.save_hours(
            merged
            for part in self._parts
            for merged in self._merged(session, part, self._done, last)
        )
        session.looking.add_meter_hours(self._summed_by_meter(self._done, last))
        self._done = last
        return self._rows[begin : self._row_starts[last]]

    def _summed_by_meter(self, low: int, high: int) -> list[MeterHour]:
        """What is written of the blocks from rank `low` to `high`, of all customers together."""
        found: list[MeterHour] = []
        for part in self._parts:
            first, end = np.searchsorted(part.blocks, (low, high)).tolist()
            if first < end:
                found += self._summed_hours(part, first, end)
        return found

    def _summed_hours(self, part: Sorted, first: int, end: int) -> Iterator[MeterHour]:
        borders = np.append(part.starts, len(part.cells.owners))
        begin, stop = int(borders[first]), int(borders[end])
        starts = part.starts[first:end] - begin
        cells = part.cells.pick(slice(begin, stop))
        events = np.add.reduceat(cells.events, starts)
        sums = group_sums(cells.quantities, starts)
        meters = self._blocks[part.blocks[first:end]] >> 40
        order = np.lexsort((part.hours[first:end], meters))
        meters, hours = meters[order], part.hours[first:end][order]
        groups = np.flatnonzero(
            np.append(True, (meters[1:] != meters[:-1]) | (hours[1:] != hours[:-1]))
        )
        events = np.add.reduceat(events[order], groups)
        sums = group_sums(sums.pick(order), groups)
        for at, group in enumerate(groups.tolist()):
            yield MeterHour(int(meters[group]), int(hours[group]), int(events[at]), sums.at(at))

    def _merged(self, session: Session, part: Sorted, low: int, high: int) -> Iterator[HourBlock]:
        """The stored hours of the blocks from rank `low` to `high`, with these cells added."""
        first, end = np.searchsorted(part.blocks, (low, high))
        borders = [*part.starts[first : end + 1].tolist(), len(part.cells.owners)]
        for at in range(int(first), int(end)):
            block, hour = int(self._blocks[part.blocks[at]]), int(part.hours[at])
            meter_no, number = block >> 40, block & (2**40 - 1)
            begin, stop = borders[at - first], borders[at - first + 1]
            added = part.cells.pick(slice(begin, stop))
            numbers = self._tallies.customer_no[added.owners]
            own = added._replace(owners=numbers)
            stored = session.usage.hours(meter_no, number, hour, hour + 1)
            if stored:
                own = merged_cells(joined([decoded_all(stored), own]))
            yield HourBlock(meter_no, number, hour, encoded(own.pick(own.events != 0)))


def _by_block(tallies: Tallies, minutes: Cells, singles: Cells) -> tuple[npt.NDArray[np.intp], I64]:
    """The rows that own cells, in the order of meters and customers; and the block of each."""
    owning = np.zeros(tallies.size, dtype=np.bool_)
    owning[minutes.owners] = True
    owning[singles.owners] = True
    rows = np.flatnonzero(owning)
    keys = tallies.meter_no[rows] * (BLOCK << 40) + tallies.customer_no[rows]
    order = np.argsort(keys)
    return rows[order], keys[order] // BLOCK


def _sorted(cells: Cells, ranks: I64, offsets: I64) -> Sorted:
    """Sum cells that are the same, in the order of block, hour, customer, moment, position."""
    hours = cells.moments_ms // HOUR_MS
    first = int(hours.min())
    span = int(hours.max()) - first + 1
    block_hours = ranks[cells.owners] * span + (hours - first)
    key = block_hours * BLOCK + offsets[cells.owners]
    if cells.positions.any():
        order = np.lexsort((cells.positions, cells.moments_ms, key))
    else:
        order = np.argsort(key * HOUR_MS + cells.moments_ms % HOUR_MS)
    summed, kept = _summed(cells.pick(order))
    block_hours = block_hours[order][kept]
    starts = first_of_each(block_hours)
    return Sorted(summed, starts, block_hours[starts] // span, block_hours[starts] % span + first)


def _summed(cells: Cells) -> tuple[Cells, npt.NDArray[np.intp]]:
    """Sorted cells with the same ones added up; and at which index each was found first."""
    same = np.zeros(len(cells.owners), dtype=np.bool_)
    same[1:] = (
        (cells.owners[1:] == cells.owners[:-1])
        & (cells.moments_ms[1:] == cells.moments_ms[:-1])
        & (cells.positions[1:] == cells.positions[:-1])
    )
    starts = np.flatnonzero(~same)
    summed = Cells(
        cells.owners[starts],
        cells.moments_ms[starts],
        cells.positions[starts],
        np.add.reduceat(cells.events, starts),
        group_sums(cells.quantities, starts),
    )
    return summed, starts


def merged_cells(cells: Cells) -> Cells:
    """Cells with the same ones added up, sorted."""
    order = np.lexsort((cells.positions, cells.moments_ms, cells.owners))
    return _summed(cells.pick(order))[0]


# how an hour of a block is stored


class _Body(msgspec.Struct, frozen=True, array_like=True):
    customers: bytes
    moments_ms: bytes
    positions: bytes
    events: bytes
    high: bytes
    low: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)


def encoded(cells: Cells) -> bytes:
    """The body of a block's hour; the cells are owned by customer numbers."""
    body = _Body(
        (cells.owners % BLOCK).astype(np.uint8).tobytes(),
        (cells.moments_ms % HOUR_MS).astype("<u4").tobytes(),
        cells.positions.astype("<i8").tobytes() if cells.positions.any() else b"",
        cells.events.astype("<i4").tobytes(),
        cells.quantities.high.astype("<i8").tobytes(),
        cells.quantities.low.astype("<i8").tobytes(),
    )
    return _encoder.encode(body)


def decoded_all(rows: Sequence[HourBlock]) -> Cells:
    """The cells of several hours of blocks of one meter, owned by customer numbers."""
    if not rows:
        return NO_CELLS
    bodies = [_decoder.decode(row.body) for row in rows]
    sizes = [len(body.customers) for body in bodies]
    owners = np.frombuffer(b"".join(body.customers for body in bodies), np.uint8)
    moments = np.frombuffer(b"".join(body.moments_ms for body in bodies), "<u4")
    positions = [body.positions or bytes(8 * n) for body, n in zip(bodies, sizes, strict=True)]
    hours = np.repeat(np.array([row.hour for row in rows], dtype=np.int64), sizes)
    blocks = np.array([row.block for row in rows], dtype=np.int64)
    return Cells(
        owners.astype(np.int64) + np.repeat(blocks, sizes) * BLOCK,
        moments.astype(np.int64) + hours * HOUR_MS,
        np.frombuffer(b"".join(positions), "<i8").astype(np.int64),
        np.frombuffer(b"".join(body.events for body in bodies), "<i4").astype(np.int64),
        Quantities(
            np.frombuffer(b"".join(body.high for body in bodies), "<i8").astype(np.int64),
            np.frombuffer(b"".join(body.low for body in bodies), "<i8").astype(np.int64),
        ),
    )


def stored_cells(session: Session, meter_no: int, customer_no: int, span_ms: Span) -> Cells:
    """What the store has of one customer's usage in the hours that a span touches."""
    cells = block_cells(session, meter_no, customer_no // BLOCK, span_ms)
    return cells.pick(cells.owners == customer_no)


def block_cells(session: Session, meter_no: int, block: int, span_ms: Span) -> Cells:
    """What the store has of a block of customers in the hours that a span touches."""
    start, end = span_ms
    rows = session.usage.hours(meter_no, block, start // HOUR_MS, -(-end // HOUR_MS))
    return decoded_all(rows)
