"""The order of an import: ask the server, know the file, then send batch after batch."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tripmeter.clock import SystemClock
from tripmeter.importer.client import Client, Refused
from tripmeter.importer.display import Rate, Show, shown
from tripmeter.importer.failures import BadRow, ImportFailed, Interrupted
from tripmeter.importer.mapping import Event, Mapping, Meter
from tripmeter.importer.order import Order
from tripmeter.importer.refused import RefusedRows
from tripmeter.importer.sources import Record, Source, digest_of, open_source
from tripmeter.importer.state import Progress, Reason, StateFile

CALLS_AT_ONCE: Final = 8
REASONS_KEPT: Final = 6
ALIKE_KEPT: Final = 2
DUPLICATE: Final = "duplicate_meter_event"
TOO_OLD: Final = "timestamp_too_far_in_past"


@dataclass(frozen=True)
class Outcome:
    """How an import ended."""

    progress: Progress
    first_row: int
    """Where this run began."""
    elapsed_ms: int
    was_finished: bool
    state: Path


@dataclass
class Batch:
    """Consecutive rows: events to send, and rows that never became one."""

    events: list[Event] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    """Of each event, its record."""
    bad: list[tuple[Record, Reason]] = field(default_factory=list)
    end: int = 0
    """The number of rows up to its end."""
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.events) + len(self.bad)

    def add(self, record: Record, mapping: Mapping) -> None:
        """Take in the next row."""
        self.end = record.row + 1
        try:
            self.events.append(mapping.event(record))
            self.records.append(record)
        except BadRow as error:
            self.bad.append((record, Reason(record.line, "invalid_row", f"{error}.")))

    def refuse_for(self, customers: dict[str, str | None]) -> None:
        """Do not send the rows of customers that cannot be made."""
        both = list(zip(self.events, self.records, strict=True))
        good = [(event, record) for event, record in both if not customers[event.customer]]
        if len(good) == len(both):
            return
        for event, record in both:
            if reason := customers[event.customer]:
                self.bad.append((record, Reason(record.line, "invalid_customer", reason)))
        self.events = [event for event, _ in good]
        self.records = [record for _, record in good]


def run(order: Order) -> Outcome:
    """Bring the rows in, as far as they are not in yet.

    Raises ImportFailed, which leaves a state that the next run goes on from.
    """
    if not order.api_key:
        raise ImportFailed("No API key. Set TRIPMETER_API_KEY, or use --api-key.")
    source = open_source(order.file)
    # the client is closed first, so that no call outlives it
    with ThreadPoolExecutor(CALLS_AT_ONCE) as calls, Client(order.url, order.api_key) as client:
        account = client.account()
        meter = _meter(order, client)
        mapping = Mapping(order, source, meter)
        digest = digest_of(source.path)
        mapping.identify(digest)
        state = StateFile(
            {
                "url": client.url,
                "account": account,
                "livemode": meter.livemode,
                "sha256": digest,
                "mapping": mapping.description,
            }
        )
        return _Import(order, source, mapping, client, calls, state).run()


class _Import:
    """One run over the file."""

    def __init__(
        self,
        order: Order,
        source: Source,
        mapping: Mapping,
        client: Client,
        calls: ThreadPoolExecutor,
        state: StateFile,
    ) -> None:
        self._order, self._source, self._mapping = order, source, mapping
        self._client, self._calls, self._state = client, calls, state
        self._now_ms = SystemClock().now_ms
        self._customers: dict[str, str | None] = {}
        """Those seen so far, with the reason if one cannot be made."""

    def run(self) -> Outcome:
        """Send what has not been acknowledged."""
        earlier = None if self._order.restart else self._state.read()
        if earlier is not None and earlier.finished_ms is not None:
            return Outcome(earlier, earlier.rows, 1, True, self._state.path)
        self._progress = progress = self._continued(earlier) if earlier else self._begun()
        self._mapping.shift = timedelta(milliseconds=progress.shift_ms or 0)
        rate = Rate(progress.rows, self._now_ms)
        with RefusedRows(self._order.refused, progress) as self._refused:
            self._keep(replace(progress, refused_file=self._refused.name))
            with shown(self._source.path.stat().st_size, rate) as show:
                self._send_rest(show)
        self._keep(replace(self._progress, finished_ms=self._now_ms()))
        return Outcome(self._progress, progress.rows, rate.elapsed_ms, False, self._state.path)

    def _begun(self) -> Progress:
        if self._order.rebase is None:
            return Progress()
        times = map(self._mapping.newest_ms, self._source.records())
        newest = max((time for time in times if time is not None), default=None)
        if newest is None:
            return Progress(rebase=True, shift_ms=0)
        return Progress(rebase=True, shift_ms=self._now_ms() - newest)

    def _continued(self, earlier: Progress) -> Progress:
        if earlier.rebase != (self._order.rebase is not None):
            change = "with" if earlier.rebase else "without"
            raise ImportFailed(
                f"This import was begun {change} --rebase now and stopped after "
                f"{earlier.rows:,} rows. Go on {change} it, or begin anew with --restart."
            )
        print(f"Going on after row {earlier.rows:,}, where an earlier run stopped.", flush=True)
        return earlier

    def _send_rest(self, show: Show) -> None:
        """One batch is on its way while the next one is read."""
        under_way: tuple[Batch, Future[Any]] | None = None
        try:
            for batch in self._batches():
                self._see_to_customers(batch)
                if under_way is not None:
                    self._acknowledge(*under_way, show)
                under_way = batch, self._calls.submit(self._answer, batch)
            if under_way is not None:
                self._acknowledge(*under_way, show)
        except KeyboardInterrupt:
            raise Interrupted(f"Stopped. {self._how_to_go_on()}") from None
        except ImportFailed as error:
            raise ImportFailed(f"{error} {self._how_to_go_on()}") from error

    def _how_to_go_on(self) -> str:
        rows = self._progress.rows
        return f"{rows:,} rows are acknowledged; the same command goes on after them."

    def _batches(self) -> Iterator[Batch]:
        batch = Batch()
        first = self._progress.rows
        for record in self._source.records():
            if record.row < first:
                continue
            batch.add(record, self._mapping)
            if len(batch) >= self._order.batch:
                batch.bytes_read = self._source.bytes_read
                yield batch
                batch = Batch()
        if len(batch):
            batch.bytes_read = self._source.bytes_read
            yield batch

    def _see_to_customers(self, batch: Batch) -> None:
        """Create those that have not been seen before."""
        if not self._order.create_customers:
            return
        new = sorted({event.customer for event in batch.events} - self._customers.keys())
        self._customers |= zip(new, self._calls.map(self._create, new), strict=True)
        batch.refuse_for(self._customers)

    def _create(self, customer: str) -> str | None:
        """Why the customer cannot be made; None if it is there."""
        try:
            self._client.create_customer(customer)
        except Refused as refused:
            return f"The customer {customer!r} cannot be created. {refused}"
        return None

    def _answer(self, batch: Batch) -> dict[str, Any]:
        if not batch.events:
            return {"counted": 0, "repeated": 0, "errors": []}
        try:
            return self._client.send([event.line for event in batch.events])
        except Refused as refused:
            hint = " Use a smaller --batch." if refused.status == 413 else ""
            raise ImportFailed(f"The server refuses a whole batch: {refused}{hint}") from refused

    def _acknowledge(self, batch: Batch, answer: Future[Any], show: Show) -> None:
        said = answer.result()
        refused = sorted(batch.bad + _refusals(batch, said), key=lambda pair: pair[0].row)
        for record, reason in refused:
            self._refused.add(reason, self._source.shown(record.data))
        before = self._progress
        reasons = [reason for _, reason in refused]
        self._keep(
            replace(
                before,
                rows=batch.end,
                counted=before.counted + said["counted"],
                repeated=before.repeated + said["repeated"],
                refused=before.refused + len(refused),
                reasons=_telling([*before.reasons, *reasons]),
                too_old=before.too_old + sum(reason.code == TOO_OLD for reason in reasons),
                refused_bytes=self._refused.flushed(),
            )
        )
        show(batch.end, batch.bytes_read)

    def _keep(self, progress: Progress) -> None:
        self._state.write(progress)
        self._progress = progress


def _refusals(batch: Batch, said: dict[str, Any]) -> list[tuple[Record, Reason]]:
    """What the engine refused, with the records and with the lines of the file."""
    found = []
    for error in said["errors"]:
        if error["code"] != DUPLICATE:
            record = batch.records[error["line"] - 1]
            found.append((record, Reason(record.line, error["code"], error["message"])))
    return found


def _telling(reasons: list[Reason]) -> tuple[Reason, ...]:
    """The first few, and not all of one kind."""
    kept: list[Reason] = []
    for reason in reasons:
        if sum(other.code == reason.code for other in kept) < ALIKE_KEPT:
            kept.append(reason)
    return tuple(kept[:REASONS_KEPT])


def _meter(order: Order, client: Client) -> Meter:
    """The meter for the event name. Raises ImportFailed that shows how to create it."""
    meters = list(client.meters())
    for meter in meters:
        if meter.event_name == order.meter:
            return meter
    known = ", ".join(f"{meter.event_name} ({meter.formula})" for meter in meters)
    name, formula = order.meter, "count" if order.value is None else "sum"
    raise ImportFailed(
        f"No active meter has the event name {name!r}. "
        f"Active meters: {known or 'none yet'}. Create it with\n"
        f"  curl {client.url}/v1/billing/meters -u $TRIPMETER_API_KEY: -d event_name={name} "
        f'-d display_name={name} -d "default_aggregation[formula]={formula}"\n'
        "or with the SDK:\n"
        f'  client.v1.billing.meters.create({{"event_name": "{name}", "display_name": "{name}", '
        f'"default_aggregation": {{"formula": "{formula}"}}}})'
    )
