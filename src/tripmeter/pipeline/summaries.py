"""What a customer's usage amounts to in spans of time: exact to the minute, to the last event."""

from bisect import bisect_left
from collections.abc import Sequence

from tripmeter.model.stored import HourRow
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.state import MINUTES_PER_HOUR, State, minute_of
from tripmeter.pipeline.tally import Tally
from tripmeter.rules.aggregate import aggregate


def summarize(
    state: State,
    meter: MeterState,
    customer_no: int,
    customer: str,
    spans: Sequence[tuple[int, int]],
) -> list[int]:
    """The scaled value of each [start, end) span, given in milliseconds on whole minutes."""
    tally = state.peek(meter, customer_no, customer)
    minutes = [(minute_of(start), minute_of(end)) for start, end in spans]
    if not minutes:
        return []
    first, last = min(start for start, _ in minutes), max(end for _, end in minutes)
    if meter.superseding:
        return _superseding(state, tally, minutes, first, last)
    return _additive(state, tally, minutes, first, last)


def _superseding(
    state: State, tally: Tally, minutes: list[tuple[int, int]], first: int, last: int
) -> list[int]:
    meter = tally.meter.meter
    events = list(state.singles(tally, first, last))
    return [
        aggregate(
            meter.formula,
            meter.window,
            (event for event in events if start <= minute_of(event.timestamp_ms) < end),
        )
        for start, end in minutes
    ]


def _additive(
    state: State, tally: Tally, minutes: list[tuple[int, int]], first: int, last: int
) -> list[int]:
    hours = state.session.usage.hours(
        tally.meter.no,
        tally.customer_no,
        first // MINUTES_PER_HOUR,
        -(-last // MINUTES_PER_HOUR),
    )
    values = []
    for start, end in minutes:
        value = sum(quantity for at, (quantity, _) in tally.minutes.items() if start <= at < end)
        low = bisect_left(hours, start // MINUTES_PER_HOUR, key=_hour)
        high = bisect_left(hours, -(-end // MINUTES_PER_HOUR), key=_hour)
        values.append(value + sum(_inside(row, start, end) for row in hours[low:high]))
    return values


def _inside(row: HourRow, start: int, end: int) -> int:
    """The part of an hour that lies in the minutes [start, end)."""
    begin = row.hour * MINUTES_PER_HOUR
    if start <= begin and begin + MINUTES_PER_HOUR <= end:
        return row.total.quantity
    return sum(total.quantity for at, total in row.minutes.items() if start <= at < end)


def _hour(row: HourRow) -> int:
    return row.hour
