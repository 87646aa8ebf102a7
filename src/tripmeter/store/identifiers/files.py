"""The folder of a tier: files that appear whole or not at all, are put by, and are swept away.

Nothing here knows what is in a file. Whatever a process leaves behind when it dies between two
steps is either complete or carries a suffix that the next start sweeps away.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from tripmeter.failpoints import reach

RUN: Final = ".run"
FILTER: Final = ".filter"
RETIRED: Final = ".retired"
PARTIAL: Final = ".partial"


def write_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write, sync, rename, sync the folder: the file exists from the rename on."""
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("wb") as file:
        reach("identifiers.begun")
        write(file)
        file.flush()
        reach("identifiers.filled")
        os.fsync(file.fileno())
    reach("identifiers.synced")
    partial.replace(path)
    reach("identifiers.named")
    sync_folder(path.parent)
    reach("identifiers.placed")


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Make the folder, if need be, and delete what was never finished."""
    folder.mkdir(parents=True, exist_ok=True)
    for partial in folder.glob(f"*{PARTIAL}"):
        delete(partial)


def delete(path: Path) -> None:
    """Delete a file that may be gone already."""
    with suppress(FileNotFoundError):
        path.unlink()


def retire(path: Path, now_ms: int) -> None:
    """Put a run by: it is out of use, but can be had back until `drop_retired`."""
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name}.{now_ms}{RETIRED}"))


def revive(folder: Path) -> bool:
    """Bring back what was put by; whether there was any."""
    retired = list(folder.glob(f"*{RETIRED}"))
    for path in retired:
        path.rename(path.with_name(path.name.split(".")[0] + RUN))
    return bool(retired)


def drop_retired(folder: Path, before_ms: int) -> None:
    """Delete what was put by before a time, by the clock that put it by."""
    for path in folder.glob(f"*{RETIRED}"):
        if int(path.name.split(".")[2]) < before_ms:
            delete(path)


def drop_filters(folder: Path, before: int) -> None:
    """Delete the filters that begin before a position: they hold keys that are gone."""
    for path in folder.glob(f"*{FILTER}"):
        if int(path.stem) < before:
            delete(path)


def drop_all(folder: Path) -> None:
    """Delete everything: it does not fit the log."""
    for suffix in (FILTER, RETIRED, RUN):
        for path in folder.glob(f"*{suffix}"):
            delete(path)
    sync_folder(folder)
