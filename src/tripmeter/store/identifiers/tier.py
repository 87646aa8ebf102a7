"""Identifiers of the last day in bounded memory: tables in memory, sorted runs on disk.

What was added lately stands in a table. A full one is frozen, written as a run by a thread, and let
go. Runs of about 33 million keys form a segment with one filter. Runs that follow one another are
merged, and a segment that is full becomes one run.

Everything can be made again from the usage log: a missing or damaged file only costs time at start.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import structlog

from tripmeter.failpoints import reach
from tripmeter.model.digests import Digests
from tripmeter.store.identifiers.files import drop_filters, drop_retired
from tripmeter.store.identifiers.run import Positions, Run, merge_runs, write_run
from tripmeter.store.identifiers.segment import Segment, filled, look_up, open_segments
from tripmeter.store.identifiers.table import Table

TABLE_SIZE: Final = 2**20
"""Keys in memory before they are written as a run; about 28 MB."""

SEGMENT_SIZE: Final = 2**25
"""Keys of one segment; its filter takes 64 MiB once it is full."""

FROZEN_LIMIT: Final = 2
"""Frozen tables that may wait to be written; beyond that, the writer waits for the thread."""

HOUR_MS: Final = 3_600_000

KEEP_MS: Final = 25 * HOUR_MS
"""How long a key is in use, by the newest of its run: it is unique for 24 h, to the minute."""

SPARE_MS: Final = 6 * HOUR_MS
"""How long a file that is out of use can be had back, should the clock return from a leap."""

log = structlog.get_logger()


class View(NamedTuple):
    """What a look-up goes through. Replaced as a whole, never changed."""

    frozen: tuple[Table, ...]
    segments: tuple[Segment, ...]

    @property
    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        return [run for segment in self.segments for run in segment.runs]


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
        self._table = Table(1, table_size)
        self._view = View((), ())
        self._changed = threading.Condition()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="identifiers")
        self._working = False

    def recover(self, store: str, needed_from: int, committed: int) -> int:
        """Be in line with a store's log; gives the position up to which everything is known.

        Keys from `needed_from` on are needed. Where memory does not reach back so far the files are
        opened again, and where they do not either they are dropped, and the log is to be read from
        there. What was added beyond `committed` is forgotten: its transaction failed.
        """
        if self._store == store and needed_from >= self._oldest:
            self._table.forget(committed)
            return committed
        self._wait_for_thread()
        self._store = store
        self._folder = self._root / store
        segments = open_segments(self._folder, needed_from, committed, self._segment_size)
        known = segments[-1].runs[-1].head.last if segments else needed_from - 1
        self._view = View((), tuple(segments))
        self._table = Table(known + 1, self._table_size)
        return known

    def find(self, keys: Digests) -> Positions:
        """For each key, the position of its newest event, -1 where it is not remembered."""
        view = self._view
        found = self._table.find(keys)
        looks: list[Callable[[Digests], Positions]] = [t.find for t in reversed(view.frozen)]
        looks.append(partial(look_up, view.segments))
        for look in looks:
            unknown = np.flatnonzero(found < 0)
            if len(unknown) == len(found):
                found = look(keys)
            elif len(unknown):
                found[unknown] = look(keys.pick(unknown))
        return found

    def add(self, keys: Digests, positions: Positions, received_ms: int) -> None:
        """Remember the keys of events at ascending positions."""
        self._table.add(keys, positions, received_ms)

    def settle(self, position: int) -> None:
        """Everything up to `position` is committed: a full table may be written."""
        if len(self._table) >= self._table_size and self._table.last <= position:
            self._freeze(position)
        if self._view.frozen:
            self._start_work()

    def expire(self, now_ms: int) -> None:
        """Take the oldest runs out of use, as far as their newest key is older than `KEEP_MS`.

        None goes before those that came before it, whatever the clock said when it was written.
        They are deleted after `SPARE_MS` more by the same clock. Until then, a `recover` that needs
        them finds them, so that a clock that leaps ahead and returns has destroyed nothing.
        """
        oldest = now_ms - KEEP_MS
        with self._changed:
            view = self._view
            expired = list(takewhile(lambda run: run.head.newest_ms < oldest, view.runs))
            if expired:
                left = (
                    s._replace(runs=tuple(run for run in s.runs if run not in expired))
                    for s in view.segments
                )
                self._view = view._replace(segments=tuple(s for s in left if s.runs))
        for run in expired:
            run.retire(now_ms)
        if expired:
            drop_filters(self._folder, self._oldest)
        drop_retired(self._folder, now_ms - SPARE_MS)

    def close(self) -> None:
        """Finish writing. What is in memory is read from the log again at the next start."""
        self._thread.shutdown(wait=True)

    def __len__(self) -> int:
        """How many keys are remembered; one that came again may count once more."""
        view = self._view
        in_memory = sum(len(table) for table in (self._table, *view.frozen))
        return in_memory + sum(segment.size for segment in view.segments)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, beside the pages that the system keeps of the files."""
        view = self._view
        tables = sum(table.nbytes for table in (self._table, *view.frozen))
        filters = sum(segment.bloom.nbytes for segment in view.segments)
        return tables + filters + sum(run.nbytes for run in view.runs)

    @property
    def _oldest(self) -> int:
        """The position from which on every key is remembered."""
        view = self._view
        if view.segments:
            return view.segments[0].runs[0].head.first
        return (*view.frozen, self._table)[0].first

    def _freeze(self, position: int) -> None:
        table = self._table
        table.last = position
        with self._changed:
            while len(self._view.frozen) >= FROZEN_LIMIT and self._working:
                self._changed.wait()
            self._view = self._view._replace(frozen=(*self._view.frozen, table))
        self._table = Table(position + 1, self._table_size)

    def _start_work(self) -> None:
        """Have the thread write what is frozen, unless it is at it; a failure is tried again."""
        with self._changed:
            if self._working:
                return
            self._working = True
        self._thread.submit(self._work)

    def _wait_for_thread(self) -> None:
        with self._changed:
            while self._working:
                self._changed.wait()

    # in the thread

    def _work(self) -> None:
        try:
            self._seal_frozen()
            while self._merge_one():
                self._seal_frozen()
        except Exception as error:
            log.error("identifiers_not_written", reason=str(error))
        finally:
            with self._changed:
                self._working = False
                self._changed.notify_all()

    def _seal_frozen(self) -> None:
        while self._view.frozen:
            self._seal(self._view.frozen[0])

    def _seal(self, table: Table) -> None:
        run = write_run(self._folder, table.first, table.last, table.newest_ms, table.contents())
        segments = self._view.segments
        full = self._segment_size
        if segments and segments[-1].size < full:
            replaced, segment = segments[-1], segments[-1].with_run(run, full)
        else:
            replaced, segment = None, Segment((run,), filled([run], full))
        with self._changed:
            self._view = View(self._view.frozen[1:], self._with(segment, replaced))
            self._changed.notify_all()

    def _with(self, segment: Segment, replaced: Segment | None) -> tuple[Segment, ...]:
        """The segments with a new last one; runs may have expired since it was made."""
        segments = self._view.segments
        if replaced is None or not segments or segments[-1].bloom is not replaced.bloom:
            return (*segments, segment._replace(runs=segment.runs[-1:]))
        runs = (*segments[-1].runs, segment.runs[-1])
        return (*segments[:-1], Segment(runs, segment.bloom))

    def _merge_one(self) -> bool:
        """Merge runs of the first segment where that is due; whether there was one."""
        for segment in self._view.segments:
            if due := segment.due_for_merge(self._segment_size):
                self._merge(segment, due)
                return True
        return False

    def _merge(self, segment: Segment, due: Sequence[Run]) -> None:
        segment.save_filter(self._folder)  # first: it holds the keys before the merge and after
        merged = merge_runs(self._folder, due, self._sealing())
        with self._changed:
            segments = tuple(s.with_merged(due, merged) for s in self._view.segments)
            self._view = self._view._replace(segments=segments)
        reach("identifiers.merged")
        for run in due:
            run.drop()
            reach("identifiers.dropped")
        if merged not in self._view.runs:
            merged.drop()  # all of it expired in the meantime

    def _sealing(self) -> Iterator[None]:
        """Between two parts of a merge: the writer may wait for a frozen table to be written."""
        while True:
            self._seal_frozen()
            yield
