"""HTTP/1.1 on the wire: what the fixed paths, answered without ASGI, owe to every client."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from faults.calls import METER_EVENTS
from support.raw import FORM, Line, connected, head, post
from support.server import Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with a meter and a customer; every test has identifiers of its own."""
    with running_server(tmp_path_factory.mktemp("connection")) as running:
        with running.client() as client:
            sums = {"default_aggregation[formula]": "sum", "display_name": "calls"}
            client.post("/v1/billing/meters", data={"event_name": "calls", **sums})
            client.post("/v1/customers", data={"id": "acme"})
        yield running


@pytest.fixture
async def line(server: Server) -> AsyncIterator[Line]:
    """One connection."""
    async with connected(server.port) as opened:
        yield opened


def event(identifier: str) -> bytes:
    return (
        f"event_name=calls&payload[stripe_customer_id]=acme&payload[value]=1&identifier={identifier}"
    ).encode()


def report(identifier: str, *lines: str) -> bytes:
    return post(METER_EVENTS, event(identifier), *lines)


async def identifiers(line: Line, number: int) -> list[str]:
    answers = [await line.answer() for _ in range(number)]
    assert [answer.status for answer in answers] == [200] * number
    return [answer.json["identifier"] for answer in answers]


async def test_one_connection_serves_many_requests(line: Line) -> None:
    for name in ("kept_1", "kept_2", "kept_3"):
        await line.send(report(name))
        assert await identifiers(line, 1) == [name]


async def test_requests_that_come_together_are_answered_in_their_order(line: Line) -> None:
    names = [f"together_{n}" for n in range(50)]
    await line.send(b"".join(map(report, names)))
    assert await identifiers(line, 50) == names


async def test_paths_with_and_without_asgi_keep_one_order(line: Line) -> None:
    mixed = [report("mixed_1"), head("GET", "/healthz"), head("GET", "/v1/customers/acme")]
    await line.send(b"".join([*mixed, report("mixed_2")]))
    first, health, customer, second = [await line.answer() for _ in range(4)]
    assert first.json["identifier"] == "mixed_1"
    assert health.json["status"] == "ok"
    assert customer.json["id"] == "acme"
    assert second.json["identifier"] == "mixed_2"


async def test_a_request_may_come_byte_by_byte(line: Line) -> None:
    await line.send(*(bytes([byte]) for byte in report("by_byte")))
    assert await identifiers(line, 1) == ["by_byte"]


async def test_a_body_may_come_in_chunks(line: Line) -> None:
    form = event("chunked")
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (form[:7], form[7:])]
    chunked = head("POST", METER_EVENTS, f"Content-Type: {FORM}", "Transfer-Encoding: chunked")
    await line.send(chunked, *chunks, b"0\r\n\r\n", report("after_chunks"))
    assert await identifiers(line, 2) == ["chunked", "after_chunks"]


async def test_who_asks_first_is_told_to_go_on(line: Line) -> None:
    whole = report("expected", "Expect: 100-continue")
    length = len(event("expected"))
    await line.send(whole[:-length])
    assert (await line.answer()).status == 100
    await line.send(whole[-length:])
    assert await identifiers(line, 1) == ["expected"]


async def test_who_asks_first_without_a_key_need_not_send_the_body(line: Line) -> None:
    declared = (f"Content-Type: {FORM}", "Content-Length: 100", "Expect: 100-continue")
    await line.send(head("POST", METER_EVENTS, *declared, key=None))
    answer = await line.answer()
    assert (answer.status, answer.headers["connection"]) == (401, "close")
    assert await line.closed() == b""


async def test_a_refusal_does_not_wait_for_the_body_and_the_connection_lives_on(
    line: Line,
) -> None:
    await line.send(head("POST", METER_EVENTS, "Content-Length: 6", key="sk_test_wrong"))
    assert (await line.answer()).status == 401
    await line.send(b"unread" + report("after_refusal"))
    assert await identifiers(line, 1) == ["after_refusal"]


async def test_a_body_that_is_too_large_is_refused_by_its_declaration(line: Line) -> None:
    await line.send(head("POST", METER_EVENTS, "Content-Length: 2000000"))
    answer = await line.answer()
    assert (answer.status, answer.json["error"]["type"]) == (413, "invalid_request_error")


async def test_head_gets_no_body(line: Line) -> None:
    await line.send(head("HEAD", METER_EVENTS), report("after_head"))
    answer = await line.answer(to_head=True)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert int(answer.headers["content-length"]) > 0
    assert await identifiers(line, 1) == ["after_head"]


@pytest.mark.parametrize("old", [False, True], ids=["close", "HTTP/1.0"])
async def test_a_connection_ends_when_its_client_wants_so(line: Line, old: bool) -> None:
    request = report(f"last_{old}") if old else report(f"last_{old}", "Connection: close")
    await line.send(request.replace(b"HTTP/1.1", b"HTTP/1.0") if old else request)
    answer = await line.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await line.closed() == b""


@pytest.mark.parametrize(
    "url", [METER_EVENTS, f"http://x{METER_EVENTS}", "/v1/billing/meter%5Fevents"]
)
@pytest.mark.parametrize("query", ["", "?expand[]=nothing", "?"])
async def test_a_path_is_known_however_it_is_written(line: Line, url: str, query: str) -> None:
    name = f"url_{len(url)}_{len(query)}"
    await line.send(post(url + query, event(name)))
    assert await identifiers(line, 1) == [name]


async def test_every_answer_has_the_usual_headers(line: Line) -> None:
    await line.send(report("headers", "Idempotency-Key: k\xe4y", "Stripe-Version: 2026-01-01.x"))
    headers = (await line.answer()).headers
    assert headers["idempotency-key"] == "k\xe4y"
    assert headers["stripe-version"] == "2026-01-01.x"
    assert headers["content-type"] == "application/json"
    assert headers["request-id"].startswith("req_")
    assert headers["date"].endswith("GMT")


@pytest.mark.parametrize("bad", [b"\x01", b"\n", b"\r", b"\0"])
async def test_no_header_can_be_smuggled_into_an_answer(line: Line, bad: bytes) -> None:
    await line.send(report("smuggled", "Idempotency-Key: a?X: b").replace(b"?", bad))
    answer = await line.answer()
    assert answer.status == 400
    assert "x" not in answer.headers


async def test_what_is_no_http_is_refused_in_stripes_shape(line: Line) -> None:
    await line.send(b"what is this?\r\n\r\n")
    answer = await line.answer()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert await line.closed() == b""


@pytest.mark.parametrize(
    "lines",
    [[f"A: {'a' * 1000}"] * 70, [f"A{n}: a" for n in range(150)], [f"A: {'a' * 400_000}"]],
    ids=["many bytes", "many fields", "one long field"],
)
async def test_a_head_has_limits(line: Line, lines: list[str]) -> None:
    request = head("GET", "/v1/customers", *lines)
    await line.send(*(request[at : at + 30_000] for at in range(0, len(request), 30_000)))
    answer = await line.answer()
    assert (answer.status, answer.headers["connection"]) == (431, "close")
    assert answer.json["error"]["type"] == "invalid_request_error"


async def test_an_upgrade_is_ignored(line: Line) -> None:
    await line.send(head("GET", "/v1/customers", "Connection: Upgrade", "Upgrade: websocket"))
    assert (await line.answer()).status == 200


async def test_sigterm_lets_the_answer_out_and_closes_what_is_idle(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        async with connected(server.port) as idle, connected(server.port) as busy:
            await idle.send(head("GET", "/v1/customers"))
            assert (await idle.answer()).status == 200
            whole = post("/v1/customers", b"id=birch")
            await busy.send(whole[:-4])
            await asyncio.sleep(0.1)
            server.send(signal.SIGTERM)
            assert await idle.closed() == b""
            await busy.send(whole[-4:])
            answer = await busy.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await asyncio.to_thread(server.wait) == 0
