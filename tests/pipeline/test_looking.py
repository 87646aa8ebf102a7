"""What many customers used together: the same, wherever it is kept, as adding up every event."""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from support.clock import DAY_MS, HOUR_MS
from support.engine import Engine
from support.postgres import database
from tripmeter.model.cells import MeterHour
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import SCALE, parse
from tripmeter.model.usage import UsageReport
from tripmeter.pipeline import looking
from tripmeter.pipeline.audit import Difference, audit
from tripmeter.pipeline.flush import Pace
from tripmeter.pipeline.looking import TooMuch, by_customers, hourly, of_customer, preview, top
from tripmeter.pipeline.meter_hours import ensure_meter_hours

CUSTOMERS = 150
MINUTE_MS = 60_000


class Used(NamedTuple):
    """One event that counts."""

    customer: str
    at_ms: int
    quantity: int


class World:
    """An engine, and all events that count, as a list."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.rng = random.Random(seed)
        self.meter = engine.create_meter("calls")
        self.other = engine.create_meter("others")
        self.used: list[Used] = []
        for number in range(CUSTOMERS):
            engine.create_customer(f"cus_{number}")

    def live(self) -> None:
        """Report, take back, and let the engine stop and crash."""
        for round_ in range(12):
            for _ in range(self.rng.choice([1, 3])):
                self._report(self.rng.choice([1, 7, 200]))
            if self.used and self.rng.random() < 0.5:
                self._cancel(f"e{len(self.used) - 1}")
            self.engine.clock.advance(self.rng.randrange(HOUR_MS))
            if round_ % 4 == 3:
                self.rng.choice([self.engine.restart, self.engine.crash])()

    def _report(self, size: int) -> None:
        sent = []
        for _ in range(size):
            value = self.rng.choice(["1", "-2", "0.5", "3", "999999999999999"])
            ago = self.rng.choice([0, self.rng.randrange(HOUR_MS), self.rng.randrange(3 * DAY_MS)])
            at_ms = self.engine.clock.now_ms() - ago
            customer = f"cus_{int(self.rng.triangular(0, CUSTOMERS, 0))}"
            payload = {"stripe_customer_id": customer, "value": value}
            sent.append(UsageReport("calls", payload, f"e{len(self.used)}", at_ms))
            self.used.append(Used(customer, at_ms, parse(value)))
        self.engine.report(sent)
        noise = {"stripe_customer_id": "cus_0", "value": "7"}
        self.engine.report([UsageReport("others", noise, None, self.engine.clock.now_ms())])

    def _cancel(self, identifier: str) -> None:
        self.engine.cancel("calls", identifier)
        at = int(identifier[1:])
        self.used[at] = self.used[at]._replace(quantity=0)

    @property
    def number(self) -> int:
        """Of the meter."""
        return self.engine.meter_number(self.meter)

    @property
    def span(self) -> tuple[int, int]:
        """The last two days, on whole minutes that are no whole hours."""
        now = self.engine.clock.now_ms() // HOUR_MS * HOUR_MS
        return now - 2 * DAY_MS + 7 * MINUTE_MS, now + 11 * MINUTE_MS

    def inside(self) -> list[Used]:
        """What happened in the span."""
        start, end = self.span
        return [one for one in self.used if start <= one.at_ms < end]


@pytest.fixture(params=[Pace(1, 50, 0), Pace(10, 1000), Pace()], ids=["always", "some", "never"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Flushed all the time, now and then, or never while it runs."""
    with Engine(pace=request.param) as engine:
        made = World(engine, 1)
        made.live()
        yield made


def test_hours_of_all_customers_are_the_sums_of_theirs(world: World) -> None:
    expected: defaultdict[int, int] = defaultdict(int)
    for one in world.used:
        expected[one.at_ms // HOUR_MS] += one.quantity
    now = world.engine.clock.now_ms()
    whole = (now - 10 * DAY_MS) // HOUR_MS * HOUR_MS, now // HOUR_MS * HOUR_MS + HOUR_MS
    found = world.engine.look(lambda look: hourly(look, world.number, whole))
    assert {hour: value for hour, value in found.items() if value} == {
        hour: value for hour, value in expected.items() if value
    }


def test_sums_by_the_hour_are_made_of_what_was_stored_before_there_were_any(world: World) -> None:
    world.engine.restart()
    span = (0, world.engine.clock.now_ms() + HOUR_MS)
    before = world.engine.look(lambda look: hourly(look, world.number, span))
    assert sum(before.values()) == sum(one.quantity for one in world.used)

    def forget_and_make(work: object, _: object) -> None:
        session = work.session  # type: ignore[attr-defined]
        session._sql.connection.execute("DELETE FROM meter_hours")
        session._sql.connection.execute("DELETE FROM settings WHERE name = 'meter_hours'")
        ensure_meter_hours(session)
        ensure_meter_hours(session)

    world.engine.command(forget_and_make)
    assert world.engine.look(lambda look: hourly(look, world.number, span)) == before


@pytest.mark.parametrize("rows", [2_000, 3])
def test_the_top_is_who_used_the_most(
    world: World, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "ROWS", rows)
    expected: defaultdict[str, int] = defaultdict(int)
    for one in world.inside():
        expected[one.customer] += one.quantity
    found = world.engine.look(lambda look: top(look, world.number, world.span, 20))
    numbers = {world.engine.number(customer): total for customer, total in expected.items()}
    ordered = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    assert found == ordered[:20]


@pytest.mark.parametrize("gte", [1, 5, 999999999999999])
def test_a_preview_catches_whom_adding_up_minute_by_minute_catches(world: World, gte: int) -> None:
    by_customer: defaultdict[int, defaultdict[int, int]]
    by_customer = defaultdict(lambda: defaultdict(int))
    for one in world.inside():
        minutes = by_customer[world.engine.number(one.customer)]
        minutes[one.at_ms // MINUTE_MS * MINUTE_MS] += one.quantity
    crossed = []
    for number, minutes in by_customer.items():
        total = 0
        for minute in sorted(minutes):
            total += minutes[minute]
            if total >= gte * SCALE:
                crossed.append((minute, number, sum(minutes.values())))
                break
    totals = [sum(minutes.values()) for minutes in by_customer.values()]
    edges = [gte * SCALE // 2, gte * SCALE, 2 * gte * SCALE]
    found = world.engine.look(
        lambda look: preview(by_customers(look, world.number, world.span), gte * SCALE, edges, 7)
    )
    assert (found.caught, found.customers) == (len(crossed), len(by_customer))
    assert [(one.at_ms, one.customer_no, one.total) for one in found.first] == sorted(crossed)[:7]
    assert found.below == [sum(total < edge for total in totals) for edge in edges]


def test_one_customer_is_looked_at_alone(world: World) -> None:
    number = world.engine.number("cus_1")
    own = [one for one in world.inside() if one.customer == "cus_1"]
    found = world.engine.look(
        lambda look: preview(of_customer(look, world.number, number, world.span), SCALE, [], 9)
    )
    assert found.customers == 1
    assert [one.total for one in found.first] == [sum(one.quantity for one in own)]


def test_too_much_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.engine.restart()
    monkeypatch.setattr(looking, "ROWS", 10)
    monkeypatch.setattr(looking, "MOST_ROWS", 20)
    with pytest.raises(TooMuch):
        world.engine.look(lambda look: top(look, world.number, world.span, 20))
    monkeypatch.setattr(looking, "_check_size", lambda *_: None)
    with pytest.raises(TooMuch):
        world.engine.look(lambda look: top(look, world.number, world.span, 20))


def test_a_look_is_of_one_moment_on_postgres_too() -> None:
    with database(migrated=False) as url, Engine(pace=Pace(1, 50, 0), url=url) as engine:
        world = World(engine, 2)
        world.live()
        span = (0, engine.clock.now_ms() + HOUR_MS)
        found = engine.look(lambda look: hourly(look, world.number, span))
        assert sum(found.values()) == sum(one.quantity for one in world.used)


def test_what_comes_after_a_look_is_not_in_it() -> None:
    with Engine(pace=Pace(1, 1, 0)) as engine:
        meter: Meter = engine.create_meter("calls")
        engine.create_customer("cus_1")
        span = (0, engine.clock.now_ms() + HOUR_MS)
        no = engine.meter_number(meter)
        for number in range(3):
            engine.report_one(meter, "cus_1", "1", f"before{number}")
        with engine.store.reader() as session:
            look = engine.query(lambda state, _, __: looking.pin(state, session))
            for number in range(50):
                engine.report_one(meter, "cus_1", "1", f"after{number}")
            assert list(hourly(look, no, span).values()) == [3 * SCALE]


def differences(world: World) -> list[Difference]:
    """What `doctor` finds."""
    return world.engine.query(lambda _, session, __: audit(session).differences)


def test_doctor_compares_them_with_the_hours_of_each(world: World) -> None:
    world.engine.restart()
    assert differences(world) == []

    number = world.number

    def add_one(work: object, _: object) -> None:
        session = work.session  # type: ignore[attr-defined]
        session.looking.add_meter_hours([MeterHour(number, 7, 1, SCALE)])

    world.engine.command(add_one)
    (found,) = differences(world)
    assert (found.what, found.stored, found.recomputed) == ("hour", "1", "0")
    assert "all customers, hour 7" in found.where
