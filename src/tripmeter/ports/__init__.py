"""The seams: what the engine asks of a store, a clock, a poster and an identifier tier.

Each method says what it guarantees. Nothing here has an implementation; `app.py` picks one.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tripmeter.model.access import Account, ApiKey, StreamSession
from tripmeter.model.alert import Activation, Alert, AlertNotification, FiredMark, Firing
from tripmeter.model.cells import HourBlock
from tripmeter.model.customer import Customer
from tripmeter.model.delivery import Answer
from tripmeter.model.digests import Digests
from tripmeter.model.event import (
    Announcement,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Endpoint,
    Event,
)
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept, RefusalRow, StoredReply
from tripmeter.model.usage import LogRow, RefusalCode, TallyBlock
from tripmeter.ports.access import AccessRecords, AccessWork
from tripmeter.ports.billing import BillingRecords, BillingWork
from tripmeter.ports.looking import Looking
from tripmeter.ports.members import MemberRecords
from tripmeter.ports.outgoing import ActionRecords, ActionWork
from tripmeter.ports.records import Records

T = TypeVar("T")

__all__ = [
    "AlreadyRunning",
    "Clock",
    "Identifiers",
    "Outbox",
    "Poster",
    "Session",
    "Store",
    "StoreUnusable",
    "Usage",
    "Work",
]


class Clock(Protocol):
    """Where time comes from. Only the edges hold one; everything below is given `now_ms`."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC. May step backwards, as wall clocks do."""
        ...

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment in the past, for durations: it never steps."""
        ...


class Poster(Protocol):
    """Sends one webhook."""

    async def open(self) -> None:
        """Do now what the first post would otherwise have to wait for."""
        ...

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once and say what came back. Never raises for what the network does."""
        ...

    async def close(self) -> None:
        """Give back every connection."""
        ...


class Usage(Protocol):
    """The usage log and what is derived from it."""

    def append(self, row: LogRow) -> None:
        """Add a batch to the log; durable with the transaction."""
        ...

    def last_position(self) -> int:
        """The position of the newest event; 0 for an empty log."""
        ...

    def rows_after(self, position: int) -> Iterator[LogRow]:
        """Batches, oldest first, that hold events beyond `position`."""
        ...

    def first_since(self, received_ms: int) -> int | None:
        """The lowest position that was received at or after a time. Looks at all of them."""
        ...

    def first_since_from(self, position: int, received_ms: int) -> int | None:
        """As `first_since`, among batches from `position` on; quick where few are older."""
        ...

    def row_holding(self, position: int) -> LogRow | None:
        """The batch that holds the event at `position`."""
        ...

    def mark_cancelled(self, position: int, now_ms: int) -> None:
        """Note that the event at `position` was cancelled."""
        ...

    def is_cancelled(self, position: int) -> bool:
        """Whether the event at `position` was cancelled."""
        ...

    def tallies(self, meter_no: int, blocks: Collection[int]) -> list[TallyBlock]:
        """The stored tallies of blocks of customers, in order; blocks without any are left out."""
        ...

    def all_tallies(self) -> Iterator[TallyBlock]:
        """Every stored tally, block by block, in order."""
        ...

    def save_tallies(self, rows: Iterable[TallyBlock]) -> None:
        """Store new states of the tallies of blocks."""
        ...

    def hours(self, meter_no: int, block: int, start: int, end: int) -> list[HourBlock]:
        """The stored hours of a block of customers in [start, end), since the epoch, in order."""
        ...

    def save_hours(self, rows: Iterable[HourBlock]) -> None:
        """Store new states of hours."""
        ...

    def flushed_position(self) -> int:
        """Everything up to this position is in the stored tallies and hours."""
        ...

    def set_flushed_position(self, position: int) -> None:
        """Say that everything up to `position` is stored."""
        ...

    def add_refusal(
        self,
        scope: Scope,
        meter_no: int | None,
        code: RefusalCode,
        created_ms: int,
        samples: list[tuple[str, str]],
        refused: int,
    ) -> None:
        """Remember refusals until their error report."""
        ...

    def refusals_outside(self, start_ms: int, end_ms: int) -> list[RefusalRow]:
        """Refusals up to a time, and those later than another."""
        ...

    def drop_refusals(self, numbers: Sequence[int]) -> None:
        """Forget refusals whose report is written."""
        ...


class Outbox(Protocol):
    """Deliveries: written with their cause, kept until they are done with (C5)."""

    def endpoints(self, scope: Scope) -> list[Kept[Endpoint]]:
        """Every endpoint of a scope that is not deleted."""
        ...

    def delete_endpoint(self, no: int) -> None:
        """Forget an endpoint; its attempts stay readable, its pending deliveries are cancelled."""
        ...

    def cancel_pending(self, endpoint_no: int) -> None:
        """Cancel what is still on its way to an endpoint."""
        ...

    def enqueue(self, event_no: int, endpoint_no: int, due_ms: int, *, manual: bool) -> Delivery:
        """Add a pending delivery."""
        ...

    def due(self, endpoint_no: int, now_ms: int, limit: int) -> list[Delivery]:
        """Pending deliveries of an endpoint that are due, those due first in front."""
        ...

    def next_due(self) -> dict[int, int]:
        """For each endpoint with pending deliveries, when the first is due."""
        ...

    def settle(self, no: int, state: DeliveryState, attempts: int, due_ms: int) -> None:
        """Store what an attempt led to."""
        ...

    def bring_forward(self, after_ms: int, by_ms: int, now_ms: int) -> None:
        """Make pending deliveries that are due after a time due earlier, though not before now."""
        ...

    def pending_count(self, event_no: int) -> int:
        """How many endpoints an event still waits for."""
        ...

    def depth(self) -> int:
        """How many deliveries are pending in the whole store."""
        ...


class Session(BillingRecords, MemberRecords, ActionRecords, AccessRecords, Protocol):
    """A connection to the store: typed reads, and within `Store.transaction` typed writes."""

    @property
    def accounts(self) -> Records[Account]: ...
    @property
    def keys(self) -> Records[ApiKey]: ...
    @property
    def customers(self) -> Records[Customer]: ...
    @property
    def meters(self) -> Records[Meter]: ...
    @property
    def alerts(self) -> Records[Alert]: ...
    @property
    def firings(self) -> Records[Firing]: ...
    @property
    def alert_notifications(self) -> Records[AlertNotification]: ...
    @property
    def events(self) -> Records[Event]: ...
    @property
    def destinations(self) -> Records[Endpoint]: ...
    @property
    def attempts(self) -> Records[DeliveryAttempt]: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def looking(self) -> Looking: ...
    @property
    def error_reports(self) -> Records[Event]: ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happens inside if it raises."""
        ...

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        """The API key with this SHA-256, revoked ones included."""
        ...

    def open_stream(self, session: StreamSession) -> None:
        """Store a meter event session; forget those that ended before it began."""
        ...

    def stream_by_digest(self, digest: bytes) -> StreamSession | None:
        """The meter event session whose token has this SHA-256."""
        ...

    def active_meter(self, scope: Scope, event_name: str) -> Kept[Meter] | None:
        """The active meter for an event name; there is at most one."""
        ...

    def any_meter(self, scope: Scope, event_name: str) -> Kept[Meter] | None:
        """The newest meter for an event name, active or not."""
        ...

    def alerts_of_meter(self, scope: Scope, meter: str) -> list[Kept[Alert]]:
        """Active alerts on the running totals of a meter."""
        ...

    def all_alerts_of_meter(self, scope: Scope, meter: str) -> list[Kept[Alert]]:
        """Alerts on the running totals of a meter, whatever their status."""
        ...

    def untallied_alerts(self, scope: Scope, customer: str) -> list[Kept[Alert]]:
        """Active alerts that may concern a customer, and that no running total settles."""
        ...

    def scopes(self) -> list[Scope]:
        """Every scope that has a meter."""
        ...

    def count_alerts(self, scope: Scope, meter: str, customer: str | None) -> int:
        """How many alerts, archived ones aside, the (meter, customer) scope has."""
        ...

    def activations(self, alert_no: int) -> list[Activation]:
        """All activations of an alert, oldest first."""
        ...

    def add_activation(self, alert_no: int, activation: Activation) -> None:
        """Open an activation."""
        ...

    def close_activations(self, alert_no: int, position: int) -> None:
        """Close the open activations of an alert."""
        ...

    def customer_numbers(self, scope: Scope, ids: Collection[str]) -> dict[str, int]:
        """Numbers of customers by id; those who do not exist, or are deleted, are left out."""
        ...

    def customer_ids(self, numbers: Collection[int]) -> dict[int, str]:
        """Ids of customers by number, deleted ones too."""
        ...

    def fired(self, meter_no: int, customers: Collection[int]) -> dict[int, list[FiredMark]]:
        """Which alerts have fired on a meter, by number of the customer."""
        ...

    def reply(self, scope: Scope, key: str) -> StoredReply | None:
        """What was answered to an idempotency key, for 24 h."""
        ...

    def keep_reply(self, scope: Scope, key: str, now_ms: int, reply: StoredReply) -> None:
        """Store the answer to an idempotency key."""
        ...

    def purge_replies(self, before_ms: int) -> None:
        """Forget answers older than a time."""
        ...

    def setting(self, name: str) -> str | None:
        """A value that belongs to the store itself."""
        ...

    def set_setting(self, name: str, value: str) -> None:
        """Store such a value."""
        ...


class Work(BillingWork, AccessWork, ActionWork, Protocol):
    """One unit of work: what a change to the control plane is given, inside the transaction."""

    @property
    def session(self) -> Session:
        """The writing session."""
        ...

    @property
    def now_ms(self) -> int:
        """The time of the whole batch."""
        ...

    @property
    def position(self) -> int:
        """The position of the last usage event before this change; what follows it counts (C4)."""
        ...

    def announce(self, announcement: Announcement, *, only: int | None = None) -> list[Event]:
        """Write the events of what happened, and a delivery for each endpoint that wants them (C5).

        With `only`, that endpoint alone is told, whether it asked for the type or not.
        """
        ...

    def deliver_again(self, event: Kept[Event], endpoint_no: int) -> None:
        """Queue one more delivery, whatever happened to the earlier ones."""
        ...

    def meter_changed(self, scope: Scope, meter: str) -> None:
        """Say that a meter, or an alert on it, is not as the data plane knew it."""
        ...

    def alerts_changed(self, scope: Scope, customer: str | None) -> None:
        """Say that alerts on what is billed are not as they were: a customer's, or everybody's."""
        ...

    def customer_changed(self, scope: Scope, customer: str) -> None:
        """Say that a customer is new or gone."""
        ...

    def all_or_nothing(self) -> AbstractContextManager[None]:
        """What is done in the context is done or, if it raises, undone: what is stored, announced
        and remembered."""
        ...

    def tentatively(self, do: Callable[[], T]) -> T:
        """Do something, and take all of it back: what is stored, announced and remembered.

        Gives what came of it.
        """
        ...

    def endpoints_changed(self, scope: Scope) -> None:
        """Say that the endpoints of a scope are not as they were."""
        ...


class AlreadyRunning(Exception):
    """Another engine has the store; the text says whose lock it is."""


class StoreUnusable(Exception):
    """The store cannot be used as configured; the text says why, and names no password."""


class Store(Protocol):
    """Durable, transactional storage with one writer and many readers.

    Inside a transaction, a statement that fails takes the transaction with it unless a savepoint
    is around it.
    """

    def claim(self) -> None:
        """Keep other engines away until `close`. Raises AlreadyRunning."""
        ...

    def migrate(self) -> list[str]:
        """Bring the schema up to date; names of the migrations that ran. Forward only."""
        ...

    def writer(self) -> Session:
        """The writing session. Used by one thread only."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing on the writer, durable once left (C1).

        Raises StoreUnavailable, with nothing kept, when the store cannot take it.
        """
        ...

    def reader(self) -> AbstractContextManager[Session]:
        """A session that sees committed state; safe in any thread while the context lasts."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Identifiers(Protocol):
    """Which identifiers were seen in the last 24 hours, exactly (C2). Used by one thread.

    It derives from the usage log, like everything in memory.
    """

    def recover(self, store: str, needed_from: int, committed: int) -> int:
        """Be in line with the log of a store, named by `store`, that ends at `committed`.

        Keys of events from position `needed_from` on are needed. Gives the position up to which
        they are known; the caller adds what the log holds after it. Called again after a failed
        transaction, it forgets what was added beyond `committed`. To be called again, too, when
        older keys are needed than before, because the clock stepped back.
        """
        ...

    def find(self, keys: Digests) -> npt.NDArray[np.int64]:
        """The position of the newest event of each key, -1 where it is not remembered."""
        ...

    def add(self, keys: Digests, positions: npt.NDArray[np.int64], received_ms: int) -> None:
        """Remember the keys of events at ascending positions; `find` knows them from here on.

        A key may be among them, or be remembered, already: the later position stands for it.
        """
        ...

    def settle(self, position: int) -> None:
        """Everything up to `position` is committed; what was added may be put away."""
        ...

    def expire(self, now_ms: int) -> None:
        """Put off what is older than 24 hours by this time, and delete it some hours later.

        Until then `recover` can have it back; after that, from the log.
        """
        ...

    def close(self) -> None:
        """Finish what is being put away."""
        ...

    def __len__(self) -> int:
        """How many keys are remembered."""
        ...
