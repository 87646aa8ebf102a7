"""A run: the sorted keys of a span of log positions, in one file that never changes.

    page 0      magic, count, first and last position, newest receipt, sum of the keys, checksum
    page 1...   256 keys each: high * 8 bytes, low * 4 bytes, offset * 4 bytes
    fences      the first `high` of each page, 8 bytes each; they are kept in memory

An offset is the position of the event, less the first of the run. Keys ascend by `high`, each
(high, low) stands once, with its newest event. A page is 4096 bytes, so that a look-up reads one
page of the disk.
"""

import mmap
import os
import struct
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.failpoints import reach
from tripmeter.model.digests import Digests
from tripmeter.store.identifiers.files import RUN, delete, retire, sweep, write_file

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]

_MAGIC: Final = b"TMIDRUN2"
_HEADER: Final = struct.Struct("<8s5QI")
_FIELDS: Final = struct.Struct("<5Q")
_PAGE_BYTES: Final = 4096
_PAGE_KEYS: Final = 256
_PAGE: Final = np.dtype(
    [("high", "<u8", _PAGE_KEYS), ("low", "<u4", _PAGE_KEYS), ("offset", "<u4", _PAGE_KEYS)]
)
_PAGE_WORDS: Final = _PAGE_BYTES // 8
_LOW_AT: Final = 2 * _PAGE_KEYS
_OFFSET_AT: Final = 3 * _PAGE_KEYS
_WITHIN: Final = _PAGE_KEYS - 1
"""The bits of an index that say where in its page a key stands."""

_CHUNK: Final = 2**16
"""Keys that are read, sorted, merged and written at a time, about, so that memory stays small."""


class Content(NamedTuple):
    """Keys with the positions of their events, relative to a first one."""

    keys: Digests
    offsets: U32

    def pick(self, chosen: npt.NDArray[np.intp]) -> "Content":
        """Those at some indexes."""
        return Content(self.keys.pick(chosen), self.offsets.take(chosen))

    def part(self, start: int, stop: int) -> "Content":
        """Those from `start` to before `stop`."""
        keys = Digests(self.keys.high[start:stop], self.keys.low[start:stop])
        return Content(keys, self.offsets[start:stop])

    def later(self, shift: np.uint32) -> "Content":
        """The same, with offsets from a position that is so much lower."""
        return Content(self.keys, self.offsets + shift)


_NOTHING: Final = Content(
    Digests(np.empty(0, np.uint64), np.empty(0, np.uint32)), np.empty(0, np.uint32)
)


class Head(NamedTuple):
    """What a run says of itself."""

    size: int
    first: int
    last: int
    newest_ms: int
    """When the newest of its events was received; the run is dropped by this."""

    key_sum: int
    """The sum of `high` of all keys, modulo 2^64."""


class Run:
    """An open run. It is mapped, so memory holds only what searches touch, page by page."""

    def __init__(self, path: Path) -> None:
        """Open a complete run. Raises ValueError for a file that is none."""
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self.head = _read_head(self._file, path)
        pages = _pages(self.head.size)
        end = _PAGE_BYTES * (1 + pages)
        mapped = mmap.mmap(self._file, end, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_RANDOM)
        self._words = np.frombuffer(mapped, np.uint64, offset=_PAGE_BYTES)
        self._halves = self._words.view(np.uint32)
        self._fences = np.frombuffer(os.pread(self._file, 8 * pages, end), np.uint64)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, beside the pages that the system keeps of the file."""
        return int(self._fences.nbytes)

    def find(self, keys: Digests) -> Positions:
        """The position of each key's event; -1 where there is none. Quickest in ascending order."""
        found = np.full(len(keys.high), -1, dtype=np.int64)
        at = self._lower_bound(keys.high)
        pending = np.flatnonzero(at < self.head.size)
        while len(pending):
            place = at.take(pending)
            page = place & ~_WITHIN
            same = self._words.take(place + page) == keys.high.take(pending)
            pending, place, page = pending[same], place[same], page[same]
            half = place + 3 * page
            hit = self._halves.take(half + _LOW_AT) == keys.low.take(pending)
            found[pending[hit]] = self._halves.take(half[hit] + _OFFSET_AT)
            pending = pending[~hit]
            at[pending] += 1  # another key with the same first 64 bits
            pending = pending[at.take(pending) < self.head.size]
        return np.where(found < 0, found, found + self.head.first)

    def _lower_bound(self, wanted: U64) -> Positions:
        """Where each key would stand: the page, then halving it for all keys together."""
        page = np.maximum(np.searchsorted(self._fences, wanted, side="left") - 1, 0)
        word = page * _PAGE_WORDS
        start = word.copy()
        step = _PAGE_KEYS // 2
        while step:
            word += (self._words.take(word + (step - 1)) < wanted) * step
            step //= 2
        word += self._words.take(word) < wanted
        return np.asarray(np.minimum(word - start + page * _PAGE_KEYS, self.head.size))

    def slice(self, start: int, stop: int) -> Content:
        """Part of the run, read into memory past the mapping, which is not for reading ahead."""
        first = start // _PAGE_KEYS
        pages = -(-stop // _PAGE_KEYS) - first
        raw = os.pread(self._file, pages * _PAGE_BYTES, (1 + first) * _PAGE_BYTES)
        table = np.frombuffer(raw, _PAGE)
        wanted = slice(start - first * _PAGE_KEYS, stop - first * _PAGE_KEYS)
        high, low, offset = (table[name].reshape(-1)[wanted] for name in ("high", "low", "offset"))
        return Content(Digests(high, low), offset)

    def slices(self) -> Iterator[Content]:
        """All of the run, part by part."""
        for start in range(0, self.head.size, _CHUNK):
            yield self.slice(start, min(start + _CHUNK, self.head.size))

    def cuts(self, borders: U64) -> list[int]:
        """Where the keys from each border on begin, and where the last of them end."""
        return [*self._lower_bound(borders).tolist(), self.head.size]

    def drop(self) -> None:
        """Delete the file. Searches under way keep their mapping."""
        delete(self.path)

    def retire(self, now_ms: int) -> None:
        """Put the file by."""
        retire(self.path, now_ms)


def open_runs(folder: Path) -> list[Run]:
    """The runs that follow one another up to the newest; everything else is swept away."""
    sweep(folder)
    opened = [run for path in folder.glob(f"*{RUN}") if (run := _sound(path)) is not None]
    chain: list[Run] = []
    for run in sorted(opened, key=lambda run: (run.head.first, -run.head.last)):
        if chain and run.head.last <= chain[-1].head.last:
            run.drop()  # it was merged into the one before it
            reach("identifiers.swept")
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
        delete(path)
        return None


def sort_keys(unsorted: Content) -> Content:
    """In ascending order, each key once, with its newest event."""
    return _newest(unsorted.pick(np.argsort(unsorted.keys.high)))


def key_ranges(count: int) -> Iterator[tuple[np.uint64, np.uint64]]:
    """The first and the last `high` of parts of the key space, for so many keys in all."""
    parts = 1 + count // _CHUNK
    for part in range(parts):
        first, behind = (2**64 * border // parts for border in (part, part + 1))
        yield np.uint64(first), np.uint64(behind - 1)


def write_run(
    folder: Path, first: int, last: int, newest_ms: int, contents: Iterable[Content]
) -> Run:
    """A run of sorted keys for the positions `first` to `last`."""
    return _write(folder, Head(0, first, last, newest_ms, 0), contents)


def merge_runs(folder: Path, runs: Sequence[Run], between: Iterable[object]) -> Run:
    """One run in place of several that follow one another; they stay until `drop`.

    Takes one from `between` after each part, so that the caller gets to do what cannot wait.
    """
    newest_ms = max(run.head.newest_ms for run in runs)
    head = Head(0, runs[0].head.first, runs[-1].head.last, newest_ms, 0)
    parts = zip(_merged(runs, head.first), between, strict=False)
    return _write(folder, head, (part for part, _ in parts))


def _merged(runs: Sequence[Run], first: int) -> Iterator[Content]:
    """The keys of all runs in order, one slice of the key space after the other."""
    ranges = key_ranges(sum(run.head.size for run in runs))
    borders = np.array([begin for begin, _ in ranges], np.uint64)
    cuts = [run.cuts(borders) for run in runs]
    shifts = [np.uint32(run.head.first - first) for run in runs]
    for part in range(len(borders)):
        contents = [
            run.slice(cut[part], cut[part + 1]).later(shift)
            for run, cut, shift in zip(runs, cuts, shifts, strict=True)
        ]
        joined = _joined(contents)
        yield _newest(joined.pick(np.argsort(joined.keys.high, kind="stable")))


def _joined(contents: Sequence[Content]) -> Content:
    high = np.concatenate([content.keys.high for content in contents])
    low = np.concatenate([content.keys.low for content in contents])
    return Content(Digests(high, low), np.concatenate([content.offsets for content in contents]))


def _newest(content: Content) -> Content:
    """Of sorted keys that are the same, the newest only."""
    high = content.keys.high
    if not (high[1:] == high[:-1]).any():
        return content
    content = content.pick(np.lexsort((content.offsets, content.keys.low, high)))
    (high, low), _ = content
    last = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return content.pick(np.flatnonzero(np.append(last, True)))


def _write(folder: Path, head: Head, contents: Iterable[Content]) -> Run:
    """Write the pages of sorted contents, and then the head, which counts them."""
    path = folder / f"{head.first:020d}-{head.last:020d}{RUN}"

    def write(file: BinaryIO) -> None:
        size, key_sum = 0, 0
        rest, fences = _NOTHING, []
        file.seek(_PAGE_BYTES)
        for content in contents:
            size += len(content.offsets)
            key_sum += int(content.keys.high.sum(dtype=np.uint64))
            ready = _joined([rest, content])
            whole = len(ready.offsets) // _PAGE_KEYS * _PAGE_KEYS
            fences.append(_write_pages(file, ready.part(0, whole)))
            rest = ready.part(whole, len(ready.offsets))
        fences.append(_write_pages(file, _filled_up(rest)))
        file.write(np.concatenate(fences).data)
        file.seek(0)
        file.write(_packed(head._replace(size=size, key_sum=key_sum % 2**64)))

    write_file(path, write)
    return Run(path)


def _write_pages(file: BinaryIO, content: Content) -> U64:
    """Write whole pages; gives the first key of each."""
    table = np.empty(len(content.offsets) // _PAGE_KEYS, _PAGE)
    table["high"] = content.keys.high.reshape(-1, _PAGE_KEYS)
    table["low"] = content.keys.low.reshape(-1, _PAGE_KEYS)
    table["offset"] = content.offsets.reshape(-1, _PAGE_KEYS)
    file.write(table.view(np.uint8).data)
    return table["high"][:, 0].copy()  # a view would hold on to the whole


def _filled_up(rest: Content) -> Content:
    """The last page, with what stands behind the end and is never looked at as a key."""
    missing = -len(rest.offsets) % _PAGE_KEYS
    nothing = np.zeros(missing, np.uint32)
    most = Digests(np.full(missing, 2**64 - 1, np.uint64), nothing)
    return _joined([rest, Content(most, nothing)])


def _packed(head: Head) -> bytes:
    packed = _HEADER.pack(_MAGIC, *head, zlib.crc32(_FIELDS.pack(*head)))
    return packed.ljust(_PAGE_BYTES, b"\0")


def _read_head(file: int, path: Path) -> Head:
    raw = os.pread(file, _HEADER.size, 0)
    if len(raw) < _HEADER.size:
        raise ValueError(f"{path} is too short to be a run")
    magic, *fields, checksum = _HEADER.unpack(raw)
    head = Head(*fields)
    intact = magic == _MAGIC and checksum == zlib.crc32(_FIELDS.pack(*head))
    if not intact or not head.size or os.fstat(file).st_size != _size(head.size):
        raise ValueError(f"{path} is damaged")
    return head


def _pages(count: int) -> int:
    return -(-count // _PAGE_KEYS)


def _size(count: int) -> int:
    return _PAGE_BYTES + (_PAGE_BYTES + 8) * _pages(count)
