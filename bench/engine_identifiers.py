"""The whole engine with many identifiers remembered, beside one that remembers none.

    PYTHONPATH=tests:bench .venv-bench/bin/python bench/engine_identifiers.py
    PYTHONPATH=tests:bench .venv-bench/bin/python bench/engine_identifiers.py --ids 100_000_000

In process, on SQLite with synchronous=FULL, in columns of 10,000 events with random identifiers.
One engine is filled; then new events and a storm of nothing but known ones are counted in it and in
an engine that is empty, by turns; events are cancelled by their identifiers; the process is killed
and the store opened again. 10 GB of room are needed for 100 million.
"""

import gc
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from cyclopts import App
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bodies import customer_id
from identifiers import disk_bytes, drop_cached
from inprocess import Driver, Remote, driving
from machine import anonymous
from tripmeter.control.alerts import create_alert
from tripmeter.control.meters import create_meter
from tripmeter.model.scope import Caller
from tripmeter.model.usage import PayloadColumns, Reports
from tripmeter.pipeline.jobs import CancelJob, CommandJob, UsageJob

BATCH: Final = 10_000
CUSTOMERS: Final = 10_000
ALERTS: Final = 25
NEVER: Final = 10**14
ROUNDS: Final = 15
BATCHES_A_ROUND: Final = 20
CANCELLATIONS: Final = 2_000

app = App(help_format="plaintext")
console = Console()


class Counting(Driver):
    """An engine, with a meter and alerts that are never reached."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self._names = [customer_id(number) for number in range(CUSTOMERS)]

    def open_shop(self) -> None:
        """A meter, customers, alerts."""
        caller = Caller(self._scope)
        meter = {"event_name": "tokens", "display_name": "Tokens"}
        meter["default_aggregation"] = {"formula": "sum"}  # type: ignore[assignment]
        made = self._ask(CommandJob(lambda work: create_meter(work, caller, meter)))
        self.create_customers(0, CUSTOMERS)
        for number in range(ALERTS):
            threshold = {"meter": made.id, "gte": NEVER + number}
            params = {"title": "t", "alert_type": "usage_threshold", "usage_threshold": threshold}
            self._ask(CommandJob(lambda work, params=params: create_alert(work, caller, params)))  # type: ignore[misc]

    def send(self, batches: list[int], known: bool) -> tuple[float, float]:
        """Count batches by their numbers, all new or all known; seconds, and those of the CPU."""
        spent = busy = 0.0
        for batch in batches:
            job = self._job(batch)
            began, began_busy = time.perf_counter(), time.process_time()
            outcomes = self._ask(job)
            spent += time.perf_counter() - began
            busy += time.process_time() - began_busy
            assert len(outcomes.exceptions) == (BATCH if known else 0), outcomes.exceptions
        return spent, busy

    def own_memory(self) -> int:
        """Bytes that are the process's own, pages of files of identifiers aside."""
        gc.collect()
        return anonymous(os.getpid())

    def cancel(self, batches: list[int]) -> list[float]:
        """Take back an event of each of some batches; milliseconds."""
        took = []
        for batch in batches:
            began = time.perf_counter()
            self._ask(CancelJob(self._scope, "tokens", identifiers_of(batch)[batch % BATCH]))
            took.append((time.perf_counter() - began) * 1e3)
        return took

    def _job(self, batch: int) -> UsageJob:
        draw = np.random.Generator(np.random.SFC64([3, batch]))
        columns = {
            "stripe_customer_id": [
                self._names[number] for number in draw.integers(0, CUSTOMERS, BATCH).tolist()
            ],
            "value": [str(value) for value in draw.integers(100, 1000, BATCH).tolist()],
        }
        payloads = PayloadColumns(columns, BATCH)
        reports = Reports(["tokens"] * BATCH, payloads, identifiers_of(batch), None)
        return UsageJob(self._scope, reports)


def identifiers_of(batch: int) -> list[str]:
    """Those of a batch, always the same: 22 characters, as random as can be."""
    text = np.random.Generator(np.random.SFC64([5, batch])).bytes(BATCH * 11).hex()
    return [text[at : at + 22] for at in range(0, len(text), 22)]


def measured(full: Remote, empty: Remote, batches: int, progress: Progress) -> dict[str, Any]:
    """New events and known ones, in the full engine and in the empty one, by turns."""
    rates: dict[str, list[float]] = {"empty_new": [], "full_new": [], "full_known": []}
    choice = np.random.default_rng(1)
    fresh = 10**9
    for _ in progress.track(range(ROUNDS), description="measure"):
        for name, side in (("empty_new", empty), ("full_new", full)):
            numbers = list(range(fresh, fresh + BATCHES_A_ROUND))
            fresh += BATCHES_A_ROUND
            rates[name].append(rate(side.call("send", numbers, False)))
        numbers = choice.integers(0, batches, BATCHES_A_ROUND).tolist()
        rates["full_known"].append(rate(full.call("send", numbers, True)))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    base = medians["empty_new"]
    return {f"{name}_events_per_s": round(value) for name, value in medians.items()} | {
        "new_of_empty": round(medians["full_new"] / base, 3),
        "known_of_empty": round(medians["full_known"] / base, 3),
    }


def rate(took: tuple[float, float]) -> float:
    """Events a second."""
    return BATCHES_A_ROUND * BATCH / took[0]


def cancelled(full: Remote, batches: int) -> dict[str, Any]:
    """What a cancellation by identifier waits for, among all of the last day."""
    chosen = np.random.default_rng(2).choice(batches, min(CANCELLATIONS, batches), replace=False)
    took = full.call("cancel", chosen.tolist())
    p50, p99 = np.percentile(took, [50, 99])
    return {"cancel_p50_ms": round(float(p50), 2), "cancel_p99_ms": round(float(p99), 2)}


def reopened(folder: Path) -> dict[str, Any]:
    """Open the store after the kill, with a cold cache, until it counts again."""
    drop_cached([path for path in folder.rglob("*") if path.is_file()])
    began = time.perf_counter()
    with driving(folder, 2, Counting) as full:
        full.call("send", [2 * 10**9], False)
        return {"ready_after_kill_s": round(time.perf_counter() - began, 2)}


@app.default
def main(*, ids: int = 10_000_000, folder: Path | None = None) -> None:
    """Measure with so many identifiers, in a folder that has 100 bytes of room for each."""
    place = Path(tempfile.mkdtemp(dir=folder))
    batches = ids // BATCH
    results: dict[str, Any] = {"ids": ids}
    try:
        with (
            Progress(console=console) as progress,
            driving(place / "full", 1, Counting) as full,
            driving(place / "empty", 1, Counting) as empty,
        ):
            for side in (full, empty):
                side.call("open_shop")
            before = full.call("own_memory")
            began = time.perf_counter()
            for batch in progress.track(range(0, batches, 10), description="fill"):
                full.call("send", list(range(batch, batch + 10)), False)
            results["fill_events_per_s"] = round(ids / (time.perf_counter() - began))
            held = (full.call("own_memory") - before) / ids
            results["memory_per_id_bytes"] = round(held, 2)
            tier = disk_bytes(place / "full" / "identifiers") / ids
            results["disk_per_id_bytes"] = round(tier, 2)
            results |= measured(full, empty, batches, progress)
            results |= cancelled(full, batches)
        results |= reopened(place / "full")
    finally:
        shutil.rmtree(place)
    table = Table("figure", "value")
    for name, value in results.items():
        table.add_row(name, f"{value:,}")
    console.print(table)
    results["cores"] = os.cpu_count()
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    app()
