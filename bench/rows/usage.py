"""Rows 1 to 4 and 9: how many events a second each path takes, beside its baselines."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median
from typing import Any

from baselines.batch import SCHEMA
from baselines.limit import limit
from baselines.lua import calls, redis_server
from baselines.running import batches, naive, new_database
from bodies import BULK, COLUMNS, FORM, JSON, V1, Bulk, Columns, Door, Stream
from figures import Figure, Goal, Row, Skipped, ratio
from load import redis_answer
from setting import Engine, Run, Setting, measure
from support.server import API_KEY, Server
from wrk import wrk

STREAM_SIZE = 100
BULK_SIZE = 10_000


def alternate(setting: Setting, **sides: Callable[[], Any]) -> dict[str, list[Any]]:
    """Run each side in turn, as often as the setting says: A B A B."""
    done: dict[str, list[Any]] = {name: [] for name in sides}
    for repeat in range(setting.repeats):
        for name, run in sides.items():
            setting.say(f"{name} ({repeat + 1} of {setting.repeats})")
            done[name].append(run())
    return done


def rates(runs: list[Run]) -> list[float]:
    """Events a second of each run."""
    return [run.events_per_second for run in runs]


def costs(name: str, runs: list[Run]) -> str:
    """What a path costs the server and the load generator, for the notes."""
    cpu = median(run.cpu_per_1000 for run in runs)
    client = median(run.client_share for run in runs)
    return (
        f"{name}: {cpu:.3g} ms of server CPU per 1,000 events; "
        f"the load generator took {client:.0f} % of a core"
    )


def absolute(title: str, runs: list[Run]) -> Figure:
    """Events a second, with no goal."""
    return Figure(title, median(rates(runs)), "events/s", runs={"tripmeter": rates(runs)})


PROCESSES = 2
BESIDE = f"--processes {PROCESSES}"
"""The name of the side that has door processes."""


@contextmanager
def both(setting: Setting) -> Iterator[dict[str, Engine]]:
    """The engine in one process, and one with door processes; who is not measured is idle."""
    with setting.engine() as alone, setting.engine("--processes", str(PROCESSES)) as beside:
        yield {"tripmeter": alone, BESIDE: beside}


def gain(name: str, done: dict[str, list[Run]]) -> Figure:
    """What door processes bring, beside a single process in the same run."""
    beside, alone = done[BESIDE], done["tripmeter"]
    return ratio(
        f"{name}, {BESIDE}",
        "x one process",
        (BESIDE, rates(beside)),
        ("one process", rates(alone)),
    )


def latency(runs: list[Run]) -> list[Figure]:
    """How long requests took in a closed loop."""
    return [
        Figure(
            f"p{share * 100:g} of a request, closed loop",
            median(run.load.percentile(share) for run in runs),
            "ms",
            runs={"tripmeter": [run.load.percentile(share) for run in runs]},
        )
        for share in (0.5, 0.99)
    ]


def v1(setting: Setting) -> Row:
    """One event a request, 64 connections, beside N and R."""
    row = Row("v1", "POST /v1/billing/meter_events, one event a request, 64 connections")
    with ExitStack() as stack:
        service = stack.enter_context(naive(setting))
        engines = stack.enter_context(both(setting))
        sides: dict[str, Callable[[], Run]] = {"N": service.run}
        sides |= {name: engine.v1 for name, engine in engines.items()}
        try:
            port, pid = stack.enter_context(redis_server(setting.fresh_folder()))
            sides["R"] = lambda: measure(
                setting, port, (pid,), 64, calls(setting.events()), answer=redis_answer
            )
        except Skipped as reason:
            row.notes.append(f"R was skipped: {reason}")
        done = alternate(setting, **sides)
        ours = ("tripmeter", rates(done["tripmeter"]))
        row.figures = [absolute("v1", done["tripmeter"])]
        row.figures.append(
            ratio("v1", "x N", ours, ("N", rates(done["N"])), Goal(at_least=15), bar="v1")
        )
        if "R" in done:
            row.figures.append(ratio("v1", "x R", ours, ("R", rates(done["R"]))))
        row.figures += [gain("v1", done), *latency(done["tripmeter"])]
        row.notes += [costs(name, runs) for name, runs in done.items()]
        setting.v1_per_second = median(ours[1])
        row.figures += _cross_check(setting, engines["tripmeter"], row)
    return row


def _cross_check(setting: Setting, engine: Engine, row: Row) -> list[Figure]:
    """The same load from wrk, a generator written in C, where it is installed."""
    setting.say("wrk")
    try:
        runs = [wrk(setting, engine.server.port, API_KEY, V1, FORM) for _ in range(setting.repeats)]
    except Skipped as reason:
        row.notes.append(f"The cross-check was skipped: {reason}")
        return []
    return [Figure("v1, as wrk sees it", median(runs), "events/s", runs={"wrk": runs})]


def stream(setting: Setting) -> Row:
    """100 events a request, 16 connections, beside P."""
    row = Row("stream", "POST /v2/billing/meter_event_stream, 100 events, 16 connections")
    database = new_database(setting, "batches", SCHEMA)
    with both(setting) as engines:
        _stream_beside(setting, row, engines, database, Goal(at_least=3), "stream")
    return row


def postgres(setting: Setting) -> Row:
    """The stream again, with the engine's store in the same PostgreSQL as P."""
    row = Row("postgres", "the stream with the PostgreSQL store, 100 events, 16 connections")
    database = new_database(setting, "batches", SCHEMA)
    store = new_database(setting, "tripmeter")
    server = Server(setting.fresh_folder(), arguments=("--database", store))
    with setting.serving(server) as engine:
        engine.other_pid = setting.cluster.pid
        engine.furnish()
        engines = {"tripmeter": engine}
        _stream_beside(setting, row, engines, database, Goal(at_least=1), "stream, in PostgreSQL")
    return row


def _stream_beside(
    setting: Setting,
    row: Row,
    engines: dict[str, Engine],
    database: str,
    goal: Goal,
    bar: str,
) -> None:
    def ours(engine: Engine) -> Run:
        source = Stream(engine.stream_door(), setting.events(), STREAM_SIZE)
        return engine.measure(16, source, STREAM_SIZE)

    sides: dict[str, Callable[[], Any]] = {"P": partial(batches, setting, database, STREAM_SIZE)}
    sides |= {name: partial(ours, engine) for name, engine in engines.items()}
    done = alternate(setting, **sides)
    theirs, client = zip(*done["P"], strict=True)
    runs = done["tripmeter"]
    row.figures = [
        absolute("stream", runs),
        ratio("stream", "x P", ("tripmeter", rates(runs)), ("P", list(theirs)), goal, bar=bar),
        *([gain("stream", done)] if BESIDE in done else []),
        *latency(runs),
    ]
    row.notes = [
        *(costs(name, done[name]) for name in engines),
        f"P: its client took {median(client):.0f} % of a core, without HTTP",
    ]


def bulk(setting: Setting) -> Row:
    """NDJSON, 10,000 events a request, 4 connections, beside L."""
    row = Row("bulk", "POST /v2/billing/meter_events/bulk, NDJSON, 10,000 events, 4 connections")
    with both(setting) as engines:
        _bulk_beside(setting, row, engines, columns=False)
    return row


def columns(setting: Setting) -> Row:
    """The same events in columns, beside the limit of NDJSON and the limit of columns."""
    row = Row("columns", f"the same in columns ({COLUMNS})")
    with both(setting) as engines:
        if reason := engines["tripmeter"].takes_columns():
            raise Skipped(reason)
        _bulk_beside(setting, row, engines, columns=True)
    return row


def _bulk_beside(setting: Setting, row: Row, engines: dict[str, Engine], *, columns: bool) -> None:
    kind, shape = (COLUMNS, Columns) if columns else (JSON, Bulk)

    def ours(engine: Engine) -> Run:
        source = shape(engine.door(BULK, kind), setting.events(), BULK_SIZE)
        return engine.measure(4, source, BULK_SIZE)

    def theirs(shape: Any, *, columns: bool) -> float:
        source = shape(Door(BULK, API_KEY, kind), setting.events(), BULK_SIZE)
        seconds = setting.seconds / 2
        return setting.apart(limit, setting.folder, seconds, source, BULK_SIZE, columns)

    sides: dict[str, Callable[[], Any]] = {"L": partial(theirs, Bulk, columns=False)}
    if columns:
        sides["L of columns"] = partial(theirs, Columns, columns=True)
    sides |= {each: partial(ours, engine) for each, engine in engines.items()}
    done = alternate(setting, **sides)
    runs = done["tripmeter"]
    goal = Goal(at_least=50 if columns else 40)
    name = "bulk, in columns" if columns else "bulk"
    figures = [ratio(name, "% of L", ("tripmeter", rates(runs)), ("L", done["L"]), goal, bar=name)]
    if columns:
        limits = ("L of columns", done["L of columns"])
        figures.append(ratio(name, "% of L of columns", ("tripmeter", rates(runs)), limits))
    row.figures = [absolute(name, runs), *figures, gain(name, done), *latency(runs)]
    row.notes = [*(costs(each, done[each]) for each in engines), "L is the limit of NDJSON"]
