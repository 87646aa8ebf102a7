"""A webhook endpoint in a process of its own: answers at once, and keeps what came and when.

It prints its port, and ends when its standard input does; then it prints where it has put what it
kept. Signatures are verified afterwards, so that this costs nothing while latency is measured.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from support.inbox import Delivery

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Arrival(NamedTuple):
    """One webhook: when it had come in full (time.monotonic), its signature and its body."""

    at: float
    signature: str
    body: bytes

    def is_signed_with(self, secret: str) -> bool:
        """Whether the signature is the one that Stripe documents."""
        return Delivery(self.body, self.signature).is_signed_with(secret)


class _Webhook(asyncio.Protocol):
    def __init__(self, kept: list[Arrival]) -> None:
        self._kept = kept
        self._pending = b""
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) > 0:
            lines = self._pending[:end].decode("latin-1").split("\r\n")[1:]
            fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            whole = end + 4 + int(fields["content-length"])
            if len(self._pending) < whole:
                return
            body, self._pending = self._pending[end + 4 : whole], self._pending[whole:]
            self._kept.append(Arrival(time.monotonic(), fields["stripe-signature"], body))
            self._transport.write(ANSWER)  # type: ignore[union-attr]


class Receiver:
    """The process, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "webhooks"
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{port}/"

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def end(self) -> list[Arrival]:
        """End it, and give all that came."""
        self._process.communicate()
        return msgspec.msgpack.decode(self._file.read_bytes(), type=list[Arrival])

    def kill(self) -> None:
        """End it, whatever state it is in."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver(folder)
    try:
        yield receiver
    finally:
        receiver.kill()


async def _serve(file: Path) -> None:
    kept: list[Arrival] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Webhook(kept), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    file.write_bytes(msgspec.msgpack.encode(kept))


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
