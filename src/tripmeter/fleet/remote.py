"""The door process's end of the link: a writer that is somewhere else."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

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


class RemoteWriter(Channel):
    """Has the engine's writer do usage and cancellations; a Worker.

    What one turn of the loop asks travels together. Without the engine there is nothing that this
    process could answer, so when the link ends, the process does, at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.when_to_drain: Callable[[], None] = lambda: None
        """Called when the engine wants this process to finish."""
        self._wait_ms = 0
        self._number = 0
        self._pending: dict[int, tuple[UsageJob | CancelJob, asyncio.Future[Any]]] = {}
        self._together: list[tuple[int, Any]] = []

    async def ask(self, job: Job) -> Any:
        """Have a job done and give its answer. Raises what the job was refused with."""
        assert isinstance(job, UsageJob | CancelJob), "other jobs are done in the engine's process"
        loop = asyncio.get_running_loop()
        if not self._together:
            loop.call_soon(self._hand_over)
        self._number += 1
        future = loop.create_future()
        self._pending[self._number] = job, future
        self._together.append((self._number, pack_job(job)))
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
            case Count():
                self.send(Samples(own_samples()))
            case Drain():
                self.when_to_drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """The engine is gone: end before a client can wait for what will never come."""
        os._exit(1)

    def _hand_over(self) -> None:
        jobs, self._together = self._together, []
        self.send(Asked(jobs))

    def _settle(self, number: int, packed: Any) -> None:
        job, future = self._pending.pop(number)
        if future.done():  # its client has gone
            return
        try:
            future.set_result(unpack_answer(job, packed))
        except Exception as error:
            future.set_exception(error)
