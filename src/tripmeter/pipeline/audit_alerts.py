"""Makes the firings of usage alerts anew from the log (C8).

By definition: an activation counts the events behind its position, and fires on the one that brings
them to its line. The data plane instead keeps one total and subtracts. What both share is the log
and the decision which activation applies.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from tripmeter.model.alert import Activation, Alert, CountFrom, FiredMark
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Scope
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline.counter import Counter
from tripmeter.ports import Session
from tripmeter.rules.alerts.usage_threshold import Standing, current_activation

_FOREVER: Final = 2**62

Fired = dict[tuple[int, int, int], tuple[int, int]]
"""(number of the alert, of the customer, of the activation): position, and the usage; scaled."""


class _Watched(NamedTuple):
    """An alert with all its activations, closed ones included."""

    no: int
    alert: Alert
    activations: list[Activation]


class _OfMeter(NamedTuple):
    """The alerts on a meter."""

    meter: Meter
    alerts: list[_Watched]
    changes: list[int]
    """Positions behind which another set of activations is open, in order."""


class _Waiting(NamedTuple):
    """An alert that has not fired for a customer."""

    watched: _Watched
    activation: int
    line: int
    usage: Counter


class _Own:
    """What the alerts on a meter wait for, for one customer."""

    __slots__ = ("counting", "marks", "since", "until", "waiting")

    def __init__(self) -> None:
        self.until = -1
        """Up to which position the same activations are open."""
        self.since: dict[int, Counter] = {}
        """What was used behind a position."""
        self.waiting: list[_Waiting] = []
        self.counting: list[Counter] = []
        self.marks: dict[int, list[FiredMark]] = {}
        """By alert."""

    def wait_for(self, waiting: list[_Waiting], whole: Counter) -> None:
        """These may fire from here on; `whole` counts everything and is counted elsewhere."""
        self.waiting = waiting
        counting = {id(one.usage): one.usage for one in waiting if one.usage is not whole}
        self.counting = list(counting.values())


class AlertAudit:
    """Sees the log go by."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._meters: dict[int, _OfMeter] = {}
        self._owns: dict[tuple[int, int], _Own] = {}
        self.fired: Fired = {}

    def count(self, event: UsageEvent, whole: Counter) -> None:
        """An event of the log; `whole` counts all of its customer's usage, this event too."""
        slot = (event.meter_no, event.customer_no)
        own = self._owns.get(slot)
        if own is None:
            own = self._owns[slot] = _Own()
        if event.position > own.until:
            self._look_again(own, event, whole)
        for counter in own.counting:
            counter.add(event)
        for one in own.waiting:
            if one.usage.total >= one.line:
                self._fire(own, event, whole)
                break

    def cancel(self, event: UsageEvent) -> None:
        """An event of the log that counts no longer."""
        own = self._owns[event.meter_no, event.customer_no]
        for since, counter in own.since.items():
            if since < event.position:
                counter.remove(event)

    def _fire(self, own: _Own, event: UsageEvent, whole: Counter) -> None:
        """Have all fire that the event has brought to their lines."""
        left = []
        for one in own.waiting:
            if one.usage.total < one.line:
                left.append(one)
                continue
            no = one.watched.no
            mark = FiredMark(no, one.activation, event.position)
            own.marks.setdefault(no, []).append(mark)
            key = (no, event.customer_no, one.activation)
            self.fired[key] = (event.position, one.usage.total)
        own.wait_for(left, whole)

    def _look_again(self, own: _Own, event: UsageEvent, whole: Counter) -> None:
        """Other activations are open than at the customer's last event."""
        found = self._of_meter(event.meter_no)
        place = bisect_left(found.changes, event.position)
        own.until = found.changes[place] if place < len(found.changes) else _FOREVER
        own.wait_for(list(self._waiting(found, own, event, whole)), whole)

    def _waiting(
        self, found: _OfMeter, own: _Own, event: UsageEvent, whole: Counter
    ) -> Iterator[_Waiting]:
        for watched in found.alerts:
            opened = [one for one in watched.activations if _is_open(one, event.position)]
            if not opened or not self._watches(watched.alert, event.customer_no):
                continue
            activation, standing = current_activation(opened, own.marks.get(watched.no, ()))
            if standing is Standing.FIRED:
                continue
            usage = whole
            if watched.alert.count_from is not CountFrom.LIFETIME:
                usage = own.since.setdefault(activation.position, Counter(found.meter))
            yield _Waiting(watched, activation.number, watched.alert.gte * SCALE, usage)

    def _watches(self, alert: Alert, customer_no: int) -> bool:
        if alert.customer is None:
            return True
        return self._session.customers.numbered(customer_no).id == alert.customer

    def _of_meter(self, no: int) -> _OfMeter:
        if no not in self._meters:
            meter = self._session.meters.numbered(no)
            alerts = [
                _Watched(kept.no, kept.value, self._session.activations(kept.no))
                for kept in self._session.all_alerts_of_meter(Scope.of(meter), meter.id)
            ]
            changes = {
                change
                for watched in alerts
                for one in watched.activations
                for change in (one.position, one.closed_at)
                if change is not None
            }
            self._meters[no] = _OfMeter(meter, alerts, sorted(changes))
        return self._meters[no]


def _is_open(activation: Activation, position: int) -> bool:
    """Whether an activation was open when the event at `position` arrived."""
    closed = activation.closed_at
    return activation.position < position and (closed is None or position <= closed)
