"""An identifier tier beside the plain dict that it has to agree with, and a log to recover from."""

import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from tripmeter.model.digests import Digests
from tripmeter.store.identifiers import TieredIdentifiers

TABLE, SEGMENT = 100, 3_000
"""Small, so that a few thousand keys freeze, merge and fill segments many times."""

HOUR_MS: Final = 3_600_000
UNIQUE_MS: Final = 24 * HOUR_MS

Key = tuple[int, int]


def key_of(number: int, salt: int = 0) -> Key:
    """A digest for the n-th identifier."""
    drawn = random.Random(f"identifier {number} {salt}").getrandbits(96)
    return drawn >> 32, drawn & 0xFFFF_FFFF


def digests(high: Any, low: Any) -> Digests:
    """Keys as columns."""
    return Digests(np.array(high, np.uint64), np.array(low, np.uint32))


def columns(keys: Iterable[Key]) -> Digests:
    """Keys as columns."""
    high_low = list(keys)
    return digests([high for high, _ in high_low], [low for _, low in high_low])


STRANGERS: Final = [key_of(-n) for n in range(10_000, 11_000)]
"""Keys that no test adds."""


class Tier:
    """Commits keys as the writer would. `now_ms` is the time, which only the caller moves."""

    def __init__(self, root: Path, log: Iterable[tuple[Key, int]] = ()) -> None:
        """Open a folder; `log` has key and time of receipt at each position, from 1 on."""
        self.root = root
        self.log = list(log)
        self.truth = {key: at for at, (key, _) in enumerate(self.log, 1)}
        self.position = len(self.log)
        self.now_ms = self.log[-1][1] if self.log else 0
        self.read_from_log = 0
        self.open()

    def open(self) -> int:
        """Start on the files as they are; gives the position up to which they know everything."""
        self.tier = TieredIdentifiers(self.root, table_size=TABLE, segment_size=SEGMENT)
        return self.recover()

    def recover(self) -> int:
        """Have the tier know what is needed: the rest comes from the log."""
        known = self.tier.recover("store", self.needed_from, self.position)
        for start in range(known, self.position, 40):
            part = self.log[start : min(start + 40, self.position)]
            self._add([key for key, _ in part], start, max(received for _, received in part))
            self.tier.settle(start + len(part))
            self.read_from_log += len(part)
        return known

    @property
    def needed_from(self) -> int:
        """The first position that was received in the last 24 hours."""
        fresh = (at for at, (_, ms) in enumerate(self.log, 1) if ms >= self.now_ms - UNIQUE_MS)
        return next(fresh, self.position + 1)

    def add(self, keys: list[Key]) -> None:
        """Commit keys as one batch."""
        if not keys:
            return
        del self.log[self.position :]
        self._add(keys, self.position, self.now_ms)
        for key in keys:
            self.position += 1
            self.truth[key] = self.position
            self.log.append((key, self.now_ms))
        self.tier.settle(self.position)

    def fail(self, keys: list[Key]) -> None:
        """Add keys in a transaction that fails."""
        self._add(keys, self.position, self.now_ms)
        self.recover()

    def _add(self, keys: list[Key], after: int, received_ms: int) -> None:
        positions = np.arange(after + 1, after + len(keys) + 1)
        self.tier.add(columns(keys), positions, received_ms)

    def fill(self, count: int, salt: int = 0) -> None:
        """Commit `count` fresh keys in batches of 40."""
        for _ in range(count // 40):
            self.add([key_of(10**9 + self.position + n, salt) for n in range(40)])

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self.now_ms += ms
        self.tier.expire(self.now_ms)

    def err(self, ms: int) -> None:
        """Show a wrong time for a moment, as the writer would: what is needed may change."""
        right, self.now_ms = self.now_ms, self.now_ms + ms
        self.recover()
        self.tier.expire(self.now_ms)
        self.now_ms = right
        self.recover()
        self.tier.expire(self.now_ms)

    def find(self, keys: list[Key]) -> list[int]:
        """The position of each key, -1 where it is not remembered."""
        return [int(position) for position in self.tier.find(columns(keys))]

    def agrees(self) -> bool:
        """Whether it knows all that is needed, nothing wrong, and nothing else."""
        keys, needed = list(self.truth), self.needed_from
        right = all(
            found == self.truth[key] or (found == -1 and self.truth[key] < needed)
            for key, found in zip(keys, self.find(keys), strict=True)
        )
        return right and self.find(STRANGERS) == [-1] * len(STRANGERS)

    def finish(self) -> None:
        """Wait until everything that can be is on disk, and open it again."""
        self.restart()
        self.close()
        self.open()

    def restart(self) -> int:
        """Close and open; gives what `open` does."""
        self.close()
        return self.open()

    def close(self) -> None:
        """Finish writing."""
        self.tier.settle(self.position)
        self.tier.close()

    def remove(self) -> None:
        """Close, and delete the files."""
        self.close()
        shutil.rmtree(self.root)
