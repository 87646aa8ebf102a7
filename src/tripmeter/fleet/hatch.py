"""The hatch: how a door process gets a fresh connection to the engine's HTTP door.

There is no address to connect to. The door process makes a pair of sockets, keeps one end, and
passes the other through a socket that it has inherited; so nobody else gets in by this way.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

Protocols = Callable[[], asyncio.BaseProtocol]
"""Makes the protocol of a new connection."""


async def connect(hatch: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """In a door process: a connection to the engine. Raises OSError if there are too many."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            socket.send_fds(hatch, [b"+"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
    ours.setblocking(False)
    return await asyncio.open_unix_connection(sock=ours)


class Receiver:
    """In the engine: serves what comes through the hatch of one door process."""

    def __init__(self, hatch: socket.socket, protocols: Protocols) -> None:
        self._loop = asyncio.get_running_loop()
        self._hatch = hatch
        self._protocols = protocols
        self._taking: set[asyncio.Task[object]] = set()
        hatch.setblocking(False)
        self._loop.add_reader(hatch.fileno(), self._receive)

    def close(self) -> None:
        """Take nothing more."""
        if self._hatch.fileno() >= 0:
            self._loop.remove_reader(self._hatch.fileno())
            self._hatch.close()

    def _receive(self) -> None:
        with suppress(BlockingIOError):
            while True:
                word, descriptors, _, _ = socket.recv_fds(self._hatch, 1, 1)
                for descriptor in descriptors:
                    self._take(socket.socket(fileno=descriptor))
                if not word:
                    self.close()
                    return

    def _take(self, end: socket.socket) -> None:
        end.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(
            self._loop.connect_accepted_socket(self._protocols, end)
        )
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)
