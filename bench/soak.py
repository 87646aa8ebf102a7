"""`make soak`: half of what the engine can take, for a long time. Does memory grow, does latency?

SOAK_MINUTES=10      how long
SOAK_OUT=...         where soak.json goes; without it, into this folder; the chart goes beside it

A quarter of the maximum of v1, 15 % of that of the stream and 10 % of that of bulk, at the same
time and on schedule; some events cross and have their webhooks sent. Every ten seconds: memory,
latencies, what waits, the write-ahead log. At the end, `tripmeter doctor`. Flat is judged by
comparing the first third with the last one; nothing fails because of it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table

from bodies import BULK, FORM, JSON, V1, Bulk, Crossing, Source, Stream
from chart import Series, draw_lines
from load import Load, open_loop, percentile
from machine import anonymous, describe, resident
from receiver import receiving
from report import shown, write
from rows.crossing import listen
from setting import ALERTS, Engine, Setting
from support.server import run as tripmeter

WINDOW_S: Final = 10
EVERY: Final = 100
"""One v1 request in so many crosses."""
SHARES: Final = {"v1": 0.25, "stream": 0.15, "bulk": 0.10}
SIZES: Final = {"v1": 1, "stream": 100, "bulk": 10_000}
CONNECTIONS: Final = {"v1": 64, "stream": 16, "bulk": 4}
DOCTOR_S: Final = 3600
FLAT: Final = 1.25
"""The last third may be so many times the first one."""


@dataclass
class Sample:
    """What is seen every ten seconds."""

    at_s: float
    memory_mb: float
    """The process's own."""
    rss_mb: float
    """With the pages of files of identifiers that it looks into."""
    wal_mb: float
    writer_queue: float
    outbox: float


def main() -> None:
    """Find the maxima, run the load, judge, write."""
    minutes = float(os.environ.get("SOAK_MINUTES") or 10)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # files and processes go all the same
    setting = Setting()
    try:
        document = soak(setting, minutes)
    finally:
        setting.close()
    out = Path(os.environ.get("SOAK_OUT") or Path(__file__).with_name("soak.json"))
    write(document, out)
    out.with_suffix(".svg").write_text(_chart(document))


def soak(setting: Setting, minutes: float) -> dict[str, Any]:
    """One soak: everything there is to say of it."""
    with setting.engine() as engine:
        rates = {name: rate * SHARES[name] for name, rate in _maxima(setting, engine).items()}
    setting.console.print({name: f"{rate:,.1f}/s" for name, rate in rates.items()})
    with setting.engine() as engine, receiving(setting.fresh_folder()) as receiver:
        secret = listen(engine, receiver)
        cross = engine.create_meter("cross")
        for gte in range(1, ALERTS + 1):
            engine.create_alert(cross, gte)
        loads, samples = _run(setting, engine, rates, minutes * 60)
        pending = _drain(engine)
        fired = int(engine.metric("tripmeter_alerts_fired_total"))
        arrivals = receiver.end()
        engine.server.stop()
        setting.say("doctor")
        said = _doctor(engine)
    setting.console.print(said, f"{fired} alerts fired, {len(arrivals)} webhooks came")
    return _document(setting, minutes, rates, loads, samples) | {
        "webhooks": {
            "alerts_fired": fired,
            "received": len(arrivals),
            "received_bodies": len({arrival.body for arrival in arrivals}),
            "wrongly_signed": sum(not each.is_signed_with(secret) for each in arrivals),
            "left_pending": pending,
        },
        "doctor": said,
    }


def _doctor(engine: Engine) -> str:
    """What doctor says. It recounts every event for every alert, which takes its time."""
    try:
        ended = tripmeter("doctor", "--data", str(engine.server.data), patience_s=DOCTOR_S)
    except subprocess.TimeoutExpired:
        return f"did not end within {DOCTOR_S} s"
    return ended.out.strip() or ended.err.strip()


def _sources(setting: Setting, engine: Engine) -> dict[str, Source]:
    return {
        "v1": Crossing(engine.door(V1, FORM), setting.events(), EVERY),
        "stream": Stream(engine.stream_door(), setting.events(), SIZES["stream"]),
        "bulk": Bulk(engine.door(BULK, JSON), setting.events(), SIZES["bulk"]),
    }


def _maxima(setting: Setting, engine: Engine) -> dict[str, float]:
    """Requests a second that each path alone can take."""
    sources = _sources(setting, engine) | {"v1": None}
    found = {"v1": engine.v1().load.per_second}
    for name in ("stream", "bulk"):
        run = engine.measure(CONNECTIONS[name], sources[name], SIZES[name])
        found[name] = run.load.per_second
    return found


def _run(
    setting: Setting, engine: Engine, rates: dict[str, float], seconds: float
) -> tuple[dict[str, list[Load]], list[Sample]]:
    """All three loads at once; a token of the stream lasts for 15 minutes, so they go in legs."""
    loads: dict[str, list[Load]] = {name: [] for name in rates}
    samples: list[Sample] = []
    began = time.monotonic()
    while (left := seconds - (time.monotonic() - began)) > 1:
        leg = min(left, 600)
        running = {
            name: setting.beside(
                open_loop, engine.server.port, CONNECTIONS[name], leg, rates[name], source
            )
            for name, source in _sources(setting, engine).items()
        }
        setting.say(f"half of the maximum, {left / 60:.0f} minutes to go")
        samples += _watch(engine, list(running.values()), began)
        for name, future in running.items():
            loads[name].append(future.result())
    return loads, samples


def _watch(engine: Engine, running: list[Future[Load]], began: float) -> Iterator[Sample]:
    while not all(future.done() for future in running):
        wal = engine.server.data / "tripmeter.db-wal"
        yield Sample(
            round(time.monotonic() - began, 1),
            anonymous(engine.server.pid) / 1e6,
            resident(engine.server.pid) / 1e6,
            wal.stat().st_size / 1e6 if wal.exists() else 0,
            engine.metric("tripmeter_writer_queue_depth"),
            engine.metric("tripmeter_outbox_depth"),
        )
        time.sleep(WINDOW_S / 10)


def _drain(engine: Engine) -> int:
    deadline = time.monotonic() + 30
    while (left := engine.metric("tripmeter_outbox_depth")) and time.monotonic() < deadline:
        time.sleep(0.1)
    return int(left)


def _windows(loads: list[Load]) -> list[dict[str, float]]:
    """p50 and p99 in ms of the requests of each ten seconds, from when they were due."""
    began = loads[0].began
    windows: dict[int, list[float]] = {}
    for load in loads:
        for since, latency in zip(load.sinces, load.latencies, strict=True):
            windows.setdefault(int((since - began) // WINDOW_S), []).append(latency * 1000)
    return [
        {"at_s": at * WINDOW_S, "p50_ms": percentile(each, 0.5), "p99_ms": percentile(each, 0.99)}
        for at, each in sorted(windows.items())
    ]


def _thirds(values: list[float]) -> dict[str, Any]:
    """The medians of the first and the last third, and whether the last is no more than flat."""
    third = max(1, len(values) // 3)
    first, last = median(values[:third]), median(values[-third:])
    grown = last / first if first else float("inf" if last else 1)
    return {"first": first, "last": last, "grown": round(grown, 3), "flat": grown <= FLAT}


def _document(
    setting: Setting,
    minutes: float,
    rates: dict[str, float],
    loads: dict[str, list[Load]],
    samples: list[Sample],
) -> dict[str, Any]:
    windows = {name: _windows(each) for name, each in loads.items()}
    judged = {"memory_mb": _thirds([sample.memory_mb for sample in samples])}
    for name, each in windows.items():
        for figure in ("p50_ms", "p99_ms"):
            judged[f"{name} {figure}"] = _thirds([window[figure] for window in each])
    answers = {
        name: dict(sum((load.statuses for load in each[1:]), each[0].statuses))
        for name, each in loads.items()
    }
    _show(setting, judged, answers)
    return {
        "load_before": round(setting.load_before, 2),
        "machine": describe(),
        "minutes": minutes,
        "requests_per_s": rates,
        "answers": answers,
        "unsent": {name: sum(load.unsent for load in each) for name, each in loads.items()},
        "thirds": judged,
        "windows": windows,
        "samples": [vars(sample) for sample in samples],
    }


def _show(setting: Setting, judged: dict[str, Any], answers: dict[str, Any]) -> None:
    table = Table("what", "first third", "last third", "grown", "flat")
    for name, third in judged.items():
        flat = "[green]yes[/]" if third["flat"] else "[red]no[/]"
        table.add_row(name, shown(third["first"]), shown(third["last"]), str(third["grown"]), flat)
    setting.console.print(table)
    setting.console.print(answers)


def _chart(document: dict[str, Any]) -> str:
    samples, windows = document["samples"], document["windows"]
    series = [Series("memory", "MB", [sample["memory_mb"] for sample in samples])]
    for name, each in windows.items():
        series.append(Series(f"p99 of {name}", "ms", [window["p99_ms"] for window in each]))
    series.append(Series("write-ahead log", "MB", [sample["wal_mb"] for sample in samples]))
    series.append(Series("webhooks that wait", "", [sample["outbox"] for sample in samples]))
    said = "v1, stream and bulk together, open loop, at half of what the engine can take"
    return draw_lines("Soak", said, document["minutes"], series)


if __name__ == "__main__":
    main()
