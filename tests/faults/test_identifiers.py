"""SIGKILL between any two file operations of the identifier tier loses no key and invents none.

TRIPMETER_KILLS_EVERY sets how many operations lie between two kills; with 1 it is every single one.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from support import identifiers_victim as victim
from support.identifiers import Tier

EVERY: Final = int(os.environ.get("TRIPMETER_KILLS_EVERY", "23"))
OPERATIONS: Final = 2_500
"""More than there are in a whole life."""

NAMINGS: Final = 4
"""Files of each kind that a kill leaves written aside, whatever the threads' order was."""

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("kill")]


class Victim(NamedTuple):
    """A tier that was killed."""

    folder: Path
    left: list[str]
    """The files that it left behind."""

    committed: int
    """Batches, by its log."""


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> list[Victim]:
    """Tiers that were killed, each at another operation."""
    folder = tmp_path_factory.mktemp("victims")
    steps = [str(step) for step in range(1, OPERATIONS, EVERY)]
    steps += [f"{kind}-{number}" for kind in ("run", "filter") for number in range(1, NAMINGS + 1)]
    ended = subprocess.run(
        [sys.executable, victim.__file__, folder, *steps],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(victim.__file__).parents[1])},
    )
    lived = set(ended.stdout.split())
    assert lived, "some steps must lie behind the last operation"
    return [looked_at(folder / step) for step in steps if step not in lived]


def looked_at(folder: Path) -> Victim:
    """What there is to see after the kill."""
    log = folder / "log"
    left = [path.name for path in (folder / "store").glob("*")]
    return Victim(folder, left, log.stat().st_size if log.exists() else 0)


def test_the_kills_meet_every_kind_of_work(victims: list[Victim]) -> None:
    """Otherwise the next test has become too easy."""
    left = [name for killed in victims for name in killed.left]
    for kind in (".run", ".filter", ".retired", ".run.partial", ".filter.partial"):
        assert any(name.endswith(kind) for name in left), kind


def test_a_kill_between_any_two_file_operations_loses_nothing(victims: list[Victim]) -> None:
    for folder, _, committed in victims:
        log = [
            (key, victim.received_ms(number))
            for number in range(committed)
            for key in victim.batch_of(number)
        ]
        tier = Tier(folder, log)
        assert tier.agrees(), folder
        tier.fill(400)
        assert tier.agrees(), folder
        tier.restart()
        assert tier.agrees(), folder
        tier.close()
