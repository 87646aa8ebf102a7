"""Whether the terms of a price make sense together, and what they are as facts.

Owns the rules of Stripe's price object: one amount or tiers, tiers in order, packages, periods, and
meters with metered prices. Every refusal names its parameter; `inside` is the parameter that the
price stands in, such as `default_price_data`, and blank where it is the request itself.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from tripmeter.model.catalogue import Interval, Package, Recurring, Tier
from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    ParametersExclusive,
    ResourceMissing,
)
from tripmeter.model.meter import Meter

LONGEST_PERIOD: Final = {
    Interval.DAY: 1095,
    Interval.WEEK: 156,
    Interval.MONTH: 36,
    Interval.YEAR: 3,
}
"""How many intervals a period may have: three years of them (Stripe)."""

INFINITE: Final = "inf"
"""What the last tier's `up_to` is."""


class Terms(NamedTuple):
    """What a price asks for and how often: the fields of a Price that are fixed at creation."""

    unit_amount: Decimal | None
    tiers_mode: Literal["graduated", "volume"] | None
    tiers: tuple[Tier, ...]
    package: Package | None
    recurring: Recurring | None


def price_terms(given: Mapping[str, Any], inside: str = "") -> Terms:
    """The terms that a price's parameters amount to.

    Raises ParameterInvalid, ParameterMissing or ParametersExclusive where they contradict each
    other. Whether a meter exists is for `check_meter`.
    """
    recurring = _recurring(given.get("recurring"), named(inside, "recurring"))
    package = _package(given.get("transform_quantity"))
    if given.get("billing_scheme") == "tiered":
        _refuse_beside_tiers(given, inside)
        mode = given["tiers_mode"]
        tiers = _tiers(given["tiers"], named(inside, "tiers"))
        return Terms(None, mode, tiers, None, recurring)
    for name in ("tiers", "tiers_mode"):
        if name in given:
            message = f"{name} can only be given with billing_scheme=tiered. Set it, or leave out"
            raise ParameterInvalid(named(inside, name), f"{message} {name}.")
    return Terms(_unit_amount(given, inside), None, (), package, recurring)


def check_meter(recurring: Recurring | None, meter: Meter | None, inside: str = "") -> None:
    """Metered prices have a meter that is active, others have none (Stripe).

    `meter` is the one that the price names, None if there is none with that id.
    Raises ParameterMissing, ParameterInvalid or ResourceMissing.
    """
    if recurring is None:
        return
    param = f"{named(inside, 'recurring')}[meter]"
    if recurring.usage_type == "licensed":
        if recurring.meter is not None:
            message = "A meter can only be given with usage_type=metered. Set it, or leave out"
            raise ParameterInvalid(param, f"{message} meter.")
        return
    if recurring.meter is None:
        raise ParameterMissing(param)
    if meter is None:
        raise ResourceMissing("meter", recurring.meter, param)
    if not meter.active:
        message = f"The meter {meter.id} is inactive. Reactivate it, or name an active meter."
        raise ParameterInvalid(param, message)


def named(inside: str, name: str) -> str:
    """A parameter's full name: `unit_amount`, or `default_price_data[unit_amount]`."""
    return f"{inside}[{name}]" if inside else name


# --- amounts -----------------------------------------------------------------------------------


def _unit_amount(given: Mapping[str, Any], inside: str) -> Decimal:
    amount = _either(given, "unit_amount", inside)
    if amount is None:
        message = (
            "Give one of unit_amount and unit_amount_decimal; or billing_scheme=tiered with tiers."
        )
        raise ParameterInvalid(named(inside, "unit_amount"), message, "parameter_missing")
    return amount


def _either(given: Mapping[str, Any], name: str, inside: str) -> Decimal | None:
    """An amount in whole minor units, or the decimal in its place."""
    fraction = f"{name}_decimal"
    if name in given and fraction in given:
        raise ParametersExclusive((named(inside, name), named(inside, fraction)))
    if fraction in given:
        exact: Decimal = given[fraction]
        return exact
    return Decimal(given[name]) if name in given else None


def _package(given: Mapping[str, Any] | None) -> Package | None:
    return Package(given["divide_by"], given["round"]) if given is not None else None


# --- tiers -------------------------------------------------------------------------------------


def _refuse_beside_tiers(given: Mapping[str, Any], inside: str) -> None:
    for name in ("tiers", "tiers_mode"):
        if name not in given:
            raise ParameterMissing(named(inside, name))
    for name in ("unit_amount", "unit_amount_decimal"):
        if name in given:
            message = f"{name} cannot be given with billing_scheme=tiered: the amounts stand in"
            raise ParameterInvalid(named(inside, name), f"{message} tiers.")
    if "transform_quantity" in given:
        message = (
            "transform_quantity cannot be given with billing_scheme=tiered. Leave it out, and count"
            " whole packages in the tiers."
        )
        raise ParameterInvalid(named(inside, "transform_quantity"), message)


def _tiers(given: Sequence[Mapping[str, Any]], param: str) -> tuple[Tier, ...]:
    if not given:
        raise ParameterInvalid(param, "Give at least one tier; the last has up_to=inf.")
    _check_order([one["up_to"] for one in given], param)
    return tuple(_tier(one, f"{param}[{index}]") for index, one in enumerate(given))


def _check_order(ends: Sequence[int | str], param: str) -> None:
    """Each tier ends later than the one before it, and the last one never."""
    *bounded, last = ends
    before = 0
    for index, end in enumerate(bounded):
        where = f"{param}[{index}][up_to]"
        if isinstance(end, str):
            raise ParameterInvalid(where, "Only the last tier can have up_to=inf.")
        if end <= before:
            message = f"Tiers must be in ascending order: up_to must be greater than {before}."
            raise ParameterInvalid(where, message)
        before = end
    if last != INFINITE:
        where = f"{param}[{len(bounded)}][up_to]"
        raise ParameterInvalid(where, "The last tier must have up_to=inf, to price all that comes.")


def _tier(given: Mapping[str, Any], param: str) -> Tier:
    unit = _either(given, "unit_amount", param)
    flat = _either(given, "flat_amount", param)
    if unit is None and flat is None:
        raise ParameterInvalid(
            param, "A tier needs unit_amount or flat_amount, or both; 0 makes it free."
        )
    end = given["up_to"]
    return Tier(None if end == INFINITE else end, unit, flat)


# --- periods -----------------------------------------------------------------------------------


def _recurring(given: Mapping[str, Any] | None, param: str) -> Recurring | None:
    if given is None:
        return None
    interval = Interval(given["interval"])
    count = given.get("interval_count", 1)
    if count > LONGEST_PERIOD[interval]:
        message = (
            "A period can last three years at most:"
            f" {LONGEST_PERIOD[interval]} for interval={interval}."
        )
        raise ParameterInvalid(f"{param}[interval_count]", message)
    return Recurring(
        interval,
        count,
        given.get("usage_type", "licensed"),
        given.get("meter"),
        given.get("trial_period_days"),
    )
