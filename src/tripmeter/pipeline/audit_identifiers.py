"""Finds identifiers that the log counts twice within 24 hours (C8), however long the log is.

What was seen goes into temporary files, 24 bytes an event, told apart by a hash; whatever looks
like a duplicate there is looked up in the log and compared letter by letter.
"""

import struct
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Final

import numpy as np

from tripmeter.model.quantities import I64
from tripmeter.model.scope import Scope
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline import log
from tripmeter.ports import Session
from tripmeter.rules.acceptance import CANCEL_WITHIN_MS

_FILES: Final = 64
"""One of them is in memory at a time."""

_SEEN: Final = struct.Struct("<qqq")
"""Hash of scope and identifier, milliseconds of receipt, position."""


class IdentifierAudit:
    """Sees identifiers go by, then says which were counted twice."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files = [TemporaryFile() for _ in range(_FILES)]  # noqa: SIM115 - open till the end

    def see(self, scope: Scope, event: UsageEvent, received_ms: int) -> None:
        """An event that counts."""
        hashed = hash((scope, event.identifier))
        self._files[hashed % _FILES].write(_SEEN.pack(hashed, received_ms, event.position))

    def counted_twice(self) -> Iterator[UsageEvent]:
        """Events whose identifier had been counted less than 24 hours before. Ends the matter."""
        for file in self._files:
            file.seek(0)
            seen = np.frombuffer(file.read(), dtype="<i8").reshape(-1, 3)
            file.close()
            for positions in _alike(seen):
                yield from self._compared(positions)

    def _compared(self, positions: list[int]) -> Iterator[UsageEvent]:
        last_ms: dict[tuple[Scope, str], int] = {}
        for position in positions:
            row = self._session.usage.row_holding(position)
            assert row is not None  # it was seen there
            event = log.find(row, position)
            assert event is not None
            scope = Scope.of(self._session.meters.numbered(event.meter_no))
            before = last_ms.get((scope, event.identifier))
            if before is not None and 0 <= row.received_ms - before < CANCEL_WITHIN_MS:
                yield event
            last_ms[scope, event.identifier] = row.received_ms


def _alike(seen: I64) -> Iterator[list[int]]:
    """Positions, in order, of what has one hash, where some came within 24 hours of each other."""
    ordered = seen[np.lexsort((seen[:, 1], seen[:, 0]))]
    hashes, moments = ordered[:, 0], ordered[:, 1]
    near = (hashes[1:] == hashes[:-1]) & (moments[1:] - moments[:-1] < CANCEL_WITHIN_MS)
    for hashed in np.unique(hashes[1:][near]).tolist():
        first, end = np.searchsorted(hashes, [hashed, hashed + 1])
        yield sorted(ordered[first:end, 2].tolist())
