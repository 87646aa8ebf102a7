"""What usage amounts to in time, as columns: a cell per customer and minute, or per event."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.model.quantities import I64, Bools, Quantities

BLOCK: Final = 64
"""Customers whose hours, and whose tallies, are stored together; a power of two."""

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000


class Cells(NamedTuple):
    """Usage that was counted, or taken back, where `events` is negative.

    Where a meter adds up there is one cell per minute, with position 0. Where a later event
    supersedes an earlier one each event has its own.
    """

    owners: I64
    """Whose it is; what the numbers are depends on who holds the cells."""
    moments_ms: I64
    """The timestamp; whole minutes where a meter adds up. Since the epoch."""
    positions: I64
    """The event's position in the log; 0 where a meter adds up."""
    events: I64
    quantities: Quantities

    def pick(self, chosen: npt.NDArray[np.intp] | Bools | slice) -> "Cells":
        """Those at some indexes, in a slice, or where a mask is true."""
        return Cells(
            self.owners[chosen],
            self.moments_ms[chosen],
            self.positions[chosen],
            self.events[chosen],
            Quantities(self.quantities.high[chosen], self.quantities.low[chosen]),
        )


_NONE: Final = np.empty(0, dtype=np.int64)
NO_CELLS: Final = Cells(_NONE, _NONE, _NONE, _NONE, Quantities(_NONE, _NONE))


def joined(parts: Sequence[Cells]) -> Cells:
    """All cells of some columns, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NO_CELLS
    return Cells(
        np.concatenate([part.owners for part in parts]),
        np.concatenate([part.moments_ms for part in parts]),
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.events for part in parts]),
        Quantities(
            np.concatenate([part.quantities.high for part in parts]),
            np.concatenate([part.quantities.low for part in parts]),
        ),
    )


class HourBlock(NamedTuple):
    """The stored cells of one meter, one hour and the customers of one block."""

    meter_no: int
    block: int
    """The customer's number divided by `BLOCK`."""
    hour: int
    """Hours since the epoch."""
    body: bytes


class MeterHour(NamedTuple):
    """What all customers together used of a meter in one hour."""

    meter_no: int
    hour: int
    """Hours since the epoch."""
    events: int
    quantity: int
    """Scaled; means something where a meter adds up."""
