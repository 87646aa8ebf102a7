"""Usage in time: whatever way it went into the store, each customer's hours add up."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from support.clock import DAY_MS, HOUR_MS
from support.engine import Engine
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import UsageReport
from tripmeter.pipeline.flush import Pace

CUSTOMERS = 150
"""So many that they fill more than two blocks."""


@pytest.fixture(params=[Pace(1, 50, 0), Pace(10, 1000), Pace()])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Flushed all the time, now and then, or never while it runs."""
    with Engine(pace=request.param) as engine:
        for number in range(CUSTOMERS):
            engine.create_customer(f"cus_{number}")
        yield engine


def reports(rng: random.Random, meter: Meter, now_ms: int, size: int) -> list[UsageReport]:
    """Usage of the last days, most of it recent."""
    return [
        UsageReport(
            meter.event_name,
            {
                "stripe_customer_id": f"cus_{int(rng.triangular(0, CUSTOMERS, 0))}",
                "value": rng.choice(["1", "-2", "0.5", "999999999999999"]),
            },
            None,
            now_ms - rng.choice([0, rng.randrange(HOUR_MS), rng.randrange(3 * DAY_MS)]),
        )
        for _ in range(size)
    ]


def test_hours_are_those_of_the_events_wherever_they_are_kept(engine: Engine) -> None:
    rng, expected = random.Random(1), Counter[tuple[str, int]]()
    meter = engine.create_meter("calls")
    for round_ in range(20):
        sent = reports(rng, meter, engine.clock.now_ms(), rng.choice([1, 7, 300]))
        engine.report(sent)
        for report in sent:
            assert report.timestamp_ms is not None
            hour = report.timestamp_ms // HOUR_MS
            whole = int(float(report.payload["value"]) * 2) * SCALE // 2
            expected[report.payload["stripe_customer_id"], hour] += whole
        engine.clock.advance(rng.randrange(HOUR_MS))
        if round_ % 5 == 4:
            rng.choice([engine.restart, engine.crash])()
    now = engine.clock.now_ms() // HOUR_MS
    spans = [(hour * HOUR_MS, (hour + 1) * HOUR_MS) for hour in range(now - 100, now + 1)]
    for number in range(CUSTOMERS):
        customer = f"cus_{number}"
        found = engine.summaries(meter.id, customer, spans)
        assert list(found) == [expected[customer, start // HOUR_MS] for start, _ in spans]
