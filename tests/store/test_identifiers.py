"""The identifier tier: exact answers through freezing, merging, restarts, crashes and damage."""

import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tripmeter.store.identifiers import TieredIdentifiers
from tripmeter.store.identifiers.filter import BITS_PER_KEY, BlockedBloom, as_keys, masks_of
from tripmeter.store.identifiers.tier import KEEP_MS

TABLE, SEGMENT = 100, 3_000
"""Small, so that a few thousand keys freeze, merge and fill segments many times."""


def key_of(number: int) -> bytes:
    """A digest for the n-th identifier."""
    return random.Random(f"identifier {number}").randbytes(12)


class Tier:
    """A tier beside the plain dict that it has to agree with."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.truth: dict[bytes, int] = {}
        self.position = 0
        self.open()

    def open(self, needed_from: int = 1) -> int:
        """Open the files, and add what they do not know, as the log would."""
        self.tier = TieredIdentifiers(self.root, table_size=TABLE, segment_size=SEGMENT)
        known = self.tier.recover("store", needed_from, self.position)
        for key, at in sorted(self.truth.items(), key=lambda item: item[1]):
            if at > known:
                self.tier.add(key, at, 0)
        return known

    def add(self, keys: list[bytes], now_ms: int = 0) -> None:
        """Commit new keys."""
        for key in keys:
            self.position += 1
            self.truth[key] = self.position
            self.tier.add(key, self.position, now_ms)
        self.tier.settle(self.position)

    def fill(self, count: int, now_ms: int = 0) -> None:
        """Commit `count` fresh keys in batches of 40."""
        for _ in range(count // 40):
            self.add([key_of(self.position + n) for n in range(40)], now_ms)

    def settled(self) -> None:
        """Wait until everything frozen is on disk, and close."""
        self.tier.settle(self.position)
        self.tier.close()

    def agrees(self) -> bool:
        """Whether it knows what it should, and nothing else."""
        keys = list(self.truth)
        strangers = [key_of(-n) for n in range(1_000, 3_000)]
        known = self.tier.find_all(keys) == [self.truth[key] for key in keys]
        return known and self.tier.find_all(strangers) == [None] * len(strangers)


@pytest.fixture
def tier(tmp_path: Path) -> Iterator[Tier]:
    opened = Tier(tmp_path)
    yield opened
    opened.tier.close()


def test_it_answers_like_a_dict_through_restarts(tmp_path: Path) -> None:
    rng = random.Random(1)
    tier = Tier(tmp_path)
    for _ in range(600):
        seen = list(tier.truth)[-2_000:]
        asked = [
            rng.choice(seen) if seen and rng.random() < 0.2 else rng.randbytes(12)
            for _ in range(rng.randint(1, 40))
        ]
        assert tier.tier.find_all(asked) == [tier.truth.get(key) for key in asked]
        tier.add([key for key in dict.fromkeys(asked) if key not in tier.truth])
        if rng.random() < 0.01:
            tier.tier.close()
            tier.open()
    assert tier.agrees()
    tier.settled()
    assert len(list(tmp_path.rglob("*.run"))) < 30
    assert not list(tmp_path.rglob("*.partial"))


def test_a_key_that_comes_again_later_is_found_at_its_newest_position(tier: Tier) -> None:
    again = [key_of(-1), key_of(-2)]
    for _ in range(20):
        tier.add(again)
        tier.fill(240)
        assert tier.tier.find_all(again) == [tier.truth[key] for key in again]
    tier.settled()
    tier.open()
    assert tier.agrees()


def test_what_a_failed_transaction_added_is_forgotten(tier: Tier) -> None:
    tier.fill(400)
    tier.tier.add(key_of(-5), tier.position + 1, 0)
    assert tier.tier.recover("store", 1, tier.position) == tier.position
    assert tier.tier.find_all([key_of(-5)]) == [None]
    assert tier.agrees()


def test_files_survive_a_restart_and_only_the_rest_is_read_from_the_log(tier: Tier) -> None:
    tier.fill(4_000)
    tier.settled()
    known = tier.open()
    assert 3_800 <= known <= 4_000
    assert tier.agrees()


def damaged(path: Path, how: str) -> None:
    """Spoil a run in one of the ways that a disk or a person can."""
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(b"X" * 64 + content[64:])


@pytest.mark.parametrize("how", ["gone", "cut short", "empty", "overwritten"])
@pytest.mark.parametrize("which", [0, -1])
def test_a_damaged_file_costs_time_and_no_key(tier: Tier, how: str, which: int) -> None:
    tier.fill(3_480)
    tier.settled()
    damaged(sorted(tier.root.rglob("*.run"))[which], how)
    tier.open()
    assert tier.agrees()


def copied(folder: Path, target: Path) -> None:
    """A folder as it is seen in passing: files may go and come meanwhile."""
    target.mkdir(parents=True)
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            shutil.copy(path, target)


@pytest.mark.parametrize("step", range(1, 400, 13))
def test_a_crash_between_any_two_file_operations_loses_nothing(tmp_path: Path, step: int) -> None:
    """Every state in which the folder can be seen is one that a crash may leave behind."""
    tier = Tier(tmp_path / "live")
    tier.fill(40 * step % 5_000 + 400)
    seen = tmp_path / "seen"
    copied(tmp_path / "live" / "store", seen / "store")
    (seen / "store" / "00000000000000000001-00000000000000000100.partial").write_bytes(b"torn")
    tier.tier.close()
    tier.root = seen
    tier.open()
    assert tier.agrees()
    tier.tier.close()


def test_a_folder_that_is_ahead_of_the_log_is_not_believed(tier: Tier) -> None:
    """The database came back from a backup; the folder did not."""
    tier.fill(1_000)
    tier.settled()
    tier.truth = {key: at for key, at in tier.truth.items() if at <= 500}
    tier.position = 500
    assert tier.open() == 0
    assert tier.agrees()


def test_each_store_has_a_folder_of_its_own(tier: Tier) -> None:
    tier.fill(1_000)
    tier.settled()
    other = TieredIdentifiers(tier.root, table_size=TABLE, segment_size=SEGMENT)
    assert other.recover("another store", 1, 1_000) == 0
    assert other.find_all(list(tier.truth)[:5]) == [None] * 5
    other.close()


def test_old_files_go_and_take_their_filters_along(tier: Tier) -> None:
    tier.fill(4_000, now_ms=0)
    tier.fill(4_000, now_ms=KEEP_MS)
    tier.settled()
    tier.open(needed_from=4_001)
    before = len(tier.tier)
    tier.tier.expire(KEEP_MS + 1)
    assert len(tier.tier) < before - 2_000
    young = [key for key, at in tier.truth.items() if at > 4_000]
    assert tier.tier.find_all(young) == [tier.truth[key] for key in young]


def test_the_filter_never_denies_a_key_and_seldom_suspects_a_stranger() -> None:
    rng = np.random.default_rng(7)
    keys = as_keys(rng.bytes(12 * 20_000))
    strangers = as_keys(rng.bytes(12 * 20_000))
    bloom = BlockedBloom(20_000)
    bloom.add(keys)
    assert bloom.nbytes == 20_000 * BITS_PER_KEY // 8
    assert bloom.may_contain(keys, masks_of(keys)).all()
    assert bloom.may_contain(strangers, masks_of(strangers)).mean() < 0.01


def test_keys_that_share_their_first_bytes_are_told_apart(tier: Tier) -> None:
    prefix = b"\x00\x01\x02\x03\x04\x05\x06\x07"
    alike = [prefix + number.to_bytes(4) for number in range(500)]
    tier.add(alike)
    tier.settled()
    tier.open()
    assert tier.agrees()
    assert tier.tier.find_all([prefix + (999).to_bytes(4)]) == [None]
