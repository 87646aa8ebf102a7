"""A crowd of clients that want nothing, or are very slow: connections in a process of its own."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

import uvloop

AT_ONCE: Final = 200


class _Idle(asyncio.Protocol):
    """A connection on which nothing is ever said."""

    def __init__(self, held: set["_Idle"]) -> None:
        self._held = held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._held.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.discard(self)


class _Slow(_Idle):
    """A connection on which a request goes out by one byte a second."""

    def __init__(self, held: set[_Idle], request: bytes) -> None:
        super().__init__(held)
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._task = asyncio.ensure_future(self._dribble(transport))

    async def _dribble(self, transport: Any) -> None:
        for at in range(len(self._request)):
            if transport.is_closing():
                return
            transport.write(self._request[at : at + 1])
            await asyncio.sleep(1)


class Crowd:
    """The crowd, seen from outside."""

    def __init__(self, link: "Connection[Any, Any]") -> None:
        self._link = link

    def sizes(self) -> tuple[int, int]:
        """How many idle and slow connections are open."""
        self._link.send(None)
        idle, slow = self._link.recv()
        return idle, slow


@contextmanager
def crowd(port: int, idle: int, slow: int, request: bytes) -> Iterator[Crowd]:
    """So many connections for the length of a block, from when all of them are open."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, port, idle, slow, request), daemon=True)
    process.start()
    try:
        if not ours.poll(60):
            raise RuntimeError("the crowd could not connect")
        ours.recv()
        yield Crowd(ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(link: Any, port: int, idle: int, slow: int, request: bytes) -> None:
    uvloop.run(_hold(link, port, idle, slow, request))


async def _hold(link: Any, port: int, idle: int, slow: int, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    idlers: set[_Idle] = set()
    slow_ones: set[_Idle] = set()
    makers: list[Any] = [lambda: _Idle(idlers)] * idle
    makers += [lambda: _Slow(slow_ones, request)] * slow
    for at in range(0, len(makers), AT_ONCE):
        opening = (
            loop.create_connection(make, "127.0.0.1", port) for make in makers[at : at + AT_ONCE]
        )
        await asyncio.gather(*opening, return_exceptions=True)
    link.send(time.monotonic())
    while True:
        await asyncio.to_thread(link.recv)
        link.send((len(idlers), len(slow_ones)))
