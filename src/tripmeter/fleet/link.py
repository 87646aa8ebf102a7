"""The engine's end of the link to one door process: its jobs go to the writer, answers go back."""

import asyncio
from typing import Any, Protocol

from tripmeter.fleet.channel import Channel
from tripmeter.fleet.messages import (
    Answered,
    Asked,
    Count,
    Drain,
    Ready,
    Sample,
    Samples,
    pack_answer,
    unpack_job,
)
from tripmeter.pipeline.jobs import CancelJob, Ticket, UsageJob


class Submits(Protocol):
    """The part of the writer that a link needs."""

    def submit(self, tickets: list[Ticket]) -> None:
        """Queue tickets; one that cannot be queued is answered here and now."""
        ...

    @property
    def expected_wait_ms(self) -> int:
        """How long a job that is asked now would wait for its turn."""
        ...


class Link(Channel):
    """One end. All that a commit answers travels together."""

    def __init__(self, writer: Submits) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.ready = False
        """Whether the door process has said that it listens."""
        self.gone: asyncio.Future[None] = self.loop.create_future()
        """Done when the door process has ended."""
        self.samples: list[Sample] = []
        """What it has counted, as it said last."""
        self._writer = writer
        self._answers: list[tuple[int, Any]] = []
        self._told_ms = 0
        self._counting: asyncio.Future[None] | None = None

    def received(self, message: Any) -> None:
        """Jobs, or figures."""
        match message:
            case Asked():
                self._writer.submit(
                    [_RemoteTicket(self, number, unpack_job(job)) for number, job in message.jobs]
                )
            case Samples():
                self.samples = message.samples
                if self._counting is not None and not self._counting.done():
                    self._counting.set_result(None)
            case Ready():
                self.ready = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The door process has ended. What it asked for may be done; nobody was told so."""
        if not self.gone.done():
            self.gone.set_result(None)
        if self._counting is not None and not self._counting.done():
            self._counting.set_result(None)

    def answer(self, number: int, packed: Any) -> None:
        """Have an answer sent, with the others of this turn of the loop."""
        if not self._answers:
            self.loop.call_soon(self._send_answers)
        self._answers.append((number, packed))

    def pulse(self) -> None:
        """Say how long a job would wait, unless it is still nothing."""
        wait_ms = self._writer.expected_wait_ms
        if wait_ms or self._told_ms:
            self._told_ms = wait_ms
            self.send(Answered(wait_ms, []))

    def drain(self) -> None:
        """Have the door process finish what is under way, and end."""
        self.send(Drain())

    async def count(self) -> None:
        """Ask anew what it has counted; returns when `samples` say it, or it is gone."""
        if self.gone.done():
            return
        if self._counting is None or self._counting.done():
            self._counting = self.loop.create_future()
            self.send(Count())
        await asyncio.shield(self._counting)

    def _send_answers(self) -> None:
        answers, self._answers = self._answers, []
        self._told_ms = self._writer.expected_wait_ms
        self.send(Answered(self._told_ms, answers))


class _RemoteTicket(Ticket):
    """A job of a door process."""

    __slots__ = ("_link", "_number")

    def __init__(self, link: Link, number: int, job: UsageJob | CancelJob) -> None:
        super().__init__(job, link.loop)
        self._link = link
        self._number = number

    def settle(self) -> None:
        """Hand the answer over to the link."""
        self._link.answer(self._number, pack_answer(self.job, self.answer, self.error))
