"""Reads memory from the store: what the log holds beyond the stored tallies, hours and runs."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np

from tripmeter.model.quantities import I64, parse_column
from tripmeter.model.quantity import parse
from tripmeter.model.usage import CancelEntry, UsageEntry
from tripmeter.pipeline import log
from tripmeter.pipeline.counting import Events, add_cells, add_totals
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tally
from tripmeter.pipeline.tally import count
from tripmeter.ports import Identifiers, Session

BATCH: Final = 20_000
"""Events counted again together, about."""


def read_state(session: Session, identifiers: Identifiers, now_ms: int) -> State:
    """The state at the end of the log."""
    state = State(session, identifiers, now_ms)
    _remember_identifiers(state)
    _Replay(state).run()
    return state


def look_ahead(state: State, now_ms: int) -> None:
    """Free identifiers that are old enough, or take them back where the clock stepped back.

    Once a minute will do.
    """
    if not state.must_look(now_ms):
        return
    if state.move_horizon(now_ms):
        _remember_identifiers(state)
    state.identifiers.expire(now_ms)


def _remember_identifiers(state: State) -> None:
    identity = state.identity
    known = state.identifiers.recover(identity.name, state.horizon, state.position)
    for row in state.session.usage.rows_after(known):
        for first, entry in log.entries(row):
            if not isinstance(entry, CancelEntry) and first > known:  # runs end where rows do
                _remember(state, entry, first, row.received_ms)
        state.identifiers.settle(row.first + row.size - 1)


def _remember(state: State, entry: UsageEntry, first: int, received_ms: int) -> None:
    meters, _, _ = log.numbers(entry)
    identity = state.identity
    numbers, which = np.unique(meters, return_inverse=True)
    scopes = [state.catalogue.numbered(no).scope for no in numbers.tolist()]
    origins = np.array([identity.origin(scope) for scope in scopes])[which]
    positions = np.arange(first, first + len(meters), dtype=np.int64)
    keys = identity.digests(origins, entry.identifiers)
    begins = np.cumsum([0, *(request.counted for request in entry.requests)])[:-1]
    own = [scopes[at] for at in which[begins].tolist()]
    state.remember(keys, positions, entry.requests, own, received_ms)


class _Replay:
    """Counts again what was logged and not stored. Alerts do not fire: firings are stored.

    Alerts join tallies where they did the first time: behind an activation, all tallies of its
    meter are stale. A log entry never goes across one.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._flushed = state.frozen_to
        self._stored = state.tallies.stored_to = {}
        self._waiting: list[tuple[int, UsageEntry]] = []
        self._size = 0
        self._joined_to = 0
        self._customers: dict[int, str] = {}

    def run(self) -> None:
        """Bring tallies and hours up to the end of the log."""
        state = self._state
        for row in state.session.usage.rows_after(self._flushed):
            for first, entry in log.entries(row):
                if isinstance(entry, CancelEntry):
                    self._add_waiting()
                    if first > self._flushed:
                        self._cancel(first, entry.cancelled)
                else:
                    self._add(first, entry)
        self._add_waiting()
        if state.tallies.size:
            self._see_activations(state.position)
        state.tallies.stored_to = None
        state.tallies.look_again()

    def _add(self, first: int, entry: UsageEntry) -> None:
        """Small entries wait for others: a batch costs little more than one of them."""
        if self._size and self._activation_between(self._waiting[0][0], first):
            self._add_waiting()
        self._waiting.append((first, entry))
        self._size += len(entry.identifiers)
        if self._size >= BATCH:
            self._add_waiting()

    @cached_property
    def _activated(self) -> list[int]:
        """The positions at which alerts that are active now were activated, in order."""
        session = self._state.session
        return sorted(
            {
                activation.position
                for scope in session.scopes()
                for kept in session.alerts.every(scope)
                for activation in session.activations(kept.no)
                if activation.closed_at is None
            }
        )

    def _activation_between(self, start: int, end: int) -> bool:
        """Whether an alert was activated at a position from `start` to before `end`."""
        return bisect_left(self._activated, start) < bisect_left(self._activated, end)

    def _see_activations(self, before: int) -> None:
        """Have the alerts join that were activated since the last look, up to `before`."""
        if self._activation_between(self._joined_to + 1, before + 1):
            self._state.tallies.set_stale()
        self._joined_to = before

    def _add_waiting(self) -> None:
        """Count the entries that wait."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        if not waiting:
            return
        state, before = self._state, waiting[0][0] - 1
        events = self._events(waiting)
        self._see_activations(before)
        totals_to, hours_to = self._stored_to(events)
        for_hours = events.pick(events.positions > hours_to)
        add_cells(state.minutes, state.singles, state.tallies, for_hours)
        for_totals = events.pick(events.positions > totals_to)
        if not len(for_totals.rows):
            return
        for index in add_totals(state.tallies, for_totals, before).tolist():
            tally = Tally(state.tallies, int(for_totals.rows[index]))
            count(tally, for_totals.event(tally, index, ""))

    def _events(self, waiting: Sequence[tuple[int, UsageEntry]]) -> Events:
        columns = [log.numbers(entry) for _, entry in waiting]
        meters, customers, moments = (
            np.concatenate(column) for column in zip(*columns, strict=True)
        )
        texts = [text for _, entry in waiting for text in entry.quantities]
        quantities, read = parse_column(texts)
        for index in np.flatnonzero(~read).tolist():
            quantities.put(index, parse(texts[index]))
        positions = np.concatenate(
            [np.arange(first, first + len(entry.identifiers)) for first, entry in waiting]
        )
        beyond = positions > self._flushed
        rows = self._rows(meters[beyond], customers[beyond])
        return Events(rows, moments[beyond], quantities.pick(beyond), positions[beyond])

    def _rows(self, meters: I64, customers: I64) -> I64:
        pairs = np.stack([meters, customers], axis=1)
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        self._bring_in(distinct)
        rows = [self._row(meter_no, customer_no) for meter_no, customer_no in distinct.tolist()]
        return np.array(rows, dtype=np.int64)[which.reshape(-1)]

    def _bring_in(self, pairs: I64) -> None:
        """Have (meter, customer) pairs in use."""
        state, names = self._state, self._customers
        strangers = [number for number in np.unique(pairs[:, 1]).tolist() if number not in names]
        if strangers:
            names.update(state.session.customer_ids(strangers))
        for meter_no in np.unique(pairs[:, 0]).tolist():
            own = pairs[pairs[:, 0] == meter_no, 1].tolist()
            meter = state.catalogue.numbered(meter_no)
            state.tallies.bring_in(meter, {number: names[number] for number in own})

    def _row(self, meter_no: int, customer_no: int) -> int:
        """The row of a pair that was brought in."""
        meter = self._state.catalogue.numbered(meter_no)
        return self._state.tallies.row(meter, customer_no, self._customers[customer_no])

    def _stored_to(self, events: Events) -> tuple[I64, I64]:
        """Up to which positions the stored totals, and hours, of each event's tally are true."""
        rows, which = np.unique(events.rows, return_inverse=True)
        found = np.array([self._stored.get(row, (0, 0)) for row in rows.tolist()]).reshape(-1, 2)
        return found[which, 0], found[which, 1]

    def _cancel(self, position: int, cancelled: int) -> None:
        state = self._state
        event = state.logged_event(cancelled)
        self._bring_in(np.array([[event.meter_no, event.customer_no]]))
        tally = Tally(state.tallies, self._row(event.meter_no, event.customer_no))
        totals_to, hours_to = self._stored.get(tally.row, (0, 0))
        if position > totals_to:
            self._see_activations(position - 1)
            state.cancel(tally, event, position)
        elif position > hours_to:
            state.take_back_cells(tally, event)
