"""The setting of a run: sizes, folders, and the one way in which processes are started."""

import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import httpx2
from rich.console import Console
from rich.status import Status

from bodies import (
    BULK,
    COLUMNS,
    FORM,
    JSON,
    STREAM,
    V1,
    Columns,
    Door,
    Events,
    Listed,
    Single,
    customer_id,
)
from load import Load, closed_loop, send_all
from machine import cpu_seconds
from support.cluster import Cluster
from support.server import API_KEY, Server

P = ParamSpec("P")
T = TypeVar("T")

ALERTS: Final = 25
NEVER_REACHED: Final = 10**12
POSTGRES: Final = (
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=15min",
)
"""PostgreSQL as somebody sets it up who cares: durable, and with room to work in."""


def _number(name: str, default: float) -> float:
    return float(os.environ.get(name) or default)


def _console() -> Console:
    """The terminal; in a log, lines are as long as the table needs."""
    console = Console(stderr=True)
    return console if console.is_terminal else Console(stderr=True, width=140)


@dataclass
class Setting:
    """Sizes come from the environment; `scale` shrinks what has a size of its own."""

    seconds: float = _number("BENCH_SECONDS", 5)
    repeats: int = int(_number("BENCH_REPEATS", 3))
    scale: float = _number("BENCH_SCALE", 1)
    parent: Path = Path(os.environ.get("BENCH_DIR") or "/var/tmp")
    console: Console = field(default_factory=_console)
    v1_per_second: float = 0.0
    """The maximum of the v1 path, once it has been measured in this run."""

    def __post_init__(self) -> None:
        """Make a folder on a real disk, and allow as many open files as the system does."""
        self.folder = Path(tempfile.mkdtemp(prefix="tripmeter-bench-", dir=self.parent))
        self.folder.chmod(0o755)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.customers = max(100, self.scaled(10_000))
        self.load_before = os.getloadavg()[0]
        """Processes that wanted a core in the minute before: figures of a busy machine are none."""
        self._seeds = count(7)
        self._folders = count(1)
        self._pool = ProcessPoolExecutor(8, mp_context=get_context("spawn"))
        self._status: Status | None = None

    def close(self) -> None:
        """End every process and remove every file."""
        self._pool.shutdown(cancel_futures=True)
        if "cluster" in self.__dict__:
            self.cluster.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def scaled(self, size: int) -> int:
        """A size, shrunk."""
        return max(1, int(size * self.scale))

    def say(self, what: str) -> None:
        """Show what is going on."""
        if self._status is not None and self.console.is_terminal:
            self._status.update(what)
        else:
            self.console.print(f"  {what}", style="dim", highlight=False)

    @contextmanager
    def showing(self, what: str) -> Iterator[None]:
        """Show a line of progress for a time."""
        with self.console.status(what) as self._status:
            yield
        self._status = None

    def fresh_folder(self) -> Path:
        """A new folder of this run."""
        folder = self.folder / str(next(self._folders))
        folder.mkdir(mode=0o755)
        return folder

    def events(self, customers: int | None = None) -> Events:
        """Random events that no other run of this bench has sent."""
        return Events(customers or self.customers, next(self._seeds))

    # other processes

    def apart(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a process of its own, and wait for it."""
        return self.beside(function, *args, **kwargs).result()

    def beside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in a process of its own meanwhile."""
        return self._pool.submit(function, *args, **kwargs)

    @cached_property
    def cluster(self) -> Cluster:
        """A PostgreSQL server on the disk on which the engine's files are too."""
        self.say("starting PostgreSQL")
        return Cluster(self.folder, POSTGRES)

    @cached_property
    def prepared(self) -> "Prepared":
        """A store with the meter, the customers and alerts that are never reached."""
        self.say(f"preparing a store with {self.customers:,} customers")
        server = Server(self.fresh_folder())
        with self.serving(server) as engine:
            engine.furnish()
        return Prepared(server.data, engine.meter)

    @contextmanager
    def engine(self, *arguments: str) -> Iterator["Engine"]:
        """The engine on a copy of the prepared store."""
        prepared = self.prepared
        folder = self.fresh_folder()
        shutil.copytree(prepared.data, folder / "data")
        with self.serving(Server(folder, arguments=arguments)) as engine:
            engine.meter = prepared.meter
            yield engine
        shutil.rmtree(folder)

    @contextmanager
    def serving(self, server: Server) -> Iterator["Engine"]:
        """A server of the engine for the length of a block."""
        server.start()
        try:
            yield Engine(self, server, "")
            if server.running:
                server.stop()
        finally:
            server.kill()

    def v1_maximum(self) -> float:
        """Requests a second of the v1 path: as measured in this run, or measured now."""
        if not self.v1_per_second:
            self.say("measuring the maximum of the v1 path")
            with self.engine() as engine:
                self.v1_per_second = engine.v1().load.per_second
        return self.v1_per_second


@dataclass(frozen=True)
class Prepared:
    """A folder to copy, and the id of the meter in it."""

    data: Path
    meter: str


@dataclass
class Run:
    """A load, the events that it brought and what they cost the server."""

    load: Load
    events: int
    """Events in all requests that were answered with 200, the first moments included."""
    per_request: int
    server_cpu_s: float
    wall_s: float

    @property
    def events_per_second(self) -> float:
        """Events a second."""
        return self.load.per_second * self.per_request

    @property
    def cpu_per_1000(self) -> float:
        """CPU milliseconds of the server for a thousand events."""
        return self.server_cpu_s * 1e6 / max(self.events, 1)

    @property
    def client_share(self) -> float:
        """How much of one core the load generator took, in percent."""
        return 100 * self.load.cpu_s / self.wall_s


@dataclass
class Engine:
    """A running engine, and what a row asks of it."""

    setting: Setting
    server: Server
    meter: str
    other_pid: int = 0
    """A database server, whose CPU time is part of the engine's."""

    def door(self, path: str, kind: str) -> Door:
        """Where requests go."""
        return Door(path, API_KEY, kind)

    @cached_property
    def client(self) -> httpx2.Client:
        """A plain client, for everything that is not measured."""
        return self.server.client()

    def post(self, path: str, **params: Any) -> Any:
        """Send a form, and give the answer. Raises RuntimeError if it was refused."""
        answer = self.client.post(path, data=params)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.text}")
        return answer.json()

    def furnish(self) -> None:
        """Make the meter, the customers and alerts that are never reached."""
        self.meter = self.create_meter("tokens")
        self.create_customers(self.setting.customers)
        for number in range(ALERTS):
            self.create_alert(self.meter, NEVER_REACHED + number)

    def create_meter(self, event_name: str) -> str:
        """Make a meter that sums up; its id."""
        fields = {"default_aggregation[formula]": "sum", "display_name": event_name}
        return str(self.post("/v1/billing/meters", event_name=event_name, **fields)["id"])

    def create_alert(self, meter: str, gte: int, customer: str | None = None) -> None:
        """Make an alert, for all customers or one."""
        fields = {
            "title": "bench",
            "alert_type": "usage_threshold",
            "usage_threshold[gte]": str(gte),
            "usage_threshold[meter]": meter,
            "usage_threshold[recurrence]": "one_time",
        }
        if customer is not None:
            fields["usage_threshold[filters][0][type]"] = "customer"
            fields["usage_threshold[filters][0][customer]"] = customer
        self.post("/v1/billing/alerts", **fields)

    def create_customers(self, number: int) -> None:
        """Make customers."""
        door = self.door("/v1/customers", FORM)
        bodies = (f"id={customer_id(each)}".encode() for each in range(number))
        made = send_all(self.server.port, 16, Listed([door.request(body) for body in bodies]))
        if made.good != number:
            raise RuntimeError(f"customers could not be made: {made.statuses}")

    def stream_door(self) -> Door:
        """The stream, with a token for the next 15 minutes."""
        answer = self.client.post("/v2/billing/meter_event_session", json={}).json()
        return Door(STREAM, answer["authentication_token"], JSON)

    def v1(self, seconds: float | None = None) -> Run:
        """One event a request, on 64 connections."""
        source = Single(self.door(V1, FORM), self.setting.events())
        return self.measure(64, source, 1, seconds)

    def measure(
        self, connections: int, source: Any, per_request: int, seconds: float | None = None
    ) -> Run:
        """A closed loop; every event that was acknowledged must have been counted."""
        counted = self.counted()
        run = measure(
            self.setting,
            self.server.port,
            (self.server.pid, self.other_pid),
            connections,
            source,
            per_request,
            seconds,
        )
        if run.load.good != run.load.statuses.total():
            raise RuntimeError(f"not every request was answered with 200: {run.load.statuses}")
        if self.counted() - counted != run.events:
            raise RuntimeError(f"{run.events} acknowledged, {self.counted() - counted} counted")
        return run

    def metric(self, name: str) -> float:
        """A figure of /metrics."""
        for line in self.client.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        raise LookupError(name)

    def counted(self) -> int:
        """Events counted since the start of the process."""
        return int(self.metric("tripmeter_meter_events_counted_total"))

    def takes_columns(self) -> str | None:
        """None if the bulk path takes columns; else what it says."""
        door = self.door(BULK, COLUMNS)
        body = next(Columns(door, self.setting.events(), 1).bodies())
        headers = {"Content-Type": door.kind}
        answer = self.client.post(door.path, content=body, headers=headers)
        if answer.status_code == 200 and answer.json().get("counted") == 1:
            return None
        return f"the engine answers {answer.status_code}: {answer.text[:120]}"


def measure(
    setting: Setting,
    port: int,
    pids: tuple[int, ...],
    connections: int,
    source: Any,
    per_request: int = 1,
    seconds: float | None = None,
    **options: Any,
) -> Run:
    """A closed loop against a server whose processes are known."""
    alive = [pid for pid in pids if pid]
    began = sum(map(cpu_seconds, alive))
    load = setting.apart(
        closed_loop, port, connections, seconds or setting.seconds, source, **options
    )
    spent = sum(map(cpu_seconds, alive)) - began
    return Run(load, load.good * per_request, per_request, spent, seconds or setting.seconds)
