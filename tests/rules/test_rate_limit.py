"""Token buckets: exact, kind to clocks that step back, and forgotten without a difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.access import Limit
from tripmeter.rules.rate_limit import NEW, REFILL_MS, NoRoom, Policy, limits_of, take

NOW_MS = 1_772_360_430_456
METER_EVENTS = "POST /v1/billing/meter_events"
STREAM = "POST /v2/billing/meter_event_stream"

rates = st.integers(1, 20_000)
waits = st.lists(st.integers(0, 700), min_size=1, max_size=200)


def taken(full_at: int, per_second: int, now_ms: int, count: int = 1) -> int:
    """The bucket after taking from it, which must be possible."""
    after = take(full_at, per_second, now_ms, count)
    assert not isinstance(after, NoRoom)
    return after


class TestBucket:
    @pytest.mark.parametrize("rate", [1, 3, 25, 100, 1_000, 10_000])
    def test_a_seconds_worth_may_come_at_once_and_no_more(self, rate: int) -> None:
        bucket = NEW
        for _ in range(rate):
            bucket = taken(bucket, rate, NOW_MS)
        assert isinstance(take(bucket, rate, NOW_MS), NoRoom)

    @pytest.mark.parametrize(("rate", "wait_ms"), [(1, 1_000), (3, 334), (25, 40), (7, 143)])
    def test_there_is_room_again_when_it_says_and_not_before(self, rate: int, wait_ms: int) -> None:
        bucket = taken(NEW, rate, NOW_MS, rate)
        assert take(bucket, rate, NOW_MS) == NoRoom(wait_ms)
        assert isinstance(take(bucket, rate, NOW_MS + wait_ms - 1), NoRoom)
        taken(bucket, rate, NOW_MS + wait_ms)

    def test_what_is_refused_costs_nothing(self) -> None:
        bucket = taken(NEW, 10, NOW_MS, 8)
        assert isinstance(take(bucket, 10, NOW_MS, 3), NoRoom)
        taken(bucket, 10, NOW_MS, 2)

    @given(rates, waits)
    def test_no_span_of_time_sees_more_than_its_share(self, rate: int, pauses: list[int]) -> None:
        bucket, now_ms = NEW, NOW_MS
        times: list[int] = []
        for pause in pauses:
            now_ms += pause
            while not isinstance(after := take(bucket, rate, now_ms), NoRoom) and len(times) < 400:
                bucket = after
                times.append(now_ms)
        ahead = [number * 1_000 - rate * at_ms for number, at_ms in enumerate(times)]
        for last, lead in enumerate(ahead):
            since_any_moment = lead - min(ahead[: last + 1]) + 1_000
            assert since_any_moment <= rate * REFILL_MS

    @given(rates, st.integers(0, 5_000))
    def test_a_steady_caller_at_the_rate_is_never_refused(self, rate: int, start: int) -> None:
        bucket = taken(NEW, rate, NOW_MS + start, rate)
        for request in range(1, 200):
            due_ms = NOW_MS + start + -(-request * 1_000 // rate)
            bucket = taken(bucket, rate, due_ms)

    @given(rates, waits)
    def test_a_bucket_left_alone_for_a_second_is_as_good_as_new(
        self, rate: int, pauses: list[int]
    ) -> None:
        bucket, now_ms = NEW, NOW_MS
        for pause in pauses:
            now_ms += pause
            after = take(bucket, rate, now_ms)
            bucket = bucket if isinstance(after, NoRoom) else after
        later = now_ms + REFILL_MS
        assert take(bucket, rate, later) == take(NEW, rate, later)

    @given(rates, st.integers(1, 10**10))
    def test_a_clock_that_steps_back_keeps_nobody_out_for_longer_than_two_seconds(
        self, rate: int, step_ms: int
    ) -> None:
        bucket = taken(NEW, rate, NOW_MS, rate)
        after = take(bucket, rate, NOW_MS - step_ms)
        if isinstance(after, NoRoom):
            assert after.wait_ms <= 2 * REFILL_MS
            taken(bucket, rate, NOW_MS - step_ms + after.wait_ms)


GLOBAL = Limit(100)
SANDBOX = Limit(25)
ENDPOINT = Limit(25, "endpoint-rate")


class TestPolicies:
    @pytest.mark.parametrize(
        ("policy", "endpoint", "livemode", "limits"),
        [
            ("off", METER_EVENTS, True, ()),
            ("stripe", "GET /v1/customers", True, (GLOBAL, ENDPOINT)),
            ("stripe", "GET /v1/customers", False, (SANDBOX,)),
            ("stripe", METER_EVENTS, True, (Limit(1_000, "endpoint-rate"),)),
            ("stripe", METER_EVENTS, False, (SANDBOX,)),
            ("stripe", STREAM, True, (Limit(10_000, "endpoint-rate", "events"),)),
            ("stripe", STREAM, False, (SANDBOX,)),
            ("stripe", "POST /v2/billing/meter_events", True, (GLOBAL, ENDPOINT)),
            (7, METER_EVENTS, True, (Limit(7),)),
            (7, STREAM, False, (Limit(7),)),
        ],
    )
    def test_what_counts(
        self, policy: Policy, endpoint: str, livemode: bool, limits: tuple[Limit, ...]
    ) -> None:
        assert limits_of(policy, endpoint, livemode=livemode) == limits
