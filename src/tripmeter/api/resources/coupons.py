"""`/v1/coupons`."""

from decimal import Decimal
from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, filters_of, list_object, listing
from tripmeter.control import coupons
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.ports import Session, Work
from tripmeter.wire.catalogue import CouponObject, coupon_object
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.params import (
    Enum,
    Integer,
    ListOf,
    Map,
    Number,
    Object,
    Param,
    Range,
    Refused,
    String,
    Timestamp,
)
from tripmeter.wire.shapes import DeletedObject

_PATH: Final = "/v1/coupons"
_ONE: Final = f"{_PATH}/{{id}}"

_CURRENCY_OPTIONS: Final = Refused("Create a coupon for each currency.")

_CREATE: Final[dict[str, Param]] = {
    "amount_off": Integer(minimum=1, maximum=AMOUNT_LIMIT),
    "applies_to": Object({"products": ListOf(String(), max_items=100)}),
    "currency": String(),
    "currency_options": _CURRENCY_OPTIONS,
    "duration": Enum("forever", "once", "repeating"),
    "duration_in_months": Integer(minimum=1, maximum=1200),
    "id": String(max_length=200),
    "max_redemptions": Integer(minimum=1),
    "metadata": Map(),
    "name": String(max_length=40),
    "percent_off": Number(places=4, minimum=Decimal("0.0001"), maximum=Decimal(100)),
    "redeem_by": Timestamp(),
}

_UPDATE: Final[dict[str, Param]] = {
    "currency_options": _CURRENCY_OPTIONS,
    "metadata": Map(),
    "name": String(max_length=40, blank="unset"),
}


def create(work: Work, call: Call) -> Any:
    """Make a coupon."""
    made = coupons.create_coupon(work, call.caller, call.own_params)
    return coupon_object(made, work.now_ms)


def update(work: Work, call: Call) -> Any:
    """Change a coupon."""
    changed = coupons.update_coupon(work, call.caller, call.id, call.own_params)
    return coupon_object(changed, work.now_ms)


def delete(work: Work, call: Call) -> Any:
    """Delete a coupon."""
    return deleted_object(coupons.delete_coupon(work, call.caller, call.id).id, "coupon")


def retrieve(session: Session, call: Call) -> Any:
    """One coupon that is not deleted."""
    coupon = session.coupons.get(call.scope, call.id).value
    if coupon.deleted:
        raise ResourceMissing("coupon", call.id)
    return coupon_object(coupon, call.now_ms)


def list_(session: Session, call: Call) -> Any:
    """Coupons, newest first."""
    now_ms = call.now_ms
    found = session.coupons.page(call.scope, call.page, **filters_of(call.params))
    return list_object(_PATH, found, lambda coupon: coupon_object(coupon, now_ms))


ROUTES: Final = (
    Route("POST", _PATH, "Create a coupon", CouponObject, fields(**_CREATE), change=create),
    Route(
        "GET",
        _PATH,
        "List coupons",
        CouponObject,
        listing(created=Range()),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a coupon", CouponObject, fields(), read=retrieve),
    Route("POST", _ONE, "Update a coupon", CouponObject, fields(**_UPDATE), change=update),
    Route("DELETE", _ONE, "Delete a coupon", DeletedObject, fields(), change=delete),
)
