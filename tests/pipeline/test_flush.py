"""How memory moves into the store: in slices, at the pace of what is counted."""

from collections.abc import Iterator

import pytest

from support.engine import Engine
from tripmeter.model.usage import UsageReport
from tripmeter.pipeline.audit import audit
from tripmeter.pipeline.flush import Pace

CUSTOMERS = 150
"""So many that they fill more than two blocks."""

LAG = 200
PACE = Pace(slice=10, lag=LAG, lag_per_tally=0, tallies_kept=0)


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(pace=PACE) as engine:
        for number in range(CUSTOMERS):
            engine.create_customer(f"cus_{number}")
        engine.create_meter("calls")
        yield engine


def report(engine: Engine, first: int, last: int) -> None:
    """Events from number `first` to before `last`, of one customer after the other."""
    customers = [f"cus_{number % CUSTOMERS}" for number in range(first, last)]
    payloads = [{"stripe_customer_id": customer, "value": "1"} for customer in customers]
    engine.report([UsageReport("calls", payload, None, None) for payload in payloads])


def flushed(engine: Engine) -> int:
    with engine.store.reader() as session:
        position: int = session.usage.flushed_position()
        return position


def assert_whole(engine: Engine) -> None:
    """All that is stored is what the log says."""
    with engine.store.reader() as session:
        assert not audit(session).differences


def test_what_was_frozen_is_stored_before_half_as_much_again_is_counted(engine: Engine) -> None:
    report(engine, 0, LAG)
    for number in range(LAG, LAG + LAG // 2):
        report(engine, number, number + 1)
    assert flushed(engine) >= LAG
    with engine.store.reader() as session:
        assert sum(1 for _ in session.usage.all_tallies()) == -(-CUSTOMERS // 64)
    assert_whole(engine)


def test_a_crash_between_two_slices_loses_nothing(engine: Engine) -> None:
    report(engine, 0, LAG)
    for number in range(LAG, LAG + LAG // 2, 5):
        report(engine, number, number + 5)
        engine.crash()
        assert_whole(engine)
    engine.restart()
    assert flushed(engine) == LAG + LAG // 2
    assert_whole(engine)
