"""Promotion codes: create, switch on and off. Redemptions are counted by `discounts`."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.control.customers import existing
from tripmeter.model.catalogue import Coupon, PromotionCode
from tripmeter.model.errors import ParameterInvalid, ResourceMissing, StateConflict
from tripmeter.model.ids import new_id, new_word
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.coupons import check_code, collides, why_not_valid
from tripmeter.rules.currencies import known_currency
from tripmeter.wire.catalogue import promotion_code_object
from tripmeter.wire.times import unix

_URL: Final = "/v1/promotion_codes"


def create_promotion_code(work: Work, caller: Caller, params: dict[str, Any]) -> PromotionCode:
    """Make a code for a coupon; a word is made up where none is given.

    Without an end of its own it has that of its coupon.
    """
    scope = caller.scope
    coupon = _coupon(work, caller, params)
    check_code(params, coupon, unix(work.now_ms))
    customer = params.get("customer")
    if customer is not None:
        existing(work, caller, customer, "customer")
    restrictions = params.get("restrictions", {})
    code = PromotionCode(
        id=new_id("promo", work.now_ms),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        code=params.get("code") or new_word(),
        coupon=coupon.id,
        active=params.get("active", True),
        customer=customer,
        expires_at=params.get("expires_at", coupon.redeem_by),
        max_redemptions=params.get("max_redemptions"),
        first_time_transaction=restrictions.get("first_time_transaction", False),
        minimum_amount=restrictions.get("minimum_amount"),
        minimum_amount_currency=_minimum_currency(restrictions),
        metadata=merge_metadata({}, params.get("metadata")),
    )
    if code.active:
        _check_word_free(work, caller, code, "code")
    work.session.promotion_codes.insert(code)
    rendered = promotion_code_object(code, work.now_ms)
    announce(work, caller, "promotion_code.created", rendered, _URL)
    return code


def update_promotion_code(
    work: Work, caller: Caller, id: str, params: dict[str, Any]
) -> PromotionCode:
    """Change a code's metadata, or switch it on or off."""
    kept = work.session.promotion_codes.get(caller.scope, id)
    before = kept.value
    active = params.get("active", before.active)
    if active and "active" in params:
        _check_usable(work, caller, before)
    if active and not before.active:
        _check_word_free(work, caller, before, "active")
    metadata = merge_metadata(before.metadata, params.get("metadata"))
    return replace_code(
        work, caller, kept, structs.replace(before, active=active, metadata=metadata)
    )


def replace_code(
    work: Work, caller: Caller, kept: Kept[PromotionCode], after: PromotionCode
) -> PromotionCode:
    """Store a new state of a code, and tell of it."""
    work.session.promotion_codes.replace(kept.no, after)
    before = promotion_code_object(kept.value, work.now_ms)
    rendered = promotion_code_object(after, work.now_ms)
    announce(work, caller, "promotion_code.updated", rendered, _URL, before=before)
    return after


def retire_codes_of(work: Work, caller: Caller, coupon: Coupon) -> None:
    """Make the codes of a coupon inactive: it cannot be given any more (Stripe)."""
    active = list(
        work.session.promotion_codes.every(
            caller.scope, coupon=coupon.id, active=True, now=unix(work.now_ms)
        )
    )
    for kept in active:
        replace_code(work, caller, kept, structs.replace(kept.value, active=False))


def _coupon(work: Work, caller: Caller, params: dict[str, Any]) -> Coupon:
    param = "promotion[coupon]"
    coupon = work.session.coupons.get(caller.scope, params["promotion"]["coupon"], param).value
    if coupon.deleted:
        raise ResourceMissing("coupon", coupon.id, param)
    return coupon


def _minimum_currency(restrictions: dict[str, Any]) -> str | None:
    given = restrictions.get("minimum_amount_currency")
    if given is None:
        return None
    return known_currency(given, "restrictions[minimum_amount_currency]")


def _check_usable(work: Work, caller: Caller, code: PromotionCode) -> None:
    """A code that nobody could use any more is not switched on (Stripe)."""
    now_s = unix(work.now_ms)
    if code.expired_at(now_s) or code.exhausted:
        why = "has expired" if code.expired_at(now_s) else "was used as often as it may be"
        message = f"The promotion code {code.id} {why}, and cannot be active. Create another one."
        raise StateConflict(message, "active")
    coupon = work.session.coupons.get(caller.scope, code.coupon).value
    if not coupon.valid_at(now_s):
        raise why_not_valid(coupon, now_s, "active")


def _check_word_free(work: Work, caller: Caller, code: PromotionCode, param: str) -> None:
    """A word means one active code to everyone who may use it, whatever its case (Stripe)."""
    same = work.session.promotion_codes.every(
        caller.scope, code=code.code.upper(), active=True, now=unix(work.now_ms)
    )
    for kept in same:
        if kept.value.id != code.id and collides(kept.value, code.customer):
            message = (
                f"An active promotion code with code '{kept.value.code}' already exists:"
                f" {kept.value.id}. Choose another word, or make that one inactive."
            )
            raise ParameterInvalid(param, message, "resource_already_exists")
