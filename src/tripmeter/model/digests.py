"""Identifiers as the engine remembers them: 96 bits of a keyed hash, in two columns."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Digests(NamedTuple):
    """Digests of identifiers; their bits are uniformly distributed."""

    high: npt.NDArray[np.uint64]
    """The first 64 bits, by which they are sorted."""
    low: npt.NDArray[np.uint32]
    """The last 32 bits."""

    def pick(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Digests":
        """Those at some indexes, or where a mask is true."""
        return Digests(self.high[chosen], self.low[chosen])
