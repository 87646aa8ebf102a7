"""Coupons: create, rename, delete. Redemptions are counted by `discounts`."""

import re
from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.control.products import existing_product
from tripmeter.control.promotion_codes import retire_codes_of
from tripmeter.model.catalogue import Coupon
from tripmeter.model.errors import ParameterInvalid, ResourceMissing
from tripmeter.model.ids import new_word
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.coupons import coupon_terms
from tripmeter.wire.catalogue import coupon_object
from tripmeter.wire.times import unix

_URL: Final = "/v1/coupons"
_USABLE_ID: Final = re.compile(r"[A-Za-z0-9._:@-]+")
"""Ids stand in URLs."""


def create_coupon(work: Work, caller: Caller, params: dict[str, Any]) -> Coupon:
    """Make a coupon."""
    scope = caller.scope
    terms = coupon_terms(params, unix(work.now_ms))
    coupon = Coupon(
        id=_new_coupon_id(work, caller, params),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        max_redemptions=params.get("max_redemptions"),
        products=_products(work, caller, params),
        name=params.get("name"),
        metadata=merge_metadata({}, params.get("metadata")),
        **terms._asdict(),
    )
    work.session.coupons.insert(coupon)
    announce(work, caller, "coupon.created", coupon_object(coupon, work.now_ms), _URL)
    return coupon


def update_coupon(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Coupon:
    """Change name and metadata; the terms are fixed."""
    kept = existing_coupon(work, caller, id)
    before = kept.value
    after = structs.replace(
        before,
        name=params.get("name", before.name),
        metadata=merge_metadata(before.metadata, params.get("metadata")),
    )
    return replace_coupon(work, caller, kept, after)


def replace_coupon(work: Work, caller: Caller, kept: Kept[Coupon], after: Coupon) -> Coupon:
    """Store a new state of a coupon, and tell of it."""
    work.session.coupons.replace(kept.no, after)
    before = coupon_object(kept.value, work.now_ms)
    rendered = coupon_object(after, work.now_ms)
    announce(work, caller, "coupon.updated", rendered, _URL, before=before)
    return after


def delete_coupon(work: Work, caller: Caller, id: str) -> Coupon:
    """Delete a coupon. Discounts that were given stay; its promotion codes become inactive."""
    kept = existing_coupon(work, caller, id)
    gone = structs.replace(kept.value, deleted=True)
    work.session.coupons.replace(kept.no, gone)
    announce(work, caller, "coupon.deleted", coupon_object(gone, work.now_ms), _URL)
    retire_codes_of(work, caller, gone)
    return gone


def existing_coupon(work: Work, caller: Caller, id: str, param: str = "id") -> Kept[Coupon]:
    """The coupon, if it is there and not deleted. Raises ResourceMissing."""
    kept = work.session.coupons.get(caller.scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("coupon", id, param)
    return kept


def _products(work: Work, caller: Caller, params: dict[str, Any]) -> tuple[str, ...]:
    given = params.get("applies_to", {}).get("products", [])
    for index, id_ in enumerate(given):
        existing_product(work, caller, id_, f"applies_to[products][{index}]")
    return tuple(dict.fromkeys(given))


def _new_coupon_id(work: Work, caller: Caller, params: dict[str, Any]) -> str:
    if "id" not in params:
        return new_word()
    id_: str = params["id"]
    if not _USABLE_ID.fullmatch(id_):
        message = "An id can have letters, digits and . _ : @ - in it, and no spaces or slashes."
        raise ParameterInvalid("id", message)
    if work.session.coupons.find(caller.scope, id_) is not None:
        message = (
            f"Coupon already exists with id {id_}. Choose another id; that of a deleted coupon is"
            " not free again, as discounts may refer to it."
        )
        raise ParameterInvalid("id", message, "resource_already_exists")
    return id_
