"""HTTP in processes of its own: the same answers, and the same promises when processes die."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import stripe

from faults.calls import BULK, METER_EVENTS, STREAM, Api, event_form
from support.postgres import database
from support.raw import FORM, connected, head
from support.server import (
    Server,
    assert_doctor_finds_nothing,
    locked,
    run,
    running_server,
)

TWO: Final = ("--processes", "2")
PATIENCE_S: Final = 20


def doors(server: Server) -> list[int]:
    """The door processes of a server."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(words[1]) == server.pid and words[0] != "Z":
                    found.append(int(folder.name))
    return found


def alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(condition: Any) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An engine with one door process, a meter and a customer."""
    with running_server(tmp_path_factory.mktemp("fleet"), arguments=TWO) as running:
        with running.client() as client:
            sums = {"default_aggregation[formula]": "sum", "display_name": "calls"}
            client.post("/v1/billing/meters", data={"event_name": "calls", **sums})
            client.post("/v1/customers", data={"id": "acme"})
        yield running
        assert "door_died" not in running.log


@pytest.fixture
def client(server: Server) -> Iterator[stripe.StripeClient]:
    """The official SDK."""
    http: Any = stripe.RequestsClient()
    bases: Any = {"api": server.url, "meter_events": server.url}
    yield stripe.StripeClient(server.api_key, base_addresses=bases, http_client=http)
    http.close()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    """A plain client."""
    async with Api(server.url) as opened:
        yield opened


# --- the same answers ---------------------------------------------------------------------------


def test_it_says_how_many_processes_there_are(server: Server) -> None:
    assert "process  2: 1 listens, 1 writes" in server.log
    assert len(doors(server)) == 1


def test_an_event_is_counted_once_and_a_retry_is_answered_as_before(
    client: stripe.StripeClient,
) -> None:
    event: Any = event_form("calls", "acme", "2", "sdk_1")
    options: Any = {"idempotency_key": "sdk_key_1"}
    first = client.v1.billing.meter_events.create(event, options)
    again = client.v1.billing.meter_events.create(event, options)
    assert first.identifier == again.identifier == "sdk_1"
    assert first.created == again.created
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.InvalidRequestError, match="already exists") as refused:
        client.v1.billing.meter_events.create(event)
    assert (refused.value.http_status, refused.value.param) == (400, "identifier")


def test_an_event_without_identifier_gets_one(client: stripe.StripeClient) -> None:
    event: Any = event_form("calls", "acme", "2", None)
    made = client.v1.billing.meter_events.create(event, {"idempotency_key": "unnamed"})
    assert made.identifier.startswith("idmp_")


def test_an_event_is_taken_back_once(client: stripe.StripeClient) -> None:
    event: Any = event_form("calls", "acme", "3", "back_1")
    client.v1.billing.meter_events.create(event)
    adjustment: Any = {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "back_1"}}
    made = client.v1.billing.meter_event_adjustments.create(adjustment)
    assert made.status == "complete"
    with pytest.raises(stripe.InvalidRequestError, match="cancelled already"):
        client.v1.billing.meter_event_adjustments.create(adjustment)


def test_a_member_signs_in_and_reports_usage_through_a_door_process(server: Server) -> None:
    """The engine makes the session, and a door process knows it; whom it relays for is told."""
    link = next(line for line in server.log.splitlines() if "#token=" in line)
    token = link.partition("#token=")[2].split()[0]
    with server.client() as client:
        del client.headers["authorization"]
        form = {"token": token, "email": "a@example.com", "name": "A", "password": "long enough 1"}
        made = client.post("/v1/dashboard/set_up", data=form)
        assert made.status_code == 200, made.text
        cookie = made.headers["set-cookie"].partition(";")[0]
        session = made.json()
        headers = {
            "Cookie": cookie,
            "Tripmeter-Account": session["accounts"][0]["id"],
            "Tripmeter-Mode": "test",
        }
        event = {"event_name": "calls", "payload[stripe_customer_id]": "acme"}
        path = "/v1/billing/meter_events"
        event["payload[value]"] = "1"
        assert client.post(path, data=event, headers=headers).status_code == 403
        headers["Tripmeter-CSRF"] = session["csrf_token"]
        assert client.post(path, data=event, headers=headers).status_code == 200
        wrong = {"email": "b@example.com", "password": "not the one"}
        said = {"Tripmeter-Relayed-For": "192.0.2.1"}
        codes: list[int] = []
        while 429 not in codes and len(codes) < 60:
            form = wrong | {"email": f"{len(codes)}@example.com"}
            answer = client.post("/v1/dashboard/session", data=form, headers=said)
            codes.append(answer.status_code)
        assert codes[:20] == [401] * 20
        assert codes[-1] == 429
        assert client.delete("/v1/dashboard/session", headers=headers).status_code == 200
        assert client.post(path, data=event, headers=headers).status_code == 401


async def test_a_bulk_answer_tells_of_every_line(api: Api) -> None:
    events = [event_form("calls", "acme", 1, f"bulk_{n}") for n in range(500)]
    events[7]["identifier"] = "bulk_6"
    events[9]["payload"]["stripe_customer_id"] = "nobody"
    lines = "\n".join(map(json.dumps, events)).encode()
    for counted, repeated in ((498, 1), (0, 499)):
        answer = await api.call("POST", BULK, content=lines + b"\n{")
        told = {name: answer.json[name] for name in ("counted", "repeated", "refused")}
        assert told == {"counted": counted, "repeated": repeated, "refused": 2}
        codes = {error["line"]: error["code"] for error in answer.json["errors"]}
        assert codes[8] == "duplicate_meter_event"
        assert codes[10] == "meter_event_customer_not_found"
        assert codes[501] == "invalid_line"


def test_what_the_stream_refuses_comes_as_an_error_report(client: stripe.StripeClient) -> None:
    session = client.v2.billing.meter_event_session.create()
    bases: Any = client._requestor._options.base_addresses
    stream = stripe.StripeClient(session.authentication_token, base_addresses=bases)
    events: Any = [
        event_form("calls", "acme", 1, "streamed_1"),
        event_form("calls", "stranger", 1, "streamed_2"),
    ]
    stream.v2.billing.meter_event_stream.create({"events": events})

    def reported() -> bool:
        kinds = {event.type for event in client.v2.core.events.list({"limit": 20}).data}
        return "v1.billing.meter.error_report_triggered" in kinds

    wait_until(reported)


async def test_without_a_key_or_with_a_wrong_one_nothing_is_counted(server: Server) -> None:
    for key in (None, "sk_test_wrong"):
        async with connected(server.port) as line:
            await line.send(head("POST", METER_EVENTS, "Content-Length: 0", key=key))
            assert (await line.answer()).status == 401


async def test_a_revoked_permission_holds_at_a_door(server: Server, api: Api) -> None:
    reader = server.create_key(allow=["meters:read"]).secret
    refused = await api.call(
        "POST", METER_EVENTS, event_form("calls", "acme", 1, "x"), token=reader
    )
    assert refused.status == 403


# --- the relay ----------------------------------------------------------------------------------


def test_the_control_plane_answers_and_replays(server: Server) -> None:
    with server.client() as http:
        key = {"Idempotency-Key": "made_once"}
        first, again = (
            http.post("/v1/customers", data={"name": "Zoë"}, headers=key) for _ in range(2)
        )
        assert first.json() == again.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["idempotency-key"] == "made_once"
        assert again.headers["request-id"] != first.headers["request-id"]
        assert len(again.headers.get_list("date")) == 1
        missing = http.get("/v1/customers/a%20b?x=1")
        assert (missing.status_code, missing.json()["error"]["type"]) == (
            400,
            "invalid_request_error",
        )
        assert http.get("/nowhere").status_code == 404
        assert len(http.get("/openapi.json").content) > 50_000


async def test_bodies_pass_the_relay_however_they_come(server: Server) -> None:
    kind = f"Content-Type: {FORM}"
    async with connected(server.port) as line:
        chunked = head("POST", "/v1/customers", kind, "Transfer-Encoding: chunked")
        await line.send(chunked, b"5\r\nname=\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n")
        assert (await line.answer()).json["name"] == "abc"
        waiting = head("POST", "/v1/customers", kind, "Content-Length: 6", "Expect: 100-continue")
        await line.send(waiting)
        assert (await line.answer()).status == 100
        await line.send(b"name=d")
        assert (await line.answer()).json["name"] == "d"
        await line.send(head("HEAD", "/v1/customers"), head("GET", "/v1/customers/acme"))
        assert (await line.answer(to_head=True)).status == 405
        assert (await line.answer()).json["id"] == "acme"


async def test_a_body_that_is_too_large_is_refused_by_its_declaration(server: Server) -> None:
    async with connected(server.port) as line:
        await line.send(
            head("POST", "/v1/customers", f"Content-Type: {FORM}", "Content-Length: 2000000")
        )
        assert (await line.answer()).status == 413


def test_no_other_program_can_reach_the_link_or_the_hatch(server: Server) -> None:
    """The sockets between the processes have no name that one could connect to."""
    inodes = {
        descriptor.readlink().name.removeprefix("socket:[").removesuffix("]")
        for pid in (server.pid, *doors(server))
        for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        if descriptor.is_symlink() and str(descriptor.readlink()).startswith("socket:[")
    }
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    ours = [row for row in rows if row[6] in inodes]
    assert len(ours) >= 4
    assert not [row for row in ours if len(row) > 7]


# --- figures ------------------------------------------------------------------------------------


def figures(client: httpx2.Client) -> dict[str, float]:
    """All of /metrics."""
    lines = client.get("/metrics").text.splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_metrics_are_summed_over_processes_and_outlast_them(tmp_path: Path) -> None:
    good = 'tripmeter_http_requests_total{status="2xx"}'
    bad = 'tripmeter_http_requests_total{status="4xx"}'
    with running_server(tmp_path, arguments=("--processes", "3")) as server:
        clients = [server.client() for _ in range(20)]
        for client in clients:
            assert client.post(METER_EVENTS, data={}).status_code == 400
            assert client.get("/v1/customers").status_code == 200
        with server.client() as watching:
            seen = figures(watching)
            assert (seen[good], seen[bad]) == (20, 20)
            assert seen["tripmeter_http_connections"] == 21
        for pid in doors(server):
            os.kill(pid, signal.SIGKILL)
        for client in clients:
            client.close()
        with server.client() as watching:
            seen = figures(watching)
            assert (seen[good], seen[bad]) == (20, 20)
            assert seen["tripmeter_http_connections"] == 1
        assert server.log.count("door_died") == 2


def test_a_rate_limit_needs_a_single_process(tmp_path: Path) -> None:
    ended = run("serve", *TWO, "--rate-limit", "50", "--data", str(tmp_path))
    assert ended.code == 1
    assert "A rate limit needs a single process" in ended.err


def test_a_port_that_is_taken_is_said_to_be(server: Server, tmp_path: Path) -> None:
    ended = run("serve", *TWO, "--data", str(tmp_path), "--port", str(server.port))
    assert ended.code == 1
    assert "Cannot listen on" in ended.err


# --- overload -----------------------------------------------------------------------------------


async def test_a_wait_that_would_be_too_long_is_refused_with_the_time_to_come_again(
    tmp_path: Path,
) -> None:
    slow = {"TRIPMETER_MAX_WAIT_MS": "100"}
    with running_server(tmp_path, arguments=TWO, environment=slow) as server:
        async with Api(server.url) as api:
            await api.meter("calls")
            await api.customers("acme")
            with locked(server.data):
                first = asyncio.create_task(api.report("calls", "acme", 1, "first"))
                await asyncio.sleep(0.5)
                refused = await api.report("calls", "acme", 1, "second")
                assert refused.status == 503
                assert 1 <= int(refused.headers["retry-after"]) <= 30
                assert refused.headers["stripe-should-retry"] == "true"
            await first
            async with asyncio.timeout(PATIENCE_S):
                while (await api.report("calls", "acme", 1, "third")).status != 200:
                    await asyncio.sleep(0.05)
            text = await api.text("/metrics")
            assert 'tripmeter_requests_refused_total{reason="wait"} 1.0' in text


async def test_a_queue_that_is_full_is_told_to_the_client(tmp_path: Path) -> None:
    small = {"TRIPMETER_MAX_QUEUED_EVENTS": "2", "TRIPMETER_MAX_WAIT_MS": "60000"}
    with running_server(tmp_path, arguments=TWO, environment=small) as server:
        async with Api(server.url) as api:
            await api.meter("calls")
            await api.customers("acme")
            with locked(server.data):
                waiting = [
                    asyncio.create_task(api.call("POST", BULK, content=line))
                    for line in bulk_lines(4)
                ]
                done, _ = await asyncio.wait(
                    waiting, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
                )
                answer = done.pop().result()
                assert (answer.status, "retry-after" in answer.headers) == (503, True)
            answers = await asyncio.gather(*waiting)
            assert {answer.status for answer in answers} <= {200, 503}


def bulk_lines(number: int) -> list[bytes]:
    """Bodies that are large enough to wait for nothing."""
    return [
        "\n".join(
            json.dumps(event_form("calls", "acme", 1, f"full_{at}_{n}")) for n in range(100)
        ).encode()
        for at in range(number)
    ]


# --- the end of processes -----------------------------------------------------------------------


class Reporting:
    """Clients that report until they are told to stop, and note what was acknowledged."""

    def __init__(self, api: Api) -> None:
        self.acknowledged: set[str] = set()
        self._api = api
        self._stopped = False
        self._tasks = [asyncio.create_task(self._run(worker)) for worker in range(16)]

    async def stop(self) -> None:
        """Let every client finish what it is at."""
        self._stopped = True
        await asyncio.gather(*self._tasks)

    async def reach(self, number: int) -> None:
        """Wait until so many events are acknowledged."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acknowledged) < number:
                await asyncio.sleep(0.01)

    async def _run(self, worker: int) -> None:
        number = 0
        while not self._stopped:
            number += 1
            await self._insist(f"evt_{worker}_{number}")

    async def _insist(self, name: str) -> None:
        """Repeat one event under its key until it is acknowledged, or nobody wants it any more."""
        while True:
            try:
                answer = await self._api.report("calls", "acme", 1, name, key=name)
            except httpx2.HTTPError:
                if self._stopped:
                    return
                await asyncio.sleep(0.02)
                continue
            if answer.status == 200:
                self.acknowledged.add(name)
                return
            assert answer.status == 503, answer


async def furnished(api: Api) -> str:
    """A meter and a customer; the meter's id."""
    await api.customers("acme")
    return await api.meter("calls")


async def test_a_door_that_is_killed_loses_nothing_and_comes_back(tmp_path: Path) -> None:
    with running_server(tmp_path, arguments=TWO) as server:
        async with Api(server.url) as api:
            meter = await furnished(api)
            reporting = Reporting(api)
            for number in (1, 2):
                await reporting.reach(500 * number)
                (door,) = doors(server)
                os.kill(door, signal.SIGKILL)
                await asyncio.to_thread(wait_until, lambda gone=door: not alive(gone))
            await reporting.reach(len(reporting.acknowledged) + 500)
            await reporting.stop()
            assert await api.used(meter, "acme") == len(reporting.acknowledged)
        assert server.log.count("door_died") == 2
        server.stop()
        assert_doctor_finds_nothing(server.data)


async def test_doors_end_with_their_engine_and_the_next_one_counts_on(tmp_path: Path) -> None:
    with running_server(tmp_path, arguments=TWO) as server:
        async with Api(server.url) as api:
            meter = await furnished(api)
            reporting = Reporting(api)
            await reporting.reach(500)
            left = doors(server)
            server.kill()
            await asyncio.to_thread(wait_until, lambda: not any(map(alive, left)))
            await asyncio.to_thread(server.start)
            await reporting.reach(len(reporting.acknowledged) + 500)
            await reporting.stop()
            assert await api.used(meter, "acme") == len(reporting.acknowledged)
        server.stop()
        assert_doctor_finds_nothing(server.data)


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_loses_nothing_acknowledged(tmp_path: Path, signal_: signal.Signals) -> None:
    """Nor is there an event in the log that nobody was told of, other than by a lost connection."""
    with running_server(tmp_path, arguments=TWO) as server:
        async with Api(server.url) as api:
            meter = await furnished(api)
            reporting = Reporting(api)
            await reporting.reach(300)
            server.send(signal_)
            assert await asyncio.to_thread(server.wait) == 0
            await reporting.stop()
        assert_doctor_finds_nothing(server.data)
        server.start()
        async with Api(server.url) as api:
            used = await api.used(meter, "acme")
            assert len(reporting.acknowledged) <= used <= len(reporting.acknowledged) + 16


async def test_it_works_on_postgresql(tmp_path: Path) -> None:
    with database(migrated=True) as url:
        settings = {"TRIPMETER_DATABASE": url}
        with running_server(tmp_path, arguments=TWO, environment=settings) as server:
            async with Api(server.url) as api:
                meter = await furnished(api)
                session = await api.call("POST", "/v2/billing/meter_event_session", json={})
                token = session.json["authentication_token"]
                events = [event_form("calls", "acme", 2, f"pg_{n}") for n in range(50)]
                answer = await api.call("POST", STREAM, json={"events": events}, token=token)
                assert answer.status == 200
                reporting = Reporting(api)
                await reporting.reach(100)
                (door,) = doors(server)
                os.kill(door, signal.SIGKILL)
                await reporting.reach(200)
                await reporting.stop()
                assert await api.used(meter, "acme") == 100 + len(reporting.acknowledged)
            server.stop()
            assert_doctor_finds_nothing(server.data, url)
