"""The engine against the oracle: one seed is one scenario, and everything must agree exactly.

    pytest tests/sim                              300 scenarios, 60 of them on PostgreSQL as well
    TRIPMETER_SCENARIOS=10000 pytest tests/sim    more of them (add -n 2 for two cores)
    TRIPMETER_POSTGRES_SCENARIOS=500 ...          the same for PostgreSQL
    TRIPMETER_SEED=17 pytest tests/sim            one of them, compared after every step

A failure tells the whole story up to the first difference, and the command that repeats it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog

from support.definitions import DAY_MS, EXACT, HOUR_MS, MINUTE_MS
from support.definitions import Event as OracleEvent
from support.engine import Engine
from support.postgres import database
from support.scenario import Scenario
from support.world import Step, World, words
from tripmeter.model.errors import StoreUnavailable
from tripmeter.model.quantity import DECIMAL_PLACES
from tripmeter.model.usage import CancelEntry
from tripmeter.pipeline import log

PER_TEST = 10
SCENARIOS = {
    "sqlite": int(os.environ.get("TRIPMETER_SCENARIOS", "300")),
    "postgres": int(os.environ.get("TRIPMETER_POSTGRES_SCENARIOS", "60")),
}
ONE_SEED = os.environ.get("TRIPMETER_SEED")

COMMAND = "TRIPMETER_SEED={seed} .venv/bin/python -m pytest tests/sim/test_oracle.py -k {store}"


def seeds() -> list[Any]:
    """The stores, and the seeds to be run on each, some in each test."""
    return [
        pytest.param(store, some, id=f"{store}-{some.start}-{some.stop - 1}")
        for store, scenarios in SCENARIOS.items()
        for some in seeds_of(scenarios)
    ]


def seeds_of(scenarios: int) -> list[range]:
    """So many seeds in portions; or the one that was asked for."""
    if ONE_SEED is not None:
        return [range(int(ONE_SEED), int(ONE_SEED) + 1)]
    return [range(at, min(at + PER_TEST, scenarios)) for at in range(0, scenarios, PER_TEST)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Commits that fail on purpose are logged by the engine; nobody needs to read that here."""
    with structlog.testing.capture_logs():
        yield


@pytest.mark.parametrize(("store", "some"), seeds())
def test_the_engine_does_what_the_oracle_says(store: str, some: range) -> None:
    for seed in some:
        try:
            with place(store) as url:
                Run(seed, url, compare_always=ONE_SEED is not None).play()
        except Exception:
            run_again_and_tell(store, seed)
            raise


@contextmanager
def place(store: str) -> Iterator[str | None]:
    """A new database, where the store needs one."""
    if store == "sqlite":
        yield None
        return
    with database(migrated=True) as url:
        yield url


def run_again_and_tell(store: str, seed: int) -> None:
    """Repeat a failed scenario, comparing after every step, to end at the first difference."""
    with place(store) as url:
        run = Run(seed, url, compare_always=True)
        _play_and_tell(run, store)


def _play_and_tell(run: "Run", store: str) -> None:
    try:
        run.play()
    except Exception as error:
        story = "\n".join(run.story)
        repeat = COMMAND.format(seed=run.seed, store=store)
        pytest.fail(f"{story}\n\n{type(error).__name__}: {error}\n\nTo repeat: {repeat}", False)


class Run:
    """Plays one scenario on an engine and compares."""

    def __init__(self, seed: int, url: str | None, *, compare_always: bool) -> None:
        self.seed = seed
        self.scenario = Scenario(seed)
        self.compare_always = compare_always
        self.rng = self.scenario.rng
        self.story = [f"Scenario {seed}: {self.scenario.pace}"]
        self.engine = Engine(self.scenario.clock, self.scenario.pace, url=url)

    def play(self) -> None:
        """The whole scenario."""
        with self.engine:
            for step in self.scenario.opening():
                self._do([step])
            for _ in range(self.scenario.length):
                self._happen()
                if self.compare_always:
                    self._compare()
            self._compare()
            self._fall("restart" if self.seed % 2 else "crash")
            self.engine.assert_sound()

    def _happen(self) -> None:
        chance = self.rng.random()
        if chance < 0.12:
            self._tell(self.scenario.pass_time())
        elif chance < 0.17:
            self._fall(self.rng.choice(("restart", "crash", "crash")))
        elif chance < 0.20:
            self._fail(self.rng.choice((StoreUnavailable("disk full"), RuntimeError("a bug"))))
        elif chance < 0.24:
            self._deliver()
        elif chance < 0.40:
            self._do([self.scenario.change() for _ in range(self.rng.randint(2, 6))])
        else:
            self._do([self.scenario.change()])

    # doing

    def _tell(self, line: str) -> None:
        now = datetime.fromtimestamp(self.scenario.clock.now_ms() / 1000, UTC)
        self.story.append(f"{now:%b %d %H:%M:%S.%f}"[:-3] + f"  {line}")

    def _do(self, steps: list[Step]) -> None:
        """The engine does the same, in one commit; its answers must be the oracle's."""
        for index, step in enumerate(steps):
            self._tell(
                ("| " if index else "") + f"{step.text}\n      -> {', '.join(step.expected)}"
            )
        answers = self._ask(steps)
        while any(isinstance(answer, StoreUnavailable | RuntimeError) for answer in answers):
            answers = self._ask(steps)  # nothing was kept, so the callers try again
        for step, answer in zip(steps, answers, strict=True):
            assert words(answer) == step.expected, f"not what the engine says: {words(answer)}"
            step.learn(answer)

    def _ask(self, steps: list[Step]) -> list[Any]:
        if len(steps) > 1:
            return self.engine.ask_together([step.job for step in steps])
        try:
            return [self.engine.ask(steps[0].job)]
        except Exception as error:
            return [error]

    def _fail(self, error: Exception) -> None:
        self._tell(f"the next commit fails: {error!r}")
        self.engine.fail_next_commit(error)
        self._do([self.scenario.change() for _ in range(self.rng.randint(1, 3))])

    def _fall(self, how: str) -> None:
        self._compare()
        self._tell(how)
        (self.engine.restart if how == "restart" else self.engine.crash)()
        self._compare()

    def _deliver(self) -> None:
        world = self.rng.choice(self.scenario.worlds)
        if not world.oracle.endpoints:
            return
        key = self.rng.choice(list(world.oracle.endpoints))
        self.engine.scope = world.scope
        events = self.engine.deliver(world.ids[key], self.rng.choice((1, 3, 1000)))
        self._tell(f"{key} receives {len(events)}")
        world.received(key, events)

    # comparing

    def _compare(self) -> None:
        logged = self._logged()
        for world in self.scenario.worlds:
            self.engine.scope = world.scope
            compare_firings(self.engine, world)
            compare_notices(self.engine, world)
            compare_standing(self.engine, world)
            compare_amounts(self.engine, world)
            compare_log(self.engine, world, logged)
        assert not logged, f"the log holds what nobody did: {logged}"

    def _logged(self) -> dict[int, Any]:
        """The whole log, by position."""
        rows = self.engine.log_rows()
        found = [(row.received_ms, *item) for row in rows for item in log.items(row)]
        assert [position for _, position, *_ in found] == list(range(1, len(found) + 1))
        return {position: (ms, item, request) for ms, position, item, request in found}


def decimal(scaled: int) -> Decimal:
    """The engine's integer as the decimal that it stands for."""
    return EXACT.scaleb(Decimal(scaled), -DECIMAL_PLACES)


def compare_firings(engine: Engine, world: World) -> None:
    """C3: who fired, for whom, in which activation, on which very event, with what usage."""
    oracle, name = world.oracle, world.names
    told = {event.id: event for event in engine.events()}
    found = []
    for firing in engine.firings():
        said = told[firing.event].data or {}
        assert (said["alert"]["id"], said["customer"]) == (firing.alert, firing.customer)
        assert said["value"] == decimal(firing.value) // 1
        assert firing.meter == said["alert"]["usage_threshold"]["meter"]
        who = (name[firing.alert], firing.customer, firing.activation)
        on = (firing.position, firing.identifier, firing.fired_ms)
        found.append((*who, *on, decimal(firing.value)))
    expected = []
    for f in oracle.firings:
        on_event = (f.event.position, f.event.identifier, f.event.received_ms)
        expected.append((f.alert, f.customer, f.activation, *on_event, f.value))
    assert sorted(found) == sorted(expected)


def compare_notices(engine: Engine, world: World) -> None:
    """C5: each Stripe event once, and one pending delivery for each endpoint that wants it."""
    oracle = world.oracle
    found = [world.notice(event) for kind in ("snapshot", "thin") for event in engine.events(kind)]
    assert sorted(map(str, found)) == sorted(map(str, oracle.notices.elements()))
    pending = {
        world.names[endpoint]: sorted(str(world.notice(event)) for event in events)
        for endpoint, events in engine.pending().items()
    }
    assert pending == {
        key: sorted(map(str, notices.elements())) for key, notices in oracle.pending.items()
    }


def compare_standing(engine: Engine, world: World) -> None:
    """C9: where each alert stands for each customer."""
    for alert, customer, activation in world.oracle.statuses():
        explained = engine.explain(world.ids[alert.key], customer)
        assert explained.alert.status == alert.status
        if activation is None:
            assert explained.reason == "not_active"
            continue
        assert explained.activation is not None
        assert explained.activation.number == activation.number
        assert (explained.reason == "fired") == activation.fired
        usage = world.oracle.usage(alert, customer, activation)
        assert decimal(explained.counted) == usage, f"usage of {customer} for {alert.key}"


def compare_amounts(engine: Engine, world: World) -> None:
    """Totals, and summaries of spans that cut through what was reported."""
    oracle = world.oracle
    for meter in oracle.meters.values():
        for customer in oracle.customers:
            total = decimal(engine.total(world.ids[meter.key], customer))
            assert total == oracle.total(meter, customer), f"total of {customer} on {meter.key}"
            spans = list(spans_around(oracle.counted_events(meter, customer)))
            found = engine.summaries(world.ids[meter.key], customer, spans)
            for span, value in zip(spans, found, strict=True):
                expected = oracle.summary(meter, customer, *span)
                assert decimal(value) == expected, f"{customer} on {meter.key} in {span}"


def spans_around(events: list[OracleEvent]) -> Iterator[tuple[int, int]]:
    """Spans that begin or end beside an event: its minute, hour and day, and between events."""
    times = sorted(event.timestamp_ms // MINUTE_MS * MINUTE_MS for event in events)
    if not times:
        yield 0, DAY_MS
        return
    early, middle, late = times[0], times[len(times) // 2], times[-1]
    yield early, late + MINUTE_MS
    yield 0, late
    yield middle, middle + MINUTE_MS
    yield middle, late + HOUR_MS
    for length in (HOUR_MS, DAY_MS):
        yield middle // length * length, middle // length * length + length
        yield early // length * length, late // length * length + length


def compare_log(engine: Engine, world: World, logged: dict[int, Any]) -> None:
    """The truth itself: takes this world's events and cancellations out of `logged`."""
    numbers = engine.query(lambda _, session, __: _numbers(session, world))
    for event in world.oracle.events:
        received_ms, item, request = logged.pop(event.position)
        assert (item.meter_no, item.customer_no) == numbers[event.meter.key, event.customer]
        assert (item.timestamp_ms, decimal(item.quantity)) == (event.timestamp_ms, event.value)
        assert (item.identifier, item.extras or {}) == (event.identifier, event.extras)
        assert (received_ms, request) == (event.received_ms, event.request)
        if event.cancelled_at is not None:
            _, entry, _ = logged.pop(event.cancelled_at)
            assert entry == CancelEntry(event.position)


def _numbers(session: Any, world: World) -> dict[tuple[str, str], tuple[int, int]]:
    meters = {
        key: session.meters.get(world.scope, world.ids[key]).no for key in world.oracle.meters
    }
    ids = world.oracle.customers
    customers = {id_: session.customers.get(world.scope, id_).no for id_ in ids}
    return {(m, c): (meters[m], customers[c]) for m in meters for c in customers}
