"""What a quantity costs, judged by a second reckoning that walks through single units and tiers."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.prices import price, prices, quantities, tiered
from tripmeter.model.catalogue import Package, Price
from tripmeter.model.money import rounded
from tripmeter.rules.pricing import ANY, amount, charges, flat_fees, quantity_costing_more

GRADUATED = tiered("graduated", (10_000, "0.50", "0"), (None, "0.40", "0"))
FREE_TIER = tiered("graduated", (1_000, "0", "500"), (2_000, "1", "0"), (None, "0.5", "250"))
VOLUME = tiered("volume", (10_000, "50", "0"), (20_000, "40", "0"), (None, "20", "100"))


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("0", 0), ("1", 1), ("10000", 5_000), ("10001", 5_000), ("12500", 6_000), ("-5", 0)],
)
def test_graduated_tiers_price_each_part_by_its_own_tier(quantity: str, expected: int) -> None:
    assert amount(GRADUATED, Decimal(quantity)) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("0", 500), ("1000", 500), ("1000.5", 501), ("2000", 1_500), ("2001", 1_751)],
)
def test_a_flat_amount_is_due_when_its_tier_is_reached_and_the_first_one_always(
    quantity: str, expected: int
) -> None:
    assert amount(FREE_TIER, Decimal(quantity)) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"), [("10000", 500_000), ("10001", 400_040), ("25000", 500_100)]
)
def test_volume_tiers_price_the_whole_by_one_tier(quantity: str, expected: int) -> None:
    assert amount(VOLUME, Decimal(quantity)) == expected


@pytest.mark.parametrize(
    ("way", "quantity", "expected"),
    [("up", "0", 0), ("up", "1", 300), ("up", "100", 300), ("up", "100.5", 600),
     ("down", "99.9", 0), ("down", "100", 300), ("down", "250", 600)],
)  # fmt: skip
def test_packages_are_whole(way: str, quantity: str, expected: int) -> None:
    package = price(unit_amount=Decimal(300), package=Package(100, way))  # type: ignore[arg-type]
    assert amount(package, Decimal(quantity)) == expected


def test_twelve_places_are_exact() -> None:
    tiny = price(unit_amount=Decimal("0.000000000001"))
    assert amount(tiny, Decimal(10**12) / 2) == 1  # half a cent, half up
    assert amount(tiny, Decimal(10**12) / 2 - 1) == 0


@pytest.mark.parametrize(
    ("exact", "whole"), [("0.5", 1), ("-0.5", -1), ("1.4999", 1), ("2.5", 3), ("-2.5", -3)]
)
def test_there_is_one_way_to_round(exact: str, whole: int) -> None:
    assert rounded(Decimal(exact)) == whole


@given(prices(modes=("unit", "graduated", "volume", "package")), quantities())
def test_a_second_reckoning_agrees(one: Price, quantity: Decimal) -> None:
    assert amount(one, quantity) == reckoned(one, Fraction(quantity))


@given(prices(modes=("unit", "graduated", "package")), quantities(), quantities())
def test_more_never_costs_less_but_for_volume_tiers(
    one: Price, quantity: Decimal, more: Decimal
) -> None:
    assert amount(one, quantity) <= amount(one, quantity + more)


@given(prices(modes=("unit", "graduated", "volume", "package")), quantities(), quantities())
def test_a_charge_keeps_its_place_whatever_the_quantity(
    one: Price, quantity: Decimal, other: Decimal
) -> None:
    places = [(charge.tier, charge.is_flat) for charge in charges(one, quantity)]
    assert places == [(charge.tier, charge.is_flat) for charge in charges(one, other)]


@given(
    prices(modes=("unit", "graduated", "volume", "package")),
    quantities(),
    st.integers(1, 100_000),
    st.floats(0, 1).map(lambda part: Decimal(str(round(part, 6)))),
)
def test_below_the_quantity_that_may_cost_more_nothing_costs_so_much_more(
    one: Price, quantity: Decimal, growth: int, part: Decimal
) -> None:
    """Any quantity between the two: what the thresholds rely on."""
    looked = quantity_costing_more(one, quantity, growth)
    if looked is None:
        looked = quantity + 10**6
    if looked == ANY:
        return
    assert looked >= quantity
    between = quantity + (looked - quantity) * part
    if between < looked:
        assert amount(one, between) - amount(one, quantity) < growth


def test_the_quantity_that_may_cost_more_is_near_the_one_that_does() -> None:
    one = price(unit_amount=Decimal("0.25"))
    assert quantity_costing_more(one, Decimal(100), 1_000) == 100 + 4 * 999
    assert quantity_costing_more(price(unit_amount=Decimal(0)), Decimal(100), 1_000) is None
    looked = quantity_costing_more(GRADUATED, Decimal(9_000), 1_000)
    assert looked == 10_000 + (1_000 - 4 - 500) / Decimal("0.40")


def test_flat_fees_are_what_no_usage_costs() -> None:
    assert (flat_fees(FREE_TIER), flat_fees(GRADUATED), flat_fees(VOLUME)) == (500, 0, 0)


def reckoned(one: Price, quantity: Fraction) -> int:
    """The same in fractions, by the words of Stripe's documentation."""
    if one.package is not None:
        whole = quantity / one.package.divide_by
        packages = -(-whole // 1) if one.package.round == "up" else whole // 1
        return half_up(packages * Fraction(one.unit_amount or 0))
    if not one.tiers:
        return half_up(quantity * Fraction(one.unit_amount or 0))
    total, begin = 0, Fraction(0)
    for tier in one.tiers:
        end = Fraction(tier.up_to) if tier.up_to is not None else max(quantity, begin)
        holds = begin < quantity <= end or (begin == 0 and quantity == 0)
        if one.tiers_mode == "volume" and holds:
            unit, flat = Fraction(tier.unit_amount or 0), Fraction(tier.flat_amount or 0)
            return half_up(quantity * unit) + half_up(flat)
        if one.tiers_mode == "graduated" and (quantity > begin or begin == 0):
            own = min(quantity, end) - begin
            total += half_up(own * Fraction(tier.unit_amount or 0))
            total += half_up(Fraction(tier.flat_amount or 0))
        begin = end
    return total


def half_up(exact: Fraction) -> int:
    """Rounded in another way than the engine does it."""
    with localcontext(prec=200):
        numerator = Decimal(exact.numerator * 10**30 // exact.denominator)
        return int(numerator.scaleb(-30).quantize(Decimal(1), ROUND_HALF_UP))
