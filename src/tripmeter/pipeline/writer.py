"""The one writer: takes everything that waits, commits it in one transaction, then answers.

An answer therefore means: durable (C1), counted once (C2), and every alert that it crossed is on
its way (C3, C5). All changes of an engine pass through this thread, in one order.
"""

import asyncio
import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

import structlog

from tripmeter.failpoints import reach
from tripmeter.model.errors import Draining, Overloaded, Refusal, StoreUnavailable
from tripmeter.model.terms import STRIPES, Terms
from tripmeter.pipeline import flush
from tripmeter.pipeline.batch import Batch
from tripmeter.pipeline.jobs import (
    CancelJob,
    CommandJob,
    FutureTicket,
    Job,
    QueryJob,
    Ticket,
    UsageJob,
    settle_all,
)
from tripmeter.pipeline.meter_hours import ensure_meter_hours
from tripmeter.pipeline.metrics import (
    ALERTS_FIRED,
    COMMIT_SECONDS,
    EVENTS_COUNTED,
    EVENTS_REFUSED,
    QUEUE_DEPTH,
    REQUESTS_REFUSED,
)
from tripmeter.pipeline.publish import Parcel
from tripmeter.pipeline.pulse import Pulse
from tripmeter.pipeline.replay import look_ahead, read_state
from tripmeter.pipeline.state import State, ensure_identifier_secret
from tripmeter.ports import Clock, Identifiers, Store
from tripmeter.ports.payments import RECORDED, Payments
from tripmeter.rules.admission import Pace, expected_wait_ms, learnt

JOBS_PER_COMMIT: Final = 512
PIECES_PER_COMMIT: Final = 20_000

REPORTS_AT_REST: Final = 20_000
"""In a quiet moment as much is flushed as beside a commit of so many reports."""

IDLE_MS: Final = 200
"""Quiet time after which memory is written to the store."""

log = structlog.get_logger()


Wake = Callable[[set[int], Sequence[Parcel]], None]
"""Told after a commit which endpoints have something due, and the first of it as it was written."""


class QueueLimits(NamedTuple):
    """What may wait; beyond that, callers are told to come again (503)."""

    jobs: int = 20_000
    pieces: int = 250_000
    """Meter events, which are what takes memory, about 1 KB each; other jobs count as one."""


ROOMY: Final = QueueLimits()


_QUERY_CAME: Final = FutureTicket(QueryJob(lambda *_: None), None)
"""In the queue, to wake the writer: the query itself waits elsewhere."""


class Writer:
    """Owns the state and the store's writing session. Start it once, stop it once."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        identifiers: Identifiers,
        wake: Wake,
        pace: flush.Pace = flush.STEADY,
        limits: QueueLimits = ROOMY,
        terms: Terms = STRIPES,
        payments: Payments = RECORDED,
    ) -> None:
        self.pulse = Pulse()
        """What is counted, for those who look on."""
        self._store = store
        self._terms = terms
        self._payments = payments
        self._clock = clock
        self._identifiers = identifiers
        self._wake = wake
        self.wake_sender: Callable[[], None] = lambda: None
        """Called after a commit in which messages of alerts have become due."""
        self._pace = pace
        self._queue: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._queries: deque[Ticket] = deque()
        self._thread = threading.Thread(target=self._run, name="writer")
        self._state: State | None = None
        self._changing = False
        """Whether the transaction under way may have changed memory."""
        self._stopping = False
        self._gate = threading.Lock()
        self._limits = limits
        self._waiting = 0
        """Pieces of work in the queue: meter events, and jobs of other kinds."""
        self._learnt = Pace()
        self._began_ms: int | None = None
        """When the commit under way began."""
        self._handing_over: dict[asyncio.AbstractEventLoop, list[Ticket]] = {}

    def start(self) -> None:
        """Read the state, replaying what was not flushed; then accept jobs."""
        with self._store.transaction():
            ensure_identifier_secret(self._store.writer())
            ensure_meter_hours(self._store.writer())
        self._state = self._read_state()
        self._thread.start()

    def stop(self) -> None:
        """Finish everything that waits, flush, and end the thread."""
        with self._gate:
            self._stopping = True
            self._queue.put(None)
        self._thread.join()

    async def ask(self, job: Job) -> Any:
        """Have a job done and give its answer. Raises what the job was refused with."""
        loop = asyncio.get_running_loop()
        ticket = FutureTicket(job, loop)
        together = self._handing_over.get(loop)
        if together is None:
            self._handing_over[loop] = [ticket]
            loop.call_soon(self._hand_over, loop)
        else:
            together.append(ticket)
        assert isinstance(ticket.future, asyncio.Future)
        return await ticket.future

    def ask_and_wait(self, job: Job) -> Any:
        """As `ask`, for callers without an event loop."""
        ticket = FutureTicket(job, None)
        self.submit([ticket])
        assert isinstance(ticket.future, Future)
        return ticket.future.result()

    def submit(self, tickets: Sequence[Ticket]) -> None:
        """Queue tickets; one that cannot be queued is answered here and now."""
        with self._gate:  # nothing is queued behind the end, where nobody would answer it
            for ticket in tickets:
                ticket.error = self._refusal(ticket.pieces)
                if ticket.error is None:
                    self._waiting += ticket.pieces
                    self._enqueue(ticket)
        for ticket in tickets:
            if ticket.error is not None:
                ticket.settle()

    @property
    def healthy(self) -> bool:
        """Whether the last transaction went through, and more are accepted."""
        return self._state is not None and not self._stopping

    @property
    def expected_wait_ms(self) -> int:
        """How long a job that is asked now would wait for its turn, by the pace of late."""
        began_ms = self._began_ms  # the writer's thread may set it to None at any moment
        under_way_ms = 0 if began_ms is None else self._clock.elapsed_ms() - began_ms
        jobs, pieces = self._queue.qsize(), self._waiting
        commits = max(-(-jobs // JOBS_PER_COMMIT), -(-pieces // PIECES_PER_COMMIT))
        return expected_wait_ms(self._learnt, commits, pieces, under_way_ms)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Submit what one turn of a loop has asked: the writer wakes up once for all of it."""
        self.submit(self._handing_over.pop(loop))

    def _enqueue(self, ticket: Ticket) -> None:
        if isinstance(ticket.job, QueryJob):
            self._queries.append(ticket)
            ticket = _QUERY_CAME
        self._queue.put(ticket)

    def _refusal(self, pieces: int) -> Refusal | None:
        if self._stopping:
            return Draining()
        is_full = self._queue.qsize() >= self._limits.jobs
        if is_full or (self._waiting and self._waiting + pieces > self._limits.pieces):
            REQUESTS_REFUSED.labels("queue").inc()
            return Overloaded("too much usage waits to be written")
        return None

    def _run(self) -> None:
        while True:
            try:
                ticket = self._queue.get(timeout=IDLE_MS / 1000)
            except queue.Empty:
                self._rest()
                continue
            tickets, last = self._gather(ticket)
            QUEUE_DEPTH.set(self._queue.qsize())
            if tickets:
                self._work_and_measure(tickets)
            if last:
                reach("stop.drained")
                self._flush_all()
                reach("stop.flushed")
                self._identifiers.close()
                return

    def _gather(self, ticket: Ticket | None) -> tuple[list[Ticket], bool]:
        """Everything that waits, up to the size of one commit; and whether it is the last.

        Queries overtake what waits: all that was acknowledged before they came is committed.
        """
        tickets: list[Ticket] = []
        pieces = 0
        while ticket is not None:
            if ticket is not _QUERY_CAME:
                tickets.append(ticket)
                pieces += ticket.pieces
            if len(tickets) >= JOBS_PER_COMMIT or pieces >= PIECES_PER_COMMIT:
                break
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                break
        tickets += [self._queries.popleft() for _ in range(len(self._queries))]
        return tickets, ticket is None

    def _work_and_measure(self, tickets: list[Ticket]) -> None:
        pieces = sum(ticket.pieces for ticket in tickets)
        with self._gate:
            self._waiting -= pieces
        self._began_ms = began_ms = self._clock.elapsed_ms()
        self._work(tickets)
        took_ms = self._clock.elapsed_ms() - began_ms
        self._learnt = learnt(self._learnt, pieces, took_ms)
        self._began_ms = None
        settle_all(tickets)  # last: whoever hears of it finds the writer at rest

    def _work(self, tickets: list[Ticket]) -> None:
        changes = [t for t in tickets if not isinstance(t.job, QueryJob)]
        if changes:
            self._commit(changes)
        for ticket in tickets:
            if isinstance(ticket.job, QueryJob):
                self._query(ticket, ticket.job)

    def _commit(self, tickets: list[Ticket]) -> None:
        """One transaction for all; each alone if something unforeseen happens to the group."""
        try:
            self._commit_together(tickets)
        except StoreUnavailable as error:
            log.error("store_unavailable", reason=error.reason, requests=len(tickets))
            self._fail(tickets, error)
        except Exception as error:
            log.exception("commit_failed", requests=len(tickets))
            self._changing, self._state = True, None
            if len(tickets) == 1:
                self._fail(tickets, error)
                return
            for ticket in tickets:
                self._commit([ticket])

    def _commit_together(self, tickets: list[Ticket]) -> None:
        self._changing = False
        reach("batch.taken")
        now_ms = self._clock.now_ms()
        if self._state is None:
            self._state = self._read_state()
        look_ahead(self._state, now_ms)  # before anything is looked up: after a quiet day too
        with COMMIT_SECONDS.time(), self._store.transaction():
            self._changing = True
            reach("batch.begun")
            batch = Batch(self._state, now_ms, self._pace, self._terms, self._payments)
            for together, run in itertools.groupby(tickets, _is_usage):
                if together:
                    _count(batch, list(run))
                else:
                    for ticket in run:
                        _attempt(batch, ticket)
            batch.finish()
            reach("batch.written")
        reach("batch.committed")
        self._identifiers.settle(self._state.position)
        reach("batch.settled")
        self._tell(batch)

    def _tell(self, batch: Batch) -> None:
        """Measure what was committed, and wake who delivers it. Cannot fail what is durable."""
        EVENTS_COUNTED.inc(batch.counted)
        ALERTS_FIRED.inc(batch.fired)
        for code, refused in batch.refused.items():
            EVENTS_REFUSED.labels(code.value).inc(refused)
        try:
            self.pulse.add(batch.counts, batch.now_ms)
            if batch.told:
                self.pulse.tell(batch.told)
        except Exception:
            log.exception("pulse_failed")
        if not (batch.woken or batch.is_message_due):
            return
        try:
            if batch.woken:
                self._wake(batch.woken, batch.parcels)
            if batch.is_message_due:
                self.wake_sender()
        except Exception:
            log.exception("wake_failed")

    def _fail(self, tickets: list[Ticket], error: Exception) -> None:
        """Nothing was kept: what memory had taken on is thrown away, and read again later."""
        if self._changing:
            self._state = None
        for ticket in tickets:
            ticket.answer, ticket.error = None, error

    def _query(self, ticket: Ticket, job: QueryJob) -> None:
        try:
            if self._state is None:
                self._state = self._read_state()
            ticket.answer = job.run(self._state, self._store.writer(), self._clock.now_ms())
        except Exception as error:
            ticket.error = error

    def _read_state(self) -> State:
        return read_state(self._store.writer(), self._identifiers, self._clock.now_ms())

    def _rest(self) -> None:
        """A quiet moment: bring the store up to what memory knows, slice by slice."""
        try:
            if self._state is None:
                self._state = self._read_state()
            if not self._state.behind:
                return
            with self._store.transaction():
                flush.write_at_rest(self._state, self._clock.now_ms(), self._pace, REPORTS_AT_REST)
            reach("flush.committed")
        except Exception:
            log.exception("flush_failed")
            self._state = None

    def _flush_all(self) -> None:
        while self._state is not None and self._state.behind:
            self._rest()


def _is_usage(ticket: Ticket) -> bool:
    return isinstance(ticket.job, UsageJob)


def _count(batch: Batch, tickets: Sequence[Ticket]) -> None:
    """Count the usage of several requests together; a request that was refused is told so."""
    jobs = [ticket.job for ticket in tickets if isinstance(ticket.job, UsageJob)]
    for ticket, answer in zip(tickets, batch.count(jobs), strict=True):
        ticket.answer, ticket.error = None, None
        if isinstance(answer, Refusal):
            ticket.error = answer
        else:
            ticket.answer = answer


def _attempt(batch: Batch, ticket: Ticket) -> None:
    """Run one job; a refusal is its answer and leaves the rest of the batch alone."""
    assert isinstance(ticket.job, CancelJob | CommandJob)
    ticket.answer, ticket.error = None, None
    try:
        ticket.answer = batch.run(ticket.job)
    except StoreUnavailable:
        raise
    except Refusal as refusal:
        ticket.error = refusal
