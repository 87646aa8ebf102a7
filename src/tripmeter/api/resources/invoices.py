"""`/v1/invoices` and `/v1/invoice_payments`."""

from collections.abc import Callable
from typing import Any, Final

from tripmeter.api.call import (
    Call,
    Reply,
    Route,
    bounds_ms,
    fields,
    filters_of,
    list_object,
    listing,
)
from tripmeter.api.encoding import encode
from tripmeter.api.expansion import expanded
from tripmeter.billing import invoices, one_off, previews
from tripmeter.billing.rendering import existing_invoice, rendered_invoice
from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.invoice import Invoice
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept, Slice
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Session, Work
from tripmeter.wire import invoice_params as params
from tripmeter.wire.invoices import invoice_payment_object, line_object
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.shapes import DeletedObject
from tripmeter.wire.shapes_invoices import InvoiceObject, InvoicePaymentObject, LineItemObject

_PATH: Final = "/v1/invoices"
_ONE: Final = f"{_PATH}/{{id}}"
_PAYMENTS: Final = "/v1/invoice_payments"

Move = Callable[[Work, Caller, Kept[Invoice]], Kept[Invoice]]


def retrieve(session: Session, call: Call) -> Any:
    """One invoice."""
    return _shown(session, call, existing_invoice(session, call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Invoices, newest first."""
    given = call.params
    names = ("customer", "subscription", "status", "collection_method")
    filters = {name: given[name] for name in names if name in given}
    filters |= bounds_ms(given.get("created"))
    for edge, seconds in (given.get("due_date") or {}).items():
        filters[f"due_{edge}"] = seconds * 1000
    found = session.invoices.page(call.scope, call.page, **filters)
    return list_object(_PATH, found, lambda invoice: _shown(session, call, invoice))


def lines(session: Session, call: Call) -> Any:
    """The lines of an invoice, page by page, in their order."""
    invoice = existing_invoice(session, call.scope, call.id).value
    ids = [line.id for line in invoice.lines]
    page = call.page
    begin = 0
    if page.starting_after is not None:
        begin = _place(ids, page.starting_after, "starting_after") + 1
    end = min(begin + page.limit, len(ids))
    if page.ending_before is not None:
        end = _place(ids, page.ending_before, "ending_before")
        begin = max(0, end - page.limit)
    more = begin > 0 if page.ending_before is not None else end < len(ids)
    return {
        "object": "list",
        "url": f"{_PATH}/{invoice.id}/lines",
        "has_more": more,
        "data": [line_object(line, invoice) for line in invoice.lines[begin:end]],
    }


def _place(ids: list[str], id: str, param: str) -> int:
    if id not in ids:
        raise ParameterInvalid(param, f"No such line item on this invoice: '{id[:60]}'.")
    return ids.index(id)


def create(work: Work, call: Call) -> Any:
    """Make a draft."""
    return invoices.shown(work, one_off.create_invoice(work, call.caller, call.own_params).value)


def update(work: Work, call: Call) -> Any:
    """Change an invoice."""
    kept = existing_invoice(work.session, call.scope, call.id)
    changed = one_off.update_invoice(work, call.caller, kept, call.own_params)
    return invoices.shown(work, changed.value)


def delete(work: Work, call: Call) -> Any:
    """Delete a draft."""
    kept = existing_invoice(work.session, call.scope, call.id)
    return deleted_object(one_off.delete_invoice(work, call.caller, kept).id, "invoice")


async def create_preview(call: Call) -> Reply:
    """What the next invoice would be. Nothing is written, so no answer is kept for a retry."""
    paths = call.params.get("expand") or ()

    def preview(work: Work) -> Any:
        invoice = previews.upcoming(work, call.caller, call.own_params)
        rendered = rendered_invoice(work.session, invoice, None)
        return expanded(work.session, call, rendered, paths, work.now_ms)

    job = CommandJob(lambda work: work.tentatively(lambda: preview(work)))
    return Reply(encode(await call.services.writer.ask(job)))


def finalize(work: Work, call: Call) -> Any:
    """Make a draft final."""
    kept = existing_invoice(work.session, call.scope, call.id)
    advances = call.params.get("auto_advance")
    final = invoices.finalize(work, call.caller, kept, auto_advance=advances)
    return invoices.shown(work, final.value)


def pay(work: Work, call: Call) -> Any:
    """Record that an invoice was paid."""
    kept = existing_invoice(work.session, call.scope, call.id)
    elsewhere = bool(call.params.get("paid_out_of_band", False))
    paid = invoices.pay(work, call.caller, kept, out_of_band=elsewhere)
    return invoices.shown(work, paid.value)


def _moving(move: Move) -> Callable[[Work, Call], Any]:
    def change(work: Work, call: Call) -> Any:
        kept = existing_invoice(work.session, call.scope, call.id)
        return invoices.shown(work, move(work, call.caller, kept).value)

    return change


def _shown(session: Session, call: Call, invoice: Invoice) -> Any:
    return rendered_invoice(session, invoice, call.services.terms.base_url)


def list_payments(session: Session, call: Call) -> Any:
    """What was paid, newest first. All payments are paid: nothing is charged here."""
    if call.params.get("status", "paid") != "paid":
        return list_object(_PAYMENTS, Slice([], has_more=False), invoice_payment_object)
    filters = filters_of(call.params, "invoice")
    found = session.invoice_payments.page(call.scope, call.page, **filters)
    return list_object(_PAYMENTS, found, invoice_payment_object)


def retrieve_payment(session: Session, call: Call) -> Any:
    """One payment."""
    return invoice_payment_object(session.invoice_payments.get(call.scope, call.id).value)


def _move(name: str, summary: str, change: Callable[[Work, Call], Any], given: Any) -> Route:
    return Route("POST", f"{_ONE}/{name}", summary, InvoiceObject, fields(**given), change=change)


ROUTES: Final = (
    Route(
        "GET", _PATH, "List invoices", InvoiceObject, listing(**params.LIST),
        read=list_, is_list=True,
    ),
    Route(
        "POST", _PATH, "Create an invoice", InvoiceObject, fields(**params.CREATE), change=create
    ),
    Route(
        "POST", f"{_PATH}/create_preview", "Preview an invoice", InvoiceObject,
        fields(**params.CREATE_PREVIEW), handle=create_preview, for_viewers=True,
    ),
    Route("GET", _ONE, "Retrieve an invoice", InvoiceObject, fields(), read=retrieve),
    Route(
        "POST", _ONE, "Update an invoice", InvoiceObject, fields(**params.UPDATE), change=update
    ),
    Route(
        "DELETE", _ONE, "Delete a draft invoice", DeletedObject, fields(**params.DELETE),
        change=delete,
    ),
    Route(
        "GET", f"{_ONE}/lines", "List the lines of an invoice", LineItemObject,
        listing(**params.LINES), read=lines, is_list=True,
    ),
    _move("finalize", "Finalize an invoice", finalize, params.FINALIZE),
    _move("pay", "Pay an invoice", pay, params.PAY),
    _move("void", "Void an invoice", _moving(invoices.void), params.VOID),
    _move(
        "mark_uncollectible", "Mark an invoice as uncollectible",
        _moving(invoices.mark_uncollectible), params.MARK_UNCOLLECTIBLE,
    ),
    _move("send", "Send an invoice", _moving(invoices.send), params.SEND),
    Route(
        "GET", _PAYMENTS, "List invoice payments", InvoicePaymentObject,
        listing(**params.PAYMENT_LIST), read=list_payments, is_list=True,
    ),
    Route(
        "GET", f"{_PAYMENTS}/{{id}}", "Retrieve an invoice payment", InvoicePaymentObject,
        fields(), read=retrieve_payment,
    ),
)  # fmt: skip
