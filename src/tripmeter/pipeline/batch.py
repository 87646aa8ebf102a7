"""One group commit in the making: usage, cancellations and commands, in order, in one transaction.

The batch is also the `Work` that a command of the control plane is given.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from msgspec import structs

from tripmeter.control.access_changes import settle
from tripmeter.failpoints import reach
from tripmeter.model.alert import Alert, AlertNotification, Firing
from tripmeter.model.errors import CancellationRefused, Refusal
from tripmeter.model.event import Announcement, Endpoint, Event
from tripmeter.model.ids import new_id
from tripmeter.model.pulse import Counts, Told
from tripmeter.model.quantity import format_quantity
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.standing import Measures
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import SubscriptionItem, Window
from tripmeter.model.terms import Terms
from tripmeter.model.usage import RefusalCode, UsageEvent, UsageRefused, UsageReport, as_reports
from tripmeter.model.usage_limit import AccessState, Reservation
from tripmeter.pipeline import flush, log
from tripmeter.pipeline.access import learn_again, measures, ready
from tripmeter.pipeline.act import Followed, Follower
from tripmeter.pipeline.bill import Biller
from tripmeter.pipeline.catalogue import Catalogue
from tripmeter.pipeline.jobs import CancelJob, CommandJob, UsageJob
from tripmeter.pipeline.publish import Parcel, publish
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tally
from tripmeter.pipeline.tally import draw_next_line
from tripmeter.pipeline.usage import Answer, UsageBatch
from tripmeter.ports import Session, Work
from tripmeter.ports.payments import Payments
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS
from tripmeter.rules.alerts.usage_threshold import Line, Watch
from tripmeter.wire.alerts import alert_triggered_object
from tripmeter.wire.events import ALERT_TRIGGERED

T = TypeVar("T")

PARCELS_HANDED_OVER: Final = 64
"""What is to be sent is handed over as it was written, as far as lanes may take it at once."""


_FIRED: Final = Counts(fired=1)


class _TakenBack(Exception):
    """Ends what is done tentatively; has what came of it."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class Batch:
    """Runs jobs inside the writer's transaction; `finish` writes what is left to write."""

    def __init__(
        self, state: State, now_ms: int, pace: flush.Pace, terms: Terms, payments: Payments
    ) -> None:
        self._state = state
        self.terms = terms
        self.payments = payments
        self._pace = pace
        self._log = log.LogBuilder(state.position)
        self._now_ms = now_ms
        self._changed: list[Callable[[Catalogue], None]] = []
        self._undo: list[Callable[[], None]] = []
        """Bring memory back to how it was before the command, if that is rolled back."""
        self.woken: set[int] = set()
        """Endpoints for which there is something in the outbox."""
        self._biller = Biller(self, state)
        self._follower = Follower()
        self._counting_at: int | None = None
        """While usage is counted, one by one: the position that counting has come to."""
        self.parcels: list[Parcel] = []
        """The first of it, as it was written."""
        self.told: list[Told] = []
        """Word of the events that were written."""
        self.counts: dict[Scope, Counts] = {}
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
        return self._log.position if self._counting_at is None else self._counting_at

    @property
    def is_message_due(self) -> bool:
        """Whether an action of an alert is to be sent."""
        return self._follower.is_message_due

    @contextmanager
    def counting_at(self, position: int) -> Iterator[None]:
        """What is done here is done when counting has come to a position."""
        self._counting_at = position
        try:
            yield
        finally:
            self._counting_at = None

    def count(self, jobs: Sequence[UsageJob]) -> list[Answer]:
        """Count usage: what became of each job's reports. What it raises fails the whole batch."""
        answers = self._counted(jobs)
        if self._follower.waiting:
            self._run(lambda _: None)
        return answers

    def _counted(self, jobs: Sequence[UsageJob]) -> list[Answer]:
        usage = UsageBatch(self._state, self._log, self._now_ms, jobs)
        answers = usage.run(self._fire, self._guard, self._biller, self._recall)
        self.counted += usage.counted
        self.refused.update(usage.refused)
        for scope, counts in usage.counts.items():
            self._add(scope, counts)
        return answers

    def run(self, job: CancelJob | CommandJob) -> Any:
        """Do one job. What it raises has changed nothing."""
        self._write_log()
        if isinstance(job, CancelJob):
            return self._cancel(job)
        return self._run(job.run)

    def _run(self, change: Callable[[Work], T]) -> T:
        """Make a change, and do what follows the alerts that it triggers."""
        self._undo.clear()
        try:
            with self.all_or_nothing():
                result = change(self)
                if self._follower.waiting:
                    self._write_log()
                    self._follower.follow(self)
                return result
        finally:
            self._undo.clear()
            self._tell_catalogue()

    def tentatively(self, do: Callable[[], T]) -> T:
        """Do something, and take all of it back: what is stored, announced and remembered."""
        try:
            with self.all_or_nothing():
                raise _TakenBack(do())
        except _TakenBack as taken_back:
            result: T = taken_back.result
            return result

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Do all of something or, if it raises, nothing: of what is stored, announced, remembered.

        What was announced and is rolled back must not be delivered.
        """
        before, woken, done = len(self.parcels), set(self.woken), len(self._undo)
        told, waiting = len(self.told), len(self._follower.waiting)
        try:
            with self.session.savepoint():
                yield
        except BaseException:
            del self.parcels[before:], self.told[told:]
            del self._follower.waiting[waiting:]
            self.woken = woken
            self._bring_back(done)
            raise

    def _bring_back(self, done: int) -> None:
        """Have memory as it was before the last changes, once the store is."""
        for undo in reversed(self._undo[done:]):
            undo()
        del self._undo[done:]

    def finish(self) -> None:
        """Write the log row, and a slice of what memory is ahead of the store."""
        self._write_log()
        flush.write_beside(self._state, self._now_ms, self._pace, self.counted)

    # usage

    def _recall(self, position: int) -> log.Brought:
        """What the request brought that the event at a position came with."""
        if position > self._log.written:
            self._write_log()
        row = self.session.usage.row_holding(position)
        return log.of_request(row, position) if row is not None else log.Brought({}, 0)

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
            meter=tally.meter.meter.id,
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
        reach("batch.announced")
        self.fired += 1
        self._add(Scope.of(alert), _FIRED)
        told = structs.replace(firing, event=events[0].id)
        self.session.firings.insert(told)
        reach("batch.fired")
        self.follow(alert, told)

    def _guard(self, tally: Tally) -> None:
        """End or restore access where usage has come to a limit, or is below it again."""
        if tally.total < tally.next_line:
            return
        settle(self, Caller(tally.meter.scope), tally.customer, tally.meter.meter.id)
        draw_next_line(tally)

    # access

    def measures(self, scope: Scope, customer: str, meter: str) -> Measures:
        """What the data plane knows of a customer's usage of a meter, limit by limit."""
        known = self._state.catalogue.of_id(scope, meter)
        return measures(self._state, scope, customer, known, self._now_ms)

    def access_states(self, scope: Scope, customer: str) -> tuple[AccessState, ...]:
        """What is known of a customer's access, newest first."""
        return self._state.access.states(scope, customer)

    def access_changed(self, scope: Scope, customer: str) -> None:
        """Say that those states are not as they were."""
        learn_again(self._state, scope, customer)
        self._undo.append(lambda: learn_again(self._state, scope, customer))

    def limits_changed(self, scope: Scope, meter: str) -> None:
        """Say that the limits of a meter are not as they were."""
        self._state.catalogue.meter_changed(scope, meter)
        self._state.access.limits_changed(scope)
        self._changed.append(lambda _: self._state.access.limits_changed(scope))
        self.meter_changed(scope, meter)

    def reservation_changed(self, reservation: Reservation) -> None:
        """Say that a reservation is new, or has ended."""
        scope = Scope.of(reservation)
        self._state.access.put(reservation)
        self._undo.append(lambda: self._state.access.forget(scope, reservation.customer))

    def expired_reservations(self, scope: Scope, customer: str) -> list[str]:
        """The ids of a customer's reservations whose room is free again, each told once."""
        expired = self._state.access.take_expired(scope, customer, self._now_ms)
        if expired:
            self._undo.append(lambda: self._state.access.forget(scope, customer))
        return expired

    def count_one(self, scope: Scope, report: UsageReport) -> UsageRefused | None:
        """Count one usage event here and now; gives why it was refused, if it was."""
        (answer,) = self._counted([UsageJob(scope, as_reports([report]))])
        assert not isinstance(answer, Refusal)  # that is for requests with a key
        outcome = answer[0]
        return outcome if isinstance(outcome, UsageRefused) else None

    # cancellations

    def _cancel(self, job: CancelJob) -> int:
        position = self._state.position_of(job.scope, job.identifier)
        row = self.session.usage.row_holding(position) if position is not None else None
        event = log.find(row, position) if row and position is not None else None
        if row is None or event is None or position is None:
            raise CancellationRefused(
                f"No meter event found with identifier '{job.identifier}' in the last 24 hours."
            )
        meter = self._state.catalogue.numbered(event.meter_no)
        self._check_cancellable(job, meter.meter.event_name, row.received_ms, position)
        customer = self.session.customers.numbered(event.customer_no).id
        self._log.cancel(position)
        self.session.usage.mark_cancelled(position, self._now_ms)
        reach("batch.cancelled")
        tally = self._state.tallies.tally(meter, event.customer_no, customer)
        if meter.limited:
            ready(self._state, tally, self._now_ms)
        self._state.cancel(tally, event, self._log.position)
        self._biller.taken_back(tally)
        if meter.limited:
            self._guard(tally)
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
        scope = Scope.of(announcement)
        endpoints = self._state.catalogue.endpoints(scope)
        if only is not None:
            endpoints = [_wanting_all(kept) for kept in endpoints if kept.no == only]
        events, parcels = publish(self.session, endpoints, announcement, self._now_ms)
        self.woken.update(parcel.delivery.endpoint_no for parcel in parcels)
        self.parcels += parcels[: PARCELS_HANDED_OVER - len(self.parcels)]
        if events:
            self.told.append(_told(scope, events[0], announcement))
        return events

    def _add(self, scope: Scope, counts: Counts) -> None:
        known = self.counts.get(scope)
        self.counts[scope] = counts if known is None else known.plus(counts)

    def deliver_again(self, event: Kept[Event], endpoint_no: int) -> None:
        """Queue one more delivery, whatever happened to the earlier ones."""
        self.session.outbox.enqueue(event.no, endpoint_no, self._now_ms, manual=True)
        self.woken.add(endpoint_no)

    def meter_changed(self, scope: Scope, meter: str) -> None:
        """Say that a meter, or an alert on it, is not as the data plane knew it."""
        self._changed.append(lambda known: known.meter_changed(scope, meter))

    def alerts_changed(self, scope: Scope, customer: str | None) -> None:
        """Say that alerts on what is billed are not as they were: a customer's, or everybody's."""
        self._changed.append(lambda _: self._state.tallies.look_again(scope, customer))

    def customer_changed(self, scope: Scope, customer: str) -> None:
        """Say that a customer is new or gone."""
        self._changed.append(lambda _: self._state.tallies.forget_name(scope, customer))
        self._changed.append(lambda known: known.customer_changed(scope))

    def usage(self, item: SubscriptionItem, window: Window) -> int:
        """What was used in an open window of a metered item so far; scaled."""
        return self._state.window_usage(item, window, self.position)

    def billing_changed(self, scope: Scope, meter: str, customer: str) -> None:
        """Say that what a customer's usage on a meter is billed for is not as it was."""
        self._undo.append(self._state.billing_changed(scope, meter, customer))

    def evaluate_thresholds(self, caller: Caller, subscription: str) -> None:
        """Evaluate a subscription's billing thresholds now, whether usage comes or not."""
        self._biller.evaluate(caller, subscription)

    def follow(self, alert: Alert, told: Firing | AlertNotification) -> None:
        """Have the actions of an alert follow what was told of it, once this change is made."""
        if alert.actions:
            self._follower.waiting.append(Followed(alert, told))

    def act(self) -> None:
        """Say that a message is due now."""
        self._follower.is_message_due = True

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
            reach("batch.logged")
        self._state.position = self._log.position


def _told(scope: Scope, event: Event, announcement: Announcement) -> Told:
    named = (announcement.object or {}).get("customer")
    customer = named if isinstance(named, str) else None
    return Told(scope, event.id, event.type, event.created_ms, announcement.object_id, customer)


def _wanting_all(kept: Kept[Endpoint]) -> Kept[Endpoint]:
    return Kept(kept.no, structs.replace(kept.value, enabled_events=("*",)))
