"""What a customer's usage amounts to in spans of time: exact to the minute, to the last event."""

from collections.abc import Sequence

import numpy as np

from tripmeter.model.quantities import Quantities, total
from tripmeter.pipeline.catalogue import MeterState
from tripmeter.pipeline.state import State
from tripmeter.rules.aggregate import aggregate


def summarize(
    state: State,
    meter: MeterState,
    customer_no: int,
    customer: str,
    spans: Sequence[tuple[int, int]],
) -> list[int]:
    """The scaled value of each [start, end) span, given in milliseconds on whole minutes."""
    if not spans:
        return []
    whole = min(start for start, _ in spans), max(end for _, end in spans)
    if meter.superseding:
        tally = state.peek(meter, customer_no, customer)
        events = list(state.singles_of(tally, *whole))
        shape = meter.meter
        return [
            aggregate(
                shape.formula,
                shape.window,
                (event for event in events if start <= event.timestamp_ms < end),
            )
            for start, end in spans
        ]
    cells = state.cells(meter, customer_no, customer, whole)
    cells = cells.pick(np.argsort(cells.moments_ms, kind="stable"))
    low = np.searchsorted(cells.moments_ms, [start for start, _ in spans]).tolist()
    high = np.searchsorted(cells.moments_ms, [end for _, end in spans]).tolist()
    return [
        total(Quantities(*(limb[begin:end] for limb in cells.quantities)))
        for begin, end in zip(low, high, strict=True)
    ]
