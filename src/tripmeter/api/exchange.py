"""One HTTP exchange: a request as the door sees it, and its answer by way of ASGI.

Fixed paths are answered by `connection` without ASGI in between; what Starlette routes comes
through here.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from starlette.types import Receive, Scope, Send

from tripmeter.api.call import Reply
from tripmeter.model.errors import BodyTooLarge

JSON: Final = "application/json"

RELAYED_FOR: Final = b"tripmeter-relayed-for"
"""In which a door process says whom it relays a request for. Only they have no address themselves:
what comes over the network has, so that nobody else is believed."""


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class BodySource(Protocol):
    """Where the body of a request comes from, piece by piece."""

    async def next(self) -> tuple[bytes, bool]:
        """What has arrived since the last call, and whether more is to come.

        Raises ClientGone.
        """
        ...


class Incoming:
    """A request: what its head says, and its body once it is read."""

    __slots__ = (
        "_client",
        "_headers",
        "_source",
        "method",
        "path",
        "path_params",
        "query",
        "read_body",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        source: BodySource,
        path_params: dict[str, str],
        client: tuple[str, int] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.path_params = path_params
        self._headers = headers
        self._source = source
        self._client = client
        self.read_body = b""
        """The body, as far as it was read."""

    def header(self, name: bytes) -> str | None:
        """The value of a header, whose name is given in lower case."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def address(self) -> str:
        """The network address of who asks; what a door process says of it, if that relays."""
        if self._client is not None:
            return self._client[0]
        return self.header(RELAYED_FOR) or ""

    @property
    def is_json(self) -> bool:
        """Whether the head says that the body is JSON."""
        return self._headers.get(b"content-type", b"").startswith(JSON.encode())

    @property
    def declared_bytes(self) -> int:
        """The length of the body as its head declares it; 0 if it does not."""
        declared = self._headers.get(b"content-length", b"")
        return int(declared) if declared.isdigit() else 0

    async def body(self, limit: int, hold: Callable[[int], None]) -> bytes:
        """The body, refused as soon as it is known to be larger than `limit` bytes.

        `hold` is told of every piece by its length, and may raise to stop.
        """
        if self.declared_bytes > limit:
            raise BodyTooLarge(limit)
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            chunk, more = await self._source.next()
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit)
            hold(len(chunk))
            chunks.append(chunk)
        self.read_body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self.read_body


class Answer(NamedTuple):
    """What goes back: a reply, with the headers that every answer has."""

    reply: Reply
    headers: Mapping[str, str]


Respond = Callable[[Incoming, Any], Awaitable[Answer]]
"""Answers a request, given what was registered for its path."""


class Responder:
    """Answers one path, whatever the method; as an ASGI application too. It never raises."""

    def __init__(self, respond: Respond, registered: Any) -> None:
        self._respond = respond
        self._registered = registered

    def answer(self, incoming: Incoming) -> Awaitable[Answer]:
        """The answer to one request."""
        return self._respond(incoming, self._registered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that comes by ASGI."""
        incoming = Incoming(
            scope["method"],
            scope["path"],
            scope.get("query_string", b""),
            dict(scope["headers"]),
            _AsgiBody(receive),
            scope.get("path_params", {}),
            scope.get("client"),
        )
        reply, headers = await self.answer(incoming)
        if reply.pieces is not None:
            await _stream(reply.status, headers, reply.pieces, receive, send)
            return
        head = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        head.append((b"content-length", b"%d" % len(reply.body)))
        head.append((b"content-type", JSON.encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        await send({"type": "http.response.body", "body": reply.body})


async def _stream(
    status: int,
    headers: Mapping[str, str],
    pieces: AsyncIterator[bytes],
    receive: Receive,
    send: Send,
) -> None:
    """Send pieces as they come, until there are no more or the client is gone."""
    head = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await send({"type": "http.response.start", "status": status, "headers": head})
        while not gone.done():
            piece = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait((piece, gone), return_when=asyncio.FIRST_COMPLETED)
            if not piece.done():
                piece.cancel()
                await asyncio.gather(piece, return_exceptions=True)
                return
            body = piece.result()
            if body is None:
                await send({"type": "http.response.body", "body": b""})
                return
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        gone.cancel()
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _gone(receive: Receive) -> None:
    """Wait until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _AsgiBody:
    """A body as ASGI brings it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def next(self) -> tuple[bytes, bool]:
        """The next message's piece."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)
