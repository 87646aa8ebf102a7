"""`/v1/customers/{id}/discount`, and the parameter by which discounts are given."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields
from tripmeter.control.discounts import take_customer_discount
from tripmeter.ports import Work
from tripmeter.wire.catalogue import DiscountObject, deleted_discount_object
from tripmeter.wire.params import ListOf, Object, String

DISCOUNTS: Final = ListOf(
    Object({"coupon": String(), "discount": String(), "promotion_code": String()}),
    max_items=20,
    blank="unset",
    description="Coupons, promotion codes, or discounts that are there already.",
)
"""`discounts` of whatever is discounted; what `control.discounts.give_discounts` takes."""


def delete(work: Work, call: Call) -> Any:
    """Take a customer's discount away."""
    return deleted_discount_object(take_customer_discount(work, call.caller, call.id))


ROUTES: Final = (
    Route(
        "DELETE",
        "/v1/customers/{id}/discount",
        "Delete a customer's discount",
        DiscountObject,
        fields(),
        change=delete,
    ),
)
