"""The identifier tier alone, straight through its port: `python bench/identifiers.py`.

A process fills a tier with random ids in batches of 10,000, measures it beside an empty one, goes
on filling and is killed (SIGKILL). Then the tier is opened again with a cold page cache, what was
not written yet is added as the usage log would, and every id is looked up. Every answer is compared
with what it must be. Prints a table and writes bench/identifiers.json.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from cyclopts import App
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tripmeter.model.digests import Digests
from tripmeter.store.identifiers import TieredIdentifiers

BATCH: Final = 10_000
ROUNDS: Final = 80
SINGLES: Final = 5_000
STRANGERS: Final = 10**9
"""The numbers of batches whose ids are never added begin here."""

STORE: Final = "bench"
Positions = npt.NDArray[np.int64]

app = App(help_format="plaintext")
console = Console()
rng = np.random.default_rng(11)


def ids_of(batch: int) -> Digests:
    """The ids of a batch, always the same."""
    draw = np.random.Generator(np.random.SFC64([7, batch]))
    return Digests(draw.integers(0, 2**64, BATCH, np.uint64), draw.integers(0, 2**32, BATCH, "u4"))


def positions_of(batch: int) -> Positions:
    """The positions of the ids of a batch."""
    return np.arange(batch * BATCH + 1, (batch + 1) * BATCH + 1)


def joined(parts: list[Digests]) -> Digests:
    """All of some columns."""
    return Digests(np.concatenate([p.high for p in parts]), np.concatenate([p.low for p in parts]))


def scattered(batches: int, count: int) -> tuple[Digests, Positions]:
    """Ids from all over the first batches, in random order, and their positions."""
    parts, at = [], []
    for batch in rng.integers(0, batches, 100):
        chosen = rng.integers(0, BATCH, count // 100)
        parts.append(ids_of(int(batch)).pick(chosen))
        at.append(positions_of(int(batch))[chosen])
    order = rng.permutation(count)
    return joined(parts).pick(order), np.concatenate(at)[order]


class Filled:
    """A tier that is filled batch by batch; `wrong` counts answers that should have been others."""

    def __init__(self, folder: Path, batches: int = 0) -> None:
        """Open a folder, for a log that has so many batches."""
        self.tier = TieredIdentifiers(folder)
        self.known = self.tier.recover(STORE, 1, batches * BATCH)
        self.batches = batches
        self.wrong = 0

    def look(self, keys: Digests, expected: Positions | int) -> None:
        """Look ids up."""
        self.wrong += int((self.tier.find(keys) != expected).sum())

    def put(self, keys: Digests) -> None:
        """Commit a batch of new ids."""
        positions = positions_of(self.batches)
        found = self.tier.find(keys)
        self.tier.add(keys, positions[: len(keys.high)], 0)
        self.tier.settle(int(positions[-1]))
        self.batches += 1
        self.wrong += int((found >= 0).sum())


def timed(act: Callable[[], None]) -> tuple[float, float]:
    """Seconds of CPU in this thread, and on the wall."""
    cpu, wall = time.thread_time(), time.perf_counter()
    act()
    return time.thread_time() - cpu, time.perf_counter() - wall


def anonymous_bytes() -> int:
    """Resident memory that is no file's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def percentiles(seconds: list[float], *wanted: int) -> list[float]:
    """In microseconds."""
    return [round(float(np.percentile(seconds, p)) * 1e6, 1) for p in wanted]


# --- in the process that is killed ----------------------------------------------------------------


def fill_and_measure(pipe: Connection, folder: Path, batches: int) -> None:
    """Fill, measure, and go on filling until the end comes."""
    before = anonymous_bytes()
    full = Filled(folder)
    peak, walls = 0, list[float]()
    started = time.perf_counter()
    for batch in range(batches):
        keys = ids_of(batch)
        walls.append(timed(partial(full.put, keys))[1])
        if batch % 50 == 0:
            peak = max(peak, anonymous_bytes())
            pipe.send(batch)
    elapsed = time.perf_counter() - started
    figures = fill_figures(walls, elapsed)
    figures["memory_anonymous_per_id_peak"] = round((peak - before) / len(full.tier), 2)
    await_quiet(full.tier)
    figures |= memory_figures(full.tier, before, "full")
    figures |= beside_empty(full)
    await_quiet(full.tier)
    figures |= single_figures(full, "warm")
    figures["wrong_in_fill_and_measurements"] = full.wrong
    pipe.send(figures)
    while True:
        full.put(ids_of(full.batches))
        pipe.send(full.batches)


def await_quiet(tier: TieredIdentifiers) -> None:
    """Until the thread has written what was frozen."""
    before = -1.0
    while (now := time.process_time()) - before > 0.01:
        before = now
        time.sleep(0.5)


def fill_figures(walls: list[float], elapsed: float) -> dict[str, Any]:
    """How the fill went, the thread that writes and merges beside it at full load."""
    p50, p99, worst = percentiles(walls, 50, 99, 100)
    return {
        "fill_ids_per_s": round(len(walls) * BATCH / elapsed),
        "fill_batch_p50_us": p50,
        "fill_batch_p99_us": p99,
        "fill_batch_worst_us": worst,
    }


def memory_figures(tier: TieredIdentifiers, before: int, when: str) -> dict[str, Any]:
    """Bytes per id: what the tier counts, and what the system does."""
    return {
        f"memory_arrays_per_id_{when}": round(tier.nbytes / len(tier), 2),
        f"memory_anonymous_per_id_{when}": round((anonymous_bytes() - before) / len(tier), 2),
    }


def beside_empty(full: Filled) -> dict[str, Any]:
    """New ids, and duplicates of several kinds, alternately in an empty and in the full tier."""
    taken: dict[str, list[tuple[float, float]]] = {}
    history = full.batches
    with tempfile.TemporaryDirectory() as folder:
        empty = Filled(Path(folder))
        for turn in range(ROUNDS):
            keys = ids_of(full.batches)
            old, expected = scattered(history, BATCH)
            few, at = scattered(history, 100)
            recent = history - 1 - turn % 20
            mixed = joined([few, ids_of(STRANGERS + turn).pick(np.arange(BATCH - 100))])
            mixed_at = np.append(at, np.full(BATCH - 100, -1))
            acts = {
                "new_empty": partial(empty.put, keys),
                "new_full": partial(full.put, keys),
                "old_duplicates_full": partial(full.look, old, expected),
                "recent_duplicates_full": partial(full.look, ids_of(recent), positions_of(recent)),
                "one_percent_duplicates_full": partial(full.look, mixed, mixed_at),
            }
            for name, act in acts.items():
                taken.setdefault(name, []).append(timed(act))
        full.wrong += empty.wrong
        empty.tier.close()
    return {
        f"{name}_ns_per_id_{kind}": round(float(np.median([t[at] for t in times])) * 1e9 / BATCH)
        for name, times in taken.items()
        for at, kind in enumerate(("cpu", "wall"))
    }


def single_figures(filled: Filled, when: str) -> dict[str, Any]:
    """One id at a time: the fixed costs of a small commit, and what a cancellation waits for."""
    old, expected = scattered(filled.batches - 1, SINGLES)
    new = ids_of(STRANGERS - 1)
    figures: dict[str, Any] = {}
    for name, keys, answers in (("old", old, expected), ("new", new, np.full(BATCH, -1))):
        times = []
        for at in range(SINGLES):
            key, answer = keys.pick(np.array([at])), answers[at : at + 1]
            times.append(timed(partial(filled.look, key, answer))[1])
        p50, p99, worst = percentiles(times, 50, 99, 100)
        figures |= {
            f"single_{name}_{when}_p50_us": p50,
            f"single_{name}_{when}_p99_us": p99,
            f"single_{name}_{when}_worst_us": worst,
        }
    return figures


# --- in the process that comes after --------------------------------------------------------------


def reopen(folder: Path, batches: int, progress: Progress) -> dict[str, Any]:
    """Open what was left behind, with a cold cache, and ask for everything."""
    files = [path for path in folder.rglob("*.*") if path.is_file()]
    drop_cached(files)
    before = anonymous_bytes()
    started = time.perf_counter()
    filled = Filled(folder, batches)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    for batch in range(filled.known // BATCH, batches):
        filled.tier.add(ids_of(batch), positions_of(batch), 0)
        filled.tier.settle((batch + 1) * BATCH)
    figures = {
        "reopen_cold_s": round(seconds, 2),
        "reopen_ids_from_log": batches * BATCH - filled.known,
        "reopen_ids_from_log_s": round(time.perf_counter() - started, 2),
    }
    await_quiet(filled.tier)
    figures |= memory_figures(filled.tier, before, "reopened")
    figures["disk_per_id"] = round(disk_bytes(folder) / len(filled.tier), 2)
    figures |= single_figures(filled, "cold")
    for batch in progress.track(range(batches), description="look up every id"):
        filled.look(ids_of(batch), positions_of(batch))
        if batch % 10 == 0:
            filled.look(ids_of(STRANGERS + batch), -1)
    figures["wrong_after_kill"] = filled.wrong
    filled.tier.close()
    return figures


def disk_bytes(folder: Path) -> int:
    """What the files of a folder take; they may go and come meanwhile."""
    size = 0
    for path in folder.rglob("*.*"):
        with suppress(FileNotFoundError):
            size += path.stat().st_blocks * 512
    return size


def drop_cached(files: list[Path]) -> None:
    """Have the system forget the content of files."""
    for path in files:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def messages(pipe: Connection) -> Iterator[Any]:
    """What the filling process says, as long as it lives."""
    while True:
        yield pipe.recv()


@app.default
def main(*, ids: int = 10_000_000, folder: Path | None = None) -> None:
    """Measure with so many ids, in a folder that has 20 bytes of room for each."""
    place = Path(tempfile.mkdtemp(dir=folder))
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    batches = ids // BATCH
    results: dict[str, Any] = {"ids": ids}
    process = context.Process(target=fill_and_measure, args=(theirs, place, batches))
    try:
        with Progress(console=console) as progress:
            task = progress.add_task("fill", total=batches)
            process.start()
            last = disk = 0
            for message in messages(ours):
                if isinstance(message, dict):
                    results |= message
                    continue
                last, disk = message, max(disk, disk_bytes(place))
                progress.update(task, completed=min(last, batches))
                if "wrong_in_fill_and_measurements" in results and last >= batches + 350:
                    break
            process.kill()
            process.join()
            results["disk_per_id_peak"] = round(disk / (last * BATCH), 2)
            results |= reopen(place, last, progress)
    finally:
        process.kill()
        shutil.rmtree(place)
    table = Table("figure", "value")
    for name, value in results.items():
        table.add_row(name, f"{value:,}")
    console.print(table)
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    app()
