"""DELIVER: sends what the outbox holds. At least once, in no promised order, for three days (C5).

Every endpoint has a lane of its own, so a dead one delays no other. Each attempt is signed afresh
and recorded, and what it leads to is a decision of `rules/retry.py`.
"""

import asyncio
import random
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from tripmeter.failpoints import reach
from tripmeter.model.delivery import Answer
from tripmeter.model.event import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Event,
    EventPayload,
)
from tripmeter.model.ids import new_id
from tripmeter.model.pulse import Counts
from tripmeter.model.scope import Scope
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.pipeline.metrics import DELIVERY_ATTEMPTS, DELIVERY_SECONDS
from tripmeter.pipeline.publish import Parcel
from tripmeter.pipeline.pulse import Pulse
from tripmeter.pipeline.writer import Writer
from tripmeter.ports import Clock, Poster, Session, Store, Work
from tripmeter.rules.retry import (
    JITTER_LIMIT_BP,
    LONGEST_RETRY_AFTER_MS,
    Verdict,
    judge_attempt,
    parse_retry_after,
)
from tripmeter.wire.events import event_object, event_v2_object
from tripmeter.wire.signature import HEADER, sign

LANE_WIDTH: Final = 16
"""Attempts at one endpoint at a time."""

LOOK_AHEAD: Final = 2 * LANE_WIDTH + 1
"""Pending deliveries looked at: those under way, as many others, and the one after them."""

SENDING_LIMIT: Final = 256
"""Attempts at all endpoints at a time."""

LONGEST_SLEEP_MS: Final = 60_000
"""Lanes look again at least this often: clocks step, and other processes may have written."""

STEP_MS: Final = 60_000
"""A clock that shows so much less than before was set back."""

_END_OF_TIME_MS: Final = 2**62

USER_AGENT: Final = "Tripmeter/1.0 (+webhooks)"

log = structlog.get_logger()


_SETTLED: Final = {
    DeliveryState.SUCCEEDED: Counts(delivered=1),
    DeliveryState.FAILED: Counts(undelivered=1),
}


class Attempted(NamedTuple):
    """An attempt that was made."""

    parcel: Parcel
    at_ms: int
    signature: str
    answer: Answer


class Seen(NamedTuple):
    """What a look into the outbox found for an endpoint."""

    parcels: list[Parcel]
    """Due now."""
    next_due_ms: int | None
    """When what comes after them is due; None where that is all."""


class Lane:
    """What is under way to one endpoint."""

    def __init__(self) -> None:
        self.bell = asyncio.Event()
        """Rung when something is due, or there is room again."""
        self.under_way: dict[int, asyncio.Task[None]] = {}
        self._taken: set[int] = set()

    @property
    def room(self) -> int:
        """How many more attempts may be under way."""
        return LANE_WIDTH - len(self.under_way)

    def begin_to_look(self) -> frozenset[int]:
        """The deliveries under way. What is taken from here on, the store may still show as due."""
        self._taken = set(self.under_way)
        return frozenset(self._taken)

    def takes(self, delivery: Delivery) -> bool:
        """Whether there is room for a delivery, and it was not taken since the look began."""
        return self.room > 0 and delivery.no not in self._taken

    def take(self, delivery: Delivery, task: asyncio.Task[None]) -> None:
        """A delivery is under way, for as long as its task lasts."""
        self._taken.add(delivery.no)
        self.under_way[delivery.no] = task
        task.add_done_callback(partial(self._leave, delivery.no))

    def _leave(self, number: int, _done: asyncio.Task[None]) -> None:
        del self.under_way[number]
        self.bell.set()


class Deliverer:
    """Runs the lanes inside an event loop. `wake` may be called from any thread."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        poster: Poster,
        clock: Clock,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse or Pulse()
        self._store = store
        self._writer = writer
        self._poster = poster
        self._clock = clock
        self._lanes: dict[int, Lane] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(SENDING_LIMIT)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._looked_ms: int | None = None
        """What the clock said when a lane last looked."""

    async def start(self) -> None:
        """Open a lane for every endpoint that something waits for."""
        self._loop = asyncio.get_running_loop()
        for endpoint_no in await asyncio.to_thread(self._read, _next_due):
            self._ring(endpoint_no)

    async def stop(self) -> None:
        """Let attempts under way finish, start no others."""
        self._stopping = True
        for lane in self._lanes.values():
            lane.bell.set()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def wake(self, endpoints: set[int], parcels: Sequence[Parcel]) -> None:
        """Say that endpoints have something due, some of which needs not be read again."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin, endpoints, parcels)

    def _begin(self, endpoints: set[int], parcels: Sequence[Parcel]) -> None:
        for endpoint_no in endpoints:
            self._ring(endpoint_no)
        for parcel in parcels:
            lane = self._lanes.get(parcel.delivery.endpoint_no)
            if lane is not None and not self._stopping:
                self._take(lane, parcel)

    def _ring(self, endpoint_no: int) -> None:
        if self._stopping:
            return
        self._lanes.setdefault(endpoint_no, Lane()).bell.set()
        if endpoint_no not in self._running:
            self._running[endpoint_no] = asyncio.create_task(self._run(endpoint_no))

    def _take(self, lane: Lane, parcel: Parcel) -> None:
        if lane.takes(parcel.delivery):
            lane.take(parcel.delivery, asyncio.create_task(self._deliver(parcel)))

    async def _run(self, endpoint_no: int) -> None:
        """Send to one endpoint until nothing is pending for it."""
        lane = self._lanes[endpoint_no]
        try:
            while not self._stopping:
                lane.bell.clear()
                await self._mind_the_clock()
                taken = lane.begin_to_look()
                seen = await asyncio.to_thread(self._read, self._look, endpoint_no, taken)
                for parcel in seen.parcels:
                    self._take(lane, parcel)
                if not (lane.under_way or lane.bell.is_set() or seen.next_due_ms):
                    return
                await self._sleep(lane, seen.next_due_ms)
        except Exception:
            log.exception("delivery_lane_failed", endpoint_no=endpoint_no)
            lane.bell.set()  # what is pending is still pending: the lane opens again
            await asyncio.sleep(1)
        finally:
            await asyncio.gather(*lane.under_way.values(), return_exceptions=True)
            del self._running[endpoint_no]
            if lane.bell.is_set() and not self._stopping:
                self._ring(endpoint_no)

    async def _mind_the_clock(self) -> None:
        """Bring forward what was planned by a clock that was ahead of what it is now.

        How far it was set back is known of this process's time alone; before that, what no plan
        reaches to must have been planned so.
        """
        now_ms, before_ms = self._clock.now_ms(), self._looked_ms
        after_ms, by_ms = now_ms + LONGEST_RETRY_AFTER_MS, _END_OF_TIME_MS
        if before_ms is not None:
            after_ms, by_ms = now_ms, before_ms - now_ms
        self._looked_ms = now_ms
        if by_ms < STEP_MS:
            return
        try:
            await self._writer.ask(
                CommandJob(lambda work: work.session.outbox.bring_forward(after_ms, by_ms, now_ms))
            )
        except Exception:
            self._looked_ms = before_ms
            raise

    async def _sleep(self, lane: Lane, due_ms: int | None) -> None:
        """Wait for the bell; while there is room, for what is due next as well."""
        wait_ms = LONGEST_SLEEP_MS
        if due_ms is not None and lane.room:
            wait_ms = min(max(due_ms - self._clock.now_ms(), 1), LONGEST_SLEEP_MS)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000):
                await lane.bell.wait()

    async def _deliver(self, parcel: Parcel) -> None:
        """Send once and record it. What could not be recorded is sent again, a second later."""
        try:
            attempted = await self._send(parcel)
            state = await self._writer.ask(CommandJob(lambda work: _record(work, attempted)))
            reach("delivery.recorded")
            self._count(parcel.event, state)
        except Exception:
            log.exception("delivery_not_recorded", delivery_no=parcel.delivery.no)
            await asyncio.sleep(1)

    def _count(self, event: Event, state: DeliveryState) -> None:
        if state in _SETTLED:
            scope = Scope.of(event)
            self._pulse.add({scope: _SETTLED[state]}, self._clock.now_ms())

    async def _send(self, parcel: Parcel) -> Attempted:
        async with self._slots:
            at_ms = self._clock.now_ms()
            body = render_body(parcel)
            signature = sign(body, parcel.endpoint.secrets(at_ms), at_ms // 1000)
            headers = {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": USER_AGENT,
                HEADER: signature,
            }
            reach("delivery.sending")
            answer = await self._poster.post(parcel.endpoint.url, body, headers)
            reach("delivery.sent")
        return Attempted(parcel, at_ms, signature, answer)

    def _look(self, session: Session, endpoint_no: int, taken: Collection[int]) -> Seen:
        now_ms = self._clock.now_ms()
        pending = [
            delivery
            for delivery in session.outbox.due(endpoint_no, _END_OF_TIME_MS, LOOK_AHEAD)
            if delivery.no not in taken
        ]
        due = [delivery for delivery in pending if delivery.due_ms <= now_ms][:LANE_WIDTH]
        parcels = [_parcel(session, delivery) for delivery in due]
        later = pending[len(due) :]
        return Seen(parcels, later[0].due_ms if later else None)

    def _read(self, read: Any, *args: Any) -> Any:
        with self._store.reader() as session:
            return read(session, *args)


def render_body(parcel: Parcel) -> bytes:
    """What is sent: the snapshot, or the thin event without its data."""
    event, endpoint = parcel.event, parcel.endpoint
    rendered: Any
    if event.payload is EventPayload.THIN:
        rendered = event_v2_object(event, with_data=False)
    else:
        rendered = event_object(event, parcel.pending_webhooks, endpoint.api_version)
    return msgspec.json.encode(rendered)


def _record(work: Work, attempted: Attempted) -> DeliveryState:
    """Store the attempt and what it leads to, in one transaction; the state that is."""
    delivery, answer = attempted.parcel.delivery, attempted.answer
    number = delivery.attempts + 1
    verdict = judge_attempt(
        attempt=number,
        first_attempt_ms=delivery.created_ms,
        now_ms=work.now_ms,
        status=answer.status,
        retry_after_s=parse_retry_after(answer.headers.get("retry-after"), work.now_ms),
        jitter_bp=random.randint(-JITTER_LIMIT_BP, JITTER_LIMIT_BP),
    )
    state, due_ms = _state_after(verdict, delivery)
    work.session.outbox.settle(delivery.no, state, number, due_ms)
    reach("delivery.settled")
    work.session.attempts.insert(_attempt(work.now_ms, attempted, number, state, due_ms))
    DELIVERY_ATTEMPTS.labels(verdict.reason).inc()
    if number == 1:
        DELIVERY_SECONDS.observe((work.now_ms - attempted.parcel.event.created_ms) / 1000)
    return state


def _state_after(verdict: Verdict, delivery: Delivery) -> tuple[DeliveryState, int]:
    if verdict.reason == "delivered":
        return DeliveryState.SUCCEEDED, delivery.due_ms
    if verdict.next_attempt_ms is None or delivery.manual:
        return DeliveryState.FAILED, delivery.due_ms
    return DeliveryState.PENDING, verdict.next_attempt_ms


def _attempt(
    now_ms: int, attempted: Attempted, number: int, state: DeliveryState, due_ms: int
) -> DeliveryAttempt:
    event, endpoint, answer = (
        attempted.parcel.event,
        attempted.parcel.endpoint,
        attempted.answer,
    )
    return DeliveryAttempt(
        id=new_id("wda", now_ms),
        account=event.account,
        livemode=event.livemode,
        event=event.id,
        endpoint=endpoint.id,
        number=number,
        created_ms=attempted.at_ms,
        url=endpoint.url,
        outcome="succeeded" if state is DeliveryState.SUCCEEDED else "failed",
        signature=attempted.signature,
        status=answer.status,
        body=answer.body,
        error=answer.error,
        duration_ms=answer.duration_ms,
        next_attempt_ms=due_ms if state is DeliveryState.PENDING else None,
        manual=attempted.parcel.delivery.manual,
    )


def _parcel(session: Session, delivery: Delivery) -> Parcel:
    return Parcel(
        delivery,
        session.events.numbered(delivery.event_no),
        session.destinations.numbered(delivery.endpoint_no),
        session.outbox.pending_count(delivery.event_no),
    )


def _next_due(session: Session) -> dict[int, int]:
    return session.outbox.next_due()
