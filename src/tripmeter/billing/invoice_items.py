"""Invoice items as callers make them: to wait for an invoice, or for one that is a draft."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

from tripmeter.billing.drafting import item_line
from tripmeter.billing.invoices import replaced
from tripmeter.billing.items import checked_tax_rates
from tripmeter.billing.pending import ITEMS_OF_AN_INVOICE
from tripmeter.billing.rendering import existing_invoice, rendered_invoice_item
from tripmeter.billing.subscriptions import OVER
from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.control.clocks import now_of
from tripmeter.control.currencies import currency_of, settle_currency
from tripmeter.control.customers import existing
from tripmeter.control.discounts import give_discounts
from tripmeter.control.prices import insert_price
from tripmeter.control.products import existing_product
from tripmeter.model.catalogue import Price
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid, ResourceMissing, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import Invoice, InvoiceItem, InvoiceStatus
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.invoice_items import (
    Figures,
    at_price,
    at_rate,
    check_price,
    figures,
    quantity_of,
    way_of,
)

URL: Final = "/v1/invoiceitems"

_USUAL_CURRENCY: Final = "usd"
"""What the account says its currency is."""


def create_item(work: Work, caller: Caller, params: dict[str, Any]) -> InvoiceItem:
    """Make an item that waits for an invoice, or stands on the draft that is named.

    Raises ParameterInvalid and its kin, naming the parameter; ResourceMissing; StateConflict.
    """
    scope = caller.scope
    customer = existing(work, caller, params["customer"], "customer").value
    price = _price(work, caller, params)
    invoice = _draft_of(work.session, scope, customer, params.get("invoice"))
    item = new_item(
        work.session, scope, customer, params, price,
        invoice=invoice.value if invoice else None, now_ms=now_of(work, customer),
    )  # fmt: skip
    recipient = Recipient(
        item.created_ms // 1000,
        customer.id,
        invoice_item=item.id,
        currency=item.currency,
        amount=item.amount,
    )
    given = params.get("discounts") or ()
    item = structs.replace(item, discounts=give_discounts(work, caller, given, recipient))
    settle_currency(work, caller, customer.id, customer.currency, item.currency)
    work.session.invoice_items.insert(item)
    announce(work, caller, "invoiceitem.created", rendered_invoice_item(work.session, item), URL)
    if invoice is not None:
        _show_on(work, caller, invoice, item)
    return item


def new_item(
    session: Session, scope: Scope, customer: Customer, params: Mapping[str, Any],
    price: Price | None, *, invoice: Invoice | None, now_ms: int,
) -> InvoiceItem:  # fmt: skip
    """An item as it is asked for, not stored, and without discounts."""
    check_tax_behavior(params)
    cost = figures(params, price)
    currency = _currency(params, customer, price, invoice)
    period = params.get("period")
    start_ms, end_ms = period_of(period) if period else (now_ms, now_ms)
    return InvoiceItem(
        id=new_id("ii", now_ms),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=now_ms,
        customer=customer.id,
        currency=currency,
        description=params.get("description") or _product_name(session, scope, cost),
        period_start_ms=start_ms,
        period_end_ms=end_ms,
        invoice=None if invoice is None else invoice.id,
        subscription=_subscription(session, scope, customer, params, currency),
        discountable=params.get("discountable", cost.amount >= 0),
        tax_rates=checked_tax_rates(session, scope, params.get("tax_rates"), "tax_rates"),
        metadata=merge_metadata({}, params.get("metadata")),
        **cost._asdict(),
    )


def update_item(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> InvoiceItem:
    """Change an item that waits, or stands on a draft. Raises StateConflict for another one."""
    kept = existing_item(work.session, caller.scope, id)
    invoice = _own_draft(work.session, caller.scope, kept.value)
    item = changed_item(
        work.session, caller.scope, kept.value, params, _price(work, caller, params)
    )
    if "discounts" in params:
        recipient = Recipient(
            now_of(work, work.session.customers.get(caller.scope, item.customer).value) // 1000,
            item.customer, invoice_item=item.id, currency=item.currency, amount=item.amount,
        )  # fmt: skip
        given = params["discounts"] or ()
        held = kept.value.discounts
        item = structs.replace(
            item, discounts=give_discounts(work, caller, given, recipient, held=held)
        )
    work.session.invoice_items.replace(kept.no, item)
    if invoice is not None:
        _show_on(work, caller, invoice, item)
    return item


def changed_item(
    session: Session, scope: Scope, item: InvoiceItem, params: Mapping[str, Any],
    price: Price | None,
) -> InvoiceItem:  # fmt: skip
    """An item with changes, not stored; its discounts are as they were."""
    check_tax_behavior(params)
    cost = _changed_figures(session, scope, item, params, price)
    if price is not None and price.currency != item.currency:
        raise _other_currency("pricing[price]", price.currency, item.currency)
    rates = item.tax_rates
    if "tax_rates" in params:
        rates = checked_tax_rates(session, scope, params["tax_rates"], "tax_rates")
    changed = structs.replace(
        item,
        description=params.get("description", item.description),
        discountable=params.get("discountable", item.discountable),
        tax_rates=rates,
        metadata=merge_metadata(item.metadata, params.get("metadata")),
        **cost._asdict(),
    )
    if "period" not in params:
        return changed
    start_ms, end_ms = period_of(params["period"])
    return structs.replace(changed, period_start_ms=start_ms, period_end_ms=end_ms)


def delete_item(work: Work, caller: Caller, id: str) -> InvoiceItem:
    """Delete an item that waits, or stands on a draft. Raises StateConflict for another one."""
    kept = existing_item(work.session, caller.scope, id)
    invoice = _own_draft(work.session, caller.scope, kept.value)
    gone = structs.replace(kept.value, deleted=True)
    work.session.invoice_items.replace(kept.no, gone)
    rendered = rendered_invoice_item(work.session, kept.value)
    announce(work, caller, "invoiceitem.deleted", rendered, URL)
    if invoice is not None:
        replaced(work, caller, invoice, _without(invoice.value, id))
    return gone


def existing_item(session: Session, scope: Scope, id: str, param: str = "id") -> Kept[InvoiceItem]:
    """An item that is not deleted. Raises ResourceMissing."""
    kept = session.invoice_items.get(scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("invoice item", id, param)
    return kept


def period_of(given: Mapping[str, int]) -> tuple[int, int]:
    """A period in ms. Raises ParameterInvalid if it ends before it begins."""
    if given["end"] < given["start"]:
        raise ParameterInvalid("period[end]", "A period cannot end before it begins.")
    return given["start"] * 1000, given["end"] * 1000


def check_tax_behavior(params: Mapping[str, Any]) -> None:
    """Raises ParameterInvalid for what only a tax rate can say here."""
    if params.get("tax_behavior", "unspecified") != "unspecified":
        raise ParameterInvalid(
            "tax_behavior",
            "Whether an amount includes a tax is what the tax rate says: give tax_rates with "
            "inclusive rates or others, and leave tax_behavior out.",
        )


def check_customer_currency(customer: Customer, currency: str, param: str) -> None:
    """A customer is billed in one currency. Raises ParameterInvalid for another one."""
    if customer.currency not in (None, currency):
        raise _other_currency(param, currency, str(customer.currency))


# --- what it costs -----------------------------------------------------------------------------


def _price(work: Work, caller: Caller, params: Mapping[str, Any]) -> Price | None:
    """The price that an item names, or has made for it."""
    way = way_of(params)
    if way == "price_data":
        given = params["price_data"]
        product = existing_product(work, caller, given["product"], "price_data[product]").value
        data = {**given, "active": False}  # of its own: nobody else is to use it (Stripe)
        return insert_price(work, caller, data, product.id, "price_data")
    return named_price(work.session, caller.scope, params) if way == "pricing" else None


def named_price(session: Session, scope: Scope, params: Mapping[str, Any]) -> Price:
    """The price that `pricing` names. Raises ResourceMissing, ParameterInvalid."""
    id_ = params["pricing"].get("price")
    if id_ is None:
        raise ParameterInvalid("pricing[price]", "Give the id of a price.", "parameter_missing")
    price = session.prices.get(scope, id_, "pricing[price]").value
    check_price(price, "pricing[price]")
    return price


def _changed_figures(
    session: Session, scope: Scope, item: InvoiceItem, params: Mapping[str, Any],
    price: Price | None,
) -> Figures:  # fmt: skip
    quantity = quantity_of(params)
    if way_of(params) is not None:
        given = dict(params)
        if quantity is None and "amount" not in params:
            given["quantity_decimal"] = item.quantity
        return figures(given, price)
    now = Figures(item.amount, item.quantity, item.unit_amount, item.price, item.product)
    if quantity is None:
        return now
    if item.price is not None:
        return at_price(session.prices.get(scope, item.price).value, quantity)
    if item.unit_amount is None:
        raise ParameterInvalid("quantity", "The item has no amount for one unit. Give `amount`.")
    return at_rate(item.unit_amount, quantity)


def _currency(
    params: Mapping[str, Any], customer: Customer, price: Price | None, invoice: Invoice | None
) -> str:
    known = price or invoice
    if "currency" in params:
        currency = currency_of(params["currency"], "currency")
    else:
        currency = known.currency if known else customer.currency or _USUAL_CURRENCY
    for one in (price, invoice):
        if one is not None and one.currency != currency:
            raise _other_currency("currency", currency, one.currency)
    check_customer_currency(customer, currency, "currency")
    return currency


def _other_currency(param: str, given: str, wanted: str) -> ParameterInvalid:
    return ParameterInvalid(
        param, f"{given} does not go with what is in {wanted} here. Use {wanted}."
    )


def _product_name(session: Session, scope: Scope, cost: Figures) -> str | None:
    """What an item without a description is called: after its product (Stripe)."""
    if cost.product is None:
        return None
    return session.products.get(scope, cost.product).value.name


# --- where it stands ---------------------------------------------------------------------------


def _subscription(
    session: Session, scope: Scope, customer: Customer, params: Mapping[str, Any], currency: str
) -> str | None:
    id_: str | None = params.get("subscription")
    if id_ is None:
        return None
    subscription = session.subscriptions.get(scope, id_, "subscription").value
    if subscription.customer != customer.id:
        raise ParameterInvalid(
            "subscription", f"The subscription {id_} is not one of the customer {customer.id}."
        )
    if subscription.status in OVER:
        raise ParameterInvalid(
            "subscription", f"The subscription {id_} is {subscription.status}. Leave it out."
        )
    if subscription.currency != currency:
        raise _other_currency("currency", currency, subscription.currency)
    return id_


def _draft_of(
    session: Session, scope: Scope, customer: Customer, id: str | None
) -> Kept[Invoice] | None:
    """The draft that an item is to stand on."""
    if id is None:
        return None
    kept = existing_invoice(session, scope, id, "invoice")
    if kept.value.customer != customer.id:
        raise ParameterInvalid(
            "invoice", f"The invoice {id} is not for the customer {customer.id}."
        )
    _check_draft(kept.value)
    if len(kept.value.lines) >= ITEMS_OF_AN_INVOICE:
        raise StateConflict(
            f"The invoice {id} has {len(kept.value.lines)} lines, and can have no more items. "
            "Make another invoice.",
            "invoice",
        )
    return kept


def _own_draft(session: Session, scope: Scope, item: InvoiceItem) -> Kept[Invoice] | None:
    if item.invoice is None:
        return None
    kept = session.invoices.get(scope, item.invoice)
    _check_draft(kept.value)
    return kept


def _check_draft(invoice: Invoice) -> None:
    if invoice.status is not InvoiceStatus.DRAFT:
        raise StateConflict(
            f"The invoice {invoice.id} is {invoice.status}, and its items cannot change any more. "
            "Make an item for the next invoice instead.",
            code="invoice_not_editable",
        )


def _show_on(work: Work, caller: Caller, kept: Kept[Invoice], item: InvoiceItem) -> None:
    """Have a draft show an item as it is now."""
    invoice = kept.value
    own = [line for line in invoice.lines if line.invoice_item == item.id]
    line = item_line(item, own[0].id if own else new_id("il", item.created_ms))
    lines = [line if one.invoice_item == item.id else one for one in invoice.lines]
    rest = [one for one in invoice.discounts if one.invoice_item != item.id]
    after = structs.replace(
        invoice,
        lines=tuple(lines) if own else (*lines, line),
        discounts=(*item.discounts, *rest),
    )
    replaced(work, caller, kept, after)


def _without(invoice: Invoice, item: str) -> Invoice:
    return structs.replace(
        invoice,
        lines=tuple(one for one in invoice.lines if one.invoice_item != item),
        discounts=tuple(one for one in invoice.discounts if one.invoice_item != item),
    )
