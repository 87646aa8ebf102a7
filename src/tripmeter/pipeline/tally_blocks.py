"""How tallies are stored: those of a meter and 64 customers in one row, as columns.

A row may hold customers that memory does not, so what is stored is read and the new states are put
in between. Owns the form of that row and nothing of what a tally means.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tripmeter.model.cells import BLOCK
from tripmeter.model.quantities import I64, LIMB, Bools, Quantities, of_integers
from tripmeter.model.usage import Holder, Join, TallyBlock, TallyRow
from tripmeter.ports import Session

_BASELINES: Final = 2**63 * LIMB
"""Baselines from here on, either way, do not fit into a column."""

NOT_PLAIN: Final = -1
"""In the column of joins: none, or more than the column can say."""


class Special(NamedTuple):
    """What only few tallies have."""

    joins: tuple[Join, ...]
    """All of them, where there are several; the column has those that stand alone."""
    holders: Mapping[int, Holder]
    usages: Mapping[int, int]
    """Of open billing windows."""


class Tallied(NamedTuple):
    """Tallies of one meter as columns, each as `TallyRow` has it."""

    customers: I64
    """Numbers."""
    positions: I64
    hours_to: I64
    totals: Quantities
    joins: I64
    """The position of the only join; `NOT_PLAIN` without one, or with several."""
    baselines: Quantities
    """Of that join."""
    special: dict[int, Special]
    """By the customer's number."""

    def pick(self, chosen: npt.NDArray[np.intp] | Bools) -> "Tallied":
        """Those at some indexes, or where a mask is true; `special` stays as it is."""
        return Tallied(
            self.customers[chosen],
            self.positions[chosen],
            self.hours_to[chosen],
            self.totals.pick(chosen),
            self.joins[chosen],
            self.baselines.pick(chosen),
            self.special,
        )

    def rows(self, meter_no: int) -> Iterator[TallyRow]:
        """Each as an object."""
        columns = (self.customers, self.positions, self.hours_to, self.joins)
        for at, (customer_no, position, hours_to, join) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            joins, holders, usages = self.special.get(customer_no, _PLAIN)
            yield TallyRow(
                meter_no=meter_no,
                customer_no=customer_no,
                position=position,
                hours_to=hours_to,
                total=self.totals.at(at),
                joins=joins if join == NOT_PLAIN else (Join(join, self.baselines.at(at)),),
                holders=dict(holders),
                usages=dict(usages),
            )


_PLAIN: Final = Special((), {}, {})


def join_columns(joins: Sequence[tuple[Join, ...]]) -> tuple[I64, Quantities]:
    """The joins of tallies as the columns `joins` and `baselines`."""
    plain = [own[0] if len(own) == 1 and _fits(own[0]) else _NO_JOIN for own in joins]
    positions = np.array([join.position for join in plain], dtype=np.int64)
    baselines = [join.baseline for join in plain]
    if any(baselines):
        return positions, of_integers(baselines)
    zeros = np.zeros(len(plain), dtype=np.int64)
    return positions, Quantities(zeros, zeros)


_NO_JOIN: Final = Join(NOT_PLAIN, 0)


def _fits(join: Join) -> bool:
    return not join.baseline or -_BASELINES <= join.baseline < _BASELINES


def stored_tallies(session: Session, meter_no: int, customers: Collection[int]) -> Tallied:
    """What the store has of customers, by number; those who never used the meter are left out."""
    blocks = {number // BLOCK for number in customers}
    found = _decoded(session.usage.tallies(meter_no, blocks))
    return found.pick(np.isin(found.customers, [*customers]))


def meter_tallies(session: Session, meter_no: int) -> Tallied:
    """What the store has of all customers of a meter."""
    return _decoded(session.looking.meter_tallies(meter_no))


def all_stored_tallies(session: Session) -> Iterator[TallyRow]:
    """Every stored tally."""
    for row in session.usage.all_tallies():
        yield from _decoded([row]).rows(row.meter_no)


def merged(session: Session, meter_no: int, fresh: Tallied) -> Iterator[TallyBlock]:
    """The stored blocks of a meter with new states of tallies in them, to be saved."""
    blocks = np.unique(fresh.customers // BLOCK)
    stored = session.usage.tallies(meter_no, blocks.tolist())
    if stored:
        before = _decoded(stored)
        kept = before.pick(np.isin(before.customers, fresh.customers, invert=True))
        fresh = _joined(kept, fresh)
    fresh = fresh.pick(np.argsort(fresh.customers))
    starts = np.searchsorted(fresh.customers, blocks * BLOCK).tolist()
    columns = _Columns(fresh)
    for block, begin, end in zip(
        blocks.tolist(), starts, [*starts[1:], len(fresh.customers)], strict=True
    ):
        yield TallyBlock(meter_no, block, columns.encoded(begin, end))


def _joined(one: Tallied, other: Tallied) -> Tallied:
    """One behind the other; `other` has the last word on what is special."""
    special = one.special
    if special:
        left = {*one.customers.tolist()}
        special = {number: own for number, own in special.items() if number in left}
    return Tallied(
        np.concatenate([one.customers, other.customers]),
        np.concatenate([one.positions, other.positions]),
        np.concatenate([one.hours_to, other.hours_to]),
        _both(one.totals, other.totals),
        np.concatenate([one.joins, other.joins]),
        _both(one.baselines, other.baselines),
        {**special, **other.special},
    )


def _both(one: Quantities, other: Quantities) -> Quantities:
    return Quantities(np.concatenate([one.high, other.high]), np.concatenate([one.low, other.low]))


# the body of a row


_Number = str
"""A quantity as text: these may have more than 64 bits."""


class _Special(msgspec.Struct, frozen=True, array_like=True):
    joins: list[tuple[int, _Number]]
    holders: dict[int, tuple[int, _Number]]
    usages: dict[int, _Number]


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """A column that is the same for all customers has its value once."""

    customers: bytes
    """Numbers within the block, ascending."""
    columns: tuple[bytes, ...]
    """As `_numbers` gives them."""
    special: dict[int, _Special]
    """By the number within the block."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)

_BYTES: Final = 8
"""Of a number in a column."""


class _Columns:
    """Tallies in the order of their numbers, from which bodies are cut."""

    def __init__(self, tallied: Tallied) -> None:
        self._offsets = (tallied.customers % BLOCK).astype(np.uint8).tobytes()
        self._columns = [column.astype("<i8").tobytes() for column in _numbers(tallied)]
        self._special = tallied.special
        self._customers = tallied.customers

    def encoded(self, begin: int, end: int) -> bytes:
        """The body of a block whose tallies stand from `begin` to before `end`."""
        columns = tuple(
            _once(column[begin * _BYTES : end * _BYTES], end - begin) for column in self._columns
        )
        special = {}
        if self._special:
            own = self._customers[begin:end].tolist()
            special = {
                number % BLOCK: _packed(self._special[number])
                for number in own
                if number in self._special
            }
        return _encoder.encode(_Body(self._offsets[begin:end], columns, special))


def _numbers(tallied: Tallied) -> tuple[I64, ...]:
    """All columns but the customers, in the order in which a body has them."""
    positions, hours_to = tallied.positions, tallied.hours_to
    return (positions, hours_to, *tallied.totals, tallied.joins, *tallied.baselines)


_COLUMNS: Final = 7


def _once(column: bytes, size: int) -> bytes:
    return column[:_BYTES] if column == column[:_BYTES] * size else column


def _packed(special: Special) -> _Special:
    return _Special(
        [(join.position, str(join.baseline)) for join in special.joins],
        {window: (held.position, str(held.quantity)) for window, held in special.holders.items()},
        {number: str(usage) for number, usage in special.usages.items()},
    )


def _unpacked(special: _Special) -> Special:
    return Special(
        tuple(Join(position, int(baseline)) for position, baseline in special.joins),
        {window: Holder(at, int(quantity)) for window, (at, quantity) in special.holders.items()},
        {number: int(usage) for number, usage in special.usages.items()},
    )


def _decoded(rows: Sequence[TallyBlock]) -> Tallied:
    """The tallies of several blocks of one meter."""
    bodies = [_decoder.decode(row.body) for row in rows]
    sizes = [len(body.customers) for body in bodies]
    offsets = np.frombuffer(b"".join(body.customers for body in bodies), np.uint8)
    blocks = np.repeat(np.array([row.block for row in rows], dtype=np.int64), sizes)
    parts = zip(*(body.columns for body in bodies), strict=True) if bodies else ((),) * _COLUMNS
    positions, hours_to, high, low, joins, *baselines = (_column(part, sizes) for part in parts)
    return Tallied(
        offsets + blocks * BLOCK,
        positions,
        hours_to,
        Quantities(high, low),
        joins,
        Quantities(*baselines),
        {
            row.block * BLOCK + offset: _unpacked(special)
            for row, body in zip(rows, bodies, strict=True)
            for offset, special in body.special.items()
        },
    )


def _column(parts: Sequence[bytes], sizes: Sequence[int]) -> I64:
    """A column of several bodies, one behind the other."""
    whole = (
        part if len(part) == size * _BYTES else part * size
        for part, size in zip(parts, sizes, strict=True)
    )
    return np.frombuffer(b"".join(whole), "<i8").astype(np.int64)
