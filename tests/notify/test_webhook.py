"""Posting a webhook: real servers on this machine, answering well, badly, slowly or not at all."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import trustme

from notify.spellings import INSIDE, LOOPBACK_SPELLINGS, NAMES
from tripmeter.model.delivery import Answer
from tripmeter.notify.webhook import MAX_RESPONSE_BYTES, WebhookPoster

pytestmark = pytest.mark.asyncio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"id":"evt_1"}'
HEADERS = {"Content-Type": "application/json", "Stripe-Signature": "t=1,v1=ab"}

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Endpoint:
    """A customer's server: notes what it is sent and replies as told."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.port = 0
        self.connections = 0
        self.requests: list[tuple[str, bytes]] = []
        self.server_names: list[str | None] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(header_of(head, "content-length") or 0)
                self.requests.append((head, await reader.readexactly(length)))
                await self.reply(writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self.converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def header_of(head: str, name: str) -> str | None:
    lines = (line.partition(":") for line in head.split("\r\n"))
    return next((value.strip() for key, _, value in lines if key.lower() == name), None)


def says(reply: bytes) -> Reply:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    return write


async def says_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    raise ConnectionError


async def drips(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while True:
        writer.write(b".")
        await asyncio.sleep(0.01)


def status(code: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {code} X", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def endpoint(
    reply: Reply | bytes = OK, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Endpoint]:
    served = Endpoint(says(reply) if isinstance(reply, bytes) else reply)
    server = await asyncio.start_server(served.accept, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await served.hang_up()
        await server.wait_closed()


class Names:
    """A name server whose answers change with every question; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest_asyncio.fixture
async def poster() -> AsyncIterator[WebhookPoster]:
    poster = WebhookPoster(allow_private=True, timeout_s=5)
    yield poster
    await poster.close()


@asynccontextmanager
async def closing(poster: WebhookPoster) -> AsyncIterator[WebhookPoster]:
    try:
        yield poster
    finally:
        await poster.close()


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


class TestExchange:
    async def test_body_and_headers_arrive_as_given(self, poster: WebhookPoster) -> None:
        async with endpoint() as server:
            await poster.post(server.url + "?tenant=a%20b", BODY, HEADERS)
        [(head, body)] = server.requests
        assert head.startswith("POST /hook?tenant=a%20b HTTP/1.1\r\n")
        assert body == BODY
        assert header_of(head, "host") == f"127.0.0.1:{server.port}"
        assert header_of(head, "content-type") == "application/json"
        assert header_of(head, "stripe-signature") == "t=1,v1=ab"
        assert header_of(head, "accept-encoding") == "identity"

    async def test_the_answer_is_reported(self, poster: WebhookPoster) -> None:
        async with endpoint(
            status(429, "Retry-After: 7", "X-A: 1", "X-A: 2", body=b"no")
        ) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert (answer.status, answer.body, answer.error) == (429, "no", None)
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["x-a"] == "1, 2"
        assert 0 <= answer.duration_ms < 5_000

    @pytest.mark.parametrize("code", [200, 204, 304, 400, 404, 410, 500, 503])
    async def test_any_status_is_an_answer(self, poster: WebhookPoster, code: int) -> None:
        async with endpoint(status(code)) as server:
            assert (await poster.post(server.url, BODY, HEADERS)).status == code

    async def test_connections_are_reused(self, poster: WebhookPoster) -> None:
        async with endpoint() as server:
            for _ in range(3):
                assert (await poster.post(server.url, BODY, HEADERS)).status == 200
        assert (server.connections, len(server.requests)) == (1, 3)

    async def test_many_posts_run_at_once(self, poster: WebhookPoster) -> None:
        async with endpoint() as server:
            answers = await asyncio.gather(
                *(poster.post(server.url, BODY, HEADERS) for _ in range(200))
            )
        assert {answer.status for answer in answers} == {200}


class TestNothingIsCarriedOver:
    @pytest.mark.parametrize("code", [300, 301, 302, 303, 305, 307, 308])
    async def test_redirects_are_not_followed(self, poster: WebhookPoster, code: int) -> None:
        async with endpoint() as inside:
            reply = status(code, f"Location: {inside.url}", f"Refresh: 0; url={inside.url}")
            async with endpoint(reply) as outside:
                answer = await poster.post(outside.url, BODY, HEADERS)
        assert answer.status == code
        assert answer.headers["location"] == inside.url
        assert inside.connections == 0

    async def test_cookies_are_not_kept(self, poster: WebhookPoster) -> None:
        async with endpoint(status(200, "Set-Cookie: session=1; Path=/")) as server:
            await poster.post(server.url, BODY, HEADERS)
            await poster.post(server.url, BODY, HEADERS)
        assert [header_of(head, "cookie") for head, _ in server.requests] == [None, None]

    async def test_proxies_of_the_environment_are_ignored(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        async with endpoint() as server, closing(WebhookPoster(allow_private=True)) as poster:
            assert (await poster.post(server.url, BODY, HEADERS)).status == 200


class TestGuard:
    async def test_a_name_that_leads_inside_is_refused_before_connecting(self) -> None:
        names = Names(["127.0.0.1"])
        async with (
            endpoint() as server,
            closing(WebhookPoster(allow_private=False, resolve=names.resolve)) as poster,
        ):
            answer = await poster.post(f"http://hooks.example:{server.port}/", BODY, HEADERS)
        assert answer.status is None
        assert answer.error == (
            "Refused to connect: hooks.example leads to an address that is this machine itself, "
            "and webhooks go to public addresses only."
        )
        assert server.connections == 0

    async def test_rebinding_finds_no_second_question_to_answer(self) -> None:
        """The checked address is the one connected to: another answer would come too late."""
        names = Names(["127.0.0.1"], ["127.0.0.99"])
        async with (
            endpoint() as server,
            closing(WebhookPoster(allow_private=True, resolve=names.resolve)) as poster,
        ):
            url = f"http://hooks.example:{server.port}/"
            answer = await poster.post(url, BODY, HEADERS)
        assert answer.status == 200
        assert names.asked == ["hooks.example"]
        assert header_of(server.requests[0][0], "host") == f"hooks.example:{server.port}"

    async def test_every_new_connection_is_checked_anew(self) -> None:
        """No verdict is remembered: the name is asked for, and judged, at every attempt."""
        names = Names(["0.0.0.0"], ["127.0.0.1"], ["::1"])
        async with (
            endpoint() as server,
            closing(WebhookPoster(allow_private=False, resolve=names.resolve)) as poster,
        ):
            url = f"http://hooks.example:{server.port}/"
            errors = [(await poster.post(url, BODY, HEADERS)).error for _ in range(3)]
        assert all(str(error).startswith("Refused to connect") for error in errors)
        assert names.asked == ["hooks.example"] * 3
        assert server.connections == 0

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
    async def test_a_private_host_is_not_even_resolved(self, host: str) -> None:
        names = Names(["127.0.0.1"])
        async with closing(WebhookPoster(allow_private=False, resolve=names.resolve)) as poster:
            answer = await poster.post(f"http://{host}/", BODY, HEADERS)
        assert "this machine itself" in str(answer.error)
        assert names.asked == []

    @pytest.mark.parametrize("host", [*LOOPBACK_SPELLINGS, *INSIDE, *NAMES])
    async def test_no_spelling_reaches_a_server_on_this_machine(self, host: str) -> None:
        async with (
            endpoint() as server,
            closing(WebhookPoster(allow_private=False, timeout_s=2)) as poster,
        ):
            answer = await poster.post(f"http://{host}:{server.port}/", BODY, HEADERS)
        assert answer.error
        assert server.connections == 0

    async def test_the_next_address_is_tried_when_one_does_not_connect(self) -> None:
        names = Names(["127.0.0.2", "127.0.0.1"])
        async with (
            endpoint() as server,
            closing(WebhookPoster(allow_private=True, resolve=names.resolve)) as poster,
        ):
            answer = await poster.post(f"http://hooks.example:{server.port}/", BODY, HEADERS)
        assert answer.status == 200


class TestFailures:
    async def test_nobody_listens(self, poster: WebhookPoster) -> None:
        answer = await poster.post(f"http://127.0.0.1:{free_port()}/", BODY, HEADERS)
        assert_failed(answer, "No connection to the endpoint: Connection refused.")

    async def test_the_name_is_unknown(self) -> None:
        async def resolve(host: str, port: int) -> list[str]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        async with closing(WebhookPoster(allow_private=False, resolve=resolve)) as poster:
            answer = await poster.post("https://hooks.example/", BODY, HEADERS)
        assert_failed(answer, "The host name could not be resolved: Name or service not known.")

    async def test_the_name_server_does_not_answer(self) -> None:
        async def resolve(host: str, port: int) -> list[str]:
            await asyncio.sleep(60)
            return []

        async with closing(
            WebhookPoster(allow_private=False, resolve=resolve, connect_timeout_s=0.1)
        ) as poster:
            answer = await poster.post("https://hooks.example/", BODY, HEADERS)
        assert_failed(answer, "No connection to the endpoint within 0.1 s.")

    async def test_a_slow_server_times_out_and_the_pool_recovers(self) -> None:
        async with (
            endpoint(says_nothing) as server,
            closing(WebhookPoster(allow_private=True, timeout_s=0.2)) as poster,
        ):
            answer = await poster.post(server.url, BODY, HEADERS)
            assert_failed(answer, "The endpoint did not answer within 0.2 s.")
            assert 200 <= answer.duration_ms < 2_000
            server.reply = says(OK)
            assert (await poster.post(server.url, BODY, HEADERS)).status == 200

    async def test_a_dripping_body_does_not_hold_us_and_the_status_stands(self) -> None:
        async with (
            endpoint(drips) as server,
            closing(WebhookPoster(allow_private=True, timeout_s=0.3)) as poster,
        ):
            answer = await poster.post(server.url, BODY, HEADERS)
        assert answer.status == 200
        assert answer.body.startswith(".")
        assert answer.error == "The response was not complete within 0.3 s."

    async def test_the_connection_breaks(self, poster: WebhookPoster) -> None:
        async with endpoint(hangs_up) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert_failed(
            answer, "The connection broke: Server disconnected without sending a response."
        )

    @pytest.mark.parametrize(
        "reply",
        [
            b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
            b"\0" * 300_000,
            b"HTTP/1.1 200 OK\r\nA: " + b"a" * 300_000,
        ],
    )
    async def test_an_answer_that_is_not_http(self, poster: WebhookPoster, reply: bytes) -> None:
        async with endpoint(reply) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert answer.status is None
        assert str(answer.error).startswith("The connection broke: ")
        assert len(str(answer.error)) < 300

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://example.com/",
            "https://",
            "https://user:secret@example.com/",
            "http://256.0.0.1/",
            "http://" + "a" * 64 + ".example/",
            "http://\udc80.example/",
            "http://..example/",
            "https://.example/",
            "https://example.com/" + "a" * 100_000,
        ],
    )
    async def test_a_url_that_cannot_be_posted_to(self, poster: WebhookPoster, url: str) -> None:
        answer = await poster.post(url, BODY, HEADERS)
        assert answer.status is None
        assert answer.error
        assert "secret" not in answer.error

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "\u20ac", "a\0b"])
    async def test_a_header_that_cannot_be_sent(self, poster: WebhookPoster, value: str) -> None:
        async with endpoint() as server:
            answer = await poster.post(server.url, BODY, {"X-Custom": value})
        assert "x-evil" not in "".join(head.lower() for head, _ in server.requests)
        assert answer.error or answer.status == 200


def assert_failed(answer: Answer, error: str) -> None:
    assert (answer.status, answer.error, answer.body, answer.headers) == (None, error, "", {})


class TestSize:
    async def test_an_oversized_body_is_cut_and_not_read_on(self, poster: WebhookPoster) -> None:
        async def endless(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()

        async with endpoint(endless) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert answer.status == 200
        assert answer.body == "x" * MAX_RESPONSE_BYTES
        assert answer.error == "The response body is too large: cut after 16384 bytes."

    async def test_a_body_of_just_the_limit_is_whole(self, poster: WebhookPoster) -> None:
        async with endpoint(status(200, body=b"x" * MAX_RESPONSE_BYTES)) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert (len(answer.body), answer.error) == (MAX_RESPONSE_BYTES, None)

    async def test_what_is_not_text_is_replaced(self, poster: WebhookPoster) -> None:
        async with endpoint(status(200, body=b"a\xff\0b\xc3\xa9")) as server:
            assert (await poster.post(server.url, BODY, HEADERS)).body == "a\ufffd\ufffdbé"

    async def test_compressed_answers_are_not_unpacked(self, poster: WebhookPoster) -> None:
        reply = status(200, "Content-Encoding: gzip", body=b"\x1f\x8bnot gzip at all")
        async with endpoint(reply) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert (answer.status, answer.error) == (200, None)

    async def test_headers_are_kept_up_to_a_limit(self, poster: WebhookPoster) -> None:
        padding = [f"X-{number}: {'x' * 1_000}" for number in range(50)]
        async with endpoint(status(503, "Retry-After: 7", *padding)) as server:
            answer = await poster.post(server.url, BODY, HEADERS)
        assert answer.headers["retry-after"] == "7"
        assert sum(map(len, answer.headers.values())) <= 8_192


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TestTls:
    @staticmethod
    def server_tls(authority: trustme.CA, name: str, seen: list[str | None]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        context.sni_callback = lambda _socket, server_name, _context: seen.append(server_name)
        return context

    @staticmethod
    def poster(authority: trustme.CA | None) -> WebhookPoster:
        context = ssl.create_default_context() if authority else None
        if authority and context:
            authority.configure_trust(context)
        return WebhookPoster(
            allow_private=True, resolve=Names(["127.0.0.1"]).resolve, ssl_context=context
        )

    async def test_name_and_certificate_survive_the_pinning(self, authority: trustme.CA) -> None:
        seen: list[str | None] = []
        tls = self.server_tls(authority, "hooks.example", seen)
        async with endpoint(tls=tls) as server, closing(self.poster(authority)) as poster:
            answer = await poster.post(f"https://hooks.example:{server.port}/", BODY, HEADERS)
        assert (answer.status, answer.error) == (200, None)
        assert seen == ["hooks.example"]
        assert header_of(server.requests[0][0], "host") == f"hooks.example:{server.port}"

    async def test_a_certificate_for_another_name_is_refused(self, authority: trustme.CA) -> None:
        tls = self.server_tls(authority, "other.example", [])
        async with endpoint(tls=tls) as server, closing(self.poster(authority)) as poster:
            answer = await poster.post(f"https://hooks.example:{server.port}/", BODY, HEADERS)
        assert str(answer.error).startswith("TLS failed: the certificate is not trusted (Hostname")
        assert server.requests == []

    async def test_so_is_an_unknown_authority(self, authority: trustme.CA) -> None:
        tls = self.server_tls(authority, "hooks.example", [])
        async with endpoint(tls=tls) as server, closing(self.poster(None)) as poster:
            answer = await poster.post(f"https://hooks.example:{server.port}/", BODY, HEADERS)
        assert str(answer.error).startswith("TLS failed: the certificate is not trusted (")
        assert server.requests == []

    async def test_a_server_without_tls(self) -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, closing(self.poster(None)) as poster:
            answer = await poster.post(f"https://hooks.example:{port}/", BODY, HEADERS)
        assert answer.status is None
        assert str(answer.error).startswith("TLS failed: ")
