"""One HTTP exchange on ASGI: a request read whole, an answer sent whole.

Starlette routes what has ids in its path; the rest is found by one look into a table, since the
paths that usage takes are few and fixed.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from tripmeter.api.call import Reply
from tripmeter.model.errors import BodyTooLarge

_JSON: Final = b"application/json"


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class Incoming:
    """A request: what its head says, and its body once it is read."""

    __slots__ = ("_headers", "_receive", "method", "path", "path_params", "query")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.path_params: dict[str, str] = scope.get("path_params", {})
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive = receive

    def header(self, name: bytes) -> str | None:
        """The value of a header, whose name is given in lower case."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, limit: int) -> bytes:
        """The body, refused as soon as it is known to be larger than `limit` bytes."""
        declared = self._headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge(limit)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise BodyTooLarge(limit)
            if not message.get("more_body", False):
                return b"".join(chunks)


Answer = Callable[[Incoming, Any], Awaitable[tuple[Reply, Mapping[str, str]]]]
"""Answers a request, given what was registered for its path."""


class Responder:
    """An ASGI application for one path, whatever the method. It never raises."""

    def __init__(self, answer: Answer, registered: Any) -> None:
        self._answer = answer
        self._registered = registered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reply, headers = await self._answer(Incoming(scope, receive), self._registered)
        head = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        head.append((b"content-length", b"%d" % len(reply.body)))
        head.append((b"content-type", _JSON))
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        await send({"type": "http.response.body", "body": reply.body})


class FixedPaths(Starlette):
    """Starlette, behind a table of paths that need no matching."""

    def __init__(self, fixed: Mapping[str, Responder], **options: Any) -> None:
        super().__init__(**options)
        self._fixed = fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        responder = self._fixed.get(scope["path"]) if scope["type"] == "http" else None
        if responder is None:
            await super().__call__(scope, receive, send)
        else:
            await responder(scope, receive, send)
