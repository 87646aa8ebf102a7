"""One HTTP exchange: a request as the door sees it, and its answer by way of ASGI.

Fixed paths are answered by `connection` without ASGI in between; what Starlette routes comes
through here.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from starlette.types import Receive, Scope, Send

from tripmeter.api.call import Reply
from tripmeter.model.errors import BodyTooLarge

JSON: Final = "application/json"


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

    __slots__ = ("_headers", "_source", "method", "path", "path_params", "query")

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        source: BodySource,
        path_params: dict[str, str],
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.path_params = path_params
        self._headers = headers
        self._source = source

    def header(self, name: bytes) -> str | None:
        """The value of a header, whose name is given in lower case."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

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
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


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
        )
        reply, headers = await self.answer(incoming)
        head = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        head.append((b"content-length", b"%d" % len(reply.body)))
        head.append((b"content-type", JSON.encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        await send({"type": "http.response.body", "body": reply.body})


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
