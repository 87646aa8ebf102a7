"""When messages of alerts go out: quiet hours, digests, retries, caps."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from support.samples import alert_target
from tripmeter.model.action import QuietHours
from tripmeter.rules.messages import (
    HOUR_MS,
    after_quiet,
    due_at,
    is_address,
    judge_message,
    minute_of,
    month_start,
    within_cap,
)
from tripmeter.rules.retry import RETRY_WINDOW_MS

MOMENTS = st.integers(1_700_000_000_000, 1_900_000_000_000)
MINUTES = st.integers(0, 1439)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"])


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


NIGHT = QuietHours(22 * 60, 7 * 60 + 30, "Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-10T20:59", "2026-01-10T20:59"),  # 21:59 in Berlin
        ("2026-01-10T21:00", "2026-01-11T06:30"),
        ("2026-01-11T02:00", "2026-01-11T06:30"),
        ("2026-01-11T06:29", "2026-01-11T06:30"),
        ("2026-01-11T06:30", "2026-01-11T06:30"),
        ("2026-03-28T22:00", "2026-03-29T05:30"),  # the night in which clocks go forward
    ],
)
def test_quiet_hours_end_by_the_clocks_of_their_zone(now: str, due: str) -> None:
    assert after_quiet(ms(now), NIGHT) == ms(due)


@given(MOMENTS, MINUTES, MINUTES, ZONES)
def test_nothing_goes_out_in_quiet_hours_or_earlier_than_now(
    now: int, start: int, end: int, zone: str
) -> None:
    due = after_quiet(now, QuietHours(start, end, zone))
    assert now <= due <= now + 27 * HOUR_MS
    local = datetime.fromtimestamp(due // 1000, ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    within = start <= minute < end if start < end else minute >= start or minute < end
    assert start == end or not within or due > now


def test_a_digest_goes_out_on_the_hour() -> None:
    target = alert_target(quiet_hours=None)
    now = ms("2026-01-10T10:20")
    assert due_at(now, target) == ms("2026-01-10T11:00")
    assert due_at(ms("2026-01-10T11:00"), target) == ms("2026-01-10T11:00")
    assert due_at(now, structs.replace(target, digest=None)) == now
    assert due_at(now, None) == now


def judged(**given: Any) -> Any:
    facts: dict[str, Any] = {
        "outcome": "postponed",
        "attempt": 1,
        "first_attempt_ms": 0,
        "now_ms": 0,
        "retry_after_s": None,
        "jitter_bp": 0,
    }
    return judge_message(**(facts | given))


def test_what_is_refused_for_good_is_not_tried_again_and_what_is_postponed_is_for_three_days() -> (
    None
):
    assert judged(outcome="accepted").reason == "delivered"
    assert judged(outcome="refused") == ("refused", None)
    assert judged() == ("retry", 5_000)
    assert judged(retry_after_s=60) == ("retry", 60_000)
    assert judged(now_ms=RETRY_WINDOW_MS).reason == "given_up"


@pytest.mark.parametrize("address", ["a@b", "a.b+c@d-e.example.com", "o'hara@example.com"])
def test_addresses(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "a", "@b", "a@", "a b@c", "a@b,c@d", "a@b\nBcc: c@d", ".a@b", "a..b@c", "a@-b", "ä@b.de",
     "<a@b>", f"{'a' * 65}@b", f"a@{'b.' * 130}c"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    assert not is_address(address)


def test_times_of_day_are_read() -> None:
    assert minute_of("00:00") == 0
    assert minute_of("23:59") == 1439
    assert [minute_of(text) for text in ("24:00", "7:30", "07:60", "", "x")] == [None] * 5


def test_a_month_begins_with_its_first_moment() -> None:
    assert month_start(ms("2026-02-28T23:59:59")) == ms("2026-02-01T00:00")
    assert month_start(ms("2026-02-01T00:00")) == ms("2026-02-01T00:00")


def test_a_cap_may_be_reached_and_not_exceeded() -> None:
    assert within_cap(500, 500, 1_000)
    assert not within_cap(501, 500, 1_000)
    assert within_cap(10**9, 1, None)
