"""TALLY: the running total of one customer on one meter, event by event.

An additive meter adds each event up. On a superseding meter an event takes back the one that held
its window, as if that had never been: which is also what a cancellation does. Alerts join a tally
on the first event after their activation, with the total of that moment as their baseline.

`counting` does the same for whole batches where no alert can fire; both work on `Tallies`.
"""

from collections.abc import Sequence

from tripmeter.model.usage import Holder, Join, MinuteEvent, UsageEvent
from tripmeter.pipeline.tallies import NEVER, Tally
from tripmeter.rules.aggregate import superseding_window
from tripmeter.rules.alerts.usage_threshold import Standing, line


def count(tally: Tally, event: UsageEvent) -> None:
    """Add an accepted event to the total."""
    if tally.is_stale:
        join(tally, event.position - 1)
    if tally.meter.superseding:
        _supersede(tally, event)
        return
    tally.total += event.quantity
    _assign(tally, event, event.quantity)


def _assign(tally: Tally, event: UsageEvent, quantity: int) -> None:
    """Have windows and months know of an event that was added to the total, or taken from it."""
    billing = tally.billing
    if billing is not None:
        billing.take(event.position, event.timestamp_ms, quantity)
        draw_next_line(tally)
    if tally.meter.limited:
        limited = tally.limited
        if limited is not None and limited.stamp(event.timestamp_ms, quantity):
            draw_next_line(tally)


def cancel(tally: Tally, event: UsageEvent, at: int, others: Sequence[MinuteEvent]) -> None:
    """Take an event back from the total, by the cancellation at position `at`.

    `others` are the events that remain in its window, on a superseding meter.
    """
    if tally.is_stale:
        join(tally, at - 1)
    if tally.meter.superseding:
        _give_window_back(tally, event, others)
    else:
        _take_back(tally, event.position, event.quantity)
        _assign(tally, event, -event.quantity)


def join(tally: Tally, position: int) -> None:
    """Let alerts activated up to `position` join, and find the next total at which one fires."""
    opened = sorted(
        activation.position
        for watch in tally.watches
        for activation in watch.activations
        if activation.position <= position
    )
    last = tally.joins[-1].position if tally.joins else -1
    if opened and opened[-1] > last:
        tally.joins = (*tally.joins, Join(position, tally.total))
    tally.joins = _still_needed(tally.joins, opened)
    draw_next_line(tally)
    tally.freshen()


def draw_next_line(tally: Tally) -> None:
    """Find the lowest total at which one of the joined alerts fires."""
    newest = tally.joins[-1].position if tally.joins else -1
    alerts, goal = NEVER, 0
    for watch in tally.watches:
        if watch.activations[-1].position <= newest:
            drawn = line(watch, tally.joins, tally.marks)
            if drawn.standing is Standing.WAITING and drawn.at < alerts:
                alerts, goal = drawn.at, watch.gte
    billing = tally.billing
    nearest = alerts if billing is None else min(alerts, billing.line())
    if tally.meter.limited and (limited := tally.limited) is not None:
        nearest = min(nearest, limited.line(billing))
    tally.next_line = nearest
    tally.head_for(alerts, goal)


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
    held = tally.holders.get(window)
    if held is not None:
        _take_back(tally, held.position, held.quantity)
    tally.holders[window] = Holder(event.position, event.quantity)
    tally.total += event.quantity


def _take_back(tally: Tally, position: int, quantity: int) -> None:
    """Undo an event's part in the total, and in the baselines of alerts that came after it."""
    tally.total -= quantity
    if tally.joins:
        tally.joins = tuple(
            Join(at, base - quantity) if position <= at else Join(at, base)
            for at, base in tally.joins
        )
        draw_next_line(tally)


def _give_window_back(tally: Tally, event: UsageEvent, others: Sequence[MinuteEvent]) -> None:
    meter = tally.meter.meter
    window = superseding_window(meter.formula, meter.window, event.timestamp_ms)
    holders = tally.holders
    if window is None or window not in holders or holders[window].position != event.position:
        return
    _take_back(tally, event.position, event.quantity)
    del holders[window]
    if others:
        heir = max(others, key=lambda other: other.position)
        holders[window] = Holder(heir.position, heir.quantity)
        _take_back(tally, heir.position, -heir.quantity)
