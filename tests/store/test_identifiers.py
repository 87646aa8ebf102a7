"""The identifier tier: exact answers through freezing, merging, restarts, damage and odd clocks.

What becomes of it when the process is killed stands in `tests/faults/test_identifiers.py`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.engine import fresh_folder
from support.identifiers import HOUR_MS, SEGMENT, TABLE, Tier, digests, key_of
from tripmeter.model.digests import Digests
from tripmeter.store.identifiers import TieredIdentifiers
from tripmeter.store.identifiers.filter import BITS_PER_KEY, BlockedBloom, probe_of
from tripmeter.store.identifiers.tier import KEEP_MS, SPARE_MS


@pytest.fixture
def tier(tmp_path: Path) -> Iterator[Tier]:
    opened = Tier(tmp_path)
    yield opened
    opened.close()


# --- answers ------------------------------------------------------------------------------------


def test_it_answers_like_a_dict_through_restarts(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    tier = Tier(tmp_path)
    for _ in range(600):
        new = [key_of(int(n)) for n in rng.integers(0, 10**9, rng.integers(1, 40))]
        seen = list(tier.truth)
        old = [seen[at] for at in rng.integers(0, len(seen), 10)] if seen else []
        assert tier.find(new + old) == [tier.truth.get(key, -1) for key in new + old]
        tier.add([key for key in dict.fromkeys(new) if key not in tier.truth])
        if rng.random() < 0.01:
            tier.restart()
    assert tier.agrees()
    tier.finish()
    assert len(list(tmp_path.rglob("*.run"))) < 30
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("size", [1, 64, 10_000, 100_000])
def test_a_batch_may_have_any_size(tier: Tier, size: int) -> None:
    for start in range(0, 3 * size, size):
        tier.add([key_of(n) for n in range(start, start + size)])
        assert tier.agrees()
    tier.restart()
    assert tier.agrees()


def test_an_empty_tier_knows_nothing_and_takes_an_empty_question(tier: Tier) -> None:
    assert tier.find([key_of(1)]) == [-1]
    assert tier.find([]) == []
    assert len(tier.tier) == 0


def test_a_key_that_comes_again_later_is_found_at_its_newest_position(tier: Tier) -> None:
    again = [key_of(-1), key_of(-2)]
    for _ in range(20):
        tier.add(again)
        tier.fill(240)
        assert tier.find(again) == [tier.truth[key] for key in again]
    tier.restart()
    assert tier.agrees()


@pytest.mark.parametrize("times", [2, 3, 1_000])
def test_a_key_that_repeats_within_a_batch_stands_at_its_last_position(
    tier: Tier, times: int
) -> None:
    for number in range(20):
        keys = [key_of(number), key_of(-1), key_of(1_000 + number)]
        tier.add([key for _ in range(times) for key in keys])
        assert tier.agrees()
    tier.restart()
    assert tier.agrees()
    assert len(tier.tier) <= len(tier.truth) + TABLE


def test_keys_that_share_their_first_bytes_are_told_apart(tier: Tier) -> None:
    for high in (0, 7, 2**64 - 1):  # the ends of the key space, too
        tier.add([(high, low) for low in range(500)])
        assert tier.find([(high, 999)]) == [-1]
    tier.fill(4_000)
    tier.restart()
    assert tier.agrees()
    assert tier.find([(0, 999), (7, 999), (2**64 - 1, 999)]) == [-1, -1, -1]


def test_several_big_runs_become_one(tmp_path: Path) -> None:
    """Beyond what a merge holds in memory at a time."""
    rng = np.random.default_rng(3)
    count, batch = 2_000_000, 100_000
    keys = digests(rng.integers(0, 2**64, count, np.uint64), rng.integers(0, 2**32, count, "u4"))
    tier = TieredIdentifiers(tmp_path, table_size=4 * batch, segment_size=count)
    tier.recover("store", 1, 0)
    for start in range(0, count, batch):
        part = keys.pick(np.arange(start, start + batch))
        tier.add(part, np.arange(start + 1, start + batch + 1), 0)
        tier.settle(start + batch)
    tier.close()
    assert len(list(tmp_path.rglob("*.run"))) == 1
    again = TieredIdentifiers(tmp_path, table_size=4 * batch, segment_size=count)
    assert again.recover("store", 1, count) == count
    assert (again.find(keys) == np.arange(1, count + 1)).all()
    assert (again.find(Digests(keys.high, keys.low + np.uint32(1))) == -1).all()
    again.close()


def test_answers_do_not_depend_on_what_the_system_has_cached(tier: Tier) -> None:
    tier.fill(6_000)
    tier.restart()
    for path in tier.root.rglob("*.run"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert tier.agrees()


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done to a tier in whatever order, it agrees with the dict beside it."""

    @initialize()
    def start(self) -> None:
        self.tier = Tier(fresh_folder())

    @rule(numbers=st.lists(st.integers(0, 300), min_size=1, max_size=60))
    def add_known_and_new(self, numbers: list[int]) -> None:
        self.tier.add([key_of(n) for n in numbers])

    @rule(batches=st.integers(1, 60))
    def fill(self, batches: int) -> None:
        self.tier.fill(40 * batches)

    @rule(numbers=st.lists(st.integers(0, 300), min_size=1, max_size=60))
    def fail_to_commit(self, numbers: list[int]) -> None:
        self.tier.fail([key_of(n) for n in numbers])

    @rule(hours=st.integers(0, 20))
    def let_time_pass(self, hours: int) -> None:
        self.tier.advance(hours * HOUR_MS)

    @rule(hours=st.integers(-60, 60))
    def let_the_clock_err_for_a_moment(self, hours: int) -> None:
        self.tier.err(hours * HOUR_MS)

    @rule()
    def restart(self) -> None:
        self.tier.restart()

    @invariant()
    def agrees(self) -> None:
        assert self.tier.agrees()

    def teardown(self) -> None:
        if hasattr(self, "tier"):
            self.tier.remove()


AnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase


# --- the log ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 50, 99, 400, 1_000])
def test_what_a_failed_transaction_added_is_forgotten(tier: Tier, before: int) -> None:
    tier.add([key_of(-n) for n in range(before)])
    tier.fail([key_of(-1), key_of(-5), *(key_of(n) for n in range(300))])
    assert tier.find([key_of(1)]) == [-1]
    assert tier.agrees()
    tier.fill(400)
    assert tier.agrees()


def test_files_survive_a_restart_and_only_the_rest_is_read_from_the_log(tier: Tier) -> None:
    tier.fill(4_000)
    assert 3_800 <= tier.restart() <= 4_000
    assert tier.agrees()


def test_what_is_not_committed_yet_is_not_written(tier: Tier) -> None:
    keys = digests(*np.array([key_of(n) for n in range(3 * TABLE)], dtype=object).T)
    tier.tier.add(keys, np.arange(1, 3 * TABLE + 1), 0)
    tier.tier.settle(TABLE)
    tier.close()
    assert not list(tier.root.rglob("*.run"))


def test_a_folder_that_is_ahead_of_the_log_is_not_believed(tier: Tier) -> None:
    """The database came back from a backup; the folder did not."""
    tier.fill(1_000)
    tier.close()
    tier.truth = {key: at for key, at in tier.truth.items() if at <= 500}
    tier.position = 500
    assert tier.open() == 0
    assert not list(tier.root.rglob("*.filter"))
    assert tier.agrees()


def test_each_store_has_a_folder_of_its_own(tier: Tier) -> None:
    tier.fill(1_000)
    tier.close()
    other = TieredIdentifiers(tier.root, table_size=TABLE, segment_size=SEGMENT)
    assert other.recover("another store", 1, 1_000) == 0
    assert (other.find(digests(*zip(*list(tier.truth)[:5], strict=True))) == -1).all()
    other.close()


# --- damage -------------------------------------------------------------------------------------


def damage(path: Path, how: str) -> None:
    """Spoil a file in one of the ways that a disk or a person can."""
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "longer":
        path.write_bytes(content + bytes(4096))
    else:
        path.write_bytes(b"X" * 64 + content[64:])


@pytest.mark.parametrize("how", ["gone", "cut short", "empty", "longer", "overwritten"])
@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize("kind", ["run", "filter"])
def test_a_damaged_file_costs_time_and_no_key(tier: Tier, kind: str, how: str, which: int) -> None:
    tier.fill(5_480)
    tier.finish()
    damage(sorted(tier.root.rglob(f"*.{kind}"))[which], how)
    tier.restart()
    assert tier.agrees()


def test_a_bit_that_fell_over_in_a_filter_is_noticed(tier: Tier) -> None:
    tier.fill(5_480)
    tier.finish()
    for path in tier.root.rglob("*.filter"):
        content = bytearray(path.read_bytes())
        content[64:] = bytes(len(content) - 64)
        path.write_bytes(content)
    tier.restart()
    assert tier.agrees()


def test_a_filter_of_other_keys_at_the_same_positions_is_not_believed(
    tier: Tier, tmp_path: Path
) -> None:
    other = Tier(tmp_path / "other")
    other.fill(5_480, salt=77)
    other.finish()
    tier.fill(5_480)
    tier.finish()
    for path in (tmp_path / "other").rglob("*.filter"):
        (tmp_path / "store" / path.name).write_bytes(path.read_bytes())
    tier.restart()
    assert tier.agrees()


def test_saved_filters_are_used(tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    tier.fill(4 * SEGMENT)
    tier.finish()
    read: list[Digests] = []
    add_sorted = BlockedBloom.add_sorted

    def count(bloom: BlockedBloom, keys: Digests) -> None:
        read.append(keys)
        add_sorted(bloom, keys)

    monkeypatch.setattr(BlockedBloom, "add_sorted", count)
    tier.restart()
    assert sum(len(keys.high) for keys in read) < SEGMENT
    assert tier.agrees()


# --- time ---------------------------------------------------------------------------------------


def test_old_files_go_and_take_their_filters_along(tier: Tier) -> None:
    tier.fill(4_000)
    tier.advance(KEEP_MS)
    tier.fill(4_000)
    tier.finish()
    assert len(tier.tier) == 8_000
    tier.advance(1)
    assert len(tier.tier) < 6_000
    tier.advance(SPARE_MS)
    assert list(tier.root.rglob("*.retired"))
    tier.advance(1)
    assert min(int(path.name[:20]) for path in tier.root.rglob("*.*")) > 2_000
    assert tier.agrees()


def test_a_clock_that_leaps_and_returns_has_destroyed_nothing(tier: Tier) -> None:
    tier.fill(8_000)
    tier.finish()
    kept = len(tier.tier)
    read = tier.read_from_log
    tier.tier.expire(tier.now_ms + 1_000 * KEEP_MS)
    assert len(tier.tier) < kept
    assert tier.recover() > 7_800
    assert tier.read_from_log - read < 200
    assert tier.agrees()


def test_what_a_second_leap_destroyed_is_read_from_the_log_again(tier: Tier) -> None:
    tier.fill(8_000)
    tier.finish()
    tier.tier.expire(tier.now_ms + 10 * KEEP_MS)
    tier.tier.expire(tier.now_ms + 20 * KEEP_MS)
    assert tier.recover() == 0
    assert tier.agrees()


def test_files_put_by_survive_a_restart(tier: Tier) -> None:
    tier.fill(8_000)
    tier.finish()
    tier.tier.expire(tier.now_ms + 10 * KEEP_MS)
    assert tier.restart() > 7_800
    assert tier.agrees()


def test_what_was_received_while_the_clock_was_slow_goes_no_sooner_than_what_came_before(
    tier: Tier,
) -> None:
    tier.advance(100 * KEEP_MS)
    tier.fill(2_000)
    right, tier.now_ms = tier.now_ms, 0
    tier.fill(2_000)
    tier.now_ms = right
    tier.fill(2_000)
    tier.finish()
    tier.tier.expire(right)
    assert tier.agrees()


# --- the filter ---------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 7])
def test_the_filter_never_denies_a_key_and_seldom_suspects_a_stranger(parts: int) -> None:
    rng = np.random.default_rng(7)
    count = 20_000
    high = np.sort(rng.integers(0, 2**64, 2 * count, np.uint64))
    every = Digests(high, rng.integers(0, 2**32, 2 * count, np.uint32))
    keys, strangers = (every.pick(np.arange(start, 2 * count, 2)) for start in (0, 1))
    bloom = BlockedBloom.of_capacity(count)
    for part in range(parts):
        bloom.add_sorted(keys.pick(np.arange(part, count, parts)))
    assert bloom.nbytes == count * BITS_PER_KEY // 8
    assert len(bloom.candidates(probe_of(keys))) == count
    assert len(bloom.candidates(probe_of(strangers))) < 0.006 * count
