"""Whether the terms of a coupon or a promotion code make sense together (Stripe's rules).

Every refusal names its parameter. Times are Unix seconds.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from tripmeter.model.catalogue import Coupon, PromotionCode
from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    ParametersExclusive,
    StateConflict,
)
from tripmeter.rules.currencies import known_currency

LONGEST_REDEEMABLE_S: Final = 5 * 366 * 86_400
"""How far ahead `redeem_by` may be: five years (Stripe)."""

_CODE: Final = re.compile(r"[A-Za-z0-9-]+")


class CouponTerms(NamedTuple):
    """What a coupon takes off and for how long: the fields of a Coupon fixed at creation."""

    percent_off: Decimal | None
    amount_off: int | None
    currency: str | None
    duration: Literal["forever", "once", "repeating"]
    duration_in_months: int | None
    redeem_by: int | None


def coupon_terms(given: Mapping[str, Any], now_s: int) -> CouponTerms:
    """The terms that a coupon's parameters amount to.

    Raises ParameterInvalid, ParameterMissing or ParametersExclusive where they contradict.
    """
    _check_off(given)
    currency = given.get("currency")
    return CouponTerms(
        given.get("percent_off"),
        given.get("amount_off"),
        known_currency(currency, "currency") if currency is not None else None,
        given.get("duration", "once"),
        _months(given),
        _future(given.get("redeem_by"), "redeem_by", now_s),
    )


def _check_off(given: Mapping[str, Any]) -> None:
    if "percent_off" in given and "amount_off" in given:
        raise ParametersExclusive(("percent_off", "amount_off"))
    if "percent_off" not in given and "amount_off" not in given:
        message = "Give one of percent_off and amount_off; the latter with a currency."
        raise ParameterInvalid("percent_off", message, "parameter_missing")
    if "amount_off" in given and "currency" not in given:
        raise ParameterMissing("currency")
    if "percent_off" in given and "currency" in given:
        message = "A currency belongs to amount_off. Leave it out with percent_off."
        raise ParameterInvalid("currency", message)


def _months(given: Mapping[str, Any]) -> int | None:
    months: int | None = given.get("duration_in_months")
    if given.get("duration") == "repeating":
        if months is None:
            raise ParameterMissing("duration_in_months")
    elif months is not None:
        message = "duration_in_months can only be given with duration=repeating."
        raise ParameterInvalid("duration_in_months", message)
    return months


def _future(moment_s: int | None, param: str, now_s: int) -> int | None:
    """A time to come, and not beyond five years."""
    if moment_s is None:
        return None
    if moment_s <= now_s:
        raise ParameterInvalid(param, f"{param} must be in the future.")
    if moment_s - now_s > LONGEST_REDEEMABLE_S:
        raise ParameterInvalid(param, f"{param} can be five years ahead at most.")
    return moment_s


# --- promotion codes ---------------------------------------------------------------------------


def check_code(given: Mapping[str, Any], coupon: Coupon, now_s: int) -> None:
    """Whether a promotion code with these parameters can be made for a coupon.

    Raises ParameterInvalid, ParameterMissing; StateConflict for a coupon that is not valid.
    """
    if not coupon.valid_at(now_s):
        raise why_not_valid(coupon, now_s, "promotion[coupon]")
    if "code" in given and not _CODE.fullmatch(given["code"]):
        message = "A code can have letters, digits and dashes in it, and nothing else."
        raise ParameterInvalid("code", message)
    limit, most = given.get("max_redemptions"), coupon.max_redemptions
    if limit is not None and most is not None and limit > most:
        message = f"max_redemptions must not be greater than that of the coupon, {most}."
        raise ParameterInvalid("max_redemptions", message)
    end = _future(given.get("expires_at"), "expires_at", now_s)
    if end is not None and coupon.redeem_by is not None and end > coupon.redeem_by:
        message = f"expires_at must not be after the coupon's redeem_by, {coupon.redeem_by}."
        raise ParameterInvalid("expires_at", message)
    _check_minimum(given.get("restrictions", {}))


def _check_minimum(given: Mapping[str, Any]) -> None:
    """A minimum amount is one of a currency."""
    pair = ("minimum_amount", "minimum_amount_currency")
    present = [name for name in pair if name in given]
    if len(present) == 1:
        missing = pair[1 - pair.index(present[0])]
        raise ParameterMissing(f"restrictions[{missing}]")


def collides(code: PromotionCode, customer: str | None) -> bool:
    """Whether an active code keeps its word from being one for `customer`; None is everyone.

    Two customers may have one word each for themselves (Stripe).
    """
    return code.customer is None or customer is None or code.customer == customer


def why_not_valid(coupon: Coupon, now_s: int, param: str) -> StateConflict:
    """The refusal of a coupon that cannot be given (any more)."""
    if coupon.deleted:
        reason, remedy = "was deleted", "Create another one."
    elif coupon.exhausted:
        limit = coupon.max_redemptions
        reason, remedy = f"was redeemed {limit} times, which is its most", "Use another one."
    else:
        reason, remedy = f"expired at {coupon.redeem_by}, and it is {now_s}", "Use another one."
    return StateConflict(f"The coupon {coupon.id} {reason}. {remedy}", param, "coupon_expired")
