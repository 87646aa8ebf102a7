"""Answers what has to be added up over many customers: in threads of their own, at one moment.

A look may take a second. There are two at a time, and a few may wait, so that neither the writer
nor the other reads do.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from tripmeter.model.errors import Overloaded, ParameterInvalid
from tripmeter.pipeline.jobs import QueryJob, Worker
from tripmeter.pipeline.looking import Look, TooMuch, pin
from tripmeter.pipeline.state import State
from tripmeter.ports import Session, Store

T = TypeVar("T")

Ask = Callable[[Callable[[State], Any]], Any]
"""Has something done by the writer, between two commits: what little needs its own figures."""

THREADS: Final = 2

AT_ONCE: Final = 32
"""Looks under way, or waiting for it; whoever comes beyond that is put off."""


class Looks:
    """Takes looks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(THREADS, "looks")
        self._waiting = 0

    async def take(self, writer: Worker, use: Callable[[Look], T]) -> T:
        """What comes of a look. Raises Overloaded, or ParameterInvalid for too long a span."""
        return await self.take_and_ask(
            writer, lambda session, ask: use(ask(lambda state: pin(state, session)))
        )

    async def take_and_ask(self, writer: Worker, use: Callable[[Session, Ask], T]) -> T:
        """As `take`, where the writer is asked for more than a moment.

        `use` gets a session that has not read anything yet.
        """
        if self._waiting >= AT_ONCE:
            raise Overloaded("too many charts are being made")
        loop = asyncio.get_running_loop()

        def ask(do: Callable[[State], Any]) -> Any:
            job = QueryJob(lambda state, _session, _now_ms: do(state))
            return asyncio.run_coroutine_threadsafe(writer.ask(job), loop).result()

        self._waiting += 1
        try:
            return await loop.run_in_executor(self._threads, self._use, use, ask)
        except TooMuch as error:
            raise ParameterInvalid(
                "start_time",
                "There is too much usage in this span to look at each customer's. Choose a shorter"
                " one.",
            ) from error
        finally:
            self._waiting -= 1

    def _use(self, use: Callable[[Session, Ask], T], ask: Ask) -> T:
        with self._store.reader() as session:
            return use(session, ask)
