"""Columns of identifier digests: what the engine remembers instead of identifiers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Digests(NamedTuple):
    """96 bits per identifier, of a keyed hash: uniform, and nobody can make two of them agree."""

    high: npt.NDArray[np.uint64]
    """The first 64 bits."""

    low: npt.NDArray[np.uint32]
    """The last 32 bits."""

    def pick(self, chosen: npt.NDArray[np.intp]) -> "Digests":
        """Those at some indexes."""
        return Digests(self.high.take(chosen), self.low.take(chosen))
