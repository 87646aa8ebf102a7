"""The load generator: lean HTTP/1.1 connections on uvloop, one request under way on each.

`closed_loop` sends the next request when the last one was answered: it finds how much a server can
do. `open_loop` sends on schedule whatever the server does, and counts latency from the moment a
request was due, so that a server that stalls cannot make its own figures look better (coordinated
omission). Both run in a process of their own, and say how much CPU time it took.
"""

import asyncio
import gc
import time
from array import array
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

import uvloop

from bodies import Source

TICK_S: Final = 0.001
PATIENCE_S: Final = 10.0
"""How long an open loop waits for answers after its end."""


@dataclass
class Load:
    """What a run of load came to. `status` 0 stands for requests that never got an answer."""

    began: float
    """By time.monotonic, which all processes of a machine share."""
    seconds: float = 0.0
    counted: int = 0
    """Requests answered with 200 after the first moments, in `seconds`, up to the last answer."""
    statuses: Counter[int] = field(default_factory=Counter)
    """All of them, the first moments included."""
    sinces: "array[float]" = field(default_factory=lambda: array("d"))
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds, for each request that counts and was answered with 200; `sinces` is its start."""
    unsent: int = 0
    """Requests that were due and found no free connection until the end."""
    cpu_s: float = 0.0
    """CPU time of the load generator."""
    source: Source = None

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return self.counted / self.seconds

    @property
    def good(self) -> int:
        """Requests answered with 200."""
        return self.statuses[200]

    def percentile(self, share: float) -> float:
        """The latency, in ms, that this share of the requests stayed within."""
        return percentile(self.latencies, share) * 1000


def percentile(values: "array[float] | list[float]", share: float) -> float:
    """The value that this share of the values does not exceed; nan without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def http_answer(data: bytes) -> int:
    """The status of an HTTP answer; 0 while it is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise ValueError(f"an answer without a length: {head!r}")
    stop = head.find(b"\r\n", at + 2)
    length = int(head[at + 17 : stop if stop > 0 else end])
    return int(head[9:12]) if len(data) >= end + 4 + length else 0


def redis_answer(data: bytes) -> int:
    """200 for an integer, 500 for an error; 0 while it is not complete."""
    if not data.endswith(b"\r\n"):
        return 0
    return 200 if data.startswith(b":") else 500


class Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver
        self._pending = b""
        self.since = 0.0
        """When the request under way was due; 0 without one."""
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for the first request."""
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's own is no subclass
        self._driver.ready(self)

    def send(self, raw: bytes, since: float) -> None:
        """Send a request that was due at `since`."""
        self.since = since
        assert self.transport is not None
        self.transport.write(raw)

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is complete."""
        data = self._pending + data
        status = self._driver.answer(data)
        if not status:
            self._pending = data
            return
        self._pending = b""
        since, self.since = self.since, 0.0
        self._driver.answered(status, since)
        self._driver.ready(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up."""
        self._driver.lost(self)


class Driver:
    """Keeps connections busy until its time has come. The loops differ in `ready`."""

    patience_s = 60.0
    """How long to wait for the last answers."""

    def __init__(
        self, port: int, source: Source, seconds: float, answer: Callable[[bytes], int]
    ) -> None:
        self.answer = answer
        self._port = port
        self._requests: Iterator[bytes] = iter(source)
        self._begin = time.monotonic()
        self._warm = self._begin + min(1.0, seconds / 5)
        self._end = self._begin + seconds
        self._last = self._begin
        self._hung_up = False
        self._under_way = 0
        self._over = asyncio.Event()
        self._open_ones: set[asyncio.WriteTransport] = set()
        self._reconnecting: set[asyncio.Task[None]] = set()
        self.load = Load(self._begin)

    async def connect(self, connections: int) -> None:
        """Open connections, a hundred at a time."""
        for begun in range(0, connections, 100):
            number = min(100, connections - begun)
            await asyncio.gather(*(self._open() for _ in range(number)))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        made = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._port)
        self._open_ones.add(made[0])

    def ready(self, connection: Connection) -> None:
        """A connection is free."""
        raise NotImplementedError

    def _send(self, connection: Connection, since: float) -> None:
        try:
            raw = next(self._requests)
        except StopIteration:
            self._end = time.monotonic()
            self._look_whether_over()
            return
        self._under_way += 1
        connection.send(raw, since)

    def answered(self, status: int, since: float) -> None:
        """An answer has come."""
        now, load = time.monotonic(), self.load
        self._under_way -= 1
        load.statuses[status] += 1
        self._last = now
        if now >= self._warm:
            load.counted += status == 200
            if status == 200:
                load.sinces.append(since)
                load.latencies.append(now - since)
        if now >= self._end:
            self._look_whether_over()

    def lost(self, connection: Connection) -> None:
        """A connection is gone; so is the request on it. Another one takes its place."""
        if self._hung_up:
            return
        if connection.transport is not None:
            self._open_ones.discard(connection.transport)
        if connection.since:
            self._under_way -= 1
            self.load.statuses[0] += 1
        if time.monotonic() < self._end:
            task = asyncio.ensure_future(self._reopen())
            self._reconnecting.add(task)
            task.add_done_callback(self._reconnecting.discard)
        else:
            self._look_whether_over()

    async def _reopen(self) -> None:
        while time.monotonic() < self._end:
            try:
                await self._open()
                return
            except OSError:
                await asyncio.sleep(0.05)

    def _look_whether_over(self) -> None:
        if self._under_way <= 0:
            self._over.set()

    async def finish(self) -> Load:
        """Wait for the last answers, within patience, and hang up."""
        left = max(0, self._end - time.monotonic()) + self.patience_s
        try:
            await asyncio.wait_for(self._over.wait(), None if left == float("inf") else left)
        except TimeoutError:
            self.load.statuses[0] += self._under_way
        self.load.seconds = max(self._last - self._warm, 1e-9)
        self._hung_up = True
        for transport in list(self._open_ones):
            transport.abort()
        return self.load


class _Closed(Driver):
    def ready(self, connection: Connection) -> None:
        now = time.monotonic()
        if now < self._end:
            self._send(connection, now)
        else:
            self._look_whether_over()


class _Finite(_Closed):
    """Until the requests are at an end, and all of them count."""

    def __init__(self, port: int, source: Source) -> None:
        super().__init__(port, source, float("inf"), http_answer)
        self._warm = self._begin

    def lost(self, connection: Connection) -> None:
        """Give up: what was on it may or may not have been done."""
        if not self._hung_up:
            self.load.statuses[0] += 1
            self._over.set()


class _Open(Driver):
    patience_s = PATIENCE_S

    def __init__(
        self, port: int, source: Source, seconds: float, answer: Callable[[bytes], int], rate: float
    ) -> None:
        super().__init__(port, source, seconds, answer)
        self._rate = rate
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()

    def ready(self, connection: Connection) -> None:
        if self._waiting and time.monotonic() < self._end + PATIENCE_S / 2:
            self._send(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        super().lost(connection)

    async def keep_schedule(self, seconds: float) -> None:
        """Send what is due, in the order in which it was due."""
        self._begin = self.load.began = time.monotonic()
        self._warm, self._end = self._begin, self._begin + seconds
        due, sent = self._begin, 0
        while due < self._end:
            now = time.monotonic()
            while due <= now and due < self._end:
                if self._idle:
                    self._send(self._idle.pop(), due)
                else:
                    self._waiting.append(due)
                sent += 1
                due = self._begin + sent / self._rate
            await asyncio.sleep(max(TICK_S, due - time.monotonic()))
        while self._waiting and time.monotonic() < self._end + PATIENCE_S / 2:
            await asyncio.sleep(0.01)
        self.load.unsent = len(self._waiting)
        self._waiting.clear()
        self._look_whether_over()


def closed_loop(
    port: int,
    connections: int,
    seconds: float,
    source: Source,
    answer: Callable[[bytes], int] = http_answer,
) -> Load:
    """Keep every connection busy for a time; its first fifth, at most a second, does not count."""

    async def run() -> Load:
        driver = _Closed(port, source, seconds, answer)
        await driver.connect(connections)
        return await driver.finish()

    return _measured(run, source)


def send_all(port: int, connections: int, source: Source) -> Load:
    """Send requests until there are no more of them."""

    async def run() -> Load:
        driver = _Finite(port, source)
        await driver.connect(connections)
        return await driver.finish()

    return _measured(run, source)


def open_loop(port: int, connections: int, seconds: float, rate: float, source: Source) -> Load:
    """Send `rate` requests a second on schedule. Timers tick in milliseconds, and this counts."""

    async def run() -> Load:
        driver = _Open(port, source, seconds, http_answer, rate)
        await driver.connect(connections)
        await driver.keep_schedule(seconds)
        return await driver.finish()

    return _measured(run, source)


def _measured(run: Callable[[], Awaitable[Load]], source: Source) -> Load:
    async def whole() -> Load:
        return await run()

    gc.collect()
    gc.disable()
    began = time.process_time()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            load = runner.run(whole())
    finally:
        gc.enable()
    load.cpu_s = time.process_time() - began
    load.source = source
    return load
