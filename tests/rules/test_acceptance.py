"""Which usage is accepted, and what the refusal of the rest says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.meter import Formula, Meter
from tripmeter.model.quantity import SCALE, format_quantity
from tripmeter.model.usage import RefusalCode, UsageRefused
from tripmeter.rules.acceptance import check_dimensions, check_time, read_quantity

NOW = 1_772_360_430_456
DAY = 86_400_000
OLDEST = NOW - 35 * DAY
FURTHEST = NOW + 5 * 60_000


def meter(formula: Formula = Formula.SUM, *dimensions: str) -> Meter:
    return Meter(
        id="mtr_1",
        account="acct_1",
        livemode=False,
        created_ms=NOW,
        updated_ms=NOW,
        display_name="Tokens",
        event_name="tokens",
        formula=formula,
        value_key="tokens",
        dimension_keys=dimensions or None,
    )


def refused(answer: object) -> tuple[RefusalCode, str | None]:
    """Code and parameter of a refusal."""
    assert isinstance(answer, UsageRefused)
    return answer.code, answer.param


class TestTime:
    @pytest.mark.parametrize("at", [OLDEST, NOW - 1, NOW, NOW + 1, FURTHEST])
    def test_35_days_back_and_5_minutes_ahead_are_fine(self, at: int) -> None:
        assert check_time(at, NOW) is None

    def test_a_millisecond_older_is_too_old(self) -> None:
        assert refused(check_time(OLDEST - 1, NOW)) == (RefusalCode.TOO_OLD, "timestamp")

    def test_a_millisecond_further_is_in_the_future(self) -> None:
        assert refused(check_time(FURTHEST + 1, NOW)) == (RefusalCode.IN_FUTURE, "timestamp")

    @given(st.integers(), st.integers())
    def test_only_the_distance_to_now_matters(self, at: int, now: int) -> None:
        accepted = check_time(at, now) is None
        assert accepted == (-35 * DAY <= at - now <= 5 * 60_000)


class TestValue:
    def test_is_read_from_the_key_of_the_meter(self) -> None:
        assert read_quantity(meter(), {"tokens": "2.5", "value": "9"}) == 25 * SCALE // 10

    def test_must_be_there(self) -> None:
        answer = read_quantity(meter(), {"value": "9"})
        assert refused(answer) == (RefusalCode.VALUE_NOT_FOUND, "payload[tokens]")

    @pytest.mark.parametrize("text", ["", "1e3", "NaN", "+1", ".5", "5.", " 1", "\u0661"])
    def test_must_be_a_plain_decimal(self, text: str) -> None:
        answer = read_quantity(meter(), {"tokens": text})
        assert refused(answer) == (RefusalCode.INVALID_VALUE, "payload[tokens]")

    def test_has_15_digits_at_most(self) -> None:
        answer = read_quantity(meter(), {"tokens": "1234567890.123456"})
        assert refused(answer) == (RefusalCode.TOO_MANY_DIGITS, "payload[tokens]")

    @pytest.mark.parametrize("payload", [{}, {"tokens": "7"}, {"tokens": "nonsense"}])
    def test_is_not_looked_at_by_a_meter_that_counts(self, payload: dict[str, str]) -> None:
        assert read_quantity(meter(Formula.COUNT), payload) == SCALE

    @pytest.mark.parametrize("formula", [Formula.SUM, Formula.LAST])
    @given(value=st.integers(-(10**15) + 1, 10**15 - 1))
    def test_is_exact(self, formula: Formula, value: int) -> None:
        assert read_quantity(meter(formula), {"tokens": format_quantity(value)}) == value

    @given(st.text())
    def test_a_refusal_never_repeats_more_than_the_beginning_of_it(self, text: str) -> None:
        answer = read_quantity(meter(), {"tokens": text * 100})
        if isinstance(answer, UsageRefused):
            assert len(answer.message) < 600


class TestDimensions:
    def test_are_not_asked_for_by_most_meters(self) -> None:
        assert check_dimensions(meter(), {}) is None

    def test_must_all_be_there(self) -> None:
        answer = check_dimensions(meter(Formula.SUM, "region", "model"), {"model": "m"})
        assert refused(answer) == (RefusalCode.MISSING_DIMENSION, "payload[region]")

    def test_must_not_be_empty(self) -> None:
        answer = check_dimensions(meter(Formula.SUM, "region"), {"region": ""})
        assert refused(answer) == (RefusalCode.MISSING_DIMENSION, "payload[region]")

    def test_every_missing_one_is_named(self) -> None:
        answer = check_dimensions(meter(Formula.SUM, "region", "model"), {})
        assert answer is not None
        assert "region, model" in answer.message

    def test_more_than_was_asked_for_is_fine(self) -> None:
        assert check_dimensions(meter(Formula.SUM, "region"), {"region": "eu", "x": "y"}) is None
