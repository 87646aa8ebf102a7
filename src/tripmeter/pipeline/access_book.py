"""The memory of access: what was told of customers, and what they have reserved.

It derives from the store, as all memory does, and is read on first use.
"""

import heapq
from collections import Counter
from typing import Final

from tripmeter.model.quantity import of_decimal
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Page
from tripmeter.model.usage_limit import AccessState, Reservation, ReservationStatus
from tripmeter.ports import Session

CUSTOMERS_KEPT: Final = 500_000
"""Customers whose states or reservations are in memory; beyond that, all are let go."""

Key = tuple[Scope, str]


class AccessBook:
    """What was told of customers' access, and what they have reserved; read on first use."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._states: dict[Key, tuple[AccessState, ...]] = {}
        self._any: dict[Scope, bool] = {}
        self._for_all: dict[Scope, frozenset[str]] = {}
        self._open: dict[Key, _Opened] = {}

    def states(self, scope: Scope, customer: str) -> tuple[AccessState, ...]:
        """What is known of a customer's access, newest first."""
        if not self._has_any(scope):
            return ()
        key = (scope, customer)
        if key not in self._states:
            if len(self._states) >= CUSTOMERS_KEPT:
                self._states.clear()
            found = self._session.access_states.every(scope, customer=customer)
            self._states[key] = tuple(kept.value for kept in found)
        return self._states[key]

    def _has_any(self, scope: Scope) -> bool:
        """Whether anything was ever told in a scope: where nothing was, nobody is looked up."""
        if scope not in self._any:
            self._any[scope] = bool(self._session.access_states.page(scope, Page(1)).items)
        return self._any[scope]

    def meters_for_all(self, scope: Scope) -> frozenset[str]:
        """Meters with a limit for everybody."""
        if scope not in self._for_all:
            found = self._session.usage_limits.every(scope, for_all=True)
            self._for_all[scope] = frozenset(kept.value.meter for kept in found)
        return self._for_all[scope]

    def limits_changed(self, scope: Scope) -> None:
        """Have the limits of a scope read again."""
        self._for_all.pop(scope, None)

    def forget(self, scope: Scope, customer: str) -> None:
        """Have a customer's states and reservations read again."""
        self._states.pop((scope, customer), None)
        self._open.pop((scope, customer), None)

    def forget_states(self, scope: Scope, customer: str) -> None:
        """Have a customer's states read again."""
        self._any.pop(scope, None)
        self._states.pop((scope, customer), None)

    def reserved(self, scope: Scope, customer: str, meter: str, now_ms: int) -> int:
        """What is reserved of a meter now; scaled."""
        return self._opened(scope, customer, now_ms).sums[meter]

    def take_expired(self, scope: Scope, customer: str, now_ms: int) -> list[str]:
        """The ids of reservations whose time is over, so that their room is free; each once."""
        opened = self._opened(scope, customer, now_ms)
        expired, opened.expired = opened.expired, []
        return expired

    def put(self, reservation: Reservation) -> None:
        """Take in a reservation that is new, or has ended."""
        scope = Scope.of(reservation)
        opened = self._open.get((scope, reservation.customer))
        if opened is None:
            return
        if reservation.status is ReservationStatus.RESERVED:
            opened.add(reservation)
        else:
            opened.end(reservation.id)

    def _opened(self, scope: Scope, customer: str, now_ms: int) -> "_Opened":
        key = (scope, customer)
        opened = self._open.get(key)
        if opened is None:
            if len(self._open) >= CUSTOMERS_KEPT:
                self._open.clear()
            opened = self._open[key] = _Opened()
            found = self._session.reservations.every(scope, customer=customer, is_open=True)
            for kept in found:
                opened.add(kept.value)
        opened.expire(now_ms)
        return opened


class _Opened:
    """What a customer has reserved."""

    __slots__ = ("_by_end", "_open", "expired", "sums")

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, int]] = {}
        """By id: the meter, and how much of it; scaled."""
        self._by_end: list[tuple[int, str]] = []
        """A heap; those that have ended stay in it until their time has come."""
        self.sums: Counter[str] = Counter()
        """What is reserved of each meter; scaled."""
        self.expired: list[str] = []
        """The ids of those whose time is over, and of which the store does not know that."""

    def add(self, reservation: Reservation) -> None:
        """Take in a new one."""
        quantity = of_decimal(reservation.quantity)
        self._open[reservation.id] = reservation.meter, quantity
        self.sums[reservation.meter] += quantity
        heapq.heappush(self._by_end, (reservation.expires_ms, reservation.id))

    def end(self, id: str) -> bool:
        """One was committed, was released, or has expired; whether it was open."""
        meter, quantity = self._open.pop(id, (None, 0))
        if meter is not None:
            self.sums[meter] -= quantity
        return meter is not None

    def expire(self, now_ms: int) -> None:
        """End those whose time is over."""
        while self._by_end and self._by_end[0][0] <= now_ms:
            _, id_ = heapq.heappop(self._by_end)
            if self.end(id_):
                self.expired.append(id_)
