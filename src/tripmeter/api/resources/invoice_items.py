"""`/v1/invoiceitems`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, filters_of, list_object, listing
from tripmeter.billing import invoice_items
from tripmeter.billing.rendering import rendered_invoice_item
from tripmeter.ports import Session, Work
from tripmeter.wire import invoice_params as params
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.shapes import DeletedObject
from tripmeter.wire.shapes_invoices import InvoiceItemObject

_PATH: Final = "/v1/invoiceitems"
_ONE: Final = f"{_PATH}/{{id}}"


def create(work: Work, call: Call) -> Any:
    """Make an item."""
    item = invoice_items.create_item(work, call.caller, call.own_params)
    return rendered_invoice_item(work.session, item)


def retrieve(session: Session, call: Call) -> Any:
    """One item."""
    item = invoice_items.existing_item(session, call.scope, call.id).value
    return rendered_invoice_item(session, item)


def update(work: Work, call: Call) -> Any:
    """Change an item."""
    item = invoice_items.update_item(work, call.caller, call.id, call.own_params)
    return rendered_invoice_item(work.session, item)


def delete(work: Work, call: Call) -> Any:
    """Delete an item."""
    return deleted_object(invoice_items.delete_item(work, call.caller, call.id).id, "invoiceitem")


def list_(session: Session, call: Call) -> Any:
    """Items, newest first."""
    filters = filters_of(call.params, "customer", "invoice", "pending")
    found = session.invoice_items.page(call.scope, call.page, **filters)
    return list_object(_PATH, found, lambda item: rendered_invoice_item(session, item))


ROUTES: Final = (
    Route(
        "POST", _PATH, "Create an invoice item", InvoiceItemObject, fields(**params.ITEM_CREATE),
        change=create,
    ),
    Route(
        "GET", _PATH, "List invoice items", InvoiceItemObject, listing(**params.ITEM_LIST),
        read=list_, is_list=True,
    ),
    Route("GET", _ONE, "Retrieve an invoice item", InvoiceItemObject, fields(), read=retrieve),
    Route(
        "POST", _ONE, "Update an invoice item", InvoiceItemObject, fields(**params.ITEM_UPDATE),
        change=update,
    ),
    Route(
        "DELETE", _ONE, "Delete an invoice item", DeletedObject, fields(**params.ITEM_DELETE),
        change=delete,
    ),
)  # fmt: skip
