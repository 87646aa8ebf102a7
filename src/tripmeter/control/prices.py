"""Prices: make; update what decides no amount."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.model.catalogue import Price
from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    StateConflict,
)
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept, Page
from tripmeter.ports import Work
from tripmeter.rules.currencies import known_currency
from tripmeter.rules.prices import Terms, check_meter, named, price_terms
from tripmeter.wire.catalogue import price_object

_URL: Final = "/v1/prices"


def insert_price(
    work: Work,
    caller: Caller,
    params: dict[str, Any],
    product: str,
    inside: str = "",
    id: str | None = None,
) -> Price:
    """Store a new price of a product that exists.

    `inside` is the parameter that describes it, such as `default_price_data`. Raises what
    `rules.prices` raises, and ParameterInvalid for a lookup key that is taken.
    """
    scope = caller.scope
    currency = known_currency(params["currency"], named(inside, "currency"))
    terms = price_terms(params, inside)
    _check_meter(work, caller, terms, inside)
    lookup_key = params.get("lookup_key")
    _claim_lookup_key(work, caller, lookup_key, params)
    price = Price(
        id=id or new_id("price", work.now_ms),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        product=product,
        currency=currency,
        active=params.get("active", True),
        tax_behavior=params.get("tax_behavior", "unspecified"),
        nickname=params.get("nickname"),
        lookup_key=lookup_key,
        metadata=merge_metadata({}, params.get("metadata")),
        **terms._asdict(),
    )
    work.session.prices.insert(price)
    announce(work, caller, "price.created", price_object(price), _URL)
    return price


def update_price(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Price:
    """Change a price. What decides its amount is fixed; archive it and make another one."""
    kept = work.session.prices.get(caller.scope, id)
    before = kept.value
    _check_tax_behavior(before, params)
    if params.get("active") is False and before.active:
        _check_not_default(work, caller, before)
    lookup_key = params.get("lookup_key", before.lookup_key)
    if lookup_key != before.lookup_key or "transfer_lookup_key" in params:
        _claim_lookup_key(work, caller, lookup_key, params, before.id)
    after = structs.replace(
        before,
        active=params.get("active", before.active),
        nickname=params.get("nickname", before.nickname),
        lookup_key=lookup_key,
        tax_behavior=params.get("tax_behavior", before.tax_behavior),
        metadata=merge_metadata(before.metadata, params.get("metadata")),
    )
    return _replace(work, caller, kept, after)


def _replace(work: Work, caller: Caller, kept: Kept[Price], after: Price) -> Price:
    work.session.prices.replace(kept.no, after)
    before = price_object(kept.value)
    announce(work, caller, "price.updated", price_object(after), _URL, before=before)
    return after


def _check_meter(work: Work, caller: Caller, terms: Terms, inside: str) -> None:
    id_ = terms.recurring.meter if terms.recurring else None
    kept = work.session.meters.find(caller.scope, id_) if id_ is not None else None
    check_meter(terms.recurring, kept.value if kept else None, inside)


def _claim_lookup_key(
    work: Work,
    caller: Caller,
    lookup_key: str | None,
    params: dict[str, Any],
    own_id: str | None = None,
) -> None:
    """Make a lookup key free; from another price it is taken only by `transfer_lookup_key`."""
    if lookup_key is None:
        if params.get("transfer_lookup_key"):
            raise ParameterMissing("lookup_key")
        return
    for kept in work.session.prices.page(caller.scope, Page(1), lookup_key=lookup_key).items:
        if kept.value.id == own_id:
            return
        if not params.get("transfer_lookup_key"):
            message = (
                f"The price {kept.value.id} already uses that lookup key. Set"
                " transfer_lookup_key=true to move it, or choose another one."
            )
            raise ParameterInvalid("lookup_key", message, "resource_already_exists")
        _replace(work, caller, kept, structs.replace(kept.value, lookup_key=None))


def _check_tax_behavior(price: Price, params: dict[str, Any]) -> None:
    """It is set once (Stripe)."""
    given = params.get("tax_behavior", price.tax_behavior)
    if price.tax_behavior not in ("unspecified", given):
        message = (
            f"The tax behavior of the price {price.id} is {price.tax_behavior} and cannot change"
            " any more. Create another price."
        )
        raise ParameterInvalid("tax_behavior", message)


def _check_not_default(work: Work, caller: Caller, price: Price) -> None:
    product = work.session.products.get(caller.scope, price.product).value
    if product.default_price == price.id:
        message = (
            f"The price {price.id} cannot be archived because it is the default price of its"
            f" product {product.id}. Give the product another default_price first."
        )
        raise StateConflict(message, "active")
