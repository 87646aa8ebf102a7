"""Connections: uvicorn's HTTP/1.1, with less work per request and with limits.

uvicorn parses, keeps connections alive, runs what Starlette routes, and drains at the end. What
stands here is what it lacks. The fixed paths, which usage takes, are answered without ASGI in
between, with head and body in one piece. A head, a body or an answer that does not get on in time
ends its connection; so does idleness, and one connection too many.

One sweep a second over all connections takes the place of timers: a request touches none.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from tripmeter.api.encoding import encode
from tripmeter.api.exchange import JSON, ClientGone, Incoming, Responder
from tripmeter.model.errors import (
    BodyMalformed,
    HeadTooLarge,
    Overloaded,
    Refusal,
    RequestTimedOut,
)
from tripmeter.pipeline.metrics import CONNECTIONS, CONNECTIONS_ENDED, REQUESTS_REFUSED
from tripmeter.wire.errors import render

HEAD_LIMIT: Final = 64 * 1024
"""Bytes that the head of a request may have."""

HEADERS_LIMIT: Final = 100
"""Header fields that a request may have."""

BODY_BYTES_PER_S: Final = 16 * 1024
"""A body that comes at least so fast gets more time than the limit."""

PIPELINE_LIMIT: Final = 256
"""Requests that may have arrived on a connection behind the one that is being answered."""

SWEEP_S: Final = 1
"""How often connections are looked at; one sweep is one tick."""

LINGERING_LIMIT: Final = 256
"""Connections beyond the limit that are told so; further ones are closed without a word."""

LINGER_TICKS: Final = 2
"""How long a connection beyond the limit has to take in that it is one."""


class ConnectionLimits(NamedTuple):
    """How many connections there may be, and how long one may take."""

    connections: int
    read_s: int
    """For a head; for a body, beyond what BODY_BYTES_PER_S allows; to take an answer."""
    idle_s: int


class Lobby:
    """All connections of a server: made here for uvicorn, counted, and swept."""

    def __init__(
        self, fixed: Mapping[str, Responder], limits: ConnectionLimits, *, counted: bool = True
    ) -> None:
        """Connections that are not `counted` are counted elsewhere, and limited there."""
        self._counted = counted
        self.responders = {path.encode(): responder for path, responder in fixed.items()}
        self.limits = limits
        self.tick = 0
        self._open: set[Connection] = set()
        self._lingering: set[Connection] = set()
        self._head: tuple[Any, bytes] = (None, b"")
        self._sweeping: asyncio.TimerHandle | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> "Connection":
        """The protocol for a new connection, as uvicorn's `http` asks for it."""
        return Connection(self, config, server_state, app_state, _loop)

    def enter(self, connection: "Connection") -> bool:
        """Count a new connection in; False if it is one too many."""
        if self._sweeping is None:
            self._sweeping = connection.loop.call_later(SWEEP_S, self._sweep, connection.loop)
        if self._counted and len(self._open) >= self.limits.connections:
            REQUESTS_REFUSED.labels("connections").inc()
            return False
        self._open.add(connection)
        if self._counted:
            CONNECTIONS.inc()
        return True

    def linger(self, connection: "Connection") -> bool:
        """Keep a connection that was refused, until it has read so; False if there are too many."""
        if len(self._lingering) >= LINGERING_LIMIT:
            return False
        self._lingering.add(connection)
        return True

    def leave(self, connection: "Connection") -> None:
        """Forget a connection that is gone."""
        self._lingering.discard(connection)
        if connection in self._open:
            self._open.discard(connection)
            if self._counted:
                CONNECTIONS.dec()

    def success(self, default_headers: list[tuple[bytes, bytes]]) -> bytes:
        """Status line and default headers of a 200; uvicorn renews these once a second."""
        if self._head[0] is not default_headers:
            self._head = (default_headers, _head_start(200, default_headers))
        return self._head[1]

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self.tick += 1
        for connection in [*self._open, *self._lingering]:
            connection.check()
        everyone = self._open or self._lingering
        self._sweeping = loop.call_later(SWEEP_S, self._sweep, loop) if everyone else None


class Connection(HttpToolsProtocol):
    """One connection. Requests are answered in their order, one at a time."""

    def __init__(
        self,
        lobby: Lobby,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        self._lobby = lobby
        self._refused = False
        self._reading: str | None = None
        """`head` or `body` while one is under way."""
        self._since = lobby.tick
        """When that began; without one, when the last answer was given."""
        self._received = 0
        """Bytes of the head or body under way."""
        self._blocked_since: int | None = None
        """Since when the client has not taken what was written."""

    # what the transport tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or tell the client that it is one too many."""
        super().connection_made(transport)
        if self._lobby.enter(self):
            return
        self._turn_away(Overloaded("too many connections are open"))
        if not self._lobby.linger(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was under way is told."""
        self._lobby.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._refused:
            return
        self._received += len(data)
        super().data_received(data)
        if self._reading == "head" and self._received > HEAD_LIMIT:
            self._end("head", HeadTooLarge(HEAD_LIMIT, HEADERS_LIMIT))

    def pause_writing(self) -> None:
        """The client does not keep up with its answers."""
        self._blocked_since = self._lobby.tick
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._blocked_since = None
        super().resume_writing()

    # what the parser tells

    def on_message_begin(self) -> None:
        """A request begins; its scope waits until it is known to need one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._reading, self._since = "head", self._lobby.tick

    def on_headers_complete(self) -> None:
        """Begin to answer: what is refused, is refused before its body is read."""
        is_large = self._received > HEAD_LIMIT and _size(self.headers) > HEAD_LIMIT
        self._reading, self._since, self._received = "body", self._lobby.tick, 0
        if is_large or len(self.headers) > HEADERS_LIMIT:
            self._end("head", HeadTooLarge(HEAD_LIMIT, HEADERS_LIMIT))
        elif len(self.pipeline) >= PIPELINE_LIMIT:
            self._end("pipeline", Overloaded("too many requests wait on one connection"))
        if self._refused:
            return
        path, _, query = self.url.partition(b"?")
        responder = self._lobby.responders.get(path)
        if responder is None or self.parser.should_upgrade():
            self._answer_by_asgi()
            return
        is_free = self._is_free
        self.cycle = exchange = Exchange(self, path, query)
        if is_free:
            self._start_asgi_task(exchange, responder)  # type: ignore[arg-type]
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, responder))  # type: ignore[arg-type]

    def _answer_by_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        cycle = self.cycle
        if self._refused:
            return
        if not isinstance(cycle, Exchange):
            super().on_body(body)
        elif not cycle.response_complete:
            cycle.take(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._reading, self._received = None, 0
        cycle = self.cycle
        if self._refused:
            return
        if not isinstance(cycle, Exchange):
            super().on_message_complete()
        elif not cycle.response_complete:
            cycle.take_end()

    # what is answered

    def on_response_complete(self) -> None:
        """The next request, if there is one; no timer is set, the sweep sees to idleness."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._since = self._lobby.tick
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if not self.pipeline:  # else a client that reads no answers would fill the memory
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused in Stripe's shape, too."""
        self._end("invalid", BodyMalformed("it is not valid HTTP/1.1"))

    def success(self) -> bytes:
        """How the head of every 200 begins."""
        return self._lobby.success(self.server_state.default_headers)

    def _refusal(self, refusal: Refusal) -> bytes:
        status, body, headers = render(refusal, version=1)
        start = _head_start(status, self.server_state.default_headers)
        return _complete(start, {**headers, "Connection": "close"}, encode(body))

    # what takes too long

    def check(self) -> None:
        """End the connection if it has been too slow, or idle for too long."""
        limits = self._lobby.limits
        age = self._lobby.tick - self._since
        if self._refused:
            if age > LINGER_TICKS:
                self.transport.abort()
        elif self._blocked_since is not None:
            if self._lobby.tick - self._blocked_since > limits.read_s:
                self._abort("answer")
        elif self._reading == "head":
            if age > limits.read_s:
                self._end("head", RequestTimedOut("head", limits.read_s))
        elif self._reading == "body":
            if age > limits.read_s + self._received // BODY_BYTES_PER_S:
                self._end("body", RequestTimedOut("body", limits.read_s))
        elif self._is_free and age > limits.idle_s:
            self._abort("idle")

    @property
    def _is_free(self) -> bool:
        """Whether no answer is due: uvicorn has no cycle before the first request."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _end(self, phase: str, refusal: Refusal) -> None:
        """Close; and tell the client why, if that is the next answer that it waits for."""
        if self._refused or self.transport.is_closing():
            return
        CONNECTIONS_ENDED.labels(phase).inc()
        self._refused, self._since = True, self._lobby.tick
        is_free, cycle = self._is_free, self.cycle
        if phase == "body":  # of the newest request, which may have its answer already
            is_next = not is_free and not self.pipeline and not cycle.response_started
        else:
            is_next = is_free
        if not is_free:
            cycle.disconnected = True
            cycle.message_event.set()
        if is_next:
            self._turn_away(refusal)
        else:
            self.transport.close()

    def _turn_away(self, refusal: Refusal) -> None:
        """Say why, and go on reading for a moment: closing now could cost the client the answer."""
        self._refused, self._since = True, self._lobby.tick
        self.transport.write(self._refusal(refusal))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _abort(self, phase: str) -> None:
        """Close at once: what was written and not taken would keep the connection open."""
        CONNECTIONS_ENDED.labels(phase).inc()
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


class Exchange(RequestResponseCycle):
    """A request for a fixed path, and its answer; for the connection, a cycle like any other."""

    def __init__(self, connection: Connection, path: bytes, query: bytes) -> None:
        """Begin when the head is complete; the base class would want an ASGI scope."""
        parser = connection.parser
        self.transport = connection.transport
        self.flow = connection.flow
        self.on_response = connection.on_response_complete
        self.message_event = asyncio.Event()
        self.keep_alive = parser.should_keep_alive()
        self.waiting_for_100_continue = connection.expect_100_continue
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.more_body = True
        self._chunks: list[bytes] = []
        self._connection = connection
        self._incoming = Incoming(
            parser.get_method().decode("ascii"),
            path.decode("ascii"),
            query,
            dict(connection.headers),
            self,
            {},
            connection.client,
        )

    def take(self, piece: bytes) -> None:
        """A piece of the body arrives."""
        self._chunks.append(piece)
        self.message_event.set()

    def take_end(self) -> None:
        """The body is complete."""
        self.more_body = False
        self.message_event.set()

    async def next(self) -> tuple[bytes, bool]:
        """What of the body has arrived since the last call, and whether more is to come."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.more_body and not self._chunks and not self.disconnected:
            self.message_event.clear()
            await self.message_event.wait()
        if self.disconnected:
            raise ClientGone
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks), self.more_body

    async def run_asgi(self, app: Any) -> None:
        """Answer with a Responder, which never raises."""
        try:
            (body, status, _, _), headers = await app.answer(self._incoming)
            if self.flow.write_paused and not self.disconnected:
                await self.flow.drain()
        except BaseException:
            self.transport.close()
            raise
        if self.disconnected:
            return
        connection = self._connection
        if status == 200:
            start = connection.success()
        else:
            start = _head_start(status, connection.server_state.default_headers)
        if self.waiting_for_100_continue:
            self.keep_alive = False  # whether the body will come, nobody knows
        if not self.keep_alive:
            headers = {**headers, "Connection": "close"}
        answer = _complete(start, headers, body, without_body=self._incoming.method == "HEAD")
        self.transport.write(answer)
        self.response_started = self.response_complete = True
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def _head_start(status: int, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    return STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in default_headers)


def _complete(
    start: bytes, headers: Mapping[str, str], body: bytes, *, without_body: bool = False
) -> bytes:
    """A whole answer in one piece."""
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    rest = f"{fields}content-length: {len(body)}\r\ncontent-type: {JSON}\r\n\r\n"
    return start + rest.encode("latin-1") + (b"" if without_body else body)
