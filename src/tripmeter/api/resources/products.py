"""`/v1/products`."""

from decimal import Decimal
from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, filters_of, list_object, listing
from tripmeter.api.resources.prices import CURRENCY_OPTIONS, CUSTOM_UNIT_AMOUNT, amount, rate
from tripmeter.control import offers, products
from tripmeter.model.errors import ParametersExclusive, ResourceMissing
from tripmeter.model.stored import Slice
from tripmeter.ports import Session, Work
from tripmeter.wire.catalogue import ProductObject, product_object
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.params import (
    Boolean,
    Enum,
    Integer,
    ListOf,
    Map,
    Number,
    Object,
    Param,
    Range,
    String,
)
from tripmeter.wire.shapes import DeletedObject

_PATH: Final = "/v1/products"
_ONE: Final = f"{_PATH}/{{id}}"


def _side() -> Number:
    return Number(places=2, minimum=Decimal(0), maximum=Decimal(10**9), required=True)


_FIELDS: Final[dict[str, Param]] = {
    "active": Boolean(),
    "description": String(max_length=40_000, blank="unset"),
    "images": ListOf(String(), max_items=8, blank="unset"),
    "marketing_features": ListOf(
        Object({"name": String(required=True, max_length=80)}), max_items=15, blank="unset"
    ),
    "metadata": Map(),
    "package_dimensions": Object(
        {side: _side() for side in ("height", "length", "weight", "width")},
        blank="unset",
        description="Inches and ounces.",
    ),
    "shippable": Boolean(blank="unset"),
    "statement_descriptor": String(max_length=22, blank="unset"),
    "tax_code": String(blank="unset"),
    "tax_details": Object(
        {"performance_location": String(blank="unset"), "tax_code": String(blank="unset")},
        blank="unset",
    ),
    "unit_label": String(max_length=12, blank="unset"),
    "url": String(blank="unset"),
}

_DEFAULT_PRICE: Final = Object(
    {
        "currency": String(required=True),
        "currency_options": CURRENCY_OPTIONS,
        "custom_unit_amount": CUSTOM_UNIT_AMOUNT,
        "metadata": Map(),
        "recurring": Object(
            {
                "interval": Enum("day", "month", "week", "year", required=True),
                "interval_count": Integer(minimum=1),
            }
        ),
        "tax_behavior": Enum("exclusive", "inclusive", "unspecified"),
        "unit_amount": amount(),
        "unit_amount_decimal": rate(),
    }
)


def create(work: Work, call: Call) -> Any:
    """Make a product."""
    return product_object(offers.create_product(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change a product."""
    return product_object(products.update_product(work, call.caller, call.id, call.own_params))


def delete(work: Work, call: Call) -> Any:
    """Delete a product."""
    return deleted_object(products.delete_product(work, call.caller, call.id).id, "product")


def retrieve(session: Session, call: Call) -> Any:
    """One product that is not deleted."""
    product = session.products.get(call.scope, call.id).value
    if product.deleted:
        raise ResourceMissing("product", call.id)
    return product_object(product)


def list_(session: Session, call: Call) -> Any:
    """Products, newest first."""
    params = call.params
    if "ids" in params:
        return list_object(_PATH, _by_id(session, call), product_object)
    filters = filters_of(params, "active", "shippable", "type", "url")
    found = session.products.page(call.scope, call.page, **filters)
    return list_object(_PATH, found, product_object)


def _by_id(session: Session, call: Call) -> Slice[Any]:
    """Those of a list of ids that exist, newest first. It goes with nothing else (Stripe)."""
    others = ("starting_after", "ending_before", "active", "shippable", "type", "url", "created")
    for name in others:
        if name in call.params:
            raise ParametersExclusive(("ids", name))
    found = {id_: session.products.find(call.scope, id_) for id_ in call.params["ids"]}
    there = [kept for kept in found.values() if kept is not None and not kept.value.deleted]
    there.sort(key=lambda kept: -kept.no)
    limit = call.page.limit if "limit" in call.params else len(there)
    return Slice(there[:limit], len(there) > limit)


ROUTES: Final = (
    Route(
        "POST",
        _PATH,
        "Create a product",
        ProductObject,
        fields(
            **_FIELDS,
            default_price_data=_DEFAULT_PRICE,
            id=String(max_length=200),
            name=String(required=True),
            type=Enum("good", "service"),
        ),
        change=create,
    ),
    Route(
        "GET",
        _PATH,
        "List products",
        ProductObject,
        listing(
            active=Boolean(),
            created=Range(),
            ids=ListOf(String(), max_items=100),
            shippable=Boolean(),
            type=Enum("good", "service"),
            url=String(),
        ),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a product", ProductObject, fields(), read=retrieve),
    Route(
        "POST",
        _ONE,
        "Update a product",
        ProductObject,
        fields(**_FIELDS, default_price=String(blank="unset"), name=String()),
        change=update,
    ),
    Route("DELETE", _ONE, "Delete a product", DeletedObject, fields(), change=delete),
)
