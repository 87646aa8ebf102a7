"""The end of a period for many metered subscriptions of one instance: invoices a second.

    PYTHONPATH=tests .venv/bin/python bench/period_end.py                   20,000 subscriptions
    PYTHONPATH=tests .venv/bin/python bench/period_end.py --subscriptions 100000

In process, on SQLite. All periods end at once; what is timed is what the agenda does then: each
period ends and is drafted, and an hour later each draft is made final with its usage. Events are
written as always, and no endpoint is there to be sent them.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from support.clock import DAY_MS, HOUR_MS, SettableClock
from support.engine import Engine
from tripmeter.billing.creation import create_subscription
from tripmeter.control.customers import create_customer
from tripmeter.control.offers import create_price, create_product
from tripmeter.model.scope import Caller
from tripmeter.model.usage import UsageReport, as_reports
from tripmeter.pipeline.jobs import CommandJob, UsageJob
from tripmeter.pipeline.roll import bill
from tripmeter.pipeline.writer import Writer
from tripmeter.ports import Work
from tripmeter.store.identifiers import TieredIdentifiers

GOAL: Final = 500
"""Invoices a second, drafted and made final."""

AT_ONCE: Final = 200


class Instance(Engine):
    """An engine whose identifiers are kept as they are in life."""

    def _open(self) -> None:
        super()._open()
        self.writer.stop()
        identifiers = TieredIdentifiers(self._folder / "real")
        self.writer = Writer(self.store, self.clock, identifiers, lambda *_: None)
        self.writer.start()


def prepared(engine: Engine, subscriptions: int, progress: Progress) -> None:
    """Customers with a subscription each, and usage of all of them."""
    product = engine.command(create_product, {"name": "Calls"}).id
    meter = engine.create_meter("calls")
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    terms = {"currency": "usd", "product": product, "recurring": recurring}
    price = engine.command(create_price, {**terms, "unit_amount": 2}).id

    def make(work: Work, caller: Caller, numbers: range) -> None:
        for number in numbers:
            create_customer(work, caller, {"id": f"cus_{number}"})
            items = [{"price": price}]
            create_subscription(work, caller, {"customer": f"cus_{number}", "items": items})

    task = progress.add_task("subscriptions", total=subscriptions)
    for begin in range(0, subscriptions, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, subscriptions))
        engine.command(make, numbers)
        reports = [
            UsageReport(
                "calls", {"stripe_customer_id": f"cus_{n}", "value": str(n % 97)}, f"e{n}", None
            )
            for n in numbers
        ]
        engine.ask(UsageJob(engine.scope, as_reports(reports)))
        progress.update(task, completed=numbers.stop)


def timed(engine: Engine, what: str, tasks: int, progress: Progress) -> dict[str, Any]:
    """Work on the agenda until nothing is due."""
    task = progress.add_task(what, total=tasks)
    began, began_cpu, longest = time.perf_counter(), time.process_time(), 0.0
    more = True
    while more:
        at = time.perf_counter()
        more = engine.ask(CommandJob(bill))
        longest = max(longest, time.perf_counter() - at)
        progress.advance(task, AT_ONCE if more else 0)
    took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    progress.update(task, completed=tasks)
    return {
        "each_ms_of_cpu": round(cpu / tasks * 1000, 3),
        "per_second": round(tasks / took, 1),
        "seconds": round(took, 2),
        "longest_commit_ms": round(longest * 1000, 1),
    }


def main() -> None:
    """Measure, and say what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=20_000)
    parser.add_argument("--out", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    many: int = given.subscriptions
    clock = SettableClock()
    with Progress() as progress, Instance(clock) as engine:
        began = time.perf_counter()
        prepared(engine, many, progress)
        created = time.perf_counter() - began
        clock.advance(31 * DAY_MS)
        ended = timed(engine, "periods end", many, progress)
        clock.advance(HOUR_MS)
        final = timed(engine, "invoices are final", many, progress)
    whole = many / (ended["seconds"] + final["seconds"])
    found = {
        "subscriptions": many,
        "created_per_second": round(many / created, 1),
        "periods_end": ended,
        "invoices_final": final,
        "invoices_per_second": round(whole, 1),
        "goal": GOAL,
        "met": whole >= GOAL,
    }
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
