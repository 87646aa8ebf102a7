"""The door process's end of the link: a writer that is somewhere else."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, Final

from tripmeter.fleet.channel import Channel
from tripmeter.fleet.counts import own_samples
from tripmeter.fleet.messages import (
    Answered,
    Asked,
    Count,
    Drain,
    Ready,
    Samples,
    pack_job,
    unpack_answer,
)
from tripmeter.pipeline.jobs import CancelJob, Job, UsageJob

ENOUGH: Final = 64
"""So many meter events wait for nothing: they are worth a commit of their own."""


class RemoteWriter(Channel):
    """Has the engine's writer do usage and cancellations; a Worker.

    What one turn of the loop asks travels together, and what the writer could not begin with yet
    waits here: small jobs, while earlier ones are under way. It would have to wait there, too, and
    so fills a commit. Without the engine there is nothing that this process could answer, so when
    the link ends, the process does, at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.when_to_drain: Callable[[], None] = lambda: None
        """Called when the engine wants this process to finish."""
        self._wait_ms = 0
        self._number = 0
        self._pending: dict[int, tuple[UsageJob | CancelJob, asyncio.Future[Any]]] = {}
        self._together: list[tuple[int, Any]] = []
        self._under_way = 0
        """Jobs that were handed over and have no answer yet."""
        self._pieces = 0
        """Meter events among the jobs that are not handed over yet."""
        self._is_due = False
        """Whether those are handed over in this turn."""

    async def ask(self, job: Job) -> Any:
        """Have a job done and give its answer. Raises what the job was refused with."""
        assert isinstance(job, UsageJob | CancelJob), "other jobs are done in the engine's process"
        loop = asyncio.get_running_loop()
        self._number += 1
        future = loop.create_future()
        self._together.append((self._number, pack_job(job)))
        self._pieces += len(job.reports.identifiers) if isinstance(job, UsageJob) else 1
        if self._pieces >= ENOUGH or not self._under_way:
            self._hand_over_soon()
        self._pending[self._number] = job, future
        return await future

    @property
    def healthy(self) -> bool:
        """Whether the engine is there; without it, this process is not either."""
        return self._transport is not None

    @property
    def expected_wait_ms(self) -> int:
        """How long a job would wait for its turn, as the engine said with its last message."""
        return self._wait_ms

    def tell_ready(self) -> None:
        """Tell the engine that this process listens."""
        self.send(Ready())

    def received(self, message: Any) -> None:
        """Answers, or an order."""
        match message:
            case Answered():
                self._wait_ms = message.wait_ms
                for number, packed in message.answers:
                    self._settle(number, packed)
                self._under_way -= len(message.answers)
                if self._together and not self._under_way:
                    self._hand_over_soon()
            case Count():
                self.send(Samples(own_samples()))
            case Drain():
                self.when_to_drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """The engine is gone: end before a client can wait for what will never come."""
        os._exit(1)

    def _hand_over_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        jobs, self._together = self._together, []
        self._pieces, self._is_due = 0, False
        self._under_way += len(jobs)
        self.send(Asked(jobs))

    def _settle(self, number: int, packed: Any) -> None:
        job, future = self._pending.pop(number)
        if future.done():  # its client has gone
            return
        try:
            future.set_result(unpack_answer(job, packed))
        except Exception as error:
            future.set_exception(error)
