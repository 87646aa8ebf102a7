"""What the writer is asked to do, and how it answers."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, overload

from tripmeter.model.quantities import I64
from tripmeter.model.scope import Scope
from tripmeter.model.usage import Reports, UsageRefused
from tripmeter.pipeline.state import State
from tripmeter.ports import Session, Work


class Counted(NamedTuple):
    """A report that was counted; or, `replayed`, that the same request had it counted before."""

    position: int
    """Of its event in the usage log."""
    identifier: str
    timestamp_ms: int
    received_ms: int
    replayed: bool = False


Outcome = Counted | UsageRefused


class Outcomes(Sequence[Outcome]):
    """What became of the reports of one request, in their order.

    Those that were counted just now are made when they are asked for; the others, refused or
    replayed, are `exceptions` by index.
    """

    def __init__(
        self,
        positions: I64 | Sequence[int],
        identifiers: Sequence[str],
        timestamps_ms: I64 | Sequence[int],
        received_ms: int,
        exceptions: Mapping[int, Outcome],
    ) -> None:
        self.positions = positions
        self.identifiers = identifiers
        self.received_ms = received_ms
        self._timestamps_ms = timestamps_ms
        self.exceptions = exceptions

    def __len__(self) -> int:
        return len(self.identifiers)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | Sequence[Outcome]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if index in self.exceptions:
            return self.exceptions[index]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return Counted(
            int(self.positions[index]),
            self.identifiers[index],
            int(self._timestamps_ms[index]),
            self.received_ms,
        )


class UsageJob(NamedTuple):
    """Count the reports of one request. Answers their Outcomes."""

    scope: Scope
    reports: Reports
    request: str | None = None
    """Digest of the request's idempotency key."""
    key: str = ""
    """That key itself, for what an error says of it."""
    keep_refusals: bool = False
    """Refusals become error reports: for the stream, whose caller does not wait for them."""


class CancelJob(NamedTuple):
    """Take back the event with an identifier. Answers the time of the cancellation, in ms."""

    scope: Scope
    event_name: str
    identifier: str


class CommandJob(NamedTuple):
    """Change the control plane, inside the transaction. Answers what `run` gives."""

    run: Callable[[Work], Any]


class QueryJob(NamedTuple):
    """Read the state as it is after everything that was acknowledged. Changes nothing."""

    run: Callable[[State, Session, int], Any]


Job = UsageJob | CancelJob | CommandJob | QueryJob


class Worker(Protocol):
    """Does jobs: the writer, or in another process a link to it."""

    async def ask(self, job: Job) -> Any:
        """Have a job done and give its answer. Raises what the job was refused with."""
        ...

    @property
    def healthy(self) -> bool:
        """Whether jobs are accepted."""
        ...

    @property
    def expected_wait_ms(self) -> int:
        """How long a job that is asked now would wait for its turn."""
        ...


class Ticket(ABC):
    """A job on its way, with room for its answer."""

    __slots__ = ("answer", "error", "job", "loop", "pieces")

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop | None) -> None:
        self.job = job
        self.pieces = len(job.reports.identifiers) if isinstance(job, UsageJob) else 1
        """How much work it is: meter events, or one job of another kind."""
        self.loop = loop
        """Where it is settled; None for anywhere."""
        self.answer: Any = None
        self.error: BaseException | None = None

    @abstractmethod
    def settle(self) -> None:
        """Hand the answer over. Call in the ticket's own loop, or from anywhere without one."""


class FutureTicket(Ticket):
    """A ticket of this process: its answer goes to a loop's future or a thread's."""

    __slots__ = ("future",)

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__(job, loop)
        self.future: asyncio.Future[Any] | Future[Any] = loop.create_future() if loop else Future()

    def settle(self) -> None:
        """Hand the answer over."""
        if self.future.cancelled() or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.answer)


def settle_all(tickets: Sequence[Ticket]) -> None:
    """Hand answers over with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Ticket]] = {}
    for ticket in tickets:
        by_loop.setdefault(ticket.loop, []).append(ticket)
    for loop, own in by_loop.items():
        if loop is None:
            _settle_each(own)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_settle_each, own)


def _settle_each(tickets: Sequence[Ticket]) -> None:
    for ticket in tickets:
        ticket.settle()
