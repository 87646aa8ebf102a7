"""HTTP/1.1 by hand: what a well-behaved client library would never send, byte for byte.

async with connected(server.port) as line:
    await line.send(post(PATH, b"a=1") * 3)
    assert [(await line.answer()).status for _ in range(3)] == [200] * 3
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from support.server import API_KEY, PATIENCE_S

FORM: Final = "application/x-www-form-urlencoded"


class RawAnswer(NamedTuple):
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send pieces, each in a packet of its own as far as that can be had."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.001)

    async def answer(self, *, to_head: bool = False) -> RawAnswer:
        """The next answer; `to_head` says that it has no body, whatever its head says."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            length = 0 if to_head else int(headers.get("content-length", 0))
            return RawAnswer(
                int(first.split(" ")[1]), headers, await self._reader.readexactly(length)
            )

    async def closed(self) -> bytes:
        """What else comes until the other side closes the connection."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    def hang_up(self) -> None:
        """Close without a word."""
        self._writer.close()


@asynccontextmanager
async def connected(port: int, *, buffer: int = 2**16) -> AsyncIterator[Line]:
    """A connection for the length of a block; it reads at most about `buffer` bytes ahead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=buffer)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()


def head(method: str, path: str, *lines: str, key: str | None = API_KEY) -> bytes:
    """The head of a request."""
    fields = ["Host: x", *([f"Authorization: Bearer {key}"] if key else []), *lines]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *fields, "", ""]).encode("latin-1")


def post(path: str, body: bytes, *lines: str, content_type: str = FORM) -> bytes:
    """A whole POST."""
    declared = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}")
    return head("POST", path, *declared, *lines) + body
