"""A run: the sorted keys of a span of log positions, in one file that never changes.

    header   64 bytes: magic, count, first and last position, newest receipt, checksum
    high     count * 8 bytes, ascending
    low      count * 4 bytes
    offset   count * 4 bytes: position of the event, less the first of the run

A run is complete from the moment its file has its name: it is written under another one, synced,
and renamed. So a process may die between any two steps, and what it leaves behind is swept away.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.store.identifiers.filter import U32, U64, Keys

SUFFIX: Final = ".run"
PARTIAL: Final = ".partial"

_MAGIC: Final = b"TMIDRUN1"
_HEADER: Final = struct.Struct("<8sQQQQI20x")
_FENCE: Final = 512
"""Every so many keys, one is kept in memory to narrow a search."""

_SLICES: Final = 64
"""A merge works through the key space in so many slices, to stay small in memory."""

Offsets = npt.NDArray[np.int64]


class Content(NamedTuple):
    """Sorted keys with the positions of their events, relative to a first one."""

    keys: Keys
    offsets: U32


class Head(NamedTuple):
    """What a run says of itself."""

    size: int
    first: int
    last: int
    newest_ms: int
    """When the newest of its events was received; the run is dropped by this."""


class Run:
    """An open run. Its columns are mapped, so memory holds only what searches touch."""

    def __init__(self, path: Path) -> None:
        """Open a complete run. Raises ValueError for a file that is none."""
        self.path = path
        with path.open("rb") as file:
            self.head = _read_head(file, path)
        self.high, self.low, self.offset = _columns(path, self.head.size)
        self._fences = np.array(self.high[::_FENCE])

    def find(self, keys: Keys) -> Offsets:
        """The position of each key's event, the newest if it came again; -1 where there is none."""
        found = np.full(len(keys.high), -1, dtype=np.int64)
        at = self._lower_bound(keys.high)
        pending = np.flatnonzero(at < self.head.size)
        while len(pending):  # equal keys stand in the order of their positions
            place = at[pending]
            same = self.high[place] == keys.high[pending]
            pending, place = pending[same], place[same]
            hit = self.low[place] == keys.low[pending]
            found[pending[hit]] = self.offset[place[hit]].astype(np.int64) + self.head.first
            at[pending] += 1
            pending = pending[at[pending] < self.head.size]
        return found

    def _lower_bound(self, wanted: U64) -> npt.NDArray[np.intp]:
        """Where each key would stand: fences first, then all keys step by step together."""
        fence = np.searchsorted(self._fences, wanted, side="left")
        low = np.maximum(fence - 1, 0) * _FENCE
        high = np.minimum(low + _FENCE + 1, self.head.size)
        while True:
            active = np.flatnonzero(low < high)
            if not len(active):
                return np.asarray(low, dtype=np.intp)
            middle = (low[active] + high[active]) // 2
            below = self.high[middle] < wanted[active]
            low[active[below]] = middle[below] + 1
            high[active[~below]] = middle[~below]

    def slice(self, start: int, stop: int) -> Content:
        """Part of the run, copied into memory."""
        keys = Keys(np.array(self.high[start:stop]), np.array(self.low[start:stop]))
        return Content(keys, np.array(self.offset[start:stop]))

    def drop(self) -> None:
        """Delete the file. Searches under way keep their mapping."""
        with suppress(FileNotFoundError):
            self.path.unlink()


def open_runs(folder: Path) -> list[Run]:
    """The runs that follow one another up to the newest; everything else is swept away."""
    folder.mkdir(parents=True, exist_ok=True)
    for partial in folder.glob(f"*{PARTIAL}"):
        partial.unlink()
    opened = [run for path in folder.glob(f"*{SUFFIX}") if (run := _sound(path)) is not None]
    chain: list[Run] = []
    for run in sorted(opened, key=lambda run: (run.head.first, -run.head.last)):
        if chain and run.head.last <= chain[-1].head.last:
            run.drop()  # it was merged into the one before it
        elif chain and run.head.first != chain[-1].head.last + 1:
            for useless in chain:  # something between them is missing
                useless.drop()
            chain = [run]
        else:
            chain.append(run)
    return chain


def _sound(path: Path) -> Run | None:
    try:
        return Run(path)
    except ValueError:
        path.unlink()
        return None


def write_run(folder: Path, first: int, last: int, newest_ms: int, unsorted: Content) -> Run:
    """Sort keys into a new run for the positions `first` to `last`."""
    order = np.argsort(unsorted.keys.high, kind="stable")
    keys, offsets = unsorted.keys.pick(order), unsorted.offsets[order]
    head = Head(len(order), first, last, newest_ms)
    return _write(folder, head, iter([Content(keys, offsets)]))


def merge_runs(folder: Path, runs: Sequence[Run]) -> Run:
    """One run in place of several that follow one another; they stay until `drop`."""
    head = Head(
        sum(run.head.size for run in runs),
        runs[0].head.first,
        runs[-1].head.last,
        max(run.head.newest_ms for run in runs),
    )
    return _write(folder, head, _merged(runs, head.first))


def _merged(runs: Sequence[Run], first: int) -> Iterator[Content]:
    """The keys of all runs in order, one slice of the key space after the other."""
    step = 2**64 // _SLICES
    borders = [np.uint64(step * part) for part in range(1, _SLICES)]
    cuts = [[0, *np.searchsorted(r.high, borders).tolist(), r.head.size] for r in runs]
    for part in range(_SLICES):
        parts = [
            (run, run.slice(cut[part], cut[part + 1])) for run, cut in zip(runs, cuts, strict=True)
        ]
        high = np.concatenate([content.keys.high for _, content in parts])
        low = np.concatenate([content.keys.low for _, content in parts])
        offsets = np.concatenate(
            [content.offsets + np.uint32(run.head.first - first) for run, content in parts]
        )
        order = np.argsort(high, kind="stable")
        yield Content(Keys(high[order], low[order]), offsets[order])


def _write(folder: Path, head: Head, contents: Iterator[Content]) -> Run:
    """Write, sync, rename, sync the folder: the run exists from the rename on."""
    path = folder / f"{head.first:020d}-{head.last:020d}{SUFFIX}"
    partial = path.with_suffix(PARTIAL)
    with partial.open("wb") as file:
        file.write(_packed(head))
        file.truncate(_size(head.size))
        done = 0
        for content in contents:
            _write_columns(file, head.size, done, content)
            done += len(content.offsets)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    sync_folder(folder)
    return Run(path)


def _write_columns(file: BinaryIO, count: int, done: int, content: Content) -> None:
    high, low, offset = _starts(count)
    for at, column in (
        (high + 8 * done, content.keys.high),
        (low + 4 * done, content.keys.low),
        (offset + 4 * done, content.offsets),
    ):
        file.seek(at)
        file.write(np.ascontiguousarray(column).tobytes())


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _packed(head: Head) -> bytes:
    checksum = zlib.crc32(struct.pack("<4Q", *head))
    return _HEADER.pack(_MAGIC, *head, checksum)


def _read_head(file: BinaryIO, path: Path) -> Head:
    raw = file.read(_HEADER.size)
    if len(raw) < _HEADER.size:
        raise ValueError(f"{path} is too short to be a run")
    magic, count, first, last, newest_ms, checksum = _HEADER.unpack(raw)
    head = Head(count, first, last, newest_ms)
    intact = magic == _MAGIC and checksum == zlib.crc32(struct.pack("<4Q", *head))
    if not intact or os.fstat(file.fileno()).st_size != _size(count):
        raise ValueError(f"{path} is damaged")
    return head


def _starts(count: int) -> tuple[int, int, int]:
    return _HEADER.size, _HEADER.size + 8 * count, _HEADER.size + 12 * count


def _size(count: int) -> int:
    return _HEADER.size + 16 * count


def _columns(path: Path, count: int) -> tuple[U64, U32, U32]:
    if not count:
        return np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint32)
    high, low, offset = _starts(count)
    return (
        np.memmap(path, np.uint64, "r", high, (count,)),
        np.memmap(path, np.uint32, "r", low, (count,)),
        np.memmap(path, np.uint32, "r", offset, (count,)),
    )
