"""The oracle judges clients that all ask at once: the order is the one that the log gave.

Threads report usage and change alerts beside one another. Each answer says where it stands in the
order: an event by its position, a change by the position that it came after. Told in that order,
the oracle must have answered the same, and agree with all that is there in the end.
"""

import random
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, NamedTuple

import pytest

from sim.test_oracle import (
    compare_amounts,
    compare_firings,
    compare_log,
    compare_notices,
    compare_standing,
    place,
)
from support.definitions import Alert, Endpoint, Meter, Report
from support.engine import Engine
from support.oracle import Ordinals
from support.world import Step, World, words
from tripmeter.control.alerts import activate_alert, deactivate_alert
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.usage import UsageReport, as_reports
from tripmeter.pipeline import log
from tripmeter.pipeline.flush import Pace
from tripmeter.pipeline.jobs import CommandJob, Counted, UsageJob
from tripmeter.ports import Work

CLIENTS: Final = 8
REQUESTS: Final = 40
CUSTOMERS: Final = [f"cus_{n}" for n in range(3)]
CHANGES: Final = {"activate": activate_alert, "deactivate": deactivate_alert}
LAST: Final = 2**60


class Done(NamedTuple):
    """Something that was asked: where it stands in the order, what was said, how to tell it."""

    order: tuple[int, int]
    answer: Any
    tell: Callable[[], Step]


class Crowd:
    """Clients of one engine, and what they did."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.world = World(engine.scope, Ordinals())
        self.done: list[Done] = []
        self._seed = seed
        self._turns = count(1)

    def open(self) -> None:
        """Meters, customers, alerts and an endpoint, one after the other."""
        world = self.world
        kinds = [("sum", None), ("count", None), ("last", "hour"), ("sum", "day")]
        meters = [Meter(f"mtr{n}", f"usage{n}", *kind) for n, kind in enumerate(kinds)]
        self._do(world.create_endpoint(Endpoint("we", False, ("*",))))
        for meter in meters:
            self._do(world.create_meter(meter))
        for customer in CUSTOMERS:
            self._do(world.create_customer(customer))
        for n in range(24):
            whose = random.Random(n).choice((None, *CUSTOMERS))
            count_from = ("creation", "lifetime")[n % 2]
            alert = Alert(f"alrt{n}", meters[n % 4], 1 + n // 4, whose, count_from)
            self._do(world.create_alert(alert))

    def _do(self, step: Step) -> None:
        assert words(self.engine.ask(step.job)) == step.expected

    def rush(self) -> None:
        """Everybody at once."""
        clients = [threading.Thread(target=self._client, args=(n,)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _client(self, number: int) -> None:
        rng = random.Random(f"{self._seed} {number}")
        for n in range(REQUESTS):
            if rng.random() < 0.3:
                self._change(f"alrt{rng.randrange(24)}", rng.choice(list(CHANGES)))
            else:
                self._report(rng, f"evt_{number}_{n}" if rng.random() < 0.8 else f"evt_all_{n}")

    def _report(self, rng: random.Random, identifier: str) -> None:
        event_name, customer = f"usage{rng.randrange(4)}", rng.choice(CUSTOMERS)
        payload = {"stripe_customer_id": customer}
        if event_name != "usage1":
            payload["value"] = rng.choice(("1", "0.5", "2", "-1"))
        now_ms = self.engine.clock.now_ms()
        given = UsageReport(event_name, payload, identifier, None)
        outcomes = self.engine.ask(UsageJob(self.world.scope, as_reports([given])))
        at = outcomes[0].position if isinstance(outcomes[0], Counted) else LAST
        report = Report(event_name, payload, identifier, None)
        self.done.append(Done((at, 0), outcomes, lambda: self.world.report([report], None, now_ms)))

    def _change(self, alert: str, verb: str) -> None:
        stands: list[tuple[int, int]] = []

        def run(work: Work) -> Any:
            stands.append((work.position, next(self._turns)))
            return CHANGES[verb](work, Caller(self.world.scope), self.world.ids[alert])

        try:
            answer = self.engine.ask(CommandJob(run))
        except Exception as error:
            answer = error
        self.done.append(Done(stands[-1], answer, lambda: self.world.change_alert(alert, verb)))

    def judge(self) -> None:
        """Tell the oracle everything in the order of the log, and compare."""
        for done in sorted(self.done, key=lambda done: done.order):
            step = done.tell()
            assert words(done.answer) == step.expected, step.text
            step.learn(done.answer)
        for compare in (compare_firings, compare_notices, compare_standing, compare_amounts):
            compare(self.engine, self.world)
        logged = dict(self._logged())
        compare_log(self.engine, self.world, logged)
        assert not logged
        self.engine.assert_sound()

    def _logged(self) -> Iterator[tuple[int, Any]]:
        for row in self.engine.log_rows():
            for position, item, request in log.items(row):
                yield position, (row.received_ms, item, request)


@pytest.mark.parametrize(
    ("store", "seed"), [*(("sqlite", seed) for seed in range(4)), ("postgres", 0), ("postgres", 1)]
)
def test_clients_beside_one_another_get_what_the_oracle_says(store: str, seed: int) -> None:
    pace = Pace(slice=3, lag=(1, 20, 100, 50_000)[seed], lag_per_tally=0)
    with place(store) as url, Engine(pace=pace, scope=Scope("acct_a", False), url=url) as engine:
        crowd = Crowd(engine, seed)
        crowd.open()
        crowd.rush()
        engine.crash()
        crowd.judge()
        assert len(engine.firings()) > 12, "it was worth the while"
