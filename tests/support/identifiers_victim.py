"""Fills identifier tiers in processes that are killed: `identifiers_victim.py FOLDER STEP...`.

For each step, a process works in FOLDER/STEP until it is about to make its file operation of that
number, in whichever thread, and kills itself there (SIGKILL). A step is a number among all file
operations (`120`), or a kind of file and which of its files is about to get its name (`filter-3`).
FOLDER/STEP/log has one byte for each batch that was committed before.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np

from support.identifiers import HOUR_MS, Key, columns, key_of
from tripmeter.store.identifiers import TieredIdentifiers
from tripmeter.store.identifiers.files import PARTIAL

BATCH: Final = 40
BATCHES: Final = 75
OPERATIONS: Final = {
    "close",
    "fsync",
    "mkdir",
    "open",
    "pread",
    "rename",
    "replace",
    "seek",
    "unlink",
    "write",
}


def batch_of(number: int) -> list[Key]:
    """The keys of a batch; some come again two days later."""
    return [key_of(number * BATCH + n if n else number % 48) for n in range(BATCH)]


def received_ms(number: int) -> int:
    """A batch an hour, so that the first ones expire, are put by and deleted."""
    return number * HOUR_MS


def open_tier(root: Path) -> TieredIdentifiers:
    """Small tables and segments: runs, merges and full segments come every few batches."""
    return TieredIdentifiers(root, table_size=100, segment_size=600)


def live(folder: Path) -> None:
    """Commit batch after batch."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    tier = open_tier(folder)
    tier.recover("store", 1, 0)
    for number in range(BATCHES):
        keys = columns(batch_of(number))
        tier.find(keys)
        first = number * BATCH + 1
        tier.add(keys, np.arange(first, first + BATCH), received_ms(number))
        os.write(log, b".")
        tier.settle(first + BATCH - 1)
        tier.expire(received_ms(number))
    tier.close()


def die_before(step: str) -> None:
    """Have this process killed at its operation `step`, counted from 1."""
    kind, _, number = step.rpartition("-")
    left = iter(range(int(number) - 1, -1, -1))

    def count() -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event == "os.rename" and str(args[0]).endswith(f".{kind}{PARTIAL}"):
            count()

    def watch(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in OPERATIONS:
            count()

    if kind:
        sys.addaudithook(audit)
    else:
        threading.setprofile(watch)
        sys.setprofile(watch)


def main() -> None:
    """One process for each step; says which of them lived to the end."""
    folder = Path(sys.argv[1])
    for step in sys.argv[2:]:
        (folder / step).mkdir()
        child = os.fork()
        if not child:
            die_before(step)
            live(folder / step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.stdout.write(f"{step}\n")


if __name__ == "__main__":
    main()
