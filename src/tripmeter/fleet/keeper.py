"""The fleet: starts door processes, starts them again when they die, drains them, sums them up."""

import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import structlog

from tripmeter.fleet.channel import framed
from tripmeter.fleet.counts import lasting
from tripmeter.fleet.hatch import Protocols, Receiver
from tripmeter.fleet.link import Link, Submits
from tripmeter.fleet.messages import Sample

PULSE_S: Final = 0.1
"""How often door processes are told how long the writer would have a job wait."""

AGAIN_S: Final = (0.05, 0.2, 1, 5)
"""How long after its end a door process is started again, if it never came to listen before."""

END_S: Final = 5
"""How long a process has to end once its link has."""

DRAIN_S: Final = 20
"""How long door processes have to drain: longer than their own servers take at most."""

STEP_S: Final = 0.02
"""How often it is looked whether all have ended."""

COUNT_S: Final = 2
"""How long a door process has to say what it has counted."""

log = structlog.get_logger()


class Fleet:
    """The door processes of one engine. Used by the engine's event loop alone."""

    def __init__(self, writer: Submits, greeting: Any) -> None:
        """`greeting` is the first that each process is told: its settings."""
        self._writer = writer
        self._greeting = framed(greeting)
        self._listening: Sequence[list[socket.socket]] = ()
        self._protocols: Protocols = asyncio.Protocol
        self._links: set[Link] = set()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._departed: list[Sample] = []
        """What processes that have ended had counted, as far as they had said."""
        self._draining = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, listening: Sequence[list[socket.socket]], protocols: Protocols) -> None:
        """Start a process for each list of sockets. `protocols` serve what they relay.

        The sockets stay open here, too: what connects while a process starts, or starts again,
        waits for it.
        """
        self._listening, self._protocols = listening, protocols
        self._tasks = [asyncio.create_task(self._keep(own)) for own in listening]
        self._tasks.append(asyncio.create_task(self._pulse()))

    async def drain(self, is_urgent: Callable[[], bool]) -> None:
        """Have all of them finish what is under way; end those that take too long."""
        self._draining = True
        for one in itertools.chain(*self._listening):
            one.close()
        for link in self._links:
            link.drain()
        waited_s = 0.0
        while self._links and waited_s < DRAIN_S and not is_urgent():
            await asyncio.sleep(STEP_S)
            waited_s += STEP_S
        for process in self._processes:
            process.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def samples(self) -> list[Sample]:
        """What all of them have counted up to now, those that have ended included."""
        links = list(self._links)
        counting = [asyncio.create_task(link.count()) for link in links]
        if counting:
            await asyncio.wait(counting, timeout=COUNT_S)
        told = [sample for link in links if link in self._links for sample in link.samples]
        return [*self._departed, *told]

    async def _keep(self, listening: list[socket.socket]) -> None:
        """See to it that one door process is there, until the fleet drains."""
        failures = 0
        while not self._draining:
            try:
                link, process = await self._launch(listening)
            except OSError as error:
                log.error("door_not_started", reason=type(error).__name__)
            else:
                code = await self._watch(link, process)
                failures = 0 if link.ready else failures + 1
                if not self._draining:
                    log.error("door_died", pid=process.pid, code=code)
            await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)])

    async def _launch(self, listening: list[socket.socket]) -> tuple[Link, subprocess.Popen[bytes]]:
        """Start one. Raises OSError."""
        with ExitStack() as theirs:
            link_end, their_link = socket.socketpair()
            theirs.enter_context(their_link)
            hatch_end, their_hatch = socket.socketpair()
            theirs.enter_context(their_hatch)
            process = _run([their_link, their_hatch, *listening])
        self._processes.add(process)
        link_end.setblocking(False)
        loop = asyncio.get_running_loop()
        transport, link = await loop.create_unix_connection(
            lambda: Link(self._writer), sock=link_end
        )
        self._links.add(link)
        transport.write(self._greeting)
        receiver = Receiver(hatch_end, self._protocols)
        link.gone.add_done_callback(lambda _: receiver.close())
        return link, process

    async def _watch(self, link: Link, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of one; its exit code."""
        await link.gone
        self._links.discard(link)
        self._departed += lasting(link.samples)
        try:
            return await asyncio.to_thread(process.wait, END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return await asyncio.to_thread(process.wait)
        finally:
            self._processes.discard(process)

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(PULSE_S)
            for link in self._links:
                link.pulse()


def _run(sockets: Sequence[socket.socket]) -> subprocess.Popen[bytes]:
    """A process that has these sockets; a group of its own keeps Ctrl-C from it.

    It takes orders from the engine alone, which drains it before itself.
    """
    descriptors = [one.fileno() for one in sockets]
    return subprocess.Popen(
        [sys.executable, "-m", "tripmeter", "door", *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        process_group=0,
    )


class Inherited(NamedTuple):
    """What a door process has from the engine that started it."""

    link: socket.socket
    hatch: socket.socket
    listening: list[socket.socket]


def inherited(descriptors: Sequence[int]) -> Inherited:
    """In a door process: the sockets behind the numbers on its command line."""
    link, hatch, *listening = [socket.socket(fileno=number) for number in descriptors]
    return Inherited(link, hatch, listening)
