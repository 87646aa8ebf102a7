"""Products and prices that are made together: `default_price_data` and `product_data`."""

from typing import Any

from tripmeter.control.prices import insert_price
from tripmeter.control.products import existing_product, insert_product
from tripmeter.model.catalogue import Price, Product
from tripmeter.model.errors import ParameterMissing, ParametersExclusive
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.ports import Work


def create_product(work: Work, caller: Caller, params: dict[str, Any]) -> Product:
    """Make a product, and its default price from `default_price_data`."""
    price_data = params.get("default_price_data")
    if price_data is None:
        return insert_product(work, caller, params)
    price = new_id("price", work.now_ms)
    product = insert_product(work, caller, params, default_price=price)
    insert_price(work, caller, price_data, product.id, "default_price_data", price)
    return product


def create_price(work: Work, caller: Caller, params: dict[str, Any]) -> Price:
    """Make a price of a product, or of a new one from `product_data`."""
    if "product" in params and "product_data" in params:
        raise ParametersExclusive(("product", "product_data"))
    if "product_data" in params:
        product = insert_product(work, caller, params["product_data"], "product_data")
    elif "product" in params:
        product = existing_product(work, caller, params["product"], "product").value
    else:
        raise ParameterMissing("product")
    return insert_price(work, caller, params, product.id)
