"""What is let in, what is turned away, and when it should come again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.rules.admission import (
    LONGEST_RETRY_S,
    Limits,
    Load,
    Pace,
    Scarce,
    expected_wait_ms,
    learnt,
    retry_after_s,
    scarce,
)

LIMITS = Limits(requests=10, body_bytes=1000, wait_ms=500)


@pytest.mark.parametrize(
    ("load", "body_bytes", "lacking"),
    [
        (Load(0, 0, 0), 0, None),
        (Load(9, 0, 500), 0, None),
        (Load(10, 0, 0), 0, Scarce.REQUESTS),
        (Load(9, 400, 0), 600, None),
        (Load(9, 400, 0), 601, Scarce.BODIES),
        (Load(0, 0, 0), 5000, None),
        (Load(9, 0, 501), 0, Scarce.WAIT),
        (Load(10, 400, 501), 601, Scarce.REQUESTS),
    ],
)
def test_what_stands_against_a_request(load: Load, body_bytes: int, lacking: Scarce | None) -> None:
    assert scarce(load, LIMITS, body_bytes) is lacking


@given(wait_ms=st.integers(-1, 10**9))
def test_whoever_is_refused_is_told_a_time_that_is_neither_now_nor_never(wait_ms: int) -> None:
    assert 1 <= retry_after_s(wait_ms) <= LONGEST_RETRY_S
    if 0 < wait_ms <= LONGEST_RETRY_S * 1000:
        assert (retry_after_s(wait_ms) - 1) * 1000 < wait_ms <= retry_after_s(wait_ms) * 1000


def after(*commits: tuple[int, int]) -> Pace:
    """The pace after commits of (pieces, milliseconds), each of them often enough to be learnt."""
    pace = Pace()
    for pieces, took_ms in commits:
        for _ in range(100):
            pace = learnt(pace, pieces, took_ms)
    return pace


def test_a_slow_disk_makes_commits_slow_and_not_the_events_in_them() -> None:
    """40 reports that come together share one commit, whatever a commit of one of them took."""
    assert 290 <= expected_wait_ms(after((1, 300)), commits=1, pieces=40, under_way_ms=0) <= 300


def test_many_events_wait_for_those_before_them() -> None:
    pace = after((1, 2), (1000, 22))
    assert 190 <= expected_wait_ms(pace, commits=1, pieces=10_000, under_way_ms=0) <= 210


def test_a_stalled_disk_shows_in_the_commit_under_way() -> None:
    assert expected_wait_ms(Pace(), commits=0, pieces=0, under_way_ms=7000) == 7000


def test_a_clock_that_steps_back_changes_nothing() -> None:
    pace = after((1, 2), (1000, 22))
    assert learnt(pace, 1, -5) == learnt(pace, 1000, -5) == pace
    assert expected_wait_ms(pace, commits=0, pieces=0, under_way_ms=-5) == 0
