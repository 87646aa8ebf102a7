"""The relay: hands a request that is not for a door process on to the engine's HTTP door.

An ASGI application. Each request takes a connection of its own through the hatch, so that no
connection can have gone stale; bodies and answers pass piece by piece, as they come. Nothing is
decided here: what the engine answers, the client gets.
"""

import asyncio
import socket
from collections.abc import Iterator
from typing import Final

import httptools
from starlette.types import Message, Receive, Scope, Send

from tripmeter.api.encoding import encode
from tripmeter.api.exchange import RELAYED_FOR
from tripmeter.fleet.hatch import connect
from tripmeter.model.ids import RequestIds
from tripmeter.wire.errors import render_unexpected

_PIECE: Final = 64 * 1024

_SLOW_S: Final = 1
"""So long an answer may pause before its client is watched, for which the next requests of the
connection have to be read."""

_OF_ONE_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
)

_NOT_PASSED_BACK: Final = _OF_ONE_HOP | {b"date"}
"""This process's own server sets the date."""


class Relay:
    """Answers as the engine does."""

    def __init__(self, hatch: socket.socket) -> None:
        self._hatch = hatch
        self._request_ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay one request."""
        try:
            reader, writer = await connect(self._hatch)
        except OSError:
            await self._apologize(send)
            return
        answer = _Answer(is_head=scope["method"] == "HEAD")
        sending = asyncio.create_task(_send_request(scope, receive, writer, answer))
        try:
            is_complete = await _pass_back(reader, answer, send)
        finally:
            sending.cancel()
            writer.transport.abort()
            await asyncio.gather(sending, return_exceptions=True)
        if not is_complete and not answer.begun:
            await self._apologize(send)

    async def _apologize(self, send: Send) -> None:
        """The engine has not answered, for whatever reason."""
        request_id = self._request_ids.next()
        status, body, _ = render_unexpected(request_id)
        content = encode(body)
        head = [
            (b"request-id", request_id.encode()),
            (b"content-length", b"%d" % len(content)),
            (b"content-type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": content})


async def _send_request(
    scope: Scope, receive: Receive, writer: asyncio.StreamWriter, answer: "_Answer"
) -> None:
    """Send a request on; watch for its client, whose absence ends the answer, if that is slow."""
    headers = dict(scope["headers"])
    is_chunked = b"content-length" not in headers and b"transfer-encoding" in headers
    writer.write(b"".join(_head(scope, is_chunked=is_chunked)))
    if headers.get(b"expect", b"").lower() == b"100-continue":
        await answer.go_on.wait()
    more = is_chunked or headers.get(b"content-length", b"0") != b"0"
    while True:
        if not more:
            await answer.is_slow.wait()
        message = await receive()
        if message["type"] == "http.disconnect":
            writer.transport.abort()
            return
        piece: bytes = message.get("body", b"")
        if piece:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if more and not message.get("more_body", False):
            more = False
            writer.write(b"0\r\n\r\n" if is_chunked else b"")
        await writer.drain()


def _head(scope: Scope, *, is_chunked: bool) -> Iterator[bytes]:
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    yield b"%b %b HTTP/1.1\r\n" % (scope["method"].encode("ascii"), target)
    for name, value in scope["headers"]:
        if name not in _OF_ONE_HOP and name != RELAYED_FOR:
            yield b"%b: %b\r\n" % (name, value)
    if scope.get("client"):
        yield b"%b: %b\r\n" % (RELAYED_FOR, scope["client"][0].encode("ascii"))
    if is_chunked:
        yield b"transfer-encoding: chunked\r\n"
    yield b"\r\n"


async def _pass_back(reader: asyncio.StreamReader, answer: "_Answer", send: Send) -> bool:
    """Pass the answer on as it comes; whether it came to its end."""
    while not answer.is_complete:
        try:
            piece = await _piece(reader, answer)
        except OSError:
            return False
        if not piece:
            return False
        for message in answer.read(piece):
            await send(message)
    return True


async def _piece(reader: asyncio.StreamReader, answer: "_Answer") -> bytes:
    """What comes next. When nothing does for a while, the client may have gone meanwhile."""
    if not answer.is_slow.is_set():
        reading = asyncio.ensure_future(reader.read(_PIECE))
        await asyncio.wait((reading,), timeout=_SLOW_S)
        if not reading.done():
            answer.is_slow.set()
        return await reading
    return await reader.read(_PIECE)


class _Answer:
    """An answer, read by the parser and told as ASGI messages."""

    def __init__(self, *, is_head: bool) -> None:
        """`is_head` says that there is no body, whatever the head says of one."""
        self.begun = False
        self.is_complete = False
        self.go_on = asyncio.Event()
        """Set when the engine asks for the body."""
        self.is_slow = asyncio.Event()
        """Set when it takes so long that one should look whether its client is still there."""
        self._is_head = is_head
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._messages: list[Message] = []

    def read(self, piece: bytes) -> list[Message]:
        """What a piece of it brings."""
        self._messages = []
        self._parser.feed_data(piece)
        return self._messages

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The parser has read the head, which may be that of `100 Continue`."""
        status = self._parser.get_status_code()
        if status == 100:
            return
        self.begun = True
        head = [header for header in self._headers if header[0] not in _NOT_PASSED_BACK]
        self._messages.append({"type": "http.response.start", "status": status, "headers": head})
        if self._is_head:
            self._complete()

    def on_body(self, body: bytes) -> None:
        """The parser has read a piece of the body."""
        self._messages.append({"type": "http.response.body", "body": body, "more_body": True})

    def on_message_complete(self) -> None:
        """The parser has read an answer to its end, or a `100 Continue`."""
        self.go_on.set()
        if self.begun and not self.is_complete:
            self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        self._messages.append({"type": "http.response.body", "body": b"", "more_body": False})
