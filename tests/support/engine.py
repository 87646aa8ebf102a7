"""A whole engine in this process: a real store, the real writer, a clock held by the test.

`restart` stops it cleanly. `crash` leaves the running writer as it is, takes the files as they lie
on the disk at that moment and goes on with those: what memory had not flushed must be replayed. On
PostgreSQL the writer that is left behind can no longer write, which comes to the same.
"""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from support.clock import SettableClock
from tripmeter.control.alerts import activate_alert, archive_alert, create_alert, deactivate_alert
from tripmeter.control.customers import create_customer, delete_customer
from tripmeter.control.endpoints import create_webhook_endpoint
from tripmeter.control.meters import create_meter, deactivate_meter, reactivate_meter
from tripmeter.model.alert import Alert, Firing
from tripmeter.model.customer import Customer
from tripmeter.model.errors import StoreUnavailable
from tripmeter.model.event import DeliveryState, Endpoint, Event
from tripmeter.model.explanation import Explanation
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Page
from tripmeter.model.usage import LogRow, UsageReport, as_reports
from tripmeter.pipeline.audit import audit
from tripmeter.pipeline.explain import explain
from tripmeter.pipeline.flush import STEADY, Pace
from tripmeter.pipeline.jobs import (
    CancelJob,
    CommandJob,
    Job,
    Outcome,
    Outcomes,
    QueryJob,
    UsageJob,
)
from tripmeter.pipeline.looking import Look, pin
from tripmeter.pipeline.publish import Parcel
from tripmeter.pipeline.state import State
from tripmeter.pipeline.summaries import summarize
from tripmeter.pipeline.writer import ROOMY, QueueLimits, Writer
from tripmeter.ports import Session, Store, Work
from tripmeter.ports.payments import RECORDED, Payments
from tripmeter.store.identifiers import TieredIdentifiers
from tripmeter.store.postgres import PostgresStore
from tripmeter.store.sqlite import SqliteStore

T = TypeVar("T")

SCOPE = Scope("acct_test", livemode=False)
EVERYTHING = Page(limit=1_000_000)


def fresh_folder() -> Path:
    """A folder for database files: in memory where the machine offers that, for speed."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="tripmeter-", dir=memory if memory.is_dir() else None))


class FailingStore:
    """A store whose next commit can be made to fail, after all of its work is done."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.fail_next: Exception | None = None
        self.dead = False
        """Nothing is written any more."""

    def claim(self) -> None:
        """As the store does."""
        self._inner.claim()

    def migrate(self) -> list[str]:
        """As the store does."""
        return self._inner.migrate()

    def writer(self) -> Session:
        """As the store does."""
        return self._inner.writer()

    def reader(self) -> Any:
        """As the store does."""
        return self._inner.reader()

    def close(self) -> None:
        """As the store does."""
        self._inner.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As the store does; but raises `fail_next`, once, where it would have committed."""
        if self.dead:
            raise StoreUnavailable("dead")
        with self._inner.transaction():
            yield
            if self.fail_next is not None:
                error, self.fail_next = self.fail_next, None
                raise error


class Engine:
    """Drives the writer. Every method waits for its answer and raises what was refused."""

    def __init__(
        self,
        clock: SettableClock | None = None,
        pace: Pace = STEADY,
        scope: Scope = SCOPE,
        url: str | None = None,
        limits: QueueLimits = ROOMY,
        payments: Payments = RECORDED,
    ) -> None:
        """Start, on SQLite or on the PostgreSQL database that `url` names."""
        self.limits = limits
        self.payments = payments
        self.clock = clock or SettableClock()
        self.pace = pace
        self.scope = scope
        self.on_wake: Callable[[set[int]], None] = lambda endpoints: None
        """Called with the endpoints that have something due."""
        self.on_parcels: Callable[[Sequence[Parcel]], object] = lambda parcels: None
        """Called with what is handed over to be sent."""
        self._url = url
        self._folder = fresh_folder()
        self._loop = asyncio.new_event_loop()
        self._open()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # life and death

    def _open(self) -> None:
        self.store = FailingStore(self._open_store())
        self.store.claim()
        self.store.migrate()
        identifiers = TieredIdentifiers(self._identifiers, table_size=16, segment_size=200)
        self.writer = Writer(
            self.store,
            self.clock,
            identifiers,
            self._wake,
            self.pace,
            self.limits,
            payments=self.payments,
        )
        self.writer.start()

    def _open_store(self) -> Store:
        if self._url is None:
            return SqliteStore(self._folder / "tripmeter.db")
        return PostgresStore(self._url)

    @property
    def _identifiers(self) -> Path:
        """Small tables and segments, so that files are written, merged and read all the time."""
        return self._folder / "identifiers"

    def _wake(self, endpoints: set[int], parcels: Sequence[Parcel]) -> None:
        self.on_wake(endpoints)
        self.on_parcels(parcels)

    def _shut(self) -> None:
        self.writer.stop()
        self.store.close()

    def close(self) -> None:
        """Stop for good and remove the files."""
        self._shut()
        self._loop.close()
        shutil.rmtree(self._folder)

    def restart(self) -> None:
        """Stop cleanly, with everything flushed, and start again on the same files."""
        self._shut()
        self._open()

    def crash(self) -> None:
        """Start again on the files as they are now: nothing is flushed, nothing is closed."""
        after = fresh_folder()
        if self._url is None:
            self.query(lambda *_: _copy_database(self._folder, after))
        else:
            self.store.dead = True
        self._shut()
        shutil.copytree(self._identifiers, after / "identifiers")
        shutil.rmtree(self._folder)
        self._folder = after
        self._open()

    def fail_next_commit(self, error: Exception) -> None:
        """Make the next transaction fail where it would have been committed."""
        self.store.fail_next = error

    # asking

    def ask(self, job: Job) -> Any:
        """Have one job done."""
        return self.writer.ask_and_wait(job)

    def ask_together(self, jobs: Sequence[Job]) -> list[Any]:
        """Have jobs done in one commit; each answer, or the exception in its place."""
        return self._loop.run_until_complete(self._ask_together(jobs))

    async def _ask_together(self, jobs: Sequence[Job]) -> list[Any]:
        held, released = threading.Event(), threading.Event()

        def hold(*_: object) -> None:
            held.set()
            released.wait()

        holding = asyncio.ensure_future(self.writer.ask(QueryJob(hold)))
        await _handed_over()
        held.wait()  # the writer is busy: what is asked now is found in one go
        asked = [asyncio.ensure_future(self.writer.ask(job)) for job in jobs]
        await _handed_over()
        released.set()
        await holding
        return await asyncio.gather(*asked, return_exceptions=True)

    def query(self, run: Callable[[State, Session, int], T]) -> T:
        """Read the engine's state in the writer's thread."""
        answer: T = self.ask(QueryJob(run))
        return answer

    def look(self, use: Callable[[Look], T]) -> T:
        """Look at what many customers used, as it is now."""
        with self.store.reader() as session:
            return use(self.query(lambda state, _, __: pin(state, session)))

    def number(self, customer: str) -> int:
        """The number of a customer."""
        return self.query(lambda _, session, __: session.customers.get(self.scope, customer).no)

    def meter_number(self, meter: Meter) -> int:
        """The number of a meter."""
        return self.query(lambda _, session, __: session.meters.get(self.scope, meter.id).no)

    def command(self, change: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run one of the control plane's functions."""
        caller = Caller(self.scope)
        return self.ask(CommandJob(lambda work: change(work, caller, *args, **kwargs)))

    # the control plane

    def create_meter(self, event_name: str, formula: str = "sum", **params: Any) -> Meter:
        """Make a meter; `params` as the API takes them."""
        given = {"display_name": event_name, "default_aggregation": {"formula": formula}, **params}
        made: Meter = self.command(create_meter, {"event_name": event_name, **given})
        return made

    def deactivate_meter(self, meter: Meter) -> None:
        """Stop accepting usage for a meter."""
        self.command(deactivate_meter, meter.id)

    def reactivate_meter(self, meter: Meter) -> None:
        """Accept usage for a meter again."""
        self.command(reactivate_meter, meter.id)

    def create_customer(self, id: str) -> Customer:
        """Make a customer."""
        made: Customer = self.command(create_customer, {"id": id})
        return made

    def delete_customer(self, id: str) -> None:
        """Delete a customer."""
        self.command(delete_customer, id)

    def create_alert(
        self, meter: Meter, gte: int, customer: str | None = None, count_from: str = "creation"
    ) -> Alert:
        """Make an active alert."""
        filters = [{"type": "customer", "customer": customer}] if customer else []
        threshold = {"meter": meter.id, "gte": gte, "filters": filters, "count_from": count_from}
        params = {"title": f"over {gte}", "alert_type": "usage_threshold"}
        made: Alert = self.command(create_alert, {**params, "usage_threshold": threshold})
        return made

    def activate(self, alert: Alert) -> None:
        """Activate an alert."""
        self.command(activate_alert, alert.id)

    def deactivate(self, alert: Alert) -> None:
        """Deactivate an alert."""
        self.command(deactivate_alert, alert.id)

    def archive(self, alert: Alert) -> None:
        """Archive an alert."""
        self.command(archive_alert, alert.id)

    def create_endpoint(self, *types: str) -> Endpoint:
        """Make a webhook endpoint for snapshot events of these types."""
        params = {"url": "https://example.com/hook", "enabled_events": types or ("*",)}
        made: Endpoint = self.command(create_webhook_endpoint, params, allow_private=False)
        return made

    # usage

    def report(self, reports: Sequence[UsageReport], request: str | None = None) -> Outcomes:
        """Report usage, as one request."""
        outcomes: Outcomes = self.ask(UsageJob(self.scope, as_reports(reports), request))
        return outcomes

    def report_one(
        self, meter: Meter, customer: str, value: str, identifier: str, at: int | None = None
    ) -> Outcome:
        """Report one event."""
        payload = {meter.customer_key: customer, meter.value_key: value}
        return self.report([UsageReport(meter.event_name, payload, identifier, at)])[0]

    def cancel(self, event_name: str, identifier: str) -> int:
        """Take an event back."""
        cancelled: int = self.ask(CancelJob(self.scope, event_name, identifier))
        return cancelled

    # what came of it

    def firings(self) -> list[Firing]:
        """Every firing of the scope, oldest first."""
        return self.query(lambda _, session, __: _oldest_first(session.firings, self.scope))

    def events(self, payload: str = "snapshot") -> list[Event]:
        """Every Stripe event of the scope, oldest first."""
        return self.query(
            lambda _, session, __: _oldest_first(session.events, self.scope, payload=payload)
        )

    def log_rows(self) -> list[LogRow]:
        """The usage log of the whole store."""
        return self.query(lambda _, session, __: list(session.usage.rows_after(0)))

    def total(self, meter_id: str, customer: str) -> int:
        """The running total of a customer, over all time; scaled."""

        def run(state: State, session: Session, _: int) -> int:
            meter = state.catalogue.numbered(session.meters.get(self.scope, meter_id).no)
            customer_no = session.customers.get(self.scope, customer).no
            return state.peek(meter, customer_no, customer).total

        return self.query(run)

    def summaries(
        self, meter_id: str, customer: str, spans: Sequence[tuple[int, int]]
    ) -> list[int]:
        """What a customer's usage amounts to in each span; scaled."""

        def run(state: State, session: Session, _: int) -> list[int]:
            meter = state.catalogue.numbered(session.meters.get(self.scope, meter_id).no)
            customer_no = session.customers.get(self.scope, customer).no
            return summarize(state, meter, customer_no, customer, spans)

        return self.query(run)

    def explain(self, alert_id: str, customer: str) -> Explanation:
        """Where an alert stands for a customer."""

        def run(state: State, session: Session, _: int) -> Explanation:
            customer_no = session.customers.get(self.scope, customer).no
            return explain(state, session.alerts.get(self.scope, alert_id), customer_no, customer)

        return self.query(run)

    def assert_sound(self) -> None:
        """What is stored must be what the log says (C8)."""
        differences = self.query(lambda _, session, __: audit(session).differences)
        assert not differences, differences

    def pending(self) -> dict[str, list[Event]]:
        """The events on their way to each endpoint, by the endpoint's id."""

        def run(_: State, session: Session, __: int) -> dict[str, list[Event]]:
            return {
                kept.value.id: [
                    session.events.numbered(delivery.event_no)
                    for delivery in session.outbox.due(kept.no, FOREVER_MS, EVERYTHING.limit)
                ]
                for kept in session.outbox.endpoints(self.scope)
            }

        return self.query(run)

    def deliver(self, endpoint_id: str, limit: int = 1_000) -> list[Event]:
        """Let an endpoint receive what is due, and give what it received."""
        received: list[Event] = self.command(_deliver, endpoint_id, limit)
        return received


FOREVER_MS = 2**52


async def _handed_over() -> None:
    """What was asked reaches the writer at the end of the loop's next turn."""
    for _ in range(2):
        await asyncio.sleep(0)


def _deliver(work: Work, caller: Caller, endpoint_id: str, limit: int) -> list[Event]:
    endpoint_no = work.session.destinations.get(caller.scope, endpoint_id).no
    due = work.session.outbox.due(endpoint_no, work.now_ms, limit)
    for delivery in due:
        work.session.outbox.settle(delivery.no, DeliveryState.SUCCEEDED, 1, delivery.due_ms)
    return [work.session.events.numbered(delivery.event_no) for delivery in due]


def _oldest_first(records: Any, scope: Scope, **filters: Any) -> list[Any]:
    return [kept.value for kept in reversed(records.page(scope, EVERYTHING, **filters).items)]


def _copy_database(source: Path, target: Path) -> None:
    """As a machine that lost its power would find them: the database and its write-ahead log."""
    for name in ("tripmeter.db", "tripmeter.db-wal"):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
