"""The open windows of billed customers: how much of each tally's usage belongs to which period.

An additive tally's usage in the current period is its total less a base. What is stamped in the
period moves total and usage alike, and the base stays, so whole batches are counted without a look
at it; an event that is stamped outside moves the base instead, and is counted singly. The usage of
other windows, closing ones and the next one, is kept as a number of its own.

Superseding meters have no such numbers: what counts in a window is found out from its events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from tripmeter.model.subscription import SubscriptionItem, Window

EARLIEST_MS: Final = -(2**62)
LATEST_MS: Final = 2**62

AT_ONCE: Final = -(10**36)
"""A total that every other one has reached."""

NEVER: Final = 10**36
"""A total that is never reached."""

T = TypeVar("T")


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


class Closed(NamedTuple):
    """[start, end) in ms: the time of an item that is billed for good, usage to come included."""

    subscription: str
    start_ms: int
    end_ms: int


class Billing:
    """The open windows of one tally."""

    __slots__ = ("_open", "closed")

    def __init__(self, windows: Sequence[Open], closed: Sequence[Closed] = ()) -> None:
        self._open = tuple(windows)
        self.closed = tuple(closed)
        """The time of each item that is billed for good."""

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
                end_ms = min(end_ms, end_of(one.window))
        for one in self._open:  # a former period that takes late usage, beside one that restarted
            if not one.is_current and one.window.end_ms > start_ms and one.window.start_ms < end_ms:
                return LATEST_MS, EARLIEST_MS
        for period in self.closed:
            if period.end_ms > start_ms and period.start_ms < end_ms:
                start_ms = period.end_ms
        return start_ms, end_ms

    def since(self) -> int:
        """The position behind which events in `span` belong to every current window."""
        return max(
            (max(one.window.opened_at, one.window.cut_at) for one in self._open if one.is_current),
            default=0,
        )

    def over(self, timestamp_ms: int, now_ms: int) -> list[tuple[str, int]]:
        """Subscriptions whose period is over, and whose next one an event is stamped in; and when
        it was over, in ms."""
        return _once(
            (one.subscription, one.window.end_ms)
            for one in self._open
            if one.is_current
            and one.window.cut_ms is None
            and one.window.end_ms <= min(timestamp_ms, now_ms)
        )

    @property
    def watched(self) -> list[str]:
        """Subscriptions whose thresholds may be reached; oldest first."""
        return _once(one.subscription for one in self._open if one.is_current and one.look != NEVER)

    def concerned(self, total: int) -> list[str]:
        """Subscriptions whose thresholds are to be looked at, given the total; oldest first."""
        return _once(
            one.subscription
            for one in self._open
            if one.is_current and (one.look is None or one.usage(total) >= one.look)
        )

    def late(self, timestamp_ms: int) -> list[str]:
        """Subscriptions that an event comes too late for: its time is billed for good."""
        return _once(
            period.subscription
            for period in self.closed
            if period.start_ms <= timestamp_ms < period.end_ms
        )

    def closing(self, position: int, timestamp_ms: int) -> list[Open]:
        """The windows of former periods that an event belongs to: their invoice is a draft."""
        begun = {one.item: one.window.start_ms for one in self._open if one.is_current}
        return [
            one
            for one in self._open
            if not one.is_current
            and one.window.start_ms < begun.get(one.item, LATEST_MS)
            and takes(one.window, position, timestamp_ms)
        ]

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

    def look_again(self) -> None:
        """Have thresholds evaluated at the next event."""
        for one in self._open:
            one.look = None

    def look_away(self) -> None:
        """Evaluate no thresholds for now: what was crossed by this usage has its invoice."""
        for one in self._open:
            one.look = NEVER

    def usages(self, total: int) -> dict[int, int]:
        """The usage of every window, by number, as the store keeps it."""
        return {one.window.no: one.usage(total) for one in self._open}


def _once(names: Iterable[T]) -> list[T]:
    """In their order: ids made in one millisecond have none of their own."""
    return [*dict.fromkeys(names)]


def end_of(window: Window) -> int:
    """Where a window ends for what comes from now on, in ms."""
    return window.end_ms if window.cut_ms is None else min(window.end_ms, window.cut_ms)


def takes(window: Window, position: int, timestamp_ms: int) -> bool:
    """Whether an event belongs to a window: by its timestamp, and by its place in the log."""
    end_ms = end_of(window) if position > window.cut_at else window.end_ms
    if not window.start_ms <= timestamp_ms < end_ms:
        return False
    closed_at = window.closed_at
    return window.opened_at < position and (closed_at is None or position <= closed_at)


def opened(
    items: Iterable[SubscriptionItem], total: int, usages: Mapping[int, int]
) -> Billing | None:
    """The open windows of a customer's items on one meter, given what is known of their usage."""
    windows, closed = [], []
    for item in items:
        until_ms = min((one.start_ms for one in item.windows), default=item.period_end_ms)
        if item.created_ms < until_ms:
            closed.append(Closed(item.subscription, item.created_ms, until_ms))
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
    return Billing(windows, closed) if windows or closed else None
