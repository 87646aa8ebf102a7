"""The data plane's memory: tallies in use, identifiers, the end of the log.

All of it derives from the store. After a failed transaction it is thrown away and read again,
which is simple and leaves nothing half done.
"""

import hashlib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from tripmeter.model.ids import new_secret
from tripmeter.model.meter import Formula
from tripmeter.model.scope import Scope
from tripmeter.model.usage import CancelEntry, MinuteEvent, UsageEvent
from tripmeter.pipeline import log
from tripmeter.pipeline.catalogue import Catalogue, MeterState
from tripmeter.pipeline.tally import MINUTE_MS, NEVER, STALE, Tally, cancel, count
from tripmeter.ports import Identifiers, Session
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS
from tripmeter.rules.aggregate import WINDOW_MS

MINUTES_PER_HOUR: Final = 60
_ALL_TIME: Final = 2**40

KEY_BYTES: Final = 12
"""Of a digest: at a billion identifiers, two agree with a chance of one in 10^11."""

_SECRET: Final = "identifier_secret"


class State:
    """What the writer keeps in memory. Only the writer's thread touches it."""

    def __init__(self, session: Session, identifiers: Identifiers, now_ms: int) -> None:
        self.session = session
        self.identifiers = identifiers
        self.catalogue = Catalogue(session)
        self.tallies: dict[tuple[int, int], Tally] = {}
        self.dirty: dict[tuple[int, int], Tally] = {}
        self._horizon = 1
        self._looked_ms = now_ms + MINUTE_MS
        self.position = session.usage.last_position()
        self._secret = identifier_secret(session)
        self.look_ahead(now_ms)
        self._remember_identifiers()
        self._replay()

    def tally(self, meter: MeterState, customer_no: int, customer: str) -> Tally:
        """The tally of a customer on a meter, read from the store on first use."""
        key = (meter.no, customer_no)
        tally = self.tallies.get(key)
        if tally is None:
            row = self.session.usage.tally(meter.no, customer_no)
            tally = Tally(meter, customer_no, customer, row)
            tally.marks = self.session.fired(meter.no, customer_no)  # stored row or not
            self.tallies[key] = tally
        return tally

    def peek(self, meter: MeterState, customer_no: int, customer: str) -> Tally:
        """As `tally`, for readers: leaves no trace of customers that never used the meter."""
        held = self.tallies.get((meter.no, customer_no))
        if held is not None:
            return held
        tally = self.tally(meter, customer_no, customer)
        del self.tallies[meter.no, customer_no]
        return tally

    def touch(self, tally: Tally, position: int) -> None:
        """Note that a tally has something that the store does not have yet."""
        if tally.dirty_from is None:
            tally.dirty_from = position
            self.dirty[tally.meter.no, tally.customer_no] = tally

    def identifier_key(self, scope: Scope, identifier: str) -> bytes:
        """The digest under which an identifier is remembered; secret, so nobody can forge one."""
        text = f"{scope.account}|{int(scope.livemode)}|{identifier}".encode()
        return hashlib.blake2b(text, digest_size=KEY_BYTES, key=self._secret).digest()

    def count(self, tally: Tally, event: UsageEvent) -> None:
        """Add an event to its tally."""
        count(tally, event)
        self.touch(tally, event.position)

    def cancel(self, tally: Tally, event: UsageEvent, at: int) -> None:
        """Take an event back, by the cancellation at position `at`."""
        others = list(self._others_in_window(tally, event)) if tally.meter.superseding else []
        cancel(tally, event, at, others)
        self.touch(tally, at)

    def singles(self, tally: Tally, start: int, end: int) -> Iterator[MinuteEvent]:
        """Events of a superseding meter in the minutes [start, end), cancelled ones left out."""
        hours = self.session.usage.hours(
            tally.meter.no,
            tally.customer_no,
            start // MINUTES_PER_HOUR,
            -(-end // MINUTES_PER_HOUR),
        )
        removed: AbstractSet[int] = tally.removed or frozenset()
        stored = (m for hour in hours for m in hour.events.items())
        for minute, events in [*stored, *(tally.singles or {}).items()]:
            if start <= minute < end:
                yield from (event for event in events if event.position not in removed)

    def _others_in_window(self, tally: Tally, event: UsageEvent) -> Iterator[MinuteEvent]:
        """What remains in an event's window once it is gone; `last` has one for all time."""
        meter = tally.meter.meter
        start, end = 0, _ALL_TIME
        if meter.formula is not Formula.LAST and meter.window is not None:
            length = WINDOW_MS[meter.window] // MINUTE_MS
            start = minute_of(event.timestamp_ms) // length * length
            end = start + length
        for other in self.singles(tally, start, end):
            if other.position != event.position:
                yield other

    def known(self, keys: Sequence[bytes]) -> list[int | None]:
        """For each key, the position of its event, if it is remembered at all."""
        return self.identifiers.find_all(keys)

    def is_fresh(self, position: int) -> bool:
        """Whether the event at a position was received in the last 24 h (to the minute)."""
        return position >= self._horizon

    def look_ahead(self, now_ms: int) -> None:
        """Move the line behind which identifiers are free again. Once a minute will do.

        It follows the order of the log, so a clock that stepped cannot free one too early.
        """
        if abs(now_ms - self._looked_ms) < MINUTE_MS:
            return
        usage, oldest = self.session.usage, now_ms - CANCEL_WITHIN_MS
        if now_ms < self._looked_ms:
            first = usage.first_since(oldest)
        else:
            first = usage.first_since_from(self._horizon, oldest)
        self._horizon = self.position + 1 if first is None else first
        self._looked_ms = now_ms
        self.identifiers.expire(now_ms)

    def _remember_identifiers(self) -> None:
        name = hashlib.blake2b(self._secret, digest_size=8).hexdigest()
        known = self.identifiers.recover(name, self._horizon, self.position)
        for row in self.session.usage.rows_after(known):
            for position, item, _ in log.items(row):
                if isinstance(item, UsageEvent) and position > known:
                    scope = self.catalogue.numbered(item.meter_no).scope
                    key = self.identifier_key(scope, item.identifier)
                    self.identifiers.add(key, position, row.received_ms)
            self.identifiers.settle(row.first + row.size - 1)

    def _replay(self) -> None:
        """Bring tallies up to the end of the log: what was not flushed before the stop."""
        flushed = self.session.usage.flushed_position()
        for row in self.session.usage.rows_after(flushed):
            for position, item, _ in log.items(row):
                if position > flushed:
                    self._replay_item(position, item)

    def _replay_item(self, position: int, item: UsageEvent | CancelEntry) -> None:
        event = self.logged_event(item.cancelled) if isinstance(item, CancelEntry) else item
        tally = self._tally_of(event)
        if position <= tally.position:
            return
        tally.version = STALE  # alerts join in the order of positions, so each event asks anew
        if isinstance(item, CancelEntry):
            self.cancel(tally, event, position)
        else:
            self.count(tally, event)
        tally.version = STALE
        tally.next_line = NEVER

    def _tally_of(self, event: UsageEvent) -> Tally:
        held = self.tallies.get((event.meter_no, event.customer_no))
        if held is not None:
            return held
        customer = self.session.customers.numbered(event.customer_no).id
        return self.tally(self.catalogue.numbered(event.meter_no), event.customer_no, customer)

    def logged_event(self, position: int) -> UsageEvent:
        """The event at a position of the committed log."""
        row = self.session.usage.row_holding(position)
        found = log.find(row, position) if row else None
        if found is None:
            raise LookupError(f"the usage log has no event at {position}")
        return found[0]


def identifier_secret(session: Session) -> bytes:
    """The store's own secret for identifier digests, made when the store is first opened."""
    stored = session.setting(_SECRET)
    return bytes.fromhex(stored) if stored else b""


def ensure_identifier_secret(session: Session) -> None:
    """Make the store's secret, if it has none. Call inside a transaction."""
    if session.setting(_SECRET) is None:
        session.set_setting(_SECRET, new_secret("").encode().hex())


def minute_of(moment_ms: int) -> int:
    """Minutes since the epoch."""
    return moment_ms // MINUTE_MS
