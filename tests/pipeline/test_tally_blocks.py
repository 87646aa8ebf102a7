"""Tallies in blocks: what goes in comes out, whatever else is in the row."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from support.engine import Engine
from tripmeter.model.cells import BLOCK
from tripmeter.model.quantities import I64, of_integers
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import Holder, Join, TallyRow
from tripmeter.pipeline.tally_blocks import (
    NOT_PLAIN,
    Special,
    Tallied,
    all_stored_tallies,
    join_columns,
    merged,
    stored_tallies,
)
from tripmeter.ports import Session
from tripmeter.rules.acceptance import MAX_TOTAL

HIGHEST = MAX_TOTAL + 10**15 * SCALE - 1
"""Where a total may end: the last event that it takes begins below the limit."""

HUGE = 10**45 + 7
"""Of more than two limbs, as a baseline may be in theory."""

JOINS: list[tuple[Join, ...]] = [
    (),
    (Join(0, 0),),
    (Join(7, -HIGHEST),),
    (Join(2**62, HUGE),),
    (Join(0, 0), Join(7, -HUGE), Join(8, HUGE)),
]
HOLDERS = [{}, {0: Holder(3, HUGE), 490_000: Holder(2**62, -1)}]


@pytest.fixture
def session() -> Iterator[Session]:
    """The writing session of an engine that nothing was reported to."""
    with Engine() as engine, engine.store.transaction():
        yield engine.store.writer()


def row(customer_no: int, total: int = 0, position: int = 1, **more: object) -> TallyRow:
    return TallyRow(meter_no=1, customer_no=customer_no, position=position, total=total, **more)  # type: ignore[arg-type]


def column(values: Iterator[int]) -> I64:
    return np.array([*values], dtype=np.int64)


def save(session: Session, rows: list[TallyRow]) -> None:
    """Save tallies of meter 1 together."""
    joins, baselines = join_columns([row.joins for row in rows])
    special = {
        row.customer_no: Special(row.joins if join == NOT_PLAIN else (), row.holders, row.usages)
        for row, join in zip(rows, joins.tolist(), strict=True)
        if row.holders or row.usages or (row.joins and join == NOT_PLAIN)
    }
    fresh = Tallied(
        column(row.customer_no for row in rows),
        column(row.position for row in rows),
        column(row.hours_to for row in rows),
        of_integers(row.total for row in rows),
        joins,
        baselines,
        special,
    )
    session.usage.save_tallies(merged(session, 1, fresh))


def random_row(rng: random.Random, customer_no: int) -> TallyRow:
    return row(
        customer_no,
        rng.choice([0, 1, -1, HIGHEST, -HIGHEST, rng.randrange(-HIGHEST, HIGHEST)]),
        rng.choice([1, 2**62]),
        hours_to=rng.choice([0, 1]),
        joins=rng.choice(JOINS),
        holders=rng.choice(HOLDERS),
    )


@pytest.mark.parametrize("joins", JOINS)
@pytest.mark.parametrize("holders", HOLDERS)
@pytest.mark.parametrize("total", [0, -1, HIGHEST, -HIGHEST])
def test_a_tally_comes_back_exactly(
    session: Session, joins: tuple[Join, ...], holders: dict[int, Holder], total: int
) -> None:
    kept = row(BLOCK - 1, total, 2**62, hours_to=9, joins=joins, holders=holders)
    save(session, [kept])
    assert list(stored_tallies(session, 1, [BLOCK - 1]).rows(1)) == [kept]


def test_a_block_keeps_those_that_are_not_written_anew(session: Session) -> None:
    """A block is as many single rows would be, whoever is written in whatever order."""
    rng, expected = random.Random(5), dict[int, TallyRow]()
    for _ in range(60):
        numbers = rng.sample(range(1, 4 * BLOCK), rng.choice([1, 3, 100]))
        rows = [random_row(rng, number) for number in numbers]
        save(session, rows)
        expected |= {row.customer_no: row for row in rows}
        assert list(all_stored_tallies(session)) == [expected[no] for no in sorted(expected)]


def test_only_those_are_read_who_are_asked_for(session: Session) -> None:
    save(session, [row(number, number) for number in range(1, 3 * BLOCK)])
    wanted = [5, BLOCK, 2 * BLOCK - 1, 9 * BLOCK]
    found = {kept.customer_no: kept.total for kept in stored_tallies(session, 1, wanted).rows(1)}
    assert found == {number: number for number in wanted[:3]}
    assert not len(stored_tallies(session, 2, wanted).customers)
    assert not len(stored_tallies(session, 1, []).customers)


def test_what_was_special_once_is_forgotten(session: Session) -> None:
    save(session, [row(1, joins=JOINS[-1], holders=HOLDERS[1]), row(2, holders=HOLDERS[1])])
    save(session, [row(1, 5)])
    assert list(all_stored_tallies(session)) == [row(1, 5), row(2, holders=HOLDERS[1])]


def test_equal_tallies_take_little_room(session: Session) -> None:
    """What is the same for a whole block is stored once."""
    save(session, [row(number, 10**17, joins=(Join(7, 0),)) for number in range(BLOCK)])
    (block,) = session.usage.all_tallies()
    assert len(block.body) < 3 * BLOCK
