"""HTTP servers: uvicorn's, in an engine behind door processes, and in a door process."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from tripmeter.api.connection import Lobby
from tripmeter.fleet.keeper import Fleet, Inherited
from tripmeter.fleet.listening import listen
from tripmeter.fleet.remote import RemoteWriter


def configured(app: Any, lobby: Lobby, host: str, port: int, *, lifespan: bool) -> uvicorn.Config:
    """How uvicorn serves, in every process."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        http=lobby,  # type: ignore[arg-type]  # makes protocols, as a class would
        lifespan="on" if lifespan else "off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=15,
    )


class EngineServer(uvicorn.Server):
    """The engine's server. Answers that go on end when it is to stop, or it would wait for them."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, and stop."""
        self._end_streams()
        await super().shutdown(sockets)


class FleetServer(EngineServer):
    """The engine's server, behind door processes: it serves what they relay and listens nowhere."""

    def __init__(
        self,
        config: uvicorn.Config,
        end_streams: Callable[[], None],
        fleet: Fleet,
        doors: int,
    ) -> None:
        super().__init__(config, end_streams)
        self._fleet = fleet
        self._doors = doors

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal comes. Raises SystemExit if nobody can listen."""
        super().run([])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the engine, then its door processes."""
        await super().startup(sockets)
        try:
            listening = listen(self.config.host, self.config.port, self._doors)
        except OSError:
            self.started = False
            await self.lifespan.shutdown()
            sys.exit(STARTUP_FAILURE)
        self._fleet.start(listening, self._protocol)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain the fleet, whose jobs and relayed requests need this process; then this process."""
        self._end_streams()
        await self._fleet.drain(lambda: self.force_exit)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        loop = asyncio.get_running_loop()
        connection: asyncio.Protocol = make(
            self.config, self.server_state, self.lifespan.state, loop
        )
        return connection


class DoorServer(uvicorn.Server):
    """A door process's server: it drains when the engine says so, and hears no signal."""

    def __init__(self, config: uvicorn.Config, inherited: Inherited, writer: RemoteWriter) -> None:
        super().__init__(config)
        self._inherited = inherited
        self._writer = writer
        writer.when_to_drain = self._finish

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the engine says that it is enough."""
        super().run(self._inherited.listening)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Connect to the engine, listen, and say so."""
        loop = asyncio.get_running_loop()
        link = self._inherited.link
        link.setblocking(False)
        await loop.create_unix_connection(lambda: self._writer, sock=link)
        await super().startup(sockets)
        self._writer.tell_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: Ctrl-C reaches the engine, which knows the order of things."""
        yield

    def _finish(self) -> None:
        self.should_exit = True
