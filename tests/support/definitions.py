"""The words and definitions that the oracle judges by: the product's rules, as plainly as possible.

Nothing here keeps a running total, and nothing is shared with the engine. Quantities are exact
decimals.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import reduce
from typing import Final

EXACT: Final = Context(prec=100, traps=[Inexact, InvalidOperation])
NOTHING: Final = Decimal(0)

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WINDOW_MS: Final = {"hour": HOUR_MS, "day": DAY_MS}

OLDEST_MS: Final = 35 * DAY_MS
AHEAD_MS: Final = 5 * MINUTE_MS
REMEMBERED_MS: Final = 24 * HOUR_MS
ALERTS_PER_SCOPE: Final = 25
DIGITS: Final = 15


# --- what is known of the world ------------------------------------------------------------------


@dataclass
class Meter:
    """A meter: its formula, its event time window, and the payload keys it asks for."""

    key: str
    event_name: str
    formula: str
    window: str | None
    dimensions: tuple[str, ...] = ()
    active: bool = True


@dataclass
class Report:
    """One meter event, as a caller reports it."""

    event_name: str
    payload: dict[str, str]
    identifier: str | None
    timestamp_ms: int | None


@dataclass(eq=False)
class Event:
    """One meter event that was counted."""

    position: int
    meter: Meter
    customer: str
    timestamp_ms: int
    value: Decimal
    extras: dict[str, str]
    identifier: str | None
    """None until the engine has told which one it chose."""
    request: str | None
    index: int
    """Its place in the request."""
    received_ms: int
    cancelled_at: int | None = None
    """The position of its cancellation."""


@dataclass(frozen=True)
class Moment:
    """Something that happened to an alert, at a place in the order of usage events."""

    what: str
    """created · activated · deactivated · archived · fired"""
    after: int
    """The position of the last usage event before it; for `fired`, of the event that crossed."""
    customer: str | None = None
    """For whom it fired."""


@dataclass(eq=False)
class Alert:
    """An alert: what it watches, and all that happened to it, in order."""

    key: str
    meter: Meter
    gte: int
    customer: str | None
    count_from: str
    moments: list[Moment] = field(default_factory=list)

    @property
    def status(self) -> str:
        """What the last change of status made of it."""
        last = [moment.what for moment in self.moments if moment.what != "fired"][-1]
        changed_to = {"deactivated": "inactive", "archived": "archived"}
        return changed_to.get(last, "active")

    def covers(self, customer: str) -> bool:
        """Whether it watches this customer's usage."""
        return self.customer in (None, customer)


@dataclass(frozen=True)
class Activation:
    """The activation of an alert that applies to one customer."""

    number: int
    after: int
    fired: bool


@dataclass(frozen=True)
class Firing:
    """That an alert fired."""

    alert: str
    customer: str
    activation: int
    event: Event
    value: Decimal


@dataclass(frozen=True)
class Endpoint:
    """Who is told about what."""

    key: str
    thin: bool
    types: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """A Stripe event, as far as tests care: its type, and the object that it is about."""

    type: str
    about: str


@dataclass(frozen=True)
class Answer:
    """What is said to a report: a word, and the event that counts for it, if one does."""

    word: str
    event: Event | None = None


# --- definitions of the product -------------------------------------------------------------------


def read_value(text: str) -> Decimal | str:
    """A plain decimal of at most 15 digits, or the word for what is wrong with it."""
    whole, point, fraction = text.removeprefix("-").partition(".")
    parts = [whole, fraction] if point else [whole]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return "meter_event_invalid_value"
    number = Decimal(text)
    places = next(
        n for n in range(len(text) + 1) if EXACT.remainder(EXACT.scaleb(number, n), Decimal(1)) == 0
    )
    digits = len(str(abs(int(EXACT.scaleb(number, places)))))
    if max(digits, places) > DIGITS:
        return "meter_event_value_too_many_digits"
    return number


def add_up(values: Iterable[Decimal]) -> Decimal:
    """An exact sum."""
    return reduce(EXACT.add, values, NOTHING)


def last_of_each_window(window: str | None, events: list[Event]) -> list[Event]:
    """The events that count: of each UTC window only the one received last."""
    if window is None:
        return events
    length = WINDOW_MS[window]
    received_last = {event.timestamp_ms // length: event for event in events}
    return list(received_last.values())


def count_or_sum(meter: Meter, events: list[Event]) -> Decimal:
    """What a `count` or `sum` meter makes of the events that count."""
    if meter.formula == "count":
        return Decimal(len(events))
    return add_up(event.value for event in events)


def usage_by_arrival(meter: Meter, events: list[Event]) -> Decimal:
    """What alerts compare. `events` are in the order of their arrival."""
    if meter.formula == "last":
        return events[-1].value if events else NOTHING
    return count_or_sum(meter, last_of_each_window(meter.window, events))


def usage_by_timestamp(meter: Meter, events: list[Event]) -> Decimal:
    """What summaries say. `events` are in the order of their arrival."""
    counting = last_of_each_window(meter.window, events)
    if meter.formula == "last":
        newest = max(counting, key=lambda e: (e.timestamp_ms, e.position), default=None)
        return newest.value if newest else NOTHING
    return count_or_sum(meter, counting)


def activation_of(alert: Alert, customer: str) -> Activation | None:
    """The activation that applies to a customer: the story of the alert, told for them."""
    number, is_open, mine = 0, False, Activation(0, 0, fired=False)
    for moment in alert.moments:
        if moment.what in ("created", "activated"):
            number += 1
            if not is_open or mine.fired:
                mine = Activation(number, moment.after, fired=False)
            is_open = True
        elif moment.what in ("deactivated", "archived"):
            is_open = False
        elif moment.customer == customer:
            mine = Activation(mine.number, mine.after, fired=True)
    return mine if is_open else None
