"""What a price's parameters amount to, and which of them contradict each other."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import samples
from tripmeter.model.catalogue import Interval, Recurring, Tier
from tripmeter.model.errors import ParameterInvalid, ParameterMissing, Refusal, ResourceMissing
from tripmeter.rules.prices import INFINITE, check_meter, price_terms

METERED = Recurring(Interval.MONTH, usage_type="metered", meter="mtr_1")
AMOUNTS = st.decimals(0, 10**14, places=12)


def tiered(*ends: int | str, **more: Any) -> dict[str, Any]:
    """The parameters of a price with tiers that end there."""
    tiers = [{"up_to": end, "unit_amount": 1} for end in ends]
    return {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers, **more}


def refusal(params: dict[str, Any], inside: str = "") -> Any:
    with pytest.raises(Refusal) as refused:
        price_terms(params, inside)
    return refused.value


@given(AMOUNTS)
def test_an_amount_is_kept_to_the_last_place(amount: Decimal) -> None:
    assert price_terms({"unit_amount_decimal": amount}).unit_amount == amount


@given(st.sets(st.integers(1, 10**12), max_size=8), AMOUNTS, AMOUNTS)
def test_tiers_that_ascend_to_no_end_are_kept_as_they_are(
    ends: set[int], unit: Decimal, flat: Decimal
) -> None:
    amounts = {"unit_amount_decimal": unit, "flat_amount_decimal": flat}
    tiers = [{"up_to": end, **amounts} for end in (*sorted(ends), INFINITE)]
    terms = price_terms({"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers})
    expected = [Tier(end, unit, flat) for end in (*sorted(ends), None)]
    assert (terms.tiers_mode, list(terms.tiers)) == ("graduated", expected)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8))
def test_tiers_in_any_other_order_are_refused_where_the_order_breaks(ends: list[int]) -> None:
    falls = [at for at in range(1, len(ends)) if ends[at] <= ends[at - 1]]
    params = tiered(*ends, INFINITE)
    if not falls:
        assert len(price_terms(params).tiers) == len(ends) + 1
    else:
        assert refusal(params).param == f"tiers[{falls[0]}][up_to]"


@pytest.mark.parametrize(
    ("interval", "longest"), [("day", 1095), ("week", 156), ("month", 36), ("year", 3)]
)
def test_a_period_lasts_three_years_at_most(interval: str, longest: int) -> None:
    recurring = {"interval": interval, "interval_count": longest}
    terms = price_terms({"unit_amount": 1, "recurring": recurring})
    assert terms.recurring == Recurring(Interval(interval), longest)
    recurring["interval_count"] = longest + 1
    refused = refusal({"unit_amount": 1, "recurring": recurring}, "default_price_data")
    assert refused.param == "default_price_data[recurring][interval_count]"
    assert str(longest) in refused.message


@pytest.mark.parametrize(
    ("recurring", "meter"),
    [(METERED, samples.meter()), (Recurring(Interval.DAY), None), (None, None)],
    ids=["metered", "licensed", "one time"],
)
def test_a_meter_goes_with_a_metered_price(recurring: Any, meter: Any) -> None:
    check_meter(recurring, meter)


@pytest.mark.parametrize(
    ("recurring", "meter", "refused"),
    [
        (METERED, None, ResourceMissing),
        (METERED, samples.meter(active=False), ParameterInvalid),
        (Recurring(Interval.DAY, usage_type="metered"), None, ParameterMissing),
        (Recurring(Interval.DAY, meter="mtr_1"), samples.meter(), ParameterInvalid),
    ],
    ids=["unknown", "inactive", "without", "licensed"],
)
def test_a_meter_goes_with_nothing_else(recurring: Any, meter: Any, refused: Any) -> None:
    with pytest.raises(refused) as found:
        check_meter(recurring, meter)
    assert found.value.param == "recurring[meter]"
