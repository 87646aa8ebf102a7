"""One group commit in the making: usage, cancellations and commands, in order, in one transaction.

The batch is also the `Work` that a command of the control plane is given.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from tripmeter.model.alert import Alert, Firing
from tripmeter.model.errors import CancellationRefused, IdempotencyMismatch
from tripmeter.model.event import Announcement, Endpoint, Event
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.quantity import format_quantity
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.model.usage import RefusalCode, UsageEvent, UsageRefused, UsageReport
from tripmeter.pipeline import flush, log
from tripmeter.pipeline.catalogue import Catalogue
from tripmeter.pipeline.intake import Accepted, examine
from tripmeter.pipeline.jobs import CancelJob, CommandJob, Counted, Outcome, UsageJob
from tripmeter.pipeline.publish import publish
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tally import Tally
from tripmeter.pipeline.watch import watch
from tripmeter.ports import Session
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS
from tripmeter.rules.alerts.usage_threshold import Line, Watch
from tripmeter.wire.events import ALERT_TRIGGERED
from tripmeter.wire.objects import alert_triggered_object

SAMPLES_KEPT: Final = 5
"""Sample errors kept per kind of refusal."""


class Batch:
    """Runs jobs inside the writer's transaction; `finish` writes what is left to write."""

    def __init__(self, state: State, now_ms: int, pace: flush.Pace) -> None:
        self._state = state
        self._pace = pace
        self._log = log.LogBuilder(state.position)
        self._now_ms = now_ms
        self._changed: list[Callable[[Catalogue], None]] = []
        self._recalled: dict[int, tuple[UsageEvent, str | None, int]] = {}
        self.woken: set[int] = set()
        self.counted = 0
        self.fired = 0
        self.refused: Counter[RefusalCode] = Counter()

    @property
    def session(self) -> Session:
        """The writing session."""
        return self._state.session

    @property
    def now_ms(self) -> int:
        """The time of the whole batch."""
        return self._now_ms

    @property
    def position(self) -> int:
        """The position of the last usage event so far."""
        return self._log.position

    def run(self, job: UsageJob | CancelJob | CommandJob) -> Any:
        """Do one job. What it raises has changed nothing."""
        if isinstance(job, UsageJob):
            return self._count(job)
        self._write_log()
        if isinstance(job, CancelJob):
            return self._cancel(job)
        try:
            with self.session.savepoint():
                return job.run(self)
        finally:
            self._tell_catalogue()

    def finish(self) -> None:
        """Write the log row, and a slice of what memory is ahead of the store."""
        self._write_log()
        if flush.due(self._state, self._pace):
            flush.write_slice(self._state, self._now_ms, self._pace, self.counted)

    # usage

    def _count(self, job: UsageJob) -> list[Outcome]:
        state = self._state
        found = [examine(state.catalogue, job.scope, r, self._now_ms) for r in job.reports]
        names = [
            report.identifier or _derived_identifier(job.request, index)
            for index, report in enumerate(job.reports)
        ]
        keys = [state.identifier_key(job.scope, name) for name in names]
        known = state.known(keys)
        outcomes = [
            one
            if isinstance(one, UsageRefused)
            else self._take(job, index, one, names[index], keys[index], known[index])
            for index, one in enumerate(found)
        ]
        refused = [outcome for outcome in outcomes if isinstance(outcome, UsageRefused)]
        self.refused.update(refusal.code for refusal in refused)
        if job.keep_refusals and refused:
            self._keep_refusals(job, outcomes)
        return outcomes

    def _take(
        self,
        job: UsageJob,
        index: int,
        found: Accepted,
        identifier: str,
        key: bytes,
        known: int | None,
    ) -> Outcome:
        identifiers = self._state.identifiers
        before = identifiers.recent(key)
        if before is None:
            before = known
        if before is not None and self._state.is_fresh(before):
            return self._repeated(job, index, found, identifier, before)
        event = UsageEvent(
            self._log.position + 1,
            found.meter.no,
            found.customer_no,
            found.timestamp_ms,
            found.quantity,
            identifier,
            found.extras,
        )
        self._log.append(job.request, event, found.text)
        identifiers.add(key, event.position, self._now_ms)
        tally = self._state.tally(found.meter, found.customer_no, found.customer)
        self._state.count(tally, event)
        watch(tally, event, self._fire)
        self.counted += 1
        return Counted(event, self._now_ms)

    def _repeated(
        self, job: UsageJob, index: int, found: Accepted, identifier: str, position: int
    ) -> Outcome:
        """An identifier seen before: a retry of the same request, or a duplicate."""
        logged = self._recall(position) if job.request is not None else None
        if logged is None or logged[1] != job.request:
            return _duplicate(identifier, found)
        event, _, received_ms = logged
        if _says_the_same(found, job.reports[index], event):
            return Counted(event, received_ms, replayed=True)
        if len(job.reports) == 1:
            raise IdempotencyMismatch(job.key)
        return _duplicate(identifier, found)

    def _recall(self, position: int) -> tuple[UsageEvent, str | None, int] | None:
        """The event at a position, its request, and when it was received.

        The row last read is kept: a repeated request asks for all of its events, one by one.
        """
        if position not in self._recalled:
            if position > self._log.written:
                self._write_log()
            row = self.session.usage.row_holding(position)
            items = log.items(row) if row is not None else ()
            self._recalled = {
                at: (item, request, row.received_ms)
                for at, item, request in items
                if row is not None and isinstance(item, UsageEvent)
            }
        return self._recalled.get(position)

    def _keep_refusals(self, job: UsageJob, outcomes: list[Outcome]) -> None:
        """Refusals of the stream wait in the store for their error report (C10)."""
        kinds: dict[tuple[int | None, RefusalCode], list[tuple[str, str]]] = {}
        for report, outcome in zip(job.reports, outcomes, strict=True):
            if isinstance(outcome, UsageRefused) and outcome.code is not RefusalCode.DUPLICATE:
                sample = (report.identifier or "", outcome.message)
                kinds.setdefault((outcome.meter_no, outcome.code), []).append(sample)
        for (meter_no, code), samples in kinds.items():
            self.session.usage.add_refusal(
                job.scope, meter_no, code, self._now_ms, samples[:SAMPLES_KEPT], len(samples)
            )

    def _fire(
        self, alert: Alert, watched: Watch, drawn: Line, tally: Tally, event: UsageEvent
    ) -> None:
        firing = Firing(
            id=new_id("alrtn", self._now_ms),
            account=alert.account,
            livemode=alert.livemode,
            alert_no=watched.alert_no,
            meter_no=event.meter_no,
            customer_no=event.customer_no,
            activation=drawn.activation.number,
            position=event.position,
            identifier=event.identifier,
            value=tally.total - drawn.baseline,
            fired_ms=self._now_ms,
            event="",
            alert=alert.id,
            customer=tally.customer,
            meter=alert.meter,
        )
        announcement = Announcement(
            account=alert.account,
            livemode=alert.livemode,
            type=ALERT_TRIGGERED,
            object=dict(alert_triggered_object(alert, firing)),
            object_id=alert.id,
            object_type="billing.alert",
            object_url=f"/v1/billing/alerts/{alert.id}",
            preview={"value": format_quantity(firing.value)},
        )
        events = self.announce(announcement)
        self.fired += 1
        self.session.firings.insert(structs.replace(firing, event=events[0].id))

    # cancellations

    def _cancel(self, job: CancelJob) -> int:
        key = self._state.identifier_key(job.scope, job.identifier)
        position = self._state.known([key])[0]
        row = self.session.usage.row_holding(position) if position is not None else None
        logged = log.find(row, position) if row and position is not None else None
        if row is None or logged is None or position is None:
            raise CancellationRefused(
                f"No meter event found with identifier '{job.identifier}' in the last 24 hours."
            )
        event = logged[0]
        meter = self._state.catalogue.numbered(event.meter_no)
        self._check_cancellable(job, meter.meter.event_name, row.received_ms, position)
        customer = self.session.customers.numbered(event.customer_no).id
        self._log.cancel(position)
        self.session.usage.mark_cancelled(position, self._now_ms)
        tally = self._state.tally(meter, event.customer_no, customer)
        self._state.cancel(tally, event, self._log.position)
        return self._now_ms

    def _check_cancellable(
        self, job: CancelJob, event_name: str, received_ms: int, position: int
    ) -> None:
        if event_name != job.event_name:
            raise CancellationRefused(
                f"The meter event with identifier '{job.identifier}' was reported for event name "
                f"'{event_name}', not '{job.event_name}'."
            )
        if self._now_ms - received_ms > CANCEL_WITHIN_MS:
            raise CancellationRefused(
                f"The meter event with identifier '{job.identifier}' was received more than "
                "24 hours ago. Report a negative quantity to correct it."
            )
        if self.session.usage.is_cancelled(position):
            raise CancellationRefused(
                f"The meter event with identifier '{job.identifier}' is cancelled already."
            )

    # what commands use

    def announce(self, announcement: Announcement, *, only: int | None = None) -> list[Event]:
        """Write the events of what happened, and a delivery for each endpoint that wants them."""
        scope = Scope(announcement.account, announcement.livemode)
        endpoints = self._state.catalogue.endpoints(scope)
        if only is not None:
            endpoints = [_wanting_all(kept) for kept in endpoints if kept.no == only]
        events, woken = publish(self.session, endpoints, announcement, self._now_ms)
        self.woken |= woken
        return events

    def deliver_again(self, event: Kept[Event], endpoint_no: int) -> None:
        """Queue one more delivery, whatever happened to the earlier ones."""
        self.session.outbox.enqueue(event.no, endpoint_no, self._now_ms, manual=True)
        self.woken.add(endpoint_no)

    def meter_changed(self, scope: Scope, meter: str) -> None:
        """Say that a meter, or an alert on it, is not as the data plane knew it."""
        self._changed.append(lambda known: known.meter_changed(scope, meter))

    def customer_changed(self, scope: Scope, customer: str) -> None:
        """Say that a customer is new or gone."""
        self._changed.append(lambda known: known.customer_changed(scope, customer))

    def endpoints_changed(self, scope: Scope) -> None:
        """Say that the endpoints of a scope are not as they were."""
        self._changed.append(lambda known: known.endpoints_changed(scope))

    def _tell_catalogue(self) -> None:
        """Have changes read once the command is over, whether it was kept or rolled back."""
        for tell in self._changed:
            tell(self._state.catalogue)
        self._changed.clear()

    def _write_log(self) -> None:
        row = self._log.take(self._now_ms)
        if row is not None:
            self.session.usage.append(row)
        self._state.position = self._log.position


def _wanting_all(kept: Kept[Endpoint]) -> Kept[Endpoint]:
    return Kept(kept.no, structs.replace(kept.value, enabled_events=("*",)))


def _derived_identifier(request: str | None, index: int) -> str:
    """The identifier of an event that came without: from its request, so that a retry finds it."""
    if request is None:
        return new_secret("idmp_")
    return f"idmp_{request}_{index}"


def _duplicate(identifier: str, found: Accepted) -> UsageRefused:
    message = f"An event already exists with identifier {identifier}."
    return UsageRefused(RefusalCode.DUPLICATE, message, "identifier", found.meter.no)


def _says_the_same(found: Accepted, report: UsageReport, event: UsageEvent) -> bool:
    """Whether a repeated report is the one that was counted, in all that it says."""
    return (
        found.meter.no == event.meter_no
        and found.customer_no == event.customer_no
        and found.quantity == event.quantity
        and found.extras == event.extras
        and report.timestamp_ms in (None, event.timestamp_ms)
    )
