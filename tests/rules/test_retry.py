"""The retry schedule: soon at first, patient later, over after three days."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.rules.retry import (
    FIRST_WAIT_MS,
    HOUR_MS,
    JITTER_LIMIT_BP,
    LONGEST_RETRY_AFTER_MS,
    LONGEST_WAIT_MS,
    RETRY_WINDOW_MS,
    SECOND_MS,
    Verdict,
    judge_attempt,
    parse_retry_after,
    wait_ms_after,
)

T0 = 1_700_000_000_000

attempts = st.integers(1, 10_000)
elapsed = st.integers(0, 2 * RETRY_WINDOW_MS)
jitters = st.integers(-JITTER_LIMIT_BP, JITTER_LIMIT_BP)
waits_asked = st.none() | st.integers(0, 10**10)
failures = st.none() | st.integers(100, 199) | st.integers(300, 599)


def judged(
    attempt: int = 1,
    *,
    after_ms: int = 0,
    status: int | None = 500,
    retry_after_s: int | None = None,
    jitter_bp: int = 0,
) -> Verdict:
    return judge_attempt(
        attempt=attempt,
        first_attempt_ms=T0,
        now_ms=T0 + after_ms,
        status=status,
        retry_after_s=retry_after_s,
        jitter_bp=jitter_bp,
    )


def wait_of(verdict: Verdict, after_ms: int = 0) -> int:
    assert verdict.next_attempt_ms is not None
    return verdict.next_attempt_ms - T0 - after_ms


class TestOutcome:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
    def test_any_2xx_is_success(self, status: int) -> None:
        assert judged(status=status) == Verdict("delivered")

    @pytest.mark.parametrize("status", [100, 301, 302, 307, 400, 404, 409, 410, 429, 500, 503])
    def test_everything_else_is_tried_again_redirects_and_gone_included(self, status: int) -> None:
        assert judged(status=status).reason == "retry"

    def test_so_is_an_endpoint_that_did_not_answer(self) -> None:
        assert judged(status=None).reason == "retry"

    def test_success_counts_even_when_the_window_is_over(self) -> None:
        assert judged(status=200, after_ms=RETRY_WINDOW_MS + 1).reason == "delivered"


class TestSchedule:
    def test_waits_grow_fourfold_from_5_seconds_to_12_hours(self) -> None:
        seconds = [wait_ms_after(attempt) // SECOND_MS for attempt in range(1, 11)]
        assert seconds == [5, 20, 80, 320, 1280, 5120, 20480, 43200, 43200, 43200]

    def test_jitter_moves_a_wait_by_a_fifth_at_most(self) -> None:
        assert wait_of(judged(jitter_bp=-JITTER_LIMIT_BP)) == 4 * SECOND_MS
        assert wait_of(judged(jitter_bp=0)) == 5 * SECOND_MS
        assert wait_of(judged(jitter_bp=JITTER_LIMIT_BP)) == 6 * SECOND_MS

    def test_the_last_attempt_falls_on_the_end_of_the_window(self) -> None:
        verdict = judged(14, after_ms=RETRY_WINDOW_MS - HOUR_MS)
        assert verdict == Verdict("retry", T0 + RETRY_WINDOW_MS)

    def test_then_it_is_given_up(self) -> None:
        assert judged(15, after_ms=RETRY_WINDOW_MS) == Verdict("given_up")

    def test_an_endpoint_that_stays_down_is_tried_about_fourteen_times(self) -> None:
        attempt, now = 1, 0
        while (verdict := judged(attempt, after_ms=now)).next_attempt_ms is not None:
            attempt, now = attempt + 1, verdict.next_attempt_ms - T0
        assert attempt == 14
        assert now == RETRY_WINDOW_MS

    @pytest.mark.parametrize("attempt", [0, -1])
    def test_attempts_are_counted_from_one(self, attempt: int) -> None:
        with pytest.raises(ValueError, match="counted from 1"):
            judged(attempt)

    @pytest.mark.parametrize("jitter_bp", [-JITTER_LIMIT_BP - 1, JITTER_LIMIT_BP + 1])
    def test_jitter_out_of_range_is_a_mistake_of_the_caller(self, jitter_bp: int) -> None:
        with pytest.raises(ValueError, match="basis points"):
            judged(jitter_bp=jitter_bp)


class TestRetryAfter:
    def test_a_longer_wish_is_granted(self) -> None:
        assert wait_of(judged(retry_after_s=600)) == 600 * SECOND_MS

    def test_a_shorter_wish_changes_nothing(self) -> None:
        assert wait_of(judged(retry_after_s=1)) == FIRST_WAIT_MS

    def test_nobody_is_waited_for_longer_than_a_day(self) -> None:
        assert wait_of(judged(retry_after_s=10**9)) == LONGEST_RETRY_AFTER_MS

    def test_nor_beyond_the_window(self) -> None:
        late = RETRY_WINDOW_MS - HOUR_MS
        verdict = judged(9, after_ms=late, retry_after_s=7_200)
        assert verdict.next_attempt_ms == T0 + RETRY_WINDOW_MS


class TestRetryAfterHeader:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("0", 0),
            ("120", 120),
            (" 120 ", 120),
            ("Tue, 14 Nov 2023 22:15:20 GMT", 120),
            ("Tuesday, 14-Nov-23 22:15:20 GMT", 120),
            ("Tue Nov 14 22:15:20 2023", 120),
            ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ],
    )
    def test_is_a_number_of_seconds_or_a_date(self, header: str, seconds: int) -> None:
        assert parse_retry_after(header, T0) == seconds

    @pytest.mark.parametrize(
        "header",
        [None, "", "soon", "-5", "1.5", "+3", "1e3", "٣", "9" * 5_000, "Tue, 99 Nov 2023 22:15:20"],
    )
    def test_anything_else_is_ignored(self, header: str | None) -> None:
        assert parse_retry_after(header, T0) is None

    def test_a_part_of_a_second_counts_as_a_whole_one(self) -> None:
        assert parse_retry_after("Tue, 14 Nov 2023 22:13:21 GMT", T0 + 1) == 1

    @given(st.integers(0, 4_000_000_000))
    def test_every_http_date_is_read(self, unix_s: int) -> None:
        asked = parse_retry_after(formatdate(unix_s, usegmt=True), T0)
        assert asked == max(unix_s - T0 // SECOND_MS, 0)

    @given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ \w{3} \d+ \d+:\d+:\d+ .*"))
    def test_no_header_is_an_error(self, header: str) -> None:
        asked = parse_retry_after(header, T0)
        assert asked is None or asked >= 0


@given(attempts, elapsed, failures, waits_asked, jitters)
def test_the_next_attempt_is_never_before_now_and_never_after_the_end(
    attempt: int, after_ms: int, status: int | None, asked_s: int | None, jitter_bp: int
) -> None:
    verdict = judged(
        attempt, after_ms=after_ms, status=status, retry_after_s=asked_s, jitter_bp=jitter_bp
    )
    if verdict.next_attempt_ms is None:
        assert verdict.reason == "given_up"
        assert after_ms >= RETRY_WINDOW_MS
    else:
        assert T0 + after_ms < verdict.next_attempt_ms <= T0 + RETRY_WINDOW_MS


@given(attempts, elapsed, st.integers(0, 10**10), jitters)
def test_retry_after_is_respected_within_a_day_and_the_window(
    attempt: int, after_ms: int, asked_s: int, jitter_bp: int
) -> None:
    verdict = judged(attempt, after_ms=after_ms, retry_after_s=asked_s, jitter_bp=jitter_bp)
    if verdict.reason == "retry":
        owed_ms = min(asked_s * SECOND_MS, LONGEST_RETRY_AFTER_MS, RETRY_WINDOW_MS - after_ms)
        assert wait_of(verdict, after_ms) >= owed_ms


@given(attempts)
def test_waits_never_shrink_and_never_pass_the_cap(attempt: int) -> None:
    assert wait_ms_after(attempt) <= wait_ms_after(attempt + 1) <= LONGEST_WAIT_MS


@given(attempts, jitters)
def test_jitter_stays_within_a_fifth_of_the_wait(attempt: int, jitter_bp: int) -> None:
    wait = wait_ms_after(attempt)
    assert abs(wait_of(judged(attempt, jitter_bp=jitter_bp)) - wait) <= wait // 5


@given(attempts, st.integers(0, RETRY_WINDOW_MS - 1), waits_asked)
def test_without_jitter_the_wait_is_a_plain_formula(
    attempt: int, after_ms: int, asked_s: int | None
) -> None:
    asked_ms = min((asked_s or 0) * SECOND_MS, LONGEST_RETRY_AFTER_MS)
    wanted = max(min(FIRST_WAIT_MS * 4 ** min(attempt - 1, 20), LONGEST_WAIT_MS), asked_ms)
    verdict = judged(attempt, after_ms=after_ms, retry_after_s=asked_s)
    assert wait_of(verdict, after_ms) == min(wanted, RETRY_WINDOW_MS - after_ms)
