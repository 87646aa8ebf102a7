"""Whether a webhook is sent again, and when (contract C5).

Owns the schedule: waits that grow from 5 s to 12 h, jitter, `Retry-After`, and the end after three
days. Owns neither the clock nor the dice: both come as arguments. A disabled or deleted endpoint is
the caller's to notice. Stripe documents "up to 3 days, exponential"; the exact waits are ours.
"""

import calendar
import re
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

SECOND_MS = 1_000
HOUR_MS = 3_600 * SECOND_MS

FIRST_WAIT_MS = 5 * SECOND_MS
WAIT_FACTOR = 4
LONGEST_WAIT_MS = 12 * HOUR_MS
LONGEST_RETRY_AFTER_MS = 24 * HOUR_MS
RETRY_WINDOW_MS = 72 * HOUR_MS
"""From the first attempt to the last one, which falls on the end of the window at the latest."""

JITTER_LIMIT_BP = 2_000
"""Basis points (1/10 000): a wait is stretched or shrunk by up to 20 %."""
WHOLE_BP = 10_000

_STEPS_TO_LONGEST_WAIT = 7
_DELTA_SECONDS = re.compile(r"[0-9]{1,10}")

Reason = Literal["delivered", "retry", "given_up"]


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a delivery. `next_attempt_ms` (Unix ms) is set for `retry` alone."""

    reason: Reason
    next_attempt_ms: int | None = None


def judge_attempt(
    *,
    attempt: int,
    first_attempt_ms: int,
    now_ms: int,
    status: int | None,
    retry_after_s: int | None,
    jitter_bp: int,
) -> Verdict:
    """Judge the attempt just made: number `attempt`, counted from 1.

    `status` is the HTTP status, None when there was no answer. Any 2xx is success; everything
    else, redirects and 410 Gone included, is a failure and is tried again while the window lasts.
    `jitter_bp` is random, -JITTER_LIMIT_BP..JITTER_LIMIT_BP. Raises ValueError outside the ranges.
    """
    if is_success(status):
        return Verdict("delivered")
    end_ms = first_attempt_ms + RETRY_WINDOW_MS
    if now_ms >= end_ms:
        return Verdict("given_up")
    wait_ms = max(_with_jitter(wait_ms_after(attempt), jitter_bp), _asked_wait_ms(retry_after_s))
    return Verdict("retry", min(now_ms + wait_ms, end_ms))


def is_success(status: int | None) -> bool:
    """Stripe: success is any 2xx."""
    return status is not None and 200 <= status <= 299


def wait_ms_after(attempt: int) -> int:
    """The wait after attempt n (from 1), before jitter: 5 s * 4^(n-1), at most 12 h."""
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    factor: int = WAIT_FACTOR ** min(attempt - 1, _STEPS_TO_LONGEST_WAIT)
    return min(FIRST_WAIT_MS * factor, LONGEST_WAIT_MS)


def parse_retry_after(header: str | None, now_ms: int) -> int | None:
    """Seconds that a `Retry-After` header asks for: a number or an HTTP date (RFC 9110, 10.2.3).

    A date in the past is 0; a header that is neither is ignored: None.
    """
    if header is None:
        return None
    text = header.strip()
    if _DELTA_SECONDS.fullmatch(text):
        return int(text)
    return _seconds_until(text, now_ms)


def _with_jitter(wait_ms: int, jitter_bp: int) -> int:
    if abs(jitter_bp) > JITTER_LIMIT_BP:
        raise ValueError(f"jitter is {-JITTER_LIMIT_BP}..{JITTER_LIMIT_BP} basis points")
    return wait_ms + wait_ms * jitter_bp // WHOLE_BP


def _asked_wait_ms(retry_after_s: int | None) -> int:
    return min(max(retry_after_s or 0, 0) * SECOND_MS, LONGEST_RETRY_AFTER_MS)


def _seconds_until(date: str, now_ms: int) -> int | None:
    try:
        until_ms = calendar.timegm(parsedate_to_datetime(date).utctimetuple()) * SECOND_MS
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(-((now_ms - until_ms) // SECOND_MS), 0)
