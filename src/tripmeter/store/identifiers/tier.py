"""Identifiers of the last day in bounded memory: tables in memory, sorted runs on disk.

What was added lately stands in a dict. A full one is frozen, written as a run by a thread, and let
go. Runs of about 33 million keys form a segment with one filter, so a new key costs one look into
the filter of each segment, whatever the number of runs. Runs that follow one another are merged,
and a segment that is full becomes one run.

Everything can be made again from the usage log: a missing or damaged file only costs time at start.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import structlog

from tripmeter.store.identifiers.filter import BlockedBloom, Keys, as_keys, masks_of
from tripmeter.store.identifiers.run import Content, Run, merge_runs, open_runs, write_run

TABLE_SIZE: Final = 2**19
"""Keys in memory before they are written as a run; about 70 MB."""

SEGMENT_SIZE: Final = 2**25
"""Keys of one segment; its filter takes 64 MiB once it is full."""

MERGE_AT: Final = 8
"""So many runs of about one size, one after the other, become one."""

FROZEN_LIMIT: Final = 4
"""Frozen tables that may wait to be written; beyond that, the writer waits for the thread."""

KEEP_MS: Final = 30 * 3_600_000
"""Files are kept longer than a key is unique (24 h), so that a clock may step by some hours."""

_CHUNK: Final = 2**20

log = structlog.get_logger()


class Table:
    """Keys in memory, for the positions from `first` to `last`."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.last = first - 1
        self.newest_ms = 0
        self.positions: dict[bytes, int] = {}

    def content(self) -> Content:
        """As columns, in no order."""
        keys = as_keys(b"".join(self.positions))
        positions = np.fromiter(self.positions.values(), np.int64, len(self.positions))
        return Content(keys, (positions - self.first).astype(np.uint32))


class Segment(NamedTuple):
    """Runs that follow one another, behind one filter."""

    runs: tuple[Run, ...]
    bloom: BlockedBloom

    @property
    def size(self) -> int:
        """Keys in all runs."""
        return sum(run.head.size for run in self.runs)


class View(NamedTuple):
    """What a look-up goes through. Replaced as a whole, never changed."""

    frozen: tuple[Table, ...]
    segments: tuple[Segment, ...]


class TieredIdentifiers:
    """`ports.Identifiers` in a folder per store: used by one thread, helped by one of its own."""

    def __init__(
        self, root: Path, *, table_size: int = TABLE_SIZE, segment_size: int = SEGMENT_SIZE
    ) -> None:
        self._root = root
        self._folder = root
        self._store = ""
        self._table_size = table_size
        self._segment_size = segment_size
        self._table = Table(1)
        self._view = View((), ())
        self._replacing = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="identifiers")
        self._working: Future[None] | None = None

    def recover(self, store: str, needed_from: int, committed: int) -> int:
        """Be in line with a store's log; gives the position up to which everything is known.

        Keys from `needed_from` on are needed. Where files cannot give them without a gap they are
        dropped, and the log is to be read again from there. What was added beyond `committed` is
        forgotten: its transaction failed.
        """
        if self._store == store:
            kept = {key: at for key, at in self._table.positions.items() if at <= committed}
            self._table.positions = kept
            return committed
        self._store = store
        self._folder = self._root / store
        runs = open_runs(self._folder)
        if runs and (runs[0].head.first > needed_from or runs[-1].head.last > committed):
            for run in runs:
                run.drop()
            runs = []
        known = runs[-1].head.last if runs else needed_from - 1
        segments = tuple(Segment(tuple(group), _filled(group)) for group in self._grouped(runs))
        self._view = View((), segments)
        self._table = Table(known + 1)
        return known

    def find_all(self, keys: Sequence[bytes]) -> list[int | None]:
        """For each key, the position of its event if it is remembered."""
        found = [self.recent(key) for key in keys]
        segments = self._view.segments
        unknown = [index for index, position in enumerate(found) if position is None]
        if segments and unknown:
            columns = as_keys(b"".join([keys[index] for index in unknown]))
            for index, position in zip(unknown, _look_up(segments, columns), strict=True):
                found[index] = position
        return found

    def recent(self, key: bytes) -> int | None:
        """The position of a key that is still in memory."""
        position = self._table.positions.get(key)
        if position is None:
            for table in reversed(self._view.frozen):
                position = table.positions.get(key)
                if position is not None:
                    break
        return position

    def add(self, key: bytes, position: int, received_ms: int) -> None:
        """Remember a key."""
        table = self._table
        table.positions[key] = position
        table.newest_ms = max(table.newest_ms, received_ms)

    def settle(self, position: int) -> None:
        """Everything up to `position` is committed: a full table may be written."""
        if len(self._table.positions) >= self._table_size:
            while len(self._view.frozen) >= FROZEN_LIMIT and self._working is not None:
                self._working.exception()  # waits
                self._start_work()
            self._freeze(position)
        if self._view.frozen:
            self._start_work()

    def expire(self, now_ms: int) -> None:
        """Delete runs whose newest key is older than `KEEP_MS`."""
        oldest = now_ms - KEEP_MS
        with self._replacing:
            view = self._view
            expired = [r for s in view.segments for r in s.runs if r.head.newest_ms < oldest]
            if not expired:
                return
            kept = (
                Segment(tuple(run for run in segment.runs if run not in expired), segment.bloom)
                for segment in view.segments
            )
            self._view = view._replace(segments=tuple(s for s in kept if s.runs))
        for run in expired:
            run.drop()

    def close(self) -> None:
        """Finish writing. What is in memory is read from the log again at the next start."""
        self._thread.shutdown(wait=True)

    def __len__(self) -> int:
        """How many keys are remembered."""
        tables = (self._table, *self._view.frozen)
        in_memory = sum(len(table.positions) for table in tables)
        return in_memory + sum(segment.size for segment in self._view.segments)

    def _freeze(self, position: int) -> None:
        table = self._table
        table.last = position
        self._table = Table(position + 1)
        with self._replacing:
            self._view = self._view._replace(frozen=(*self._view.frozen, table))

    def _start_work(self) -> None:
        """Have the thread write what is frozen, unless it is at it; a failure is tried again."""
        if self._working is not None:
            if not self._working.done():
                return
            if (error := self._working.exception()) is not None:
                log.error("identifiers_not_written", reason=str(error))
        self._working = self._thread.submit(self._work)

    # in the thread

    def _work(self) -> None:
        while self._view.frozen:
            self._write(self._view.frozen[0])
            for at in range(len(self._view.segments)):
                self._merge(at)

    def _write(self, table: Table) -> None:
        content = table.content()
        run = write_run(self._folder, table.first, table.last, table.newest_ms, content)
        last = self._open_segment()
        if last.size + run.head.size > last.bloom.capacity:
            bloom = _filled((*last.runs, run))
        else:
            bloom = last.bloom
            _fill(bloom, run)
        with self._replacing:
            self._view = View(self._view.frozen[1:], self._with_run(run, last, bloom))

    def _open_segment(self) -> Segment:
        """The newest segment if it has room, else a new one."""
        segments = self._view.segments
        if segments and segments[-1].size < self._segment_size:
            return segments[-1]
        return Segment((), BlockedBloom(2 * self._table_size))

    def _with_run(self, run: Run, last: Segment, bloom: BlockedBloom) -> tuple[Segment, ...]:
        """The segments with one more run; others may have expired in the meantime."""
        segments = self._view.segments
        if segments and segments[-1].bloom is last.bloom:
            return (*segments[:-1], Segment((*segments[-1].runs, run), bloom))
        return (*segments, Segment((run,), bloom))

    def _merge(self, at: int) -> None:
        segment = self._view.segments[at]
        due = self._due_for_merge(segment)
        if not due:
            return
        merged = merge_runs(self._folder, due)
        with self._replacing:
            self._view = self._view._replace(
                segments=tuple(_with_merged(s, due, merged) for s in self._view.segments)
            )
        for run in due:
            run.drop()
        if not any(merged in segment.runs for segment in self._view.segments):
            merged.drop()  # all of it expired in the meantime

    def _due_for_merge(self, segment: Segment) -> Sequence[Run]:
        """All runs of a full segment; else the newest ones, if there are enough of about a size."""
        if segment.size >= self._segment_size:
            return segment.runs if len(segment.runs) > 1 else ()
        size = 2 * segment.runs[-1].head.size
        alike = 0
        for run in reversed(segment.runs):
            if run.head.size > size:
                break
            alike += 1
        return segment.runs[-alike:] if alike >= MERGE_AT else ()

    def _grouped(self, runs: Sequence[Run]) -> list[list[Run]]:
        groups: list[list[Run]] = []
        for run in runs:
            if not groups or sum(r.head.size for r in groups[-1]) >= self._segment_size:
                groups.append([])
            groups[-1].append(run)
        return groups


def _look_up(segments: Sequence[Segment], keys: Keys) -> list[int | None]:
    found = np.full(len(keys.high), -1, dtype=np.int64)
    masks = masks_of(keys)
    for segment in reversed(segments):
        candidates = np.flatnonzero(segment.bloom.may_contain(keys, masks) & (found < 0))
        for run in reversed(segment.runs):
            if not len(candidates):
                break
            found[candidates] = run.find(keys.pick(candidates))
            candidates = candidates[found[candidates] < 0]
    return [None if position < 0 else position for position in found.tolist()]


def _filled(runs: Sequence[Run]) -> BlockedBloom:
    """A filter with the keys of some runs, and room for about as many again."""
    count = sum(run.head.size for run in runs)
    bloom = BlockedBloom(1 << max(16, count.bit_length()))
    for run in runs:
        _fill(bloom, run)
    return bloom


def _fill(bloom: BlockedBloom, run: Run) -> None:
    for start in range(0, run.head.size, _CHUNK):
        bloom.add(run.slice(start, min(start + _CHUNK, run.head.size)).keys)


def _with_merged(segment: Segment, due: Sequence[Run], merged: Run) -> Segment:
    """A segment with one run in place of those that were merged into it."""
    runs: list[Run] = []
    for run in segment.runs:
        if run not in due:
            runs.append(run)
        elif merged not in runs:
            runs.append(merged)
    return Segment(tuple(runs), segment.bloom)
