"""SEND: messages of alerts go out. At least once, each in a lane of its own, for three days.

A lane is a target, or the mails of one alert: what hangs in one keeps no other waiting, and mails
have places of their own beside chat and webhooks. What an attempt leads to is for `dispatch.py`.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import structlog

from tripmeter.failpoints import reach
from tripmeter.model.action import ActionRun
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.pipeline.dispatch import (
    Bundle,
    Dispatcher,
    Sent,
    bring_forward,
    bundle_of,
    record,
)
from tripmeter.pipeline.jobs import CommandJob, QueryJob
from tripmeter.pipeline.state import State
from tripmeter.pipeline.summaries import summarize
from tripmeter.pipeline.writer import Writer
from tripmeter.ports import Clock, Session, Store
from tripmeter.wire.alert_message import Trend

LANE_WIDTH: Final = 4
"""Bundles of one lane at a time; of one that gathers, one."""

MAILS_LIMIT: Final = 16
"""Bundles of mails at a time: so many connections an SMTP server has to bear."""

MESSAGES_LIMIT: Final = 256
"""Bundles of other messages at a time."""

GATHERED_LIMIT: Final = 1_000
"""Runs that one digest takes."""

LONGEST_SLEEP_MS: Final = 60_000

STEP_MS: Final = 60_000
"""A clock that shows so much less than before was set back."""

MINUTE_MS: Final = 60_000
WEEK_MS: Final = 7 * 86_400_000

log = structlog.get_logger()


class Found(NamedTuple):
    """What a look has found."""

    bundles: Sequence[Bundle]
    next_due_ms: int | None


class Sender:
    """Runs the lanes inside an event loop. `wake` may be called from any thread."""

    def __init__(
        self, store: Store, writer: Writer, clock: Clock, dispatcher: Dispatcher, seller: str
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._dispatcher = dispatcher
        self._seller = seller
        self._bell = asyncio.Event()
        self._under_way: dict[int, str] = {}
        """Numbers of runs, and the lane of each."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._mails = asyncio.Semaphore(MAILS_LIMIT)
        self._messages = asyncio.Semaphore(MESSAGES_LIMIT)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._looked_ms = 0
        """What the clock said at the last look."""

    async def start(self) -> None:
        """Begin to send what waits."""
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let attempts under way finish, start no others."""
        self._stopping = True
        self._bell.set()
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """Say that there is something to send."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    async def _run(self) -> None:
        while not self._stopping:
            self._bell.clear()
            try:
                await self._mind_the_clock()
                found = await asyncio.to_thread(self._look, dict(self._under_way))
            except Exception:
                log.exception("actions_not_read")
                await asyncio.sleep(1)
                continue
            for bundle in found.bundles:
                self._take(bundle)
            await self._sleep(found.next_due_ms)

    async def _mind_the_clock(self) -> None:
        """Bring forward what was planned by a clock that was ahead of what it is now."""
        now_ms, before_ms = self._clock.now_ms(), self._looked_ms
        if now_ms < before_ms - STEP_MS:
            by_ms = before_ms - now_ms
            await self._writer.ask(CommandJob(lambda work: bring_forward(work, by_ms)))
        self._looked_ms = now_ms

    async def _sleep(self, due_ms: int | None) -> None:
        wait_ms = LONGEST_SLEEP_MS
        if due_ms is not None:
            wait_ms = min(max(due_ms - self._clock.now_ms(), 1), LONGEST_SLEEP_MS)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000):
                await self._bell.wait()

    def _look(self, under_way: dict[int, str]) -> Found:
        """What is due and has room. Runs that are under way may look due, and are left out."""
        now_ms = self._clock.now_ms()
        taken = Counter(under_way.values())
        bundles: list[Bundle] = []
        later: list[int] = []
        with self._store.reader() as session:
            for lane, due_ms in session.due_lanes().items():
                if due_ms > now_ms:
                    later.append(due_ms)
                    continue
                if taken[lane] < LANE_WIDTH:
                    runs = session.due_runs(lane, now_ms, LANE_WIDTH)
                    free = [run for run in runs if run.no not in under_way]
                    bundles += self._bundles(session, lane, free[: LANE_WIDTH - taken[lane]])
        return Found(bundles, min(later, default=None))

    def _bundles(
        self, session: Session, lane: str, runs: Sequence[Kept[ActionRun]]
    ) -> list[Bundle]:
        made = [bundle_of(session, lane, [run], self._seller) for run in runs]
        target = made[0].target if made else None
        if target is None or target.digest is None:
            return made
        if any(taken == lane for taken in self._under_way.values()):
            return []  # what it has come to since waits for the next hour
        every = session.due_runs(lane, self._clock.now_ms(), GATHERED_LIMIT)
        return [bundle_of(session, lane, every, self._seller)]

    def _take(self, bundle: Bundle) -> None:
        self._under_way.update((run.no, bundle.lane) for run in bundle.runs)
        task = asyncio.create_task(self._deliver(bundle))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, bundle: Bundle) -> None:
        """Send once and record it. What could not be recorded is sent again, a second later."""
        try:
            async with self._mails if bundle.is_mail else self._messages:
                at_ms = self._clock.now_ms()
                sent = await self._send(bundle)
            await self._writer.ask(CommandJob(lambda work: record(work, bundle, sent, at_ms)))
            reach("action.recorded")
        except Exception:
            log.exception("action_not_recorded", lane=bundle.lane)
            await asyncio.sleep(1)
        finally:
            for run in bundle.runs:
                del self._under_way[run.no]
            self._bell.set()

    async def _send(self, bundle: Bundle) -> list[Sent]:
        trend = await self._trend(bundle.first) if bundle.shows_trend else None
        return await self._dispatcher.send(
            bundle, {} if trend is None else {bundle.first.id: trend}
        )

    async def _trend(self, run: ActionRun) -> Trend | None:
        """How much of the alert's meter the customer used in the last weeks; None if unknown."""
        occasion = run.occasion
        if occasion.meter is None:
            return None
        scope, meter_id, customer = Scope.of(run), occasion.meter, run.customer
        now_ms = occasion.happened_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS
        spans = [(now_ms - WEEK_MS, now_ms), (now_ms - 2 * WEEK_MS, now_ms - WEEK_MS)]

        def query(state: State, session: Session, _: int) -> list[int]:
            meter = state.catalogue.numbered(session.meters.get(scope, meter_id).no)
            customer_no = session.customers.get(scope, customer).no
            return summarize(state, meter, customer_no, customer, spans)

        try:
            return Trend(*await self._writer.ask(QueryJob(query)))
        except Exception:
            log.exception("trend_unknown", run=run.id)
            return None
