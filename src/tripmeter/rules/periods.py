"""When billing periods begin and end.

Periods follow an anchor: a day and a time of day, in UTC. Months that lack the anchor's day end on
their last one, and the next month is back on the anchor's day (Stripe): each period is reckoned
from the anchor and never from the period before.
"""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from tripmeter.model.catalogue import Interval, Recurring

DAY_MS: Final = 86_400_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_DAYS: Final = {Interval.DAY: 1, Interval.WEEK: 7}
_MONTHS: Final = {Interval.MONTH: 1, Interval.YEAR: 12}


class Period(NamedTuple):
    """[start, end) in milliseconds."""

    start_ms: int
    end_ms: int


def add_months(moment_ms: int, months: int) -> int:
    """The same day and time so many months later; the last day of a month that lacks the day."""
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    moved = moment.replace(year=year, month=month + 1, day=day)
    return (moved - _EPOCH) // timedelta(milliseconds=1)


def at_day(
    start_ms: int,
    day: int,
    *,
    month: int | None = None,
    hour: int | None = None,
    minute: int | None = None,
    second: int | None = None,
) -> int:
    """The first moment from `start_ms` on that has a day of the month, and what else is said.

    What is not said of the time of day is that of the start. Months that lack the day are passed
    over, unless the month is said: then it is its last day.
    """
    start = _EPOCH + timedelta(milliseconds=start_ms)
    time = start.replace(
        hour=start.hour if hour is None else hour,
        minute=start.minute if minute is None else minute,
        second=start.second if second is None else second,
    )
    if (hour, minute, second) != (None, None, None):
        time = time.replace(microsecond=0)
    for later in range(13):
        years, place = divmod(start.month - 1 + later, 12)
        days = calendar.monthrange(start.year + years, place + 1)[1]
        if (month is not None and month != place + 1) or (month is None and day > days):
            continue
        found = time.replace(year=start.year + years, month=place + 1, day=min(day, days))
        if found >= start:
            return (found - _EPOCH) // timedelta(milliseconds=1)
    raise AssertionError("a year has every month, and every day of one")


def boundary(anchor_ms: int, recurring: Recurring, number: int) -> int:
    """Where the period with a number begins; that of the anchor has number 0."""
    steps = number * recurring.interval_count
    if recurring.interval in _DAYS:
        return anchor_ms + steps * _DAYS[recurring.interval] * DAY_MS
    return add_months(anchor_ms, steps * _MONTHS[recurring.interval])


def period_at(anchor_ms: int, recurring: Recurring, moment_ms: int) -> Period:
    """The period that a moment is in."""
    number = _guess(anchor_ms, recurring, moment_ms)
    while boundary(anchor_ms, recurring, number) > moment_ms:
        number -= 1
    while boundary(anchor_ms, recurring, number + 1) <= moment_ms:
        number += 1
    return Period(
        boundary(anchor_ms, recurring, number), boundary(anchor_ms, recurring, number + 1)
    )


def period_from(anchor_ms: int, recurring: Recurring, start_ms: int) -> Period:
    """A period that begins at a moment: a part of one, unless that is where one begins."""
    return Period(start_ms, period_at(anchor_ms, recurring, start_ms).end_ms)


def _guess(anchor_ms: int, recurring: Recurring, moment_ms: int) -> int:
    """About the number of the period that a moment is in."""
    days = _DAYS.get(recurring.interval) or 30 * _MONTHS[recurring.interval]
    return (moment_ms - anchor_ms) // (days * recurring.interval_count * DAY_MS)
