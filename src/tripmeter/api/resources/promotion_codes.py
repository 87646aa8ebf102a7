"""`/v1/promotion_codes`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, filters_of, list_object, listing
from tripmeter.control import promotion_codes
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.ports import Session, Work
from tripmeter.wire.catalogue import PromotionCodeObject, promotion_code_object
from tripmeter.wire.params import (
    Boolean,
    Enum,
    Integer,
    Map,
    Object,
    Param,
    Range,
    Refused,
    String,
    Timestamp,
)
from tripmeter.wire.times import unix

_PATH: Final = "/v1/promotion_codes"
_ONE: Final = f"{_PATH}/{{id}}"

_CURRENCY_OPTIONS: Final = Refused("Give minimum_amount, with a minimum_amount_currency.")
_CUSTOMER_ACCOUNT: Final = Refused("Give customer.")

_CREATE: Final[dict[str, Param]] = {
    "active": Boolean(),
    "code": String(max_length=500),
    "customer": String(),
    "customer_account": _CUSTOMER_ACCOUNT,
    "expires_at": Timestamp(),
    "max_redemptions": Integer(minimum=1),
    "metadata": Map(),
    "promotion": Object(
        {"type": Enum("coupon", required=True), "coupon": String(required=True)}, required=True
    ),
    "restrictions": Object(
        {
            "currency_options": _CURRENCY_OPTIONS,
            "first_time_transaction": Boolean(),
            "minimum_amount": Integer(minimum=1, maximum=AMOUNT_LIMIT),
            "minimum_amount_currency": String(),
        }
    ),
}

_UPDATE: Final[dict[str, Param]] = {
    "active": Boolean(),
    "metadata": Map(),
    "restrictions": Object({"currency_options": _CURRENCY_OPTIONS}),
}


def create(work: Work, call: Call) -> Any:
    """Make a promotion code."""
    made = promotion_codes.create_promotion_code(work, call.caller, call.own_params)
    return promotion_code_object(made, work.now_ms)


def update(work: Work, call: Call) -> Any:
    """Change a promotion code."""
    changed = promotion_codes.update_promotion_code(work, call.caller, call.id, call.own_params)
    return promotion_code_object(changed, work.now_ms)


def retrieve(session: Session, call: Call) -> Any:
    """One promotion code."""
    return promotion_code_object(
        session.promotion_codes.get(call.scope, call.id).value, call.now_ms
    )


def list_(session: Session, call: Call) -> Any:
    """Promotion codes, newest first; `code` is found in whatever case."""
    params, now_ms = call.params, call.now_ms
    filters = filters_of(params, "active", "coupon", "customer")
    if "code" in params:
        filters["code"] = params["code"].upper()
    found = session.promotion_codes.page(call.scope, call.page, now=unix(now_ms), **filters)
    return list_object(_PATH, found, lambda code: promotion_code_object(code, now_ms))


ROUTES: Final = (
    Route(
        "POST",
        _PATH,
        "Create a promotion code",
        PromotionCodeObject,
        fields(**_CREATE),
        change=create,
    ),
    Route(
        "GET",
        _PATH,
        "List promotion codes",
        PromotionCodeObject,
        listing(
            active=Boolean(),
            code=String(),
            coupon=String(),
            created=Range(),
            customer=String(),
            customer_account=_CUSTOMER_ACCOUNT,
        ),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a promotion code", PromotionCodeObject, fields(), read=retrieve),
    Route(
        "POST",
        _ONE,
        "Update a promotion code",
        PromotionCodeObject,
        fields(**_UPDATE),
        change=update,
    ),
)
