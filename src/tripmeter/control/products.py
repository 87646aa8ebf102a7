"""Products: make, update, delete."""

import re
from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.model.catalogue import Price, Product
from tripmeter.model.errors import ParameterInvalid, ResourceMissing, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept, Page
from tripmeter.ports import Work
from tripmeter.rules.prices import named
from tripmeter.wire.catalogue import product_object

_URL: Final = "/v1/products"
_USABLE_ID: Final = re.compile(r"[A-Za-z0-9._:@-]+")
"""Ids stand in URLs."""

_OWN: Final = frozenset(
    {"id", "name", "type", "active", "default_price", "default_price_data", "metadata"}
)
_NOT_IN_DESCRIPTOR: Final = re.compile(r"""[<>\\'"*]""")


def insert_product(
    work: Work,
    caller: Caller,
    params: dict[str, Any],
    inside: str = "",
    *,
    default_price: str | None = None,
) -> Product:
    """Store a new product; `inside` is the parameter that describes it, such as `product_data`."""
    scope = caller.scope
    product = Product(
        id=_new_product_id(work, caller, params, inside),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        updated_ms=work.now_ms,
        name=params["name"],
        type=params.get("type", "service"),
        active=params.get("active", True),
        default_price=default_price,
        metadata=merge_metadata({}, params.get("metadata")),
        details=_details({}, params, inside),
    )
    work.session.products.insert(product)
    announce(work, caller, "product.created", product_object(product), _URL)
    return product


def update_product(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Product:
    """Change a product. Absent parameters stay; unset ones are cleared."""
    kept = existing_product(work, caller, id)
    before = kept.value
    default = params.get("default_price", before.default_price)
    if default is not None and default != before.default_price:
        _check_default_price(work, caller, before, default)
    after = structs.replace(
        before,
        updated_ms=work.now_ms,
        name=params.get("name", before.name),
        active=params.get("active", before.active),
        default_price=default,
        metadata=merge_metadata(before.metadata, params.get("metadata")),
        details=_details(before.details, params, ""),
    )
    work.session.products.replace(kept.no, after)
    rendered = product_object(after)
    announce(work, caller, "product.updated", rendered, _URL, before=product_object(before))
    return after


def delete_product(work: Work, caller: Caller, id: str) -> Product:
    """Delete a product that has no prices. Raises StateConflict for one that has (Stripe)."""
    kept = existing_product(work, caller, id)
    if work.session.prices.page(caller.scope, Page(1), product=id).items:
        message = (
            f"The product {id} cannot be deleted because it has prices. Archive it with"
            " active=false instead."
        )
        raise StateConflict(message, "id")
    work.session.products.replace(kept.no, structs.replace(kept.value, deleted=True))
    announce(work, caller, "product.deleted", product_object(kept.value), _URL)
    return kept.value


def existing_product(work: Work, caller: Caller, id: str, param: str = "id") -> Kept[Product]:
    """The product, if it is there and not deleted. Raises ResourceMissing."""
    kept = work.session.products.get(caller.scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("product", id, param)
    return kept


def _new_product_id(work: Work, caller: Caller, params: dict[str, Any], inside: str) -> str:
    if "id" not in params:
        return new_id("prod", work.now_ms)
    id_: str = params["id"]
    param = named(inside, "id")
    if not _USABLE_ID.fullmatch(id_):
        message = "An id can have letters, digits and . _ : @ - in it, and no spaces or slashes."
        raise ParameterInvalid(param, message)
    if work.session.products.find(caller.scope, id_) is not None:
        message = (
            f"Product already exists with id {id_}. Choose another id; that of a deleted product"
            " is not free again."
        )
        raise ParameterInvalid(param, message, "resource_already_exists")
    return id_


def _check_default_price(work: Work, caller: Caller, product: Product, id: str) -> None:
    price: Price = work.session.prices.get(caller.scope, id, "default_price").value
    if price.product != product.id:
        message = f"The price {id} belongs to the product {price.product}. Choose one of its own."
        raise ParameterInvalid("default_price", message)
    if not price.active:
        message = f"The price {id} is archived. Activate it first, or choose an active one."
        raise ParameterInvalid("default_price", message)


def _details(before: dict[str, Any], params: dict[str, Any], inside: str) -> dict[str, Any]:
    """The descriptive fields after a change; sizes are kept as text, which is exact."""
    given = {name: value for name, value in params.items() if name not in _OWN}
    descriptor = given.get("statement_descriptor")
    if descriptor is not None:
        _check_descriptor(descriptor, named(inside, "statement_descriptor"))
    if size := given.get("package_dimensions"):
        given["package_dimensions"] = {side: str(length) for side, length in size.items()}
    merged = {**before, **given}
    return {name: value for name, value in merged.items() if value not in (None, "")}


def _check_descriptor(descriptor: str, param: str) -> None:
    """What stands on a customer's statement has a letter and no quotes or brackets (Stripe)."""
    if _NOT_IN_DESCRIPTOR.search(descriptor) or not re.search(r"[A-Za-z]", descriptor):
        message = (
            "A statement descriptor needs a letter, and must not have any of"
            " <, >, \\, ', \" and * in it."
        )
        raise ParameterInvalid(param, message)
