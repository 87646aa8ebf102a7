"""Rows 11 and 12: more load than the engine can take, and a crowd of idle and slow clients."""

import time
from concurrent.futures import Future
from statistics import median
from typing import Final

from bodies import FORM, V1, Single, customer_id
from crowd import crowd as crowding
from figures import Figure, Goal, Row, ratio
from load import Load, open_loop
from machine import resident
from rows.usage import alternate, costs, latency, rates
from setting import Engine, Run, Setting
from support.server import run as tripmeter

CONNECTIONS: Final = 4_000
"""Of the overload: a client that waits holds one, so this bounds what waits in the server."""

TIMES: Final = 3
MB: Final = 1e6
IDLE: Final = 10_000
SLOW: Final = 200
ANSWERED: Final = (200, 429, 503)


def overload(setting: Setting) -> Row:
    """Three times as many requests as the engine can take, on schedule; then none."""
    capacity = setting.v1_maximum()
    title = f"v1 at {TIMES} x {capacity:,.0f} requests/s, open loop, {CONNECTIONS:,} connections"
    row = Row("overload", title)
    runs = [_overload(setting, capacity, row) for _ in range(setting.repeats)]
    for name, unit in (
        ("answered with 200, 429 or 503, of those sent", "%"),
        ("answered with 200, of those sent", "%"),
        ("sent, of those due", "%"),
        ("answered with 200 in a second, of the maximum", "%"),
        ("the server's memory at most", "MB"),
        ("the server's memory before", "MB"),
        ("until a request is as quick as before", "s"),
        ("acknowledged and not counted", "events"),
    ):
        each = [run[name] for run in runs]
        goal = Goal(at_most=0) if unit == "events" else None
        row.figures.append(Figure(name, median(each), unit, goal, {"tripmeter": each}))
    return row


def _overload(setting: Setting, capacity: float, row: Row) -> dict[str, float]:
    connections = max(64, setting.scaled(CONNECTIONS))
    with setting.engine() as engine:
        probe = _Probe(engine)
        calm_ms = median(probe.ask() for _ in range(20))
        before = resident(engine.server.pid)
        source = Single(engine.door(V1, FORM), setting.events())
        port, seconds = engine.server.port, setting.seconds
        sending = setting.beside(open_loop, port, connections, seconds, TIMES * capacity, source)
        highest = _highest(engine, sending)
        load = sending.result()
        while probe.ask() > 2 * calm_ms + 5 and time.monotonic() < load.began + seconds + 60:
            time.sleep(0.02)
        recovered = time.monotonic() - load.began - seconds
        engine.server.stop()
        logged = _logged(engine)
    sent = load.statuses.total()
    answered = sum(load.statuses[status] for status in ANSWERED)
    row.notes.append(
        f"answers {dict(sorted(load.statuses.items()))}, {load.unsent:,} never sent; p99 of those "
        f"with 200 {load.percentile(0.99):,.0f} ms from when they were due; the load generator "
        f"took {100 * load.cpu_s / setting.seconds:.0f} % of a core"
    )
    return {
        "answered with 200, 429 or 503, of those sent": 100 * answered / max(1, sent),
        "answered with 200, of those sent": 100 * load.good / max(1, sent),
        "sent, of those due": 100 * sent / (sent + load.unsent),
        "answered with 200 in a second, of the maximum": 100 * load.per_second / capacity,
        "the server's memory at most": highest / MB,
        "the server's memory before": before / MB,
        "until a request is as quick as before": recovered,
        "acknowledged and not counted": max(0, load.good + probe.counted - logged),
    }


class _Probe:
    """Single requests, one after the other, of which the last tells how quick the engine is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.counted = 0

    def ask(self) -> float:
        """Report one event; how long that took, in ms. Infinity if it was not counted."""
        params = {
            "event_name": "tokens",
            "payload[stripe_customer_id]": customer_id(0),
            "payload[value]": "1",
        }
        began = time.monotonic()
        status = self._engine.client.post(V1, data=params).status_code
        self.counted += status == 200
        return (time.monotonic() - began) * 1000 if status == 200 else float("inf")


def _highest(engine: Engine, running: Future[Load]) -> int:
    """The most memory that the server holds while something runs."""
    highest = 0
    while not running.done():
        highest = max(highest, resident(engine.server.pid))
        time.sleep(0.1)
    return highest


def _logged(engine: Engine) -> int:
    """How many events are in the log, where `tripmeter doctor` must find no difference."""
    ended = tripmeter("doctor", "--data", str(engine.server.data), patience_s=3600)
    if ended.code != 0:
        raise RuntimeError(f"doctor: {ended.out} {ended.err}")
    return int(ended.out.split(" events", 1)[0].replace(",", ""))


def crowd(setting: Setting) -> Row:
    """The v1 path beside ten thousand idle connections and slow clients, and without them."""
    idle, slow = setting.scaled(IDLE), setting.scaled(SLOW)
    title = f"v1 beside {idle:,} idle connections and {slow:,} clients that send a byte a second"
    row = Row("crowd", title)
    with setting.engine() as engine:
        request = next(iter(Single(engine.door(V1, FORM), setting.events())))
        left: list[tuple[int, int]] = []
        held: list[float] = []

        def beside() -> Run:
            before = resident(engine.server.pid)
            with crowding(engine.server.port, idle, slow, request) as people:
                held.append((resident(engine.server.pid) - before) / (idle + slow))
                run = engine.v1()
                left.append(people.sizes())
            return run

        done = alternate(setting, alone=engine.v1, beside=beside)
    ours, alone = ("beside them", rates(done["beside"])), ("alone", rates(done["alone"]))
    row.figures = [
        ratio("v1 beside them", "% of v1 alone", ours, alone),
        Figure("memory of a connection", median(held), "bytes", runs={"tripmeter": held}),
    ]
    row.figures += latency(done["beside"])
    row.notes = [costs(name, runs) for name, runs in done.items()]
    row.notes.append(f"connections open at the end, idle and slow: {left}")
    return row
