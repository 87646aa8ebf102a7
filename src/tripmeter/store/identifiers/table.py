"""Keys in memory, in the order in which they came: columns, and a hash index of chains over them.

Entry 0 stands for "none". The head of a chain is its newest entry, and each entry names the one
before it. Keys are digests, so their own bits choose the chain.
"""

import mmap
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tripmeter.model.digests import Digests
from tripmeter.store.identifiers.run import Content, Positions, key_ranges, sort_keys

Entry = TypeVar("Entry", bound=np.generic)


class Table:
    """Keys for the positions from `first` to `last`; best with no more than `size`."""

    def __init__(self, first: int, size: int) -> None:
        self.first = first
        self.last = first - 1
        self.newest_ms = 0
        self._count = 0
        room = 1 + size + size // 8  # untouched, it is not memory yet
        self._high = _zeros(room, np.uint64)
        self._low = _zeros(room, np.uint32)
        self._offset = _zeros(room, np.uint32)
        self._before = _zeros(room, np.int32)
        self._heads = _zeros(1 << (2 * size).bit_length(), np.int32)
        self._chain = np.uint64(len(self._heads) - 1)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        columns = (self._high, self._low, self._offset, self._before)
        per_key = sum(column.itemsize for column in columns)
        return int(self._heads.nbytes) + self._count * per_key

    def find(self, keys: Digests) -> Positions:
        """The newest position of each key; -1 where it is not here."""
        found = np.full(len(keys.high), -1, dtype=np.int64)
        at = self._heads.take(self._chains(keys.high))
        pending = np.flatnonzero(at)
        if not len(pending):
            return found
        at = at.take(pending)
        while len(pending):
            same = np.flatnonzero(self._high.take(at) == keys.high.take(pending))
            if len(same):
                asked, held = pending.take(same), at.take(same)
                hit = self._low.take(held) == keys.low.take(asked)
                found[asked[hit]] = self._offset.take(held[hit]) + np.int64(self.first)
            at = self._before.take(at)
            if len(same):
                at[same[hit]] = 0
            on = np.flatnonzero(at)
            pending, at = pending.take(on), at.take(on)
        return found

    def add(self, keys: Digests, positions: Positions, received_ms: int) -> None:
        """Add keys, in the order of their positions, which are above all those before."""
        offsets = (positions - self.first).astype(np.uint32)
        first, last = self._count + 1, self._count + len(offsets)
        self._reserve(last + 1)
        self._high[first : last + 1] = keys.high
        self._low[first : last + 1] = keys.low
        self._offset[first : last + 1] = offsets
        self._link(first, last)
        self._count = last
        self.last = max(self.last, int(positions[-1]))
        self.newest_ms = max(self.newest_ms, received_ms)

    def forget(self, beyond: int) -> None:
        """Forget what was added for positions above `beyond`."""
        if self.last <= beyond:
            return
        offsets = self._offset[1 : self._count + 1]
        self._count = int(np.searchsorted(offsets, max(beyond - self.first + 1, 0)))
        self._heads[:] = 0
        self._link(1, self._count)
        self.last = max(beyond, self.first - 1)

    def contents(self) -> Iterator[Content]:
        """All keys in ascending order, part by part."""
        entries = slice(1, self._count + 1)
        high = self._high[entries]
        every = Content(Digests(high, self._low[entries]), self._offset[entries])
        for first, last in key_ranges(self._count):
            yield sort_keys(every.pick(np.flatnonzero((first <= high) & (high <= last))))

    def _chains(self, high: npt.NDArray[np.uint64]) -> Positions:
        return (high & self._chain).view(np.int64)

    def _link(self, first: int, last: int) -> None:
        """Put entries at the head of their chains, the newest foremost."""
        if first == last:  # the whole batch, when events come one by one
            chain = int(self._high[first] & self._chain)
            self._before[first] = self._heads[chain]
            self._heads[chain] = first
            return
        entries = np.arange(first, last + 1, dtype=np.int32)
        chains = self._chains(self._high[first : last + 1])
        self._before[first : last + 1] = self._heads.take(chains)
        self._heads[chains[::-1]] = entries[::-1]  # where several share a chain, the oldest stays
        later = np.flatnonzero(self._heads.take(chains) != entries)
        if len(later):
            self._link_behind(entries[later], chains[later])

    def _link_behind(self, entries: npt.NDArray[np.int32], chains: Positions) -> None:
        """Link entries of chains whose head is an older entry of the same batch."""
        order = np.argsort(chains, kind="stable")
        entries, chains = entries[order], chains[order]
        same = np.flatnonzero(chains[1:] == chains[:-1])
        self._before[entries] = self._heads[chains]
        self._before[entries[same + 1]] = entries[same]
        self._heads[chains] = entries  # of those that share a chain, the newest comes last

    def _reserve(self, entries: int) -> None:
        if entries > len(self._high):
            self._high = _with_room(self._high, 2 * entries)
            self._low = _with_room(self._low, 2 * entries)
            self._offset = _with_room(self._offset, 2 * entries)
            self._before = _with_room(self._before, 2 * entries)


def _zeros(count: int, kind: type[Entry]) -> npt.NDArray[Entry]:
    """A column in a mapping of its own, which goes back to the system with the table.

    The C library would keep tens of megabytes, now and then, beside the next table.
    """
    size = count * np.dtype(kind).itemsize
    mapped = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(mapped, kind)


def _with_room(column: npt.NDArray[Entry], room: int) -> npt.NDArray[Entry]:
    roomy = _zeros(room, column.dtype.type)
    roomy[: len(column)] = column
    return roomy
