"""May a customer go on? Decided from limits, usage and what was said, and never in doubt."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.samples import TEST
from tripmeter.model.quantity import SCALE
from tripmeter.model.standing import Measured, Measures, Reason
from tripmeter.model.usage_limit import (
    AccessState,
    LimitKind,
    LimitPeriod,
    SetBy,
    StateKind,
    UsageLimit,
)
from tripmeter.rules.access import applying, bound, month_of, room, stand

METER = "mtr_1"
OCTOBER_MS = 1_790_812_800_000
NOVEMBER_MS = 1_793_491_200_000


def limit(id: str = "ulim_1", level: int = 10, **fields: Any) -> UsageLimit:
    own: dict[str, Any] = {**TEST._asdict(), "created_ms": 1, "meter": METER}
    return UsageLimit(id=id, limit=Decimal(level), **own | fields)


def measured(used: int, level: int = 10, **fields: Any) -> Measured:
    return Measured(limit(level=level, **fields), level * SCALE, used * SCALE)


def state(kind: StateKind, **fields: Any) -> AccessState:
    own: dict[str, Any] = {**TEST._asdict(), "created_ms": 1, "customer": "cus_1"}
    return AccessState(id="acst_1", kind=kind, **own | fields)


def test_without_a_limit_everything_goes() -> None:
    now = stand(Measures(5, 0, ()), (), METER)
    assert (now.allowed, now.reason, now.limit, now.remaining) == (
        True,
        Reason.NO_LIMIT,
        None,
        None,
    )


@given(st.integers(-50, 50), st.integers(1, 20), st.integers(0, 20))
def test_a_hard_limit_lets_through_what_is_left(used: int, level: int, reserved: int) -> None:
    found = Measures(used * SCALE, reserved * SCALE, (measured(used, level),))
    now = stand(found, (), METER)
    left = level - used - reserved
    assert now.allowed == (left > 0)
    assert now.remaining == max(left, 0) * SCALE
    assert room(found) == left * SCALE
    if not now.allowed:
        assert now.reason is (Reason.LIMIT_REACHED if used >= level else Reason.ALL_RESERVED)


def test_the_limit_that_leaves_least_is_told() -> None:
    found = Measures(0, 0, (measured(3, 10, id="a"), measured(6, 9, id="b")))
    assert stand(found, (), METER).usage_limit == "b"


def test_a_warning_stops_nobody() -> None:
    found = Measures(0, 0, (measured(30, kind=LimitKind.WARNING),))
    assert stand(found, (), METER).allowed
    assert room(found) is None


def test_what_was_taken_away_is_away_whatever_is_left() -> None:
    for meter in ("", METER):
        revoked = state(StateKind.REVOKED, meter=meter, reason="fraud")
        now = stand(Measures(0, 0, (measured(0),)), (revoked,), METER)
        assert (now.allowed, now.reason, now.note) == (False, Reason.REVOKED, "fraud")
    other = state(StateKind.REVOKED, meter="mtr_2")
    assert stand(Measures(0, 0, (measured(0),)), (other,), METER).allowed


def test_an_excuse_is_for_the_limit_as_it_stood() -> None:
    excused = state(StateKind.EXCUSED, meter=METER, limit="ulim_1", level=Decimal(10))
    now = stand(Measures(0, 0, (measured(12),)), (excused,), METER)
    assert (now.allowed, now.reason) == (True, Reason.RESTORED)
    assert not stand(Measures(0, 0, (measured(12, 11),)), (excused,), METER).allowed


def test_the_operators_limit_for_one_customer_takes_the_place_of_that_for_all() -> None:
    everyones = [bound(limit("all", 10)), bound(limit("all_month", 5, period=LimitPeriod.MONTH))]
    own = [
        bound(limit("own", 50, customer="cus_1")),
        bound(limit("self", 7, customer="cus_1", set_by=SetBy.CUSTOMER)),
    ]
    assert {one.limit.id for one in applying(everyones, own)} == {"all_month", "own", "self"}


@given(st.integers(0, 4_000_000_000_000))
def test_every_moment_is_in_its_month(moment_ms: int) -> None:
    month = month_of(moment_ms)
    assert month.start_ms <= moment_ms < month.end_ms
    assert month_of(month.start_ms) == month == month_of(month.end_ms - 1)
    assert month_of(month.end_ms).start_ms == month.end_ms


def test_october() -> None:
    assert month_of(OCTOBER_MS) == (OCTOBER_MS, NOVEMBER_MS)
