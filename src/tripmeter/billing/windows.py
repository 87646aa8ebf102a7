"""The windows of metered items: opened with a period, closing with its invoice, then gone.

There is always one for the next period, too: usage may be stamped some minutes ahead.
"""

import secrets
from typing import Final

from msgspec import structs

from tripmeter.model.subscription import SubscriptionItem, Window
from tripmeter.rules.periods import Period

_BITS: Final = 62
"""Of a window's number: random, so that it needs no counter and never comes twice."""


def with_windows(
    item: SubscriptionItem, current: Period, following: Period, position: int
) -> SubscriptionItem:
    """An item whose usage counts from a position of the log on."""
    now, later = new_window(current, position), new_window(following, position)
    return structs.replace(
        item,
        period_start_ms=current.start_ms,
        period_end_ms=current.end_ms,
        windows=(*item.windows, now, later),
        current_window=now.no,
    )


def rolled(
    item: SubscriptionItem, period: Period, following: Period, position: int
) -> SubscriptionItem:
    """An item whose next window has become the current one; the one before is closing."""
    later = structs.replace(item.windows[-1], start_ms=period.start_ms, end_ms=period.end_ms)
    return structs.replace(
        item,
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        windows=(*item.windows[:-1], later, new_window(following, position)),
        current_window=later.no,
    )


def begun_anew(
    item: SubscriptionItem, taking: Period, period: Period, following: Period, position: int
) -> SubscriptionItem:
    """An item whose current and next windows are replaced; those that are closing stay.

    `taking` are the times of the usage that the current one takes: it may begin before the period,
    so that what is on its way is not lost.
    """
    former = next((one for one in item.windows if one.no == item.current_window), None)
    gone = frozenset(
        one.no for one in item.windows if former is not None and one.start_ms >= former.start_ms
    )
    fresh = with_windows(without(item, gone), taking, following, position)
    return structs.replace(fresh, period_start_ms=period.start_ms, period_end_ms=period.end_ms)


def repriced(item: SubscriptionItem, since_ms: int, position: int) -> SubscriptionItem:
    """An item whose usage counts from nothing, for another price: within the same period.

    Windows of former periods go on closing: their drafts bill late usage by the price of then.
    """
    former = next(one for one in item.windows if one.no == item.current_window)
    fresh = new_window(Period(since_ms, former.end_ms), position)
    later = item.windows[-1]
    windows = (*_closing(item), fresh, later)
    return structs.replace(item, windows=windows, current_window=fresh.no)


def closing_alone(item: SubscriptionItem) -> SubscriptionItem:
    """An item that takes no usage but what is late for periods whose invoices are drafts."""
    return structs.replace(item, windows=_closing(item), current_window=None)


def _closing(item: SubscriptionItem) -> tuple[Window, ...]:
    """The windows of former periods: those before the current one."""
    place = next((at for at, one in enumerate(item.windows) if one.no == item.current_window), None)
    return item.windows if place is None else item.windows[:place]


def without_any(item: SubscriptionItem) -> SubscriptionItem:
    """An item that takes no usage."""
    return structs.replace(item, windows=(), current_window=None)


def without_following(item: SubscriptionItem, end_ms: int, position: int) -> SubscriptionItem:
    """An item that ends: what comes from now on, and is stamped later, is not its usage.

    What came before stays in the current window, even if it was stamped ahead of time.
    """
    windows = tuple(
        structs.replace(one, cut_ms=end_ms, cut_at=position) if one.end_ms > end_ms else one
        for one in item.windows
        if one.start_ms < end_ms or one.no == item.current_window
    )
    return structs.replace(item, windows=windows)


def without(item: SubscriptionItem, numbers: frozenset[int]) -> SubscriptionItem:
    """An item without windows whose invoice is final."""
    return structs.replace(
        item, windows=tuple(one for one in item.windows if one.no not in numbers)
    )


def billed(item: SubscriptionItem, window: Window) -> SubscriptionItem:
    """An item with a new state of one of its windows."""
    return structs.replace(
        item, windows=tuple(window if one.no == window.no else one for one in item.windows)
    )


def new_window(period: Period, position: int) -> Window:
    """A window that takes usage from a position of the log on."""
    return Window(
        no=secrets.randbits(_BITS),
        start_ms=period.start_ms,
        end_ms=period.end_ms,
        opened_at=position,
    )
