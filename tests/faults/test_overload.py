"""More than the engine can do: it says so at once, keeps what it took, and is itself again soon.

Too much load, too many connections, clients that are slow, silent, deaf or gone. What slows the
writer down here is another process that holds the database's lock most of the time.
"""

import asyncio
import gzip
import json
import os
import resource
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from faults.calls import BULK, METER_EVENTS, Answer, Api, event_form
from support.raw import FORM, Line, connected, head, post
from support.server import (
    PATIENCE_S,
    Server,
    assert_doctor_finds_nothing,
    locked,
    running_server,
)

IDLE_CONNECTIONS: Final = int(os.environ.get("TRIPMETER_TEST_IDLE_CONNECTIONS", "2000"))
SLOW_CLIENTS: Final = 500
MIB: Final = 1024 * 1024
RECOVERY_S: Final = 10
"""Generous: it takes much less than a second on a machine with nothing else to do."""


@contextmanager
def limited(tmp_path: Path, **limits: int) -> Iterator[Server]:
    """A server with limits of its own."""
    names = {f"TRIPMETER_{name.upper()}": str(value) for name, value in limits.items()}
    with running_server(tmp_path, environment=names) as server:
        yield server


def assert_come_again(status: int, headers: Any, answer: Any) -> None:
    """503 in Stripe's shape, with the advice to come again."""
    assert status == 503, answer
    assert answer["error"]["type"] == "api_error"
    assert 1 <= int(headers["retry-after"]) <= 30
    assert headers["stripe-should-retry"] == "true"


async def metric(api: Api, name: str, **labels: str) -> float:
    """A figure of /metrics, which answers whatever the load."""
    text = await api.text("/metrics")
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    wanted = f"{name}{{{inside}}}" if labels else name
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return sum(float(value) for found, _, value in lines if found == wanted)


# --- three times the load -----------------------------------------------------------------------


async def test_three_times_the_load_loses_nothing_acknowledged_and_is_over_when_it_is_over(
    tmp_path: Path,
) -> None:
    """The lock leaves room for one commit in 0.3 s, and 40 requests may be under way: 130 a
    second at most. 400 a second come, whatever becomes of the earlier ones."""
    with limited(tmp_path, max_requests=40) as server:
        async with Api(server.url, connections=2000) as api, Api(server.url) as watching:
            meter = await api.meter("calls")
            await api.customers("acme")
            peak_before = server.peak_bytes
            async with slow_store(server):
                answers = await open_loop(api, per_second=400, seconds=3, watching=watching)
            await recovered(api)
            statuses = Counter(answer.status for answer in answers)
            assert statuses.keys() == {200, 503}, statuses
            assert statuses[503] > statuses[200]
            for answer in answers:
                if answer.status == 503:
                    assert_come_again(answer.status, answer.headers, answer.json)
            assert await api.used(meter, "acme") == statuses[200] + 1
            refused = await metric(watching, "tripmeter_requests_refused_total", reason="requests")
            assert refused > statuses[503] // 2
            assert server.peak_bytes - peak_before < 64 * MIB
        server.stop()
        assert_doctor_finds_nothing(server.data)


@asynccontextmanager
async def slow_store(server: Server) -> AsyncIterator[None]:
    """The store can be written to for a moment only, three times a second."""
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            with locked(server.data):
                over.wait(0.3)
            over.wait(0.02)

    holding = asyncio.create_task(asyncio.to_thread(hold))
    try:
        yield
    finally:
        over.set()
        await holding


async def open_loop(api: Api, *, per_second: int, seconds: int, watching: Api) -> list[Answer]:
    """So many reports a second, however long their answers take; and health asked all the while."""
    under_way = []
    for number in range(per_second * seconds):
        under_way.append(asyncio.create_task(api.report("calls", "acme", 1, f"load_{number}")))
        if number % (per_second // 5) == 0:
            assert (await watching.call("GET", "/healthz")).status == 200
            assert "tripmeter_requests_refused_total" in await watching.text("/metrics")
        await asyncio.sleep(1 / per_second)
    return await asyncio.gather(*under_way)


async def recovered(api: Api) -> None:
    """An ordinary report goes through again."""
    async with asyncio.timeout(RECOVERY_S):
        while (await api.report("calls", "acme", 1, "afterwards")).status != 200:
            await asyncio.sleep(0.05)


async def test_a_wait_that_would_be_too_long_is_refused_at_once(tmp_path: Path) -> None:
    with limited(tmp_path, max_wait_ms=100) as server:
        async with Api(server.url) as api:
            meter = await api.meter("calls")
            await api.customers("acme")
            with locked(server.data):
                first = asyncio.create_task(api.report("calls", "acme", 1, "first"))
                refused = await first_refused(api)
                assert_come_again(refused.status, refused.headers, refused.json)
                assert (await api.call("GET", "/v1/customers/acme")).status == 200
            await first
            await recovered(api)
            assert await metric(api, "tripmeter_requests_refused_total", reason="wait") >= 1
            counted = await api.used(meter, "acme")
        assert counted >= 1


async def first_refused(api: Api) -> Answer:
    """Report one after the other, without waiting, until one is refused."""
    waiting: set[asyncio.Task[Answer]] = set()
    for number in range(1000):
        waiting.add(asyncio.create_task(api.report("calls", "acme", 1, f"tried_{number}")))
        done, waiting = await asyncio.wait(waiting, timeout=0.02)
        if done:
            await asyncio.wait(waiting) if waiting else None
            return done.pop().result()
    raise AssertionError("nothing was refused")


# --- memory -------------------------------------------------------------------------------------


async def test_bodies_are_bounded_as_they_are_unpacked(tmp_path: Path) -> None:
    """Each body is small as it is sent, and two of them are more than the limit unpacked."""
    line = json.dumps(event_form("calls", "acme", 1, None) | {"identifier": "x" * 90}) + "\n"
    packed = gzip.compress(line.encode() * (700_000 // len(line)))
    assert len(packed) < 10_000
    with limited(tmp_path, max_body_mb=1) as server:
        async with Api(server.url) as api:
            await api.meter("calls")
            await api.customers("acme")
            with locked(server.data):
                sent = {asyncio.create_task(api.gzipped(BULK, packed)) for _ in range(4)}
                done, left = await until_done(sent, 3)
            for task in done:
                assert_come_again(task.result().status, task.result().headers, task.result().json)
            (only,) = await asyncio.gather(*left)
            assert only.status == 200
            assert await metric(api, "tripmeter_requests_refused_total", reason="bodies") == 3


async def until_done(
    tasks: set[asyncio.Task[Answer]], number: int
) -> tuple[set[asyncio.Task[Answer]], set[asyncio.Task[Answer]]]:
    """Wait until so many of the tasks are done; those, and the others."""
    left, done = tasks, set[asyncio.Task[Answer]]()
    while len(done) < number:
        more, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    return done, left


async def test_a_body_that_has_no_room_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with limited(tmp_path, max_body_mb=1) as server:
        async with connected(server.port) as large, connected(server.port) as other:
            declared = (f"Content-Length: {MIB}", "Expect: 100-continue")
            await large.send(head("POST", BULK, *declared))
            assert (await large.answer()).status == 100
            await large.send(b" " * 600_000)
            async with asyncio.timeout(PATIENCE_S):
                while True:  # until the server has read the first one's part
                    await other.send(head("POST", BULK, *declared))
                    answer = await other.answer()
                    if answer.status == 503:
                        break
                    await other.send(b" " * MIB)
                    assert (await other.answer()).status == 200
            assert_come_again(answer.status, answer.headers, answer.json)


# --- slow, silent, deaf, gone -------------------------------------------------------------------


async def test_slow_clients_and_idle_connections_do_no_harm(tmp_path: Path) -> None:
    """A crowd sends a byte now and then; a larger one says nothing. Who speaks is answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE_CONNECTIONS + SLOW_CLIENTS + 200:
        pytest.skip(f"only {hard} files can be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with limited(tmp_path, read_timeout_s=3) as server:
            async with Api(server.url) as api, AsyncExitStack() as stack:
                meter = await api.meter("calls")
                await api.customers("acme")
                idle = [
                    await stack.enter_async_context(connected(server.port, buffer=1024))
                    for _ in range(IDLE_CONNECTIONS)
                ]
                slow = [asyncio.create_task(slow_client(server, n)) for n in range(SLOW_CLIENTS)]
                for number in range(200):
                    assert (await api.report("calls", "acme", 1, f"quick_{number}")).status == 200
                open_now = await metric(api, "tripmeter_http_connections")
                assert open_now > IDLE_CONNECTIONS
                assert await asyncio.gather(*slow) == [408] * SLOW_CLIENTS
                await idle[0].send(head("GET", "/v1/customers/acme"))
                assert (await idle[0].answer()).status == 200
                assert await api.used(meter, "acme") == 200
                ended = [
                    await metric(api, "tripmeter_http_connections_ended_total", phase=phase)
                    for phase in ("head", "body")
                ]
                assert sum(ended) == SLOW_CLIENTS
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def slow_client(server: Server, number: int) -> int:
    """Send a head or, every other one, a body byte by byte; the status that comes of it."""
    whole = post(METER_EVENTS, b"event_name=calls&" + b"a" * 1000)
    begun = whole.index(b"\r\n\r\n") + 4 if number % 2 else 0
    async with connected(server.port, buffer=1024) as line:
        await line.send(whole[:begun])
        answered = asyncio.create_task(line.answer())
        for byte in whole[begun:]:
            with suppress(ConnectionError):  # it is told why: what is sent now is in vain
                await line.send(bytes([byte]))
            done, _ = await asyncio.wait([answered], timeout=0.3)
            if done:
                break
        return (await answered).status


async def test_idle_connections_end_after_their_time(tmp_path: Path) -> None:
    with limited(tmp_path, idle_timeout_s=1) as server:
        async with connected(server.port) as silent, connected(server.port) as once:
            await once.send(head("GET", "/v1/customers"))
            assert (await once.answer()).status == 200
            assert await silent.closed() == b""
            assert await once.closed() == b""


async def test_one_connection_too_many_is_told_so(tmp_path: Path) -> None:
    with limited(tmp_path, max_connections=3) as server:
        async with AsyncExitStack() as stack:
            lines = await until_full(stack, server)
            lines[0].hang_up()
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    async with connected(server.port) as later:
                        await later.send(head("GET", "/v1/customers"))
                        if (await later.answer()).status == 200:
                            break


async def until_full(stack: AsyncExitStack, server: Server) -> list[Line]:
    """Open connections until one is refused; those that were not, each of which still works."""
    lines: list[Line] = []
    async with asyncio.timeout(PATIENCE_S):
        while True:
            line = await stack.enter_async_context(connected(server.port))
            await line.send(head("GET", "/v1/customers"))
            answer = await line.answer()
            if answer.status != 200:
                break
            lines.append(line)
    assert_come_again(answer.status, answer.headers, answer.json)
    assert answer.headers["connection"] == "close"
    assert await line.closed() == b""
    assert 1 <= len(lines) <= 3
    for kept in lines:
        await kept.send(head("GET", "/v1/customers"))
        assert (await kept.answer()).status == 200
    return lines


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/billing/alerts"], ids=["asgi", "fixed"])
async def test_a_client_that_reads_no_answer_is_put_up_with_for_a_while(
    tmp_path: Path, path: str
) -> None:
    with limited(tmp_path, read_timeout_s=2) as server:
        async with Api(server.url) as api:
            await api.customers("acme")
            peak_before = server.peak_bytes
            async with connected(server.port, buffer=1024) as deaf:
                request = head("GET", path, f"Padding: {'a' * 1500}", key=None)
                asking = asyncio.create_task(deaf.send(request * 40_000))
                async with asyncio.timeout(PATIENCE_S):
                    while not await ended(api, "answer"):
                        assert (await api.call("GET", "/v1/customers/acme")).status == 200
                        await asyncio.sleep(0.1)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            assert server.peak_bytes - peak_before < 64 * MIB


async def ended(api: Api, phase: str) -> float:
    """How many connections were ended in this phase."""
    return await metric(api, "tripmeter_http_connections_ended_total", phase=phase)


async def test_requests_that_are_heaped_on_one_connection_end_it(tmp_path: Path) -> None:
    with limited(tmp_path) as server:
        async with Api(server.url) as api, connected(server.port) as line:
            with suppress(ConnectionError):
                await line.send(head("GET", "/v1/customers") * 20_000)
            await line.closed()
            assert await ended(api, "pipeline") == 1


@pytest.mark.parametrize("path", [METER_EVENTS, "/v1/customers/acme"], ids=["fixed", "asgi"])
async def test_a_client_that_hangs_up_in_its_body_leaves_no_trace(
    tmp_path: Path, path: str
) -> None:
    with limited(tmp_path) as server:
        async with Api(server.url) as api:
            meter = await api.meter("calls")
            await api.customers("acme")
            for number in range(50):
                async with connected(server.port) as line:
                    declared = (f"Content-Type: {FORM}", "Content-Length: 1000")
                    await line.send(head("POST", path, *declared) + b"event_name=calls&payload")
                    if number % 2:
                        await asyncio.sleep(0.01)
            assert (await api.report("calls", "acme", 1, "whole")).status == 200
            assert await api.used(meter, "acme") == 1
            async with asyncio.timeout(PATIENCE_S):
                while await metric(api, "tripmeter_http_connections") > 1:
                    await asyncio.sleep(0.05)
        assert "Traceback" not in server.log
