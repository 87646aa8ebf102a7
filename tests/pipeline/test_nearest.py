"""Who is nearest to a line: by columns and the store, the same as looking at each customer."""

import random
from collections.abc import Iterator

import pytest

from support.engine import Engine
from tripmeter.model.alert import Alert
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import UsageReport
from tripmeter.pipeline.explain import explain
from tripmeter.pipeline.flush import Pace
from tripmeter.pipeline.looking import pin
from tripmeter.pipeline.nearest import Candidates, Place, Way, nearest, view, ways

CUSTOMERS = 200


class World:
    """An engine with customers, meters and alerts, whose usage goes up and down."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.rng = random.Random(seed)
        self.meters = [engine.create_meter("calls"), engine.create_meter("tokens")]
        self.alerts: list[Alert] = []
        self.candidates = Candidates()
        self._sent = 0
        for number in range(CUSTOMERS):
            engine.create_customer(f"cus_{number}")

    def report(self, size: int) -> None:
        """Usage of many customers in one batch."""
        sent = []
        for _ in range(size):
            customer = f"cus_{self.rng.randrange(CUSTOMERS)}"
            value = self.rng.choice(["1", "2.5", "7", "-1"])
            name = self.rng.choice(self.meters).event_name
            payload = {"stripe_customer_id": customer, "value": value}
            self._sent += 1
            sent.append(UsageReport(name, payload, f"e{self._sent}", None))
        self.engine.report(sent)

    def step(self) -> None:
        """Something happens."""
        what = self.rng.random()
        if what < 0.6:
            self.report(self.rng.choice([1, 5, 300]))
        elif what < 0.75 and len(self.alerts) < 20:
            customer = f"cus_{self.rng.randrange(9)}" if self.rng.random() < 0.3 else None
            count_from = self.rng.choice(["creation", "lifetime"])
            meter, gte = self.rng.choice(self.meters), self.rng.choice([3, 10, 25, 60])
            self.alerts.append(self.engine.create_alert(meter, gte, customer, count_from))
        elif what < 0.85 and self.alerts:
            alert = self.rng.choice(self.alerts)
            self.rng.choice([self.engine.activate, self.engine.activate])(alert)
        elif what < 0.9 and self.alerts:
            self.engine.archive(self.alerts.pop())
        else:
            self.rng.choice([self.engine.restart, self.engine.crash])()

    def numbers(self) -> dict[int, Meter]:
        """The meters by number."""
        return {self.engine.meter_number(meter): meter for meter in self.meters}

    def nearest(self, limit: int, alert: Alert | None = None) -> list[Way]:
        """As the API finds them, with plenty of candidates."""
        numbers = [*self.numbers()]
        wanted = None
        if alert is not None:
            numbers = [self.engine.meter_number(m) for m in self.meters if m.id == alert.meter]
            wanted = self.engine.query(
                lambda _, session, __: session.alerts.get(self.engine.scope, alert.id).no
            )
        with self.engine.store.reader() as session:
            look, seen = self.engine.query(
                lambda state, _, __: (pin(state, session), view(state, numbers, wanted))
            )
            places = self.candidates.find(look.session, seen, 2 * CUSTOMERS)
        found = self.engine.query(lambda state, session, __: ways(state, session, places))
        return nearest([way for way in found if wanted in (None, way.alert_no)], limit)

    def expected(self, alert: Alert | None = None) -> dict[Place, int]:
        """The best share of each customer on each meter, as every alert is explained; * 10^6."""
        best: dict[Place, int] = {}
        for number, meter in self.numbers().items():
            for one in self.alerts if alert is None else [alert]:
                if one.meter != meter.id:
                    continue
                for at in range(CUSTOMERS):
                    customer = f"cus_{at}"
                    facts = self._explained(one, customer)
                    if facts is not None:
                        place = Place(number, facts[0])
                        share = facts[1] * 10**6 // (one.gte * SCALE)
                        best[place] = max(best.get(place, 0), share)
        return best

    def _explained(self, alert: Alert, customer: str) -> tuple[int, int] | None:
        def run(state, session, _):  # type: ignore[no-untyped-def]
            kept = session.alerts.get(self.engine.scope, alert.id)
            number = session.customers.get(self.engine.scope, customer).no
            facts = explain(state, kept, number, customer)
            is_waiting = facts.remaining is not None and facts.counted > 0
            return (number, facts.counted) if is_waiting else None

        answer: tuple[int, int] | None = self.engine.query(run)
        return answer


@pytest.fixture(params=[Pace(1, 50, 0), Pace()], ids=["always", "never"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Flushed all the time, or never while it runs."""
    with Engine(pace=request.param) as engine:
        yield engine


def in_millionths(found: list[Way]) -> dict[Place, int]:
    return {way.place: int(way.share * 10**6) for way in found}


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_whom_explaining_every_alert_shows(engine: Engine, seed: int) -> None:
    world = World(engine, seed)
    for at in range(40):
        world.step()
        if at % 10 == 9:
            found = world.nearest(CUSTOMERS * 2)
            below = {place: share for place, share in world.expected().items() if share < 10**6}
            shown = {place: share for place, share in in_millionths(found).items() if share < 10**6}
            assert shown == below
            shares = [way.share for way in found]
            assert shares == sorted(shares, reverse=True)
    for alert in world.alerts[:3]:
        if alert.customer is None:
            found = world.nearest(CUSTOMERS * 2, alert)
            below = {p: share for p, share in world.expected(alert).items() if share < 10**6}
            assert {p: s for p, s in in_millionths(found).items() if s < 10**6} == below


def test_memory_that_was_let_go_is_read_from_the_store(engine: Engine) -> None:
    with Engine(pace=Pace(1, 1, 0, tallies_kept=1)) as small:
        world = World(small, 5)
        world.alerts.append(small.create_alert(world.meters[0], 60))
        for _ in range(6):
            world.report(40)
            assert in_millionths(world.nearest(999)) == {
                place: share for place, share in world.expected().items() if share < 10**6
            }
