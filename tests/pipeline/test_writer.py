"""The writer when something goes wrong: each of these was once found by the oracle's scenarios,
or by asking what they cannot reach.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import structlog

from support.clock import DAY_MS, HOUR_MS
from support.engine import Engine
from support.postgres import database
from tripmeter.control.alerts import create_alert
from tripmeter.control.customers import create_customer
from tripmeter.model.errors import Draining, Overloaded, StateConflict, StoreUnavailable
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Caller
from tripmeter.model.usage import UsageReport, as_reports
from tripmeter.pipeline.jobs import CommandJob, Counted, Job, Outcomes, QueryJob, UsageJob
from tripmeter.pipeline.writer import PIECES_PER_COMMIT, QueueLimits
from tripmeter.ports import Work


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with started(request.param) as engine:
        engine.create_customer("cus_1")
        yield engine


@contextmanager
def started(store: str) -> Iterator[Engine]:
    with structlog.testing.capture_logs(), ExitStack() as stack:
        url = stack.enter_context(database(migrated=True)) if store == "postgres" else None
        yield stack.enter_context(Engine(url=url))


def report(identifier: str) -> UsageReport:
    return UsageReport("calls", {"stripe_customer_id": "cus_1", "value": "1"}, identifier, None)


def counted(answer: Any) -> bool:
    return isinstance(answer, Outcomes) and all(isinstance(outcome, Counted) for outcome in answer)


def test_an_alert_that_fired_before_a_crash_does_not_fire_again(engine: Engine) -> None:
    engine.create_alert(engine.create_meter("calls"), gte=1)
    engine.report([report("first")])
    engine.crash()
    assert counted(engine.report([report("second")]))
    assert [firing.identifier for firing in engine.firings()] == ["first"]


def test_after_a_quiet_day_an_identifier_is_new_on_the_first_event_already(engine: Engine) -> None:
    engine.create_meter("calls")
    engine.report([report("again")])
    engine.clock.advance(DAY_MS + HOUR_MS + 1)
    assert counted(engine.report([report("again")]))


def test_a_command_that_is_refused_late_leaves_no_trace(engine: Engine) -> None:
    meter = engine.create_meter("calls")
    engine.report([report("before")])

    def change_of_mind(work: Work) -> None:
        threshold = {"meter": meter.id, "gte": 1}
        params = {"title": "a", "alert_type": "usage_threshold", "usage_threshold": threshold}
        create_alert(work, Caller(engine.scope), params)
        raise StateConflict("No, not after all.")

    with pytest.raises(StateConflict):
        engine.ask(CommandJob(change_of_mind))
    assert counted(engine.report([report("after")]))
    assert engine.firings() == []


def test_a_commit_that_fails_keeps_nothing_and_the_next_one_goes_through(engine: Engine) -> None:
    meter = engine.create_meter("calls")
    engine.fail_next_commit(StoreUnavailable("disk full"))
    with pytest.raises(StoreUnavailable):
        engine.report([report("once")])
    assert engine.total(meter.id, "cus_1") == 0
    assert counted(engine.report([report("once")]))


def test_one_job_that_breaks_does_not_take_the_others_with_it(engine: Engine) -> None:
    engine.create_meter("calls")

    def broken(_: Work) -> None:
        raise ZeroDivisionError

    jobs = [UsageJob(engine.scope, as_reports([report(name)])) for name in ("first", "second")]
    first, failed, second = engine.ask_together([jobs[0], CommandJob(broken), jobs[1]])
    assert isinstance(failed, ZeroDivisionError)
    assert counted(first) and counted(second)


def test_what_is_durable_is_answered_even_if_nobody_can_be_woken(engine: Engine) -> None:
    def asleep(_: set[int]) -> None:
        raise RuntimeError("the loop is closed")

    engine.create_endpoint("*")
    engine.create_alert(engine.create_meter("calls"), gte=1)
    engine.on_wake = asleep
    assert counted(engine.report([report("first")]))
    assert len(engine.firings()) == 1


def test_a_query_does_not_wait_for_usage_that_came_before_it(engine: Engine) -> None:
    engine.create_meter("calls")
    many = [f"{number}" for number in range(PIECES_PER_COMMIT)]
    jobs: list[Job] = [
        UsageJob(engine.scope, as_reports([report(f"{load}-{name}") for name in many]))
        for load in "ab"
    ]
    *_, seen = engine.ask_together([*jobs, QueryJob(lambda state, *_: state.position)])
    assert seen == PIECES_PER_COMMIT


def test_what_was_rolled_back_is_handed_to_nobody(engine: Engine) -> None:
    engine.create_endpoint("*")
    told: list[str] = []
    engine.on_parcels = lambda parcels: told.extend(one.event.type for one in parcels)

    def change_of_mind(work: Work) -> None:
        create_customer(work, Caller(engine.scope), {"id": "cus_2"})
        raise StateConflict("No, not after all.")

    with pytest.raises(StateConflict):
        engine.ask(CommandJob(change_of_mind))
    assert told == []
    engine.create_customer("cus_3")
    assert told == ["customer.created"]


def test_a_window_that_a_leaping_clock_seemed_to_close_is_still_superseded(engine: Engine) -> None:
    meter = engine.create_meter("calls", event_time_window="hour")
    old_ms = engine.clock.now_ms() - 35 * DAY_MS + HOUR_MS
    engine.report_one(meter, "cus_1", "5", "old", at=old_ms)
    engine.restart()
    engine.clock.advance(4 * DAY_MS)
    engine.report_one(meter, "cus_1", "1", "leapt")
    engine.restart()
    engine.clock.advance(-4 * DAY_MS)
    engine.report_one(meter, "cus_1", "3", "again", at=old_ms)
    assert engine.total(meter.id, "cus_1") == (3 + 1) * SCALE
    engine.assert_sound()


def test_events_beyond_what_the_queue_holds_are_refused_and_not_the_whole_of_it() -> None:
    with Engine(limits=QueueLimits(pieces=4)) as engine:
        engine.create_customer("cus_1")
        engine.create_meter("calls")
        jobs = [
            UsageJob(engine.scope, as_reports([report(f"{n}a"), report(f"{n}b")])) for n in range(3)
        ]
        *taken, refused = engine.ask_together(jobs)
        assert all(map(counted, taken))
        assert isinstance(refused, Overloaded)
        large = [report(f"large_{n}") for n in range(10)]
        assert counted(engine.report(large)), "alone, a request may be larger than the queue"
        assert counted(engine.report([report("2a"), report("2b")]))


def test_jobs_beyond_what_the_queue_holds_are_refused() -> None:
    with Engine(limits=QueueLimits(jobs=2)) as engine:
        engine.create_customer("cus_1")
        engine.create_meter("calls")
        jobs = [UsageJob(engine.scope, as_reports([report(f"{n}")])) for n in range(3)]
        *taken, refused = engine.ask_together(jobs)
        assert all(map(counted, taken))
        assert isinstance(refused, Overloaded)


def test_who_asks_too_late_is_told_to_come_again(engine: Engine) -> None:
    stopped = engine.writer
    engine.restart()
    with pytest.raises(Draining):
        stopped.ask_and_wait(UsageJob(engine.scope, as_reports([])))
