"""DELIVER: sends what the outbox holds. At least once, in no promised order, for three days (C5).

Every endpoint has a lane of its own, so a dead one delays no other. Each attempt is signed afresh
and recorded, and what it leads to is a decision of `rules/retry.py`.
"""

import asyncio
import random
from collections.abc import Collection
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
    Endpoint,
    Event,
    EventPayload,
)
from tripmeter.model.ids import new_id
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.pipeline.metrics import DELIVERY_ATTEMPTS, DELIVERY_SECONDS
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

SENDING_LIMIT: Final = 256
"""Attempts at all endpoints at a time."""

LONGEST_SLEEP_MS: Final = 60_000
"""Lanes look again at least this often: clocks step, and other processes may have written."""

STEP_MS: Final = 60_000
"""A clock that shows so much less than before was set back."""

_END_OF_TIME_MS: Final = 2**62

USER_AGENT: Final = "Tripmeter/1.0 (+webhooks)"

log = structlog.get_logger()


class Parcel(NamedTuple):
    """One delivery with all that an attempt needs."""

    delivery: Delivery
    event: Event
    endpoint: Endpoint
    pending_webhooks: int


class Attempted(NamedTuple):
    """An attempt that was made."""

    parcel: Parcel
    at_ms: int
    signature: str
    answer: Answer


class Deliverer:
    """Runs the lanes inside an event loop. `wake` may be called from any thread."""

    def __init__(self, store: Store, writer: Writer, poster: Poster, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._poster = poster
        self._clock = clock
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._bells: dict[int, asyncio.Event] = {}
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
        for bell in self._bells.values():
            bell.set()
        await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    def wake(self, endpoints: set[int]) -> None:
        """Say that endpoints have something due."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring_all, endpoints)

    def _ring_all(self, endpoints: set[int]) -> None:
        for endpoint_no in endpoints:
            self._ring(endpoint_no)

    def _ring(self, endpoint_no: int) -> None:
        if self._stopping:
            return
        self._bells.setdefault(endpoint_no, asyncio.Event()).set()
        if endpoint_no not in self._lanes:
            self._lanes[endpoint_no] = asyncio.create_task(self._lane(endpoint_no))

    async def _lane(self, endpoint_no: int) -> None:
        """Send to one endpoint until nothing is pending for it."""
        bell = self._bells[endpoint_no]
        under_way: dict[int, asyncio.Task[None]] = {}
        try:
            while not self._stopping:
                bell.clear()
                await self._mind_the_clock()
                parcels = await asyncio.to_thread(self._read, self._due, endpoint_no, [*under_way])
                for parcel in parcels:
                    number = parcel.delivery.no
                    under_way[number] = task = asyncio.create_task(self._deliver(parcel))
                    task.add_done_callback(partial(_forget, under_way, number, bell))
                if under_way:
                    await bell.wait()  # something more is due, or something is done
                elif not await self._sleep(endpoint_no, bell):
                    return
        except Exception:
            log.exception("delivery_lane_failed", endpoint_no=endpoint_no)
            bell.set()  # what is pending is still pending: the lane opens again
            await asyncio.sleep(1)
        finally:
            await asyncio.gather(*under_way.values(), return_exceptions=True)
            del self._lanes[endpoint_no]
            if bell.is_set() and not self._stopping:
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

    async def _sleep(self, endpoint_no: int, bell: asyncio.Event) -> bool:
        """Wait for the next due time or the bell; False if nothing is pending."""
        due_ms = await asyncio.to_thread(self._read, _first_due, endpoint_no)
        if due_ms is None:
            return bell.is_set()
        wait_ms = min(max(due_ms - self._clock.now_ms(), 1), LONGEST_SLEEP_MS)
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await bell.wait()
        except TimeoutError:
            pass
        return True

    async def _deliver(self, parcel: Parcel) -> None:
        """Send once and record it. What could not be recorded is sent again, a second later."""
        try:
            attempted = await self._send(parcel)
            await self._writer.ask(CommandJob(lambda work: _record(work, attempted)))
            reach("delivery.recorded")
        except Exception:
            log.exception("delivery_not_recorded", delivery_no=parcel.delivery.no)
            await asyncio.sleep(1)

    async def _send(self, parcel: Parcel) -> Attempted:
        async with self._slots:
            at_ms = self._clock.now_ms()
            body = render_body(parcel)
            signature = sign(body, [parcel.endpoint.secret], at_ms // 1000)
            headers = {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": USER_AGENT,
                HEADER: signature,
            }
            reach("delivery.sending")
            answer = await self._poster.post(parcel.endpoint.url, body, headers)
            reach("delivery.sent")
        return Attempted(parcel, at_ms, signature, answer)

    def _due(self, session: Session, endpoint_no: int, under_way: Collection[int]) -> list[Parcel]:
        """What is due and not under way, as far as the lane has room for it."""
        due = session.outbox.due(endpoint_no, self._clock.now_ms(), LANE_WIDTH)
        due = [delivery for delivery in due if delivery.no not in under_way]
        due = due[: LANE_WIDTH - len(under_way)]
        if not due:
            return []
        endpoint = session.destinations.numbered(endpoint_no)
        return [
            Parcel(
                delivery,
                session.events.numbered(delivery.event_no),
                endpoint,
                session.outbox.pending_count(delivery.event_no),
            )
            for delivery in due
        ]

    def _read(self, read: Any, *args: Any) -> Any:
        with self._store.reader() as session:
            return read(session, *args)


def _forget(
    under_way: dict[int, asyncio.Task[None]],
    number: int,
    bell: asyncio.Event,
    _done: asyncio.Task[None],
) -> None:
    """A delivery is no longer under way: the lane has room."""
    del under_way[number]
    bell.set()


def render_body(parcel: Parcel) -> bytes:
    """What is sent: the snapshot, or the thin event without its data."""
    event, endpoint = parcel.event, parcel.endpoint
    rendered: Any
    if event.payload is EventPayload.THIN:
        rendered = event_v2_object(event, with_data=False)
    else:
        rendered = event_object(event, parcel.pending_webhooks, endpoint.api_version)
    return msgspec.json.encode(rendered)


def _record(work: Work, attempted: Attempted) -> None:
    """Store the attempt and what it leads to, in one transaction."""
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


def _next_due(session: Session) -> dict[int, int]:
    return session.outbox.next_due()


def _first_due(session: Session, endpoint_no: int) -> int | None:
    """When the first delivery to one endpoint is due; None if nothing is pending."""
    first = session.outbox.due(endpoint_no, _END_OF_TIME_MS, 1)
    return first[0].due_ms if first else None
