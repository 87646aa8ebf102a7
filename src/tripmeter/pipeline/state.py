"""The data plane's memory: tallies in use, usage not stored yet, identifiers, the end of the log.

All of it derives from the store. After a failed transaction it is thrown away and read again,
which is simple and leaves nothing half done.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from tripmeter.model.cells import MINUTE_MS, Cells, joined
from tripmeter.model.digests import Digests
from tripmeter.model.ids import new_secret
from tripmeter.model.meter import Formula
from tripmeter.model.quantities import I64, of_integers
from tripmeter.model.scope import Scope
from tripmeter.model.subscription import SubscriptionItem, Window
from tripmeter.model.usage import MinuteEvent, Request, UsageEvent
from tripmeter.pipeline import log
from tripmeter.pipeline.access_book import AccessBook
from tripmeter.pipeline.catalogue import Catalogue, MeterState
from tripmeter.pipeline.counting import Events, Indexes, add_cells, add_totals
from tripmeter.pipeline.hours import Frozen, Span, Unsaved, stored_cells
from tripmeter.pipeline.identity import Identity
from tripmeter.pipeline.tallies import Tallies, Tally
from tripmeter.pipeline.tally import cancel
from tripmeter.pipeline.windows import takes
from tripmeter.ports import Identifiers, Session
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS
from tripmeter.rules.aggregate import WINDOW_MS, aggregate

_ALL_TIME: Final = 2**50

_SECRET: Final = "identifier_secret"

_REQUEST: Final = "request"
"""The kind of digest by which a request is remembered, beside those of identifiers."""


class State:
    """What the writer keeps in memory. Only the writer's thread touches it."""

    def __init__(self, session: Session, identifiers: Identifiers, now_ms: int) -> None:
        self.session = session
        self.identifiers = identifiers
        self.identity = Identity(identifier_secret(session))
        self.catalogue = Catalogue(session)
        self.tallies = Tallies(session)
        self.access = AccessBook(session)
        self.minutes = Unsaved()
        self.singles = Unsaved()
        self.frozen: Frozen | None = None
        self.frozen_to = session.usage.flushed_position()
        """The position up to which nothing is in `minutes` and `singles`."""
        self._horizon = 1
        self._looked_ms = now_ms + MINUTE_MS
        self.position = session.usage.last_position()
        self.move_horizon(now_ms)

    @property
    def behind(self) -> bool:
        """Whether the store does not have everything yet that memory knows."""
        return self.frozen is not None or bool(self.minutes.size or self.singles.size)

    # tallies

    def peek(self, meter: MeterState, customer_no: int, customer: str) -> Tally:
        """A tally, for readers: leaves no trace of customers that never used the meter."""
        if self.tallies.holds(meter, customer_no, customer):
            return self.tallies.tally(meter, customer_no, customer)
        return Tallies(self.session).tally(meter, customer_no, customer)

    def add(self, events: Events, before: int) -> Indexes:
        """Count events, the first after position `before`.

        Gives those that are left to be counted one by one: their customers may reach a line.
        """
        add_cells(self.minutes, self.singles, self.tallies, events)
        return add_totals(self.tallies, events, before)

    def cancel(self, tally: Tally, event: UsageEvent, at: int) -> None:
        """Take an event back, by the cancellation at position `at`."""
        others = list(self._others_in_window(tally, event)) if tally.meter.superseding else []
        cancel(tally, event, at, others)
        self.take_back_cells(tally, event)

    def take_back_cells(self, tally: Tally, event: UsageEvent) -> None:
        """Note that an event no longer counts in its minute."""
        add_cells(self.minutes, self.singles, self.tallies, _negated(tally, event), -1)

    # billing

    def billed_tally(self, item: SubscriptionItem) -> Tally:
        """The tally whose usage an item bills; for metered items."""
        scope = Scope.of(item)
        assert item.meter is not None
        meter = self.catalogue.numbered(self.session.meters.get(scope, item.meter).no)
        customer_no = self.session.customers.get(scope, item.customer).no
        return self.tallies.tally(meter, customer_no, item.customer)

    def window_usage(self, item: SubscriptionItem, window: Window, position: int) -> int:
        """What was used in an open window of an item up to a position; scaled.

        Of an additive meter, that is where counting has come to.
        """
        tally = self.billed_tally(item)
        if tally.meter.superseding:
            shape = tally.meter.meter
            events = self.singles_of(tally, window.start_ms, window.end_ms)
            own = (
                one
                for one in events
                if one.position <= position and takes(window, one.position, one.timestamp_ms)
            )
            return aggregate(shape.formula, shape.window, own)
        found = tally.billing.find(window.no) if tally.billing else None
        return found.usage(tally.total) if found else 0

    def billing_changed(self, scope: Scope, meter: str, customer: str) -> Callable[[], None]:
        """What a customer's usage on a meter is billed for is not as it was: read it again.

        Gives what brings back how it was.
        """
        known = self.catalogue.numbered(self.session.meters.get(scope, meter).no)
        known.is_billed = True
        customer_no = self.session.customers.get(scope, customer).no
        return self.tallies.billing_changed(known, customer_no, customer)

    # usage in time

    def cells(self, meter: MeterState, customer_no: int, customer: str, span: Span) -> Cells:
        """A customer's usage in [start, end) milliseconds, wherever it is kept; not summed up."""
        start, end = span
        parts = [stored_cells(self.session, meter.no, customer_no, span)]
        if self.tallies.holds(meter, customer_no, customer):
            row = self.tallies.row(meter, customer_no, customer)
            unsaved = self.singles if meter.superseding else self.minutes
            parts += [unsaved.of(row), *([self.frozen.of(row)] if self.frozen else [])]
        cells = joined(parts)
        return cells.pick((cells.moments_ms >= start) & (cells.moments_ms < end))

    def singles_of(self, tally: Tally, start: int, end: int) -> Iterator[MinuteEvent]:
        """Events of a superseding meter in [start, end) ms, cancelled ones left out."""
        cells = self.cells(tally.meter, tally.customer_no, tally.customer, (start, end))
        taken_back = set(cells.positions[cells.events < 0].tolist())
        for index in np.flatnonzero(cells.events > 0).tolist():
            position = int(cells.positions[index])
            if position not in taken_back:
                moment_ms = int(cells.moments_ms[index])
                yield MinuteEvent(position, moment_ms, cells.quantities.at(index))

    def _others_in_window(self, tally: Tally, event: UsageEvent) -> Iterator[MinuteEvent]:
        """What remains in an event's window once it is gone; `last` has one for all time."""
        meter = tally.meter.meter
        start, end = 0, _ALL_TIME
        if meter.formula is not Formula.LAST and meter.window is not None:
            length = WINDOW_MS[meter.window]
            start = event.timestamp_ms // length * length
            end = start + length
        for other in self.singles_of(tally, start, end):
            if other.position != event.position:
                yield other

    # identifiers

    def known(self, keys: Digests) -> I64:
        """The position of each key's event of the last 24 h (to the minute); -1 without one."""
        found = self.identifiers.find(keys)
        return np.where(found >= self._horizon, found, -1)

    def position_of(self, scope: Scope, identifier: str) -> int | None:
        """The position of the event with an identifier, if it is remembered at all."""
        key = self.identity.digests(self.identity.origin(scope), [identifier])
        position = int(self.identifiers.find(key)[0])
        return None if position < 0 else position

    def positions_of_requests(self, named: Sequence[tuple[Scope, str]]) -> list[int]:
        """The position of the first event that each request brought last; 0 without one.

        Requests of several reports are remembered in this way, and no others.
        """
        found = self.known(self._digests_of_requests(named))
        return [max(position, 0) for position in found.tolist()]

    def with_earlier(
        self, requests: Sequence[Request], scopes: Sequence[Scope], first: int
    ) -> list[Request]:
        """Requests whose events are logged from position `first` on, with what they brought before.

        That is known of those of several reports.
        """
        named = _named(requests, scopes)
        if not named:
            return list(requests)
        found = self.positions_of_requests([*named.values()])
        known = dict(zip(named.values(), found, strict=True))
        told = list(requests)
        begins = list(accumulate((one.counted for one in requests), initial=first))
        for index, name in named.items():
            told[index] = told[index]._replace(earlier=known[name])
            known[name] = begins[index]
        return told

    def remember(
        self,
        keys: Digests,
        positions: I64,
        requests: Sequence[Request],
        scopes: Sequence[Scope],
        received_ms: int,
    ) -> None:
        """Remember the identifiers of events, and the requests of several reports among theirs."""
        named = _named(requests, scopes)
        if named:
            begins = np.cumsum([0, *(request.counted for request in requests)])[[*named]]
            own = self._digests_of_requests([*named.values()])
            order = np.argsort(np.concatenate([positions, positions[begins]]), kind="stable")
            keys = Digests(
                np.concatenate([keys.high, own.high])[order],
                np.concatenate([keys.low, own.low])[order],
            )
            positions = np.concatenate([positions, positions[begins]])[order]
        self.identifiers.add(keys, positions, received_ms)

    def _digests_of_requests(self, named: Sequence[tuple[Scope, str]]) -> Digests:
        origins = np.array([self.identity.origin(scope, _REQUEST) for scope, _ in named])
        return self.identity.digests(origins, [digest for _, digest in named])

    def must_look(self, now_ms: int) -> bool:
        """Whether it is time to move the line behind which identifiers are free again."""
        return abs(now_ms - self._looked_ms) >= MINUTE_MS

    def move_horizon(self, now_ms: int) -> bool:
        """Move the line behind which identifiers are free again.

        It follows the order of the log, so a clock that stepped cannot free one too early. True
        after a step back: what had expired in between is needed again.
        """
        usage, oldest = self.session.usage, now_ms - CANCEL_WITHIN_MS
        stepped_back = now_ms < self._looked_ms
        if stepped_back:
            first = usage.first_since(oldest)
        else:
            first = usage.first_since_from(self._horizon, oldest)
        self._horizon = self.position + 1 if first is None else first
        self._looked_ms = now_ms
        return stepped_back

    @property
    def horizon(self) -> int:
        """The position from which on identifiers are taken."""
        return self._horizon

    def logged_event(self, position: int) -> UsageEvent:
        """The event at a position of the committed log."""
        row = self.session.usage.row_holding(position)
        found = log.find(row, position) if row else None
        if found is None:
            raise LookupError(f"the usage log has no event at {position}")
        return found


def _named(requests: Sequence[Request], scopes: Sequence[Scope]) -> dict[int, tuple[Scope, str]]:
    """The requests that are remembered, by index: those of several reports, with a key."""
    return {
        index: (scope, request.digest)
        for index, (request, scope) in enumerate(zip(requests, scopes, strict=True))
        if request.digest is not None and request.reported > 1
    }


def _negated(tally: Tally, event: UsageEvent) -> Events:
    """One event as columns, with its quantity negated."""
    return Events(
        np.array([tally.row]),
        np.array([event.timestamp_ms]),
        of_integers([-event.quantity]),
        np.array([event.position]),
    )


def identifier_secret(session: Session) -> bytes:
    """The store's own secret for identifier digests, made when the store is first opened."""
    stored = session.setting(_SECRET)
    return bytes.fromhex(stored) if stored else b""


def ensure_identifier_secret(session: Session) -> None:
    """Make the store's secret, if it has none. Call inside a transaction."""
    if session.setting(_SECRET) is None:
        session.set_setting(_SECRET, new_secret("").encode().hex())
