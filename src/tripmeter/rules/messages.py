"""When a message of an alert goes out: quiet hours, digests, and another attempt after a failure.

Also what an address of a mail looks like, and which top-up is within its cap.
"""

import re
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tripmeter.model.action import AlertTarget, QuietHours
from tripmeter.rules.retry import judge_attempt

HOUR_MS: Final = 3_600_000
ADDRESS_LIMIT: Final = 254
"""Characters of an address (RFC 5321)."""

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Judged(NamedTuple):
    """What becomes of a message after an attempt."""

    reason: Literal["delivered", "retry", "refused", "given_up"]
    next_attempt_ms: int | None = None


def judge_message(
    *,
    outcome: Literal["accepted", "refused", "postponed"],
    attempt: int,
    first_attempt_ms: int,
    now_ms: int,
    retry_after_s: int | None,
    jitter_bp: int,
) -> Judged:
    """Judge the attempt just made, by the schedule of webhooks: what was refused for good is not
    tried again, what was postponed is for three days."""
    if outcome == "accepted":
        return Judged("delivered")
    if outcome == "refused":
        return Judged("refused")
    verdict = judge_attempt(
        attempt=attempt,
        first_attempt_ms=first_attempt_ms,
        now_ms=now_ms,
        status=None,
        retry_after_s=retry_after_s,
        jitter_bp=jitter_bp,
    )
    if verdict.next_attempt_ms is None:
        return Judged("given_up")
    return Judged("retry", verdict.next_attempt_ms)


def due_at(now_ms: int, target: AlertTarget | None) -> int:
    """When a message of now goes out to a target: a digest on the hour, none in quiet hours."""
    if target is None:
        return now_ms
    due_ms = -(-now_ms // HOUR_MS) * HOUR_MS if target.digest == "hourly" else now_ms
    return after_quiet(due_ms, target.quiet_hours)


def after_quiet(moment_ms: int, quiet: QuietHours | None) -> int:
    """The moment, or if it is in quiet hours, their end."""
    if quiet is None or quiet.start_minute == quiet.end_minute:
        return moment_ms
    zone = zone_of(quiet.time_zone)
    if zone is None:
        return moment_ms
    local = (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(zone)
    minute = local.hour * 60 + local.minute
    if not _within(minute, quiet):
        return moment_ms
    day = local.date()
    if minute >= quiet.end_minute:
        day += timedelta(days=1)
    end = time(quiet.end_minute // 60, quiet.end_minute % 60, tzinfo=zone)
    end_ms = (datetime.combine(day, end) - _EPOCH) // _MILLISECOND
    return max(end_ms, moment_ms)  # where clocks go back, the end may be there twice


def _within(minute: int, quiet: QuietHours) -> bool:
    if quiet.start_minute < quiet.end_minute:
        return quiet.start_minute <= minute < quiet.end_minute
    return minute >= quiet.start_minute or minute < quiet.end_minute


@cache
def zone_of(name: str) -> ZoneInfo | None:
    """A time zone of the IANA database; None if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def minute_of(text: str) -> int | None:
    """The minute of the day that a text such as `22:30` says; None if it says none."""
    found = _CLOCK.fullmatch(text)
    return int(found[1]) * 60 + int(found[2]) if found else None


def is_address(text: str) -> bool:
    """Whether a text is an address that mail can go to: of ASCII, as every server takes it."""
    if len(text) > ADDRESS_LIMIT or _ADDRESS.fullmatch(text) is None:
        return False
    local = text.partition("@")[0]
    return not (local.startswith(".") or local.endswith(".") or ".." in local)


def month_start(moment_ms: int) -> int:
    """The first moment of the calendar month that a moment is in, in UTC."""
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (start - _EPOCH) // _MILLISECOND


def within_cap(given: int, amount: int, monthly_cap: int | None) -> bool:
    """Whether a top-up may be given, after what was given in the month already."""
    return monthly_cap is None or given + amount <= monthly_cap
