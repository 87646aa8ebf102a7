"""A segment: runs that follow one another, behind one filter.

A new key costs one look into the filter of each segment, whatever the number of runs.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from tripmeter.model.digests import Digests
from tripmeter.store.identifiers.files import FILTER, delete, drop_all, revive
from tripmeter.store.identifiers.filter import (
    BlockedBloom,
    Cover,
    Probe,
    load_filter,
    probe_of,
    read_cover,
    save_filter,
)
from tripmeter.store.identifiers.run import Positions, Run, open_runs

MERGE_AT: Final = 4
"""So many runs of about one size, one after the other, become one."""

_SMALLEST: Final = 16
"""A filter begins with room for such a part of a segment, and grows fourfold."""


class Segment(NamedTuple):
    """Runs that follow one another, and a filter that holds the keys of all of them."""

    runs: tuple[Run, ...]
    bloom: BlockedBloom

    @property
    def size(self) -> int:
        """Keys in all runs."""
        return sum(run.head.size for run in self.runs)

    def find(self, keys: Digests, probe: Probe, found: Positions) -> None:
        """Fill in the positions of those that are not found yet and stand here."""
        wanted = self.bloom.candidates(probe)
        wanted = wanted.take(np.flatnonzero(found.take(wanted) < 0))
        if not len(wanted):
            return
        wanted = wanted.take(np.argsort(keys.high.take(wanted)))
        for run in reversed(self.runs):
            found[wanted] = run.find(keys.pick(wanted))
            wanted = wanted.take(np.flatnonzero(found.take(wanted) < 0))
            if not len(wanted):
                return

    def due_for_merge(self, full: int) -> Sequence[Run]:
        """All runs of a full segment; else the newest ones, if there are enough of about a size."""
        if self.size >= full:
            return self.runs if len(self.runs) > 1 else ()
        size = 2 * self.runs[-1].head.size
        alike = 0
        for run in reversed(self.runs):
            if run.head.size > size:
                break
            alike += 1
        return self.runs[-alike:] if alike >= MERGE_AT else ()

    def with_run(self, run: Run, full: int) -> "Segment":
        """With one more run: the same filter, or a bigger one once it has no room."""
        size = self.size + run.head.size
        if size > self.bloom.capacity < full:
            return Segment((*self.runs, run), filled((*self.runs, run), full))
        fill(self.bloom, [run])
        return Segment((*self.runs, run), self.bloom)

    def with_merged(self, due: Sequence[Run], merged: Run) -> "Segment":
        """With one run in place of those that were merged into it."""
        runs: list[Run] = []
        for run in self.runs:
            if run not in due:
                runs.append(run)
            elif merged not in runs:
                runs.append(merged)
        return Segment(tuple(runs), self.bloom)

    def save_filter(self, folder: Path) -> None:
        """Spare the next start the reading of all keys."""
        save_filter(folder, _cover(self.runs), self.bloom)


def look_up(segments: Sequence[Segment], keys: Digests) -> Positions:
    """The newest position of each key; -1 where there is none."""
    found = np.full(len(keys.high), -1, dtype=np.int64)
    if segments:
        probe = probe_of(keys)
        for segment in reversed(segments):
            segment.find(keys, probe, found)
    return found


def filled(runs: Sequence[Run], full: int) -> BlockedBloom:
    """A filter with the keys of some runs, and room for more up to a full segment."""
    size = sum(run.head.size for run in runs)
    capacity = max(full // _SMALLEST, 1)
    while capacity < min(size, full):
        capacity *= 4
    bloom = BlockedBloom.of_capacity(min(capacity, full))
    fill(bloom, runs)
    return bloom


def fill(bloom: BlockedBloom, runs: Iterable[Run]) -> None:
    """Add the keys of some runs."""
    for run in runs:
        for content in run.slices():
            bloom.add_sorted(content.keys)


def open_segments(folder: Path, needed_from: int, committed: int, full: int) -> list[Segment]:
    """What the files of a folder hold, if they can give all from `needed_from` on.

    Otherwise, or if they are ahead of the log, nothing: everything is deleted.
    """
    runs = open_runs(folder)
    if not _reaches(runs, needed_from) and revive(folder):
        runs = open_runs(folder)
    if not _reaches(runs, needed_from) or runs[-1].head.last > committed:
        drop_all(folder)
        return []
    segments: list[Segment] = []
    saved = _saved_filters(folder, runs)
    for run in runs:
        if run in saved:
            bloom = saved[run]
            if segments and segments[-1].bloom is bloom:
                segments[-1] = segments[-1]._replace(runs=(*segments[-1].runs, run))
            else:
                segments.append(Segment((run,), bloom))
        elif segments and segments[-1].size < full:
            segments[-1] = segments[-1].with_run(run, full)
        else:
            segments.append(Segment((run,), filled([run], full)))
    return segments


def _reaches(runs: Sequence[Run], needed_from: int) -> bool:
    return bool(runs) and runs[0].head.first <= needed_from


def _saved_filters(folder: Path, runs: Sequence[Run]) -> dict[Run, BlockedBloom]:
    """The filter of each run that is held by one; what fits no runs is deleted."""
    filters: dict[Run, BlockedBloom] = {}
    for path in sorted(folder.glob(f"*{FILTER}")):
        try:
            cover = read_cover(path)
            held = [r for r in runs if cover.first <= r.head.first and r.head.last <= cover.last]
            if not held or _cover(held) != cover or any(run in filters for run in held):
                raise ValueError(f"{path} holds other keys")
            filters |= dict.fromkeys(held, load_filter(path))
        except ValueError:
            delete(path)
    return filters


def _cover(runs: Sequence[Run]) -> Cover:
    return Cover(
        runs[0].head.first,
        runs[-1].head.last,
        sum(run.head.size for run in runs),
        sum(run.head.key_sum for run in runs) % 2**64,
    )
