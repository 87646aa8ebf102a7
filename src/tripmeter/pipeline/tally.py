"""TALLY: advances the running total of one customer on one meter.

An additive meter adds each event up. On a superseding meter an event takes back the one that held
its window, as if that had never been: which is also what a cancellation does. Alerts join a tally
on the first event after their activation, with the total of that moment as their baseline.
"""

from typing import Final

from tripmeter.model.alert import FiredMark
from tripmeter.model.usage import Holder, Join, MinuteEvent, TallyRow, UsageEvent
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.rules.aggregate import superseding_window
from tripmeter.rules.alerts.usage_threshold import Standing, line

NEVER: Final = 10**60
"""A total that is never reached: nothing is watched."""

MINUTE_MS: Final = 60_000

STALE: Final = -1
"""The version of a tally whose alerts have to be looked at again."""


class Tally:
    """What is kept in memory for one (meter, customer) in use.

    `minutes` and `singles` are what the stored hours do not hold yet; `removed` are positions of
    cancelled events that the stored hours still hold.
    """

    __slots__ = (
        "customer",
        "customer_no",
        "dirty_from",
        "holders",
        "joins",
        "marks",
        "meter",
        "minutes",
        "next_line",
        "position",
        "removed",
        "singles",
        "total",
        "version",
    )

    def __init__(
        self, meter: MeterState, customer_no: int, customer: str, row: TallyRow | None
    ) -> None:
        self.meter = meter
        self.customer_no = customer_no
        self.customer = customer
        self.position = row.position if row else 0
        self.total = row.total if row else 0
        self.joins: tuple[Join, ...] = row.joins if row else ()
        self.holders: dict[int, Holder] | None = dict(row.holders) if row else None
        self.marks: list[FiredMark] = []
        self.version = STALE
        self.next_line = NEVER
        self.dirty_from: int | None = None
        self.minutes: dict[int, tuple[int, int]] = {}
        self.singles: dict[int, list[MinuteEvent]] | None = None
        self.removed: set[int] | None = None

    def row(self) -> TallyRow:
        """The tally as the store keeps it."""
        return TallyRow(
            meter_no=self.meter.no,
            customer_no=self.customer_no,
            position=self.position,
            total=self.total,
            joins=self.joins,
            holders=self.holders or {},
        )


def count(tally: Tally, event: UsageEvent) -> None:
    """Add an accepted event."""
    if tally.version != tally.meter.version:
        join(tally, event.position - 1)
    if tally.meter.superseding:
        _supersede(tally, event)
    else:
        tally.total += event.quantity
        _add_to_minute(tally, event, event.quantity, 1)
    tally.position = event.position


def cancel(tally: Tally, event: UsageEvent, at: int, others: list[MinuteEvent]) -> None:
    """Take an event back, by the cancellation at position `at`.

    `others` are the events that remain in its window, on a superseding meter.
    """
    if tally.version != tally.meter.version:
        join(tally, at - 1)
    if not tally.meter.superseding:
        _take_back(tally, event.position, event.quantity)
        _add_to_minute(tally, event, -event.quantity, -1)
    else:
        _remove_single(tally, event)
        _give_window_back(tally, event, others)
    tally.position = at


def join(tally: Tally, position: int) -> None:
    """Let alerts activated up to `position` join, and find the next total at which one fires."""
    watches = tally.meter.watches(tally.customer)
    opened = sorted(
        activation.position
        for watch in watches
        for activation in watch.activations
        if activation.position <= position
    )
    last = tally.joins[-1].position if tally.joins else -1
    if opened and opened[-1] > last:
        tally.joins = (*tally.joins, Join(position, tally.total))
    tally.joins = _still_needed(tally.joins, opened)
    tally.version = tally.meter.version
    draw_next_line(tally)


def draw_next_line(tally: Tally) -> None:
    """Find the lowest total at which one of the joined alerts fires."""
    newest = tally.joins[-1].position if tally.joins else -1
    lines = (
        line(watch, tally.joins, tally.marks)
        for watch in tally.meter.watches(tally.customer)
        if watch.activations[-1].position <= newest
    )
    tally.next_line = min(
        (drawn.at for drawn in lines if drawn.standing is Standing.WAITING), default=NEVER
    )


def _still_needed(joins: tuple[Join, ...], opened: list[int]) -> tuple[Join, ...]:
    """The joins that some open activation counts from: the first one at or after it."""
    if len(joins) <= 1:
        return joins if opened else ()
    needed = set()
    for position in opened:
        needed.add(next(join for join in joins if join.position >= position))
    return tuple(join for join in joins if join in needed)


def _supersede(tally: Tally, event: UsageEvent) -> None:
    meter = tally.meter.meter
    window = superseding_window(meter.formula, meter.window, event.timestamp_ms)
    assert window is not None  # the meter is superseding
    holders = tally.holders
    if holders is None:
        holders = tally.holders = {}
    held = holders.get(window)
    if held is not None:
        _take_back(tally, held.position, held.quantity)
    holders[window] = Holder(event.position, event.quantity)
    tally.total += event.quantity
    single = MinuteEvent(event.position, event.timestamp_ms, event.quantity)
    if tally.singles is None:
        tally.singles = {}
    tally.singles.setdefault(event.timestamp_ms // MINUTE_MS, []).append(single)


def _take_back(tally: Tally, position: int, quantity: int) -> None:
    """Undo an event's part in the total, and in the baselines of alerts that came after it."""
    tally.total -= quantity
    if tally.joins:
        tally.joins = tuple(
            Join(at, base - quantity) if position <= at else Join(at, base)
            for at, base in tally.joins
        )
        draw_next_line(tally)


def _give_window_back(tally: Tally, event: UsageEvent, others: list[MinuteEvent]) -> None:
    meter = tally.meter.meter
    window = superseding_window(meter.formula, meter.window, event.timestamp_ms)
    holders = tally.holders or {}
    if window is None or window not in holders or holders[window].position != event.position:
        return
    _take_back(tally, event.position, event.quantity)
    del holders[window]
    if others:
        heir = max(others, key=lambda other: other.position)
        holders[window] = Holder(heir.position, heir.quantity)
        _take_back(tally, heir.position, -heir.quantity)


def _remove_single(tally: Tally, event: UsageEvent) -> None:
    if tally.removed is None:
        tally.removed = set()
    tally.removed.add(event.position)
    minute = event.timestamp_ms // MINUTE_MS
    unsaved = (tally.singles or {}).get(minute)
    if unsaved:
        unsaved[:] = [single for single in unsaved if single.position != event.position]
    else:
        tally.singles = tally.singles or {}
        tally.singles.setdefault(minute, [])


def _add_to_minute(tally: Tally, event: UsageEvent, quantity: int, events: int) -> None:
    minute = event.timestamp_ms // MINUTE_MS
    held = tally.minutes.get(minute)
    if held is None:
        tally.minutes[minute] = (quantity, events)
    else:
        tally.minutes[minute] = (held[0] + quantity, held[1] + events)
