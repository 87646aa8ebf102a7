"""Whether one more request may come in, from what is under way; and when to come again.

A request that would wait too long is refused at once: its client learns so while it still listens,
and what was let in is answered in time. Sizes are in bytes, times in milliseconds.
"""

from enum import StrEnum
from typing import Final, NamedTuple

LONGEST_RETRY_S: Final = 30
"""The latest that a client is asked to come again."""

FEW_PIECES: Final = 32
"""A commit of fewer pieces is all overhead."""

_SMOOTHING: Final = 8
"""How many commits a measured pace remembers, about."""


class Limits(NamedTuple):
    """What may be under way at once."""

    requests: int
    body_bytes: int
    wait_ms: int
    """How long a request may expect to wait for the writer."""


class Load(NamedTuple):
    """What is under way."""

    requests: int
    body_bytes: int
    wait_ms: int
    """How long one more change would wait for the writer."""


class Scarce(StrEnum):
    """What there is not enough of for one more request."""

    REQUESTS = "requests"
    BODIES = "bodies"
    WAIT = "wait"


def scarce(load: Load, limits: Limits, body_bytes: int) -> Scarce | None:
    """What stands against a request with a body of so many bytes; None lets it in.

    A single body may be as large as its path allows: it is refused only beside others.
    """
    if load.requests >= limits.requests:
        return Scarce.REQUESTS
    if load.body_bytes and load.body_bytes + body_bytes > limits.body_bytes:
        return Scarce.BODIES
    if load.wait_ms > limits.wait_ms:
        return Scarce.WAIT
    return None


class Pace(NamedTuple):
    """What commits took of late, in nanoseconds: each one, and each meter event in it."""

    commit_ns: int = 0
    piece_ns: int = 0


def learnt(pace: Pace, pieces: int, took_ms: int) -> Pace:
    """The pace after one more commit.

    One of few pieces tells what a commit takes by itself, such as the disk's part; one of many,
    what a piece adds. A clock that stepped back tells nothing.
    """
    if took_ms < 0:
        return pace
    took_ns = took_ms * 1_000_000
    if pieces < FEW_PIECES:
        return pace._replace(commit_ns=_smoothed(pace.commit_ns, took_ns))
    added_ns = max(took_ns - pace.commit_ns, 0) // pieces
    return pace._replace(piece_ns=_smoothed(pace.piece_ns, added_ns))


def _smoothed(before: int, now: int) -> int:
    return (before * (_SMOOTHING - 1) + now) // _SMOOTHING


def expected_wait_ms(pace: Pace, commits: int, pieces: int, under_way_ms: int) -> int:
    """How long something waits that comes after so many commits of so many pieces together.

    The commit under way counts with the time that it has taken already: a stalled disk shows
    there, and nowhere else.
    """
    ahead_ns = commits * pace.commit_ns + pieces * pace.piece_ns
    return max(under_way_ms, 0) + ahead_ns // 1_000_000


def retry_after_s(wait_ms: int) -> int:
    """When to come again, in whole seconds from 1 to LONGEST_RETRY_S."""
    return min(max(-(-wait_ms // 1000), 1), LONGEST_RETRY_S)
