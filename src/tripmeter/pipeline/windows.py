"""The open windows of billed customers: how much of each tally's usage belongs to which period.

An additive tally's usage in the current period is its total less a base. What is stamped in the
period moves total and usage alike, and the base stays, so whole batches are counted without a look
at it; an event that is stamped outside moves the base instead, and is counted singly. The usage of
other windows, closing ones and the next one, is kept as a number of its own.

Superseding meters have no such numbers: what counts in a window is found out from its events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tripmeter.model.subscription import SubscriptionItem, Window

EARLIEST_MS: Final = -(2**62)
LATEST_MS: Final = 2**62

AT_ONCE: Final = -(10**36)
"""A total that every other one has reached."""

NEVER: Final = 10**36
"""A total that is never reached."""


@dataclass(slots=True)
class Open:
    """One open window of a tally."""

    subscription: str
    item: str
    window: Window
    is_current: bool
    base: int = 0
    """Of a current one: the part of the total that is not its usage; scaled."""
    kept: int = 0
    """Of another one: its usage; scaled."""
    look: int | None = None
    """The usage at which thresholds are to be looked at again; None: at the next event. Scaled."""

    def usage(self, total: int) -> int:
        """Its usage, given the total of its tally; scaled."""
        return total - self.base if self.is_current else self.kept


class Billing:
    """The open windows of one tally."""

    __slots__ = ("_open",)

    def __init__(self, windows: Sequence[Open]) -> None:
        self._open = tuple(windows)

    def __iter__(self) -> Iterator[Open]:
        return iter(self._open)

    @property
    def current(self) -> list[Open]:
        """Those of current periods."""
        return [one for one in self._open if one.is_current]

    def find(self, number: int) -> Open | None:
        """The window with a number."""
        return next((one for one in self._open if one.window.no == number), None)

    def span(self) -> tuple[int, int]:
        """[start, end) in which an event belongs to every current window, and to no other one."""
        start_ms, end_ms = EARLIEST_MS, LATEST_MS
        for one in self._open:
            if one.is_current:
                start_ms = max(start_ms, one.window.start_ms)
                end_ms = min(end_ms, one.window.end_ms)
        for one in self._open:  # a former period that takes late usage, beside one that restarted
            if not one.is_current and one.window.end_ms > start_ms and one.window.start_ms < end_ms:
                return LATEST_MS, EARLIEST_MS
        return (start_ms, end_ms) if self.current else (LATEST_MS, EARLIEST_MS)

    def take(self, position: int, timestamp_ms: int, quantity: int) -> bool:
        """Assign an event to the windows that it belongs to, once the total has it.

        Negative quantities take one back. False if no window takes it.
        """
        taken = False
        for one in self._open:
            belongs = takes(one.window, position, timestamp_ms)
            taken |= belongs
            if one.is_current and not belongs:
                one.base += quantity
            elif belongs and not one.is_current:
                one.kept += quantity
        return taken

    def line(self) -> int:
        """The total at which a threshold has to be looked at."""
        lines = [
            AT_ONCE if one.look is None else one.base + one.look
            for one in self._open
            if one.is_current
        ]
        return min(lines, default=NEVER)

    def usages(self, total: int) -> dict[int, int]:
        """The usage of every window, by number, as the store keeps it."""
        return {one.window.no: one.usage(total) for one in self._open}


def takes(window: Window, position: int, timestamp_ms: int) -> bool:
    """Whether an event belongs to a window: by its timestamp, and by its place in the log."""
    if not window.start_ms <= timestamp_ms < window.end_ms:
        return False
    closed_at = window.closed_at
    return window.opened_at < position and (closed_at is None or position <= closed_at)


def opened(
    items: Iterable[SubscriptionItem], total: int, usages: Mapping[int, int]
) -> Billing | None:
    """The open windows of a customer's items on one meter, given what is known of their usage."""
    windows = []
    for item in items:
        for window in item.windows:
            usage = usages.get(window.no, 0)
            is_current = window.no == item.current_window
            windows.append(
                Open(
                    item.subscription,
                    item.id,
                    window,
                    is_current,
                    base=total - usage if is_current else 0,
                    kept=0 if is_current else usage,
                )
            )
    return Billing(windows) if windows else None
