"""The engine without HTTP, in a process of its own: what one event costs it in CPU time.

A `Driver` lives in a process made by `driving` and does what it is told there. It gives jobs of a
hundred reports to the writer, as the stream path does, with deliveries left where they are.
"""

import gc
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from bodies import customer_id
from machine import resident
from support.server import API_KEY
from tripmeter.app import Engine
from tripmeter.billing.creation import create_subscription
from tripmeter.control.access import default_account
from tripmeter.control.alerts import create_alert
from tripmeter.control.meters import create_meter
from tripmeter.control.offers import create_price, create_product
from tripmeter.model.customer import Customer
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.usage import UsageReport, as_reports
from tripmeter.pipeline.jobs import CommandJob, Job, Outcomes, UsageJob
from tripmeter.pipeline.metrics import ALERTS_FIRED
from tripmeter.ports import Work
from tripmeter.settings import Settings

JOB: Final = 100


class Driver:
    """An engine on a folder, and the reports that it is given."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Open the store as `tripmeter serve` does, and listen to nobody."""
        self._engine = Engine(Settings(data=folder, api_key=API_KEY))
        self._engine.prepare()
        self._random = np.random.default_rng(seed)
        with self._engine.store.transaction():
            account = default_account(self._engine.store.writer(), 0)
        self._scope = Scope(account.id, False)

    def create_customers(self, first: int, last: int) -> None:
        """Make customers from number `first` up to `last`, which is not included."""

        def create(work: Work, numbers: range) -> None:
            for number in numbers:
                id_ = customer_id(number)
                work.session.customers.insert(
                    Customer(id=id_, account=self._scope.account, livemode=False,
                             created_ms=work.now_ms)
                )  # fmt: skip
                work.customer_changed(self._scope, id_)

        for begin in range(first, last, 5_000):
            numbers = range(begin, min(last, begin + 5_000))
            self._ask(CommandJob(lambda work, numbers=numbers: create(work, numbers)))  # type: ignore[misc]

    def furnish(self, first: int, last: int, what: str, gte: int) -> None:
        """Make two meters and customers; for each an alert, a subscription, or neither.

        `what` is nothing, alert, amount (a monetary threshold on both meters), or usage (one on the
        first of them); `gte` is where it is reached.
        """
        caller = Caller(self._scope)
        ask = self._ask
        meters = [
            ask(CommandJob(lambda work, name=name: create_meter(work, caller, _meter(name))))  # type: ignore[misc]
            for name in ("tokens", "seconds")
        ]
        self.create_customers(first, last)
        if what == "alert":
            threshold = {"gte": gte}
            for meter in meters:
                params = {
                    "title": "t",
                    "alert_type": "usage_threshold",
                    "usage_threshold": {"meter": meter.id, **threshold},
                }
                ask(CommandJob(lambda work, params=params: create_alert(work, caller, params)))  # type: ignore[misc]
        elif what != "nothing":
            self._subscribe(caller, meters, range(first, last), what, gte)

    def _subscribe(
        self, caller: Caller, meters: Sequence[Meter], numbers: range, what: str, gte: int
    ) -> None:
        product = self._ask(CommandJob(lambda work: create_product(work, caller, {"name": "P"})))
        items: list[dict[str, Any]] = []
        for meter in meters if what == "amount" else meters[:1]:
            recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
            terms = {"currency": "usd", "product": product.id, "unit_amount": 1}
            price = {**terms, "recurring": recurring}
            made = self._ask(
                CommandJob(lambda work, price=price: create_price(work, caller, price))  # type: ignore[misc]
            )
            items.append({"price": made.id})
        params: dict[str, Any] = {"items": items}
        if what == "amount":
            params["billing_thresholds"] = {"amount_gte": gte}
        else:
            items[0]["billing_thresholds"] = {"usage_gte": gte}

        def subscribe(work: Work, part: range) -> None:
            for number in part:
                create_subscription(work, caller, {"customer": customer_id(number), **params})

        for begin in range(numbers.start, numbers.stop, 200):
            part = range(begin, min(begin + 200, numbers.stop))
            self._ask(CommandJob(lambda work, part=part: subscribe(work, part)))  # type: ignore[misc]

    def count_on_both(self, customers: int, events: int, value: int) -> float:
        """As `count`, of all customers, on two meters in turn."""
        chosen = self._random.integers(0, customers, events).tolist()
        return self._timed(chosen, value, ("tokens", "seconds"))

    def touch(self, customers: int) -> float:
        """One event for each of the customers; CPU microseconds per event."""
        return self._timed(list(range(customers)), None)

    def count(self, customers: tuple[int, int], events: int, value: int | None = None) -> float:
        """Events of random customers from number a up to b; CPU microseconds per event.

        Beside them, what memory is ahead of the store is written, so this cost is part of it.
        """
        chosen = self._random.integers(*customers, events).tolist()
        return self._timed(chosen, value)

    def start_unevenly(self, customers: int, below: int) -> None:
        """One event for each customer, of a random value below a bound."""
        values = self._random.integers(0, below, customers).tolist()
        self._run(self._jobs([self._report(number, value) for number, value in enumerate(values)]))

    def memory(self) -> int:
        """Bytes that this process holds."""
        gc.collect()
        return resident(os.getpid())

    def fired(self) -> int:
        """How many alerts have fired since this process started."""
        return int(next(iter(ALERTS_FIRED.collect())).samples[0].value)

    def _timed(
        self, customers: list[int], value: int | None, meters: Sequence[str] = ("tokens",)
    ) -> float:
        spent, done = 0.0, 0
        for begin in range(0, len(customers), 20_000):
            part = customers[begin : begin + 20_000]
            jobs = self._jobs(
                [
                    self._report(number, value, meters[at % len(meters)])
                    for at, number in enumerate(part)
                ]
            )
            began = time.process_time()
            self._run(jobs)
            spent += time.process_time() - began
            done += len(part)
        return spent / done * 1e6

    def _jobs(self, reports: list[UsageReport]) -> list[UsageJob]:
        parts = (reports[at : at + JOB] for at in range(0, len(reports), JOB))
        return [UsageJob(self._scope, as_reports(part)) for part in parts]

    def _run(self, jobs: list[UsageJob]) -> None:
        for job in jobs:
            outcomes: Outcomes = self._ask(job)
            assert not outcomes.exceptions, outcomes.exceptions

    def _report(self, number: int, value: int | None, meter: str = "tokens") -> UsageReport:
        text = str(int(self._random.integers(100, 1000)) if value is None else value)
        payload = {"stripe_customer_id": customer_id(number), "value": text}
        return UsageReport(meter, payload, self._random.bytes(16).hex(), None)

    def _ask(self, job: Job) -> Any:
        return self._engine.writer.ask_and_wait(job)


def _meter(name: str) -> dict[str, Any]:
    return {
        "event_name": name, "display_name": name, "default_aggregation": {"formula": "sum"},
    }  # fmt: skip


class Remote:
    """A driver in another process: `call` has it do something there."""

    def __init__(self, link: "Connection[Any, Any]") -> None:
        self._link = link

    def call(self, method: str, *args: Any) -> Any:
        """The answer of a method. Raises RuntimeError if it failed there."""
        self._link.send((method, args))
        ok, answer = self._link.recv()
        if not ok:
            raise RuntimeError(f"{method}: {answer}")
        return answer


@contextmanager
def driving(folder: Path, seed: int, kind: type[Driver] = Driver) -> Iterator[Remote]:
    """A driver on a folder, for the length of a block; it is killed at the end."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, folder, seed, kind), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Remote(ours)
    finally:
        ours.close()
        process.kill()
        process.join()


def _serve(link: "Connection[Any, Any]", folder: Path, seed: int, kind: type[Driver]) -> None:
    driver = kind(folder, seed)
    while True:
        try:
            method, args = link.recv()
        except EOFError:
            return
        try:
            link.send((True, getattr(driver, method)(*args)))
        except Exception as error:
            link.send((False, repr(error)))
