"""Rows 8 and 10: a store with ten million logged events starts, and is asked for summaries."""

import os
import random
import signal
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np

from bodies import BULK, JSON, Bulk, Listed, Numbers, customer_id
from figures import Figure, Goal, Row
from load import PATIENCE_S, Load, open_loop, percentile, send_all
from setting import Engine, Setting
from support.server import API_KEY, Server

EVENTS: Final = 10_000_000
BODY: Final = 10_000
DAYS: Final = 30
DAY_S: Final = 86_400
ASKED: Final = 100
"""Customers whose totals are checked, to the last unit."""

ASKS_PER_SECOND: Final = 20


def large(setting: Setting) -> Row:
    """Ten million events of thirty days, in the order of time: loaded, asked, stopped, started."""
    requests = max(3, setting.scaled(EVENTS) // BODY)
    row = Row("large", f"{requests * BODY:,} logged events of {DAYS} days")
    with setting.engine() as engine:
        totals = _load(setting, engine, row, requests)
        row.figures += _ask(setting, engine, row)
        check = _Check(engine, totals)
        check.run()
        for kill in (False, True):
            row.figures.append(_starts(setting, engine.server, check, kill=kill))
    row.notes.append(
        f"after each start the totals of {len(check.customers)} customers were right to the last "
        "unit, a new event was counted and one that was known was refused"
    )
    return row


def _load(setting: Setting, engine: Engine, row: Row, requests: int) -> Numbers:
    """Load all events, and ask for summaries meanwhile; what was loaded for each customer."""
    setting.say(f"loading {requests * BODY:,} events")
    now_ms = int(time.time()) * 1000
    since_ms = now_ms - DAYS * DAY_S * 1000
    source = Bulk(engine.door(BULK, JSON), setting.events(), BODY, requests, since_ms, now_ms)
    port = engine.server.port
    loading = setting.beside(send_all, port, 4, source)
    meanwhile: list[float] = []
    while not loading.done():
        asked = _asks(setting, engine)
        if not loading.done():
            meanwhile += [each * 1000 for each in asked.latencies]
            meanwhile += [PATIENCE_S * 1000] * (asked.statuses[0] + asked.unsent)
    load = loading.result()
    counted = engine.counted()
    if load.good != requests or counted != requests * BODY:
        raise RuntimeError(f"{load.statuses}, {counted:,} events counted")
    row.figures.append(Figure("loading", requests * BODY / load.seconds, "events/s"))
    row.figures.append(
        Figure(
            "p99 of a summary, as the data are loaded",
            percentile(meanwhile, 0.99),
            "ms",
            runs={"p50": [percentile(meanwhile, 0.5)]},
        )
    )
    row.notes.append(
        f"{len(meanwhile)} summaries were asked for while the data were loaded; those without an "
        f"answer within {PATIENCE_S:g} s count as that long"
    )
    totals: Numbers = load.source.events.totals
    return totals


def _ask(setting: Setting, engine: Engine, row: Row) -> list[Figure]:
    runs = []
    for repeat in range(setting.repeats):
        setting.say(f"summaries ({repeat + 1} of {setting.repeats})")
        runs.append(_asks(setting, engine))
    if late := sum(run.statuses[0] + run.unsent for run in runs):
        raise RuntimeError(f"{late} summaries were not answered within {PATIENCE_S:g} s")
    every = [each * 1000 for run in runs for each in run.latencies]
    row.notes.append(f"{len(every)} summaries were asked for afterwards, {ASKS_PER_SECOND}/s")
    parts = {"p50": [run.percentile(0.5) for run in runs]}
    parts["p99"] = [run.percentile(0.99) for run in runs]
    title = f"p99 of a summary, one customer, {DAYS} days by day"
    return [Figure(title, percentile(every, 0.99), "ms", Goal(at_most=20), parts)]


def _asks(setting: Setting, engine: Engine) -> Load:
    """Summaries of random customers, on schedule."""
    number = int(setting.seconds * ASKS_PER_SECOND) + 1
    chosen = random.Random(number).choices(range(setting.customers), k=number)
    end = int(time.time()) // DAY_S * DAY_S + DAY_S
    requests = [_get(_path(engine.meter, each, end - DAYS * DAY_S, end, "day")) for each in chosen]
    load = setting.apart(
        open_loop, engine.server.port, 4, setting.seconds, ASKS_PER_SECOND, Listed(requests)
    )
    if load.good + load.statuses[0] != load.statuses.total():
        raise RuntimeError(f"summaries were refused: {load.statuses}")
    return load


def _path(meter: str, customer: int, start: int, end: int, window: str | None) -> str:
    query: dict[str, Any] = {"customer": customer_id(customer), "limit": 100}
    query |= {"start_time": start, "end_time": end}
    query |= {"value_grouping_window": window} if window else {}
    return f"/v1/billing/meters/{meter}/event_summaries?{urlencode(query)}"


def _get(path: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {API_KEY}\r\n\r\n"
    return head.encode()


class _Check:
    """Whether counting goes on exactly."""

    def __init__(self, engine: Engine, totals: Numbers) -> None:
        self._engine = engine
        self._expected = totals.copy()
        self._last: dict[int, str] = {}
        step = max(1, len(totals) // ASKED)
        self.customers = [int(each) for each in np.arange(0, len(totals), step)[:ASKED]]

    def run(self) -> None:
        """Compare, count one more for each, refuse what is known, compare again."""
        self._compare()
        for customer in self.customers:
            if customer in self._last and self._report(customer, self._last[customer]) != 400:
                raise RuntimeError("an identifier that is known was counted again")
            self._last[customer] = os.urandom(16).hex()
            if self._report(customer, self._last[customer]) != 200:
                raise RuntimeError("a new event was not counted")
            self._expected[customer] += 1
        self._compare()

    def _report(self, customer: int, identifier: str) -> int:
        params = {
            "event_name": "tokens",
            "identifier": identifier,
            "payload[stripe_customer_id]": customer_id(customer),
            "payload[value]": "1",
        }
        return self._engine.client.post("/v1/billing/meter_events", data=params).status_code

    def _compare(self) -> None:
        end = int(time.time()) // 60 * 60 + 120
        start = end - (DAYS + 2) * DAY_S
        for customer in self.customers:
            path = _path(self._engine.meter, customer, start, end, None)
            rows = self._engine.client.get(path).json()["data"]
            found = sum(each["aggregated_value"] for each in rows)
            if found != self._expected[customer]:
                raise RuntimeError(f"{customer}: {found}, not {self._expected[customer]}")


def _starts(setting: Setting, server: Server, check: _Check, *, kill: bool) -> Figure:
    """Seconds from the start of the process until it is ready, after a stop or a kill."""
    how: Callable[[], None] = server.kill if kill else server.stop
    runs = []
    for repeat in range(setting.repeats):
        setting.say(f"start after a {'kill' if kill else 'stop'} ({repeat + 1})")
        how()
        began = time.monotonic()
        server.start()
        runs.append(time.monotonic() - began)
        check.run()
    name = signal.SIGKILL.name if kill else "a stop"
    return Figure(f"start after {name}", median(runs), "s", Goal(at_most=5), {"tripmeter": runs})
