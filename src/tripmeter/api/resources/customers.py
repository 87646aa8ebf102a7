"""`/v1/customers`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, bounds_ms, empty_list, fields, list_object, listing
from tripmeter.billing.customers import delete_customer
from tripmeter.control import customers
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.ports import Session, Work
from tripmeter.wire.objects import customer_object, deleted_object, sources_path
from tripmeter.wire.params import Enum, Integer, ListOf, Map, Object, Param, Range, String
from tripmeter.wire.shapes import CustomerObject, DeletedObject, SourceObject

_PATH: Final = "/v1/customers"

_ADDRESS: Final[dict[str, Param]] = {
    name: String(blank="unset")
    for name in ("city", "country", "line1", "line2", "postal_code", "state")
}

_FIELDS: Final[dict[str, Param]] = {
    "address": Object(_ADDRESS, blank="unset"),
    "balance": Integer(
        minimum=-AMOUNT_LIMIT,
        maximum=AMOUNT_LIMIT,
        description="Minor units: below zero is credit for the next invoice, above is owed.",
    ),
    "business_name": String(blank="unset", max_length=150),
    "description": String(blank="unset"),
    "email": String(blank="unset", max_length=512),
    "individual_name": String(blank="unset", max_length=150),
    "metadata": Map(),
    "name": String(blank="unset", max_length=256),
    "phone": String(blank="unset", max_length=20),
    "preferred_locales": ListOf(String(), blank="unset"),
    "shipping": Object(
        {
            "address": Object(_ADDRESS, required=True),
            "name": String(required=True),
            "phone": String(blank="unset"),
        },
        blank="unset",
    ),
    "tax_exempt": Enum("exempt", "none", "reverse", blank="unset"),
}

_ID: Final = String(
    max_length=64, description="An id of your own, so that usage can carry it (extension)."
)


def create(work: Work, call: Call) -> Any:
    """Make a customer."""
    return customer_object(customers.create_customer(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change a customer."""
    changed = customers.update_customer(work, call.caller, call.id, call.own_params)
    return customer_object(changed)


def delete(work: Work, call: Call) -> Any:
    """Delete a customer."""
    return deleted_object(delete_customer(work, call.caller, call.id).id, "customer")


def retrieve(session: Session, call: Call) -> Any:
    """One customer, deleted or not."""
    return customers.rendered_customer(session.customers.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Customers, newest first."""
    given = call.params
    filters = {"email": given.get("email"), "clock": given.get("test_clock")}
    filters |= bounds_ms(given.get("created"))
    return list_object(
        _PATH, session.customers.page(call.scope, call.page, **filters), customer_object
    )


def sources(session: Session, call: Call) -> Any:
    """What a customer can be charged by: nothing, as nothing is charged here."""
    customer = session.customers.get(call.scope, call.id, "customer").value
    return empty_list(sources_path(customer.id), call.page, "source")


ROUTES: Final = (
    Route(
        "POST",
        _PATH,
        "Create a customer",
        CustomerObject,
        fields(**_FIELDS, id=_ID, test_clock=String()),
        change=create,
    ),
    Route(
        "GET",
        _PATH,
        "List customers",
        CustomerObject,
        listing(created=Range(), email=String(max_length=512), test_clock=String()),
        read=list_,
        is_list=True,
    ),
    Route("GET", f"{_PATH}/{{id}}", "Retrieve a customer", CustomerObject, fields(), read=retrieve),
    Route(
        "POST",
        f"{_PATH}/{{id}}",
        "Update a customer",
        CustomerObject,
        fields(**_FIELDS),
        change=update,
    ),
    Route("DELETE", f"{_PATH}/{{id}}", "Delete a customer", DeletedObject, fields(), change=delete),
    Route(
        "GET",
        sources_path("{id}"),
        "List a customer's payment sources, of which there are none",
        SourceObject,
        listing(object=String()),
        read=sources,
        is_list=True,
    ),
)
