"""What usage events amount to.

Additive meters (`sum`, `count` without a time window) keep a running total. The others are
*superseding*: within a window only the event received last counts, so each event takes back the
one that held its window before. `last` is the case of one window for all time.
"""

from collections.abc import Iterable
from typing import Final

from tripmeter.model.meter import Formula, Window
from tripmeter.model.usage import MinuteEvent

WINDOW_MS: Final = {Window.HOUR: 3_600_000, Window.DAY: 86_400_000}
"""Length of an event time window; windows are aligned to UTC."""

_ALL_TIME: Final = 0


def superseding_window(formula: Formula, window: Window | None, timestamp_ms: int) -> int | None:
    """The window in which the event takes the place of an earlier one; None if it just adds up.

    Counting for alerts follows arrival, so `last` has one window for all time.
    """
    if formula is Formula.LAST:
        return _ALL_TIME
    return None if window is None else timestamp_ms // WINDOW_MS[window]


def is_superseding(formula: Formula, window: Window | None) -> bool:
    """Whether a later event can take the place of an earlier one."""
    return formula is Formula.LAST or window is not None


def aggregate(formula: Formula, window: Window | None, events: Iterable[MinuteEvent]) -> int:
    """The scaled value of a superseding meter over a set of events; 0 for none.

    Within each UTC window the event received last counts (Stripe: `event_time_window`). `last` is
    the value of the newest window, or without windows of the newest timestamp, ties going to the
    event received later.
    """
    if window is None:
        newest = max(events, key=lambda e: (e.timestamp_ms, e.position), default=None)
        return newest.quantity if newest else 0
    holders: dict[int, MinuteEvent] = {}
    for event in events:
        key = event.timestamp_ms // WINDOW_MS[window]
        if key not in holders or holders[key].position < event.position:
            holders[key] = event
    if formula is Formula.LAST:
        return holders[max(holders)].quantity if holders else 0
    return sum(event.quantity for event in holders.values())
