"""Renders invoices, their lines, items and payments: in Stripe's fields, from our facts.

`invoice_page` and `invoice_pdf` render the same facts for people.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from tripmeter.model.catalogue import Discount, TaxRate
from tripmeter.model.invoice import (
    Applied,
    Invoice,
    InvoiceItem,
    InvoiceLine,
    InvoicePayment,
    InvoiceStatus,
    Taxed,
    ThresholdReason,
)
from tripmeter.wire.parts import (
    BY_US,
    NO_AUTOMATIC_TAX,
    discount_ids,
    in_order,
    members,
    rates_shown,
)
from tripmeter.wire.shapes_invoices import (
    DiscountAmount,
    InvoiceItemObject,
    InvoiceObject,
    InvoicePaymentList,
    InvoicePaymentObject,
    LineItemList,
    LineItemObject,
    PretaxCreditAmount,
    Pricing,
    TaxAmount,
)
from tripmeter.wire.times import unix, unix_or_none

LINES_SHOWN: Final = 10
"""How many lines an invoice shows itself; the others are in its list of lines (Stripe)."""

_AS_IT_WAS: Final = (
    "account_country",
    "account_name",
    "custom_fields",
    "customer_address",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_shipping",
    "rendering",
    "shipping_details",
    "statement_descriptor",
)
"""Facts of account and customer when the invoice was made, and settings as given: in `details`."""

_ABSENT: Final[dict[str, Any]] = {
    "account_tax_ids": None,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "confirmation_secret": None,
    "customer_account": None,
    "default_payment_method": None,
    "default_source": None,
    "from_invoice": None,
    "last_finalization_error": None,
    "latest_revision": None,
    "next_payment_attempt": None,
    "on_behalf_of": None,
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "shipping_cost": None,
    "webhooks_delivered_at": None,
}
"""Fields of Stripe's for what there is not here."""

_NO_ITEMS: Final[dict[str, Any]] = {"credited_items": None, "discount_amounts": []}
"""The details of a proration, of which we keep none."""


# --- an invoice --------------------------------------------------------------------------------


def invoice_object(
    invoice: Invoice,
    tax_rates: Mapping[str, TaxRate],
    *,
    payments: Iterable[InvoicePayment] | None = None,
    base_url: str | None = None,
) -> InvoiceObject:
    """An invoice with its first lines. `tax_rates` holds its default ones.

    The page and the PDF of an invoice have addresses below `base_url` from its finalization on.
    """
    whole: Any = {
        "id": invoice.id,
        "object": "invoice",
        **_ABSENT,
        **members(invoice.details, _AS_IT_WAS),
        **_terms(invoice),
        **_standing(invoice),
        **_amounts(invoice),
        **_sums(invoice.lines),
        **_addresses(invoice, base_url),
        "default_tax_rates": rates_shown(invoice.default_tax_rates, tax_rates),
        "lines": _first_lines(invoice),
        "parent": _invoice_parent(invoice),
        "payments": None if payments is None else payment_list(invoice.id, payments),
        "threshold_reason": _threshold_reason(invoice.threshold_reason),
    }
    return cast(InvoiceObject, in_order(whole))


def _terms(invoice: Invoice) -> dict[str, Any]:
    paying = invoice.details.get("payment_settings") or {}
    return {
        "automatic_tax": {**NO_AUTOMATIC_TAX, "provider": None, "status": None},
        "billing_reason": invoice.reason.value,
        "collection_method": invoice.collection_method,
        "created": unix(invoice.created_ms),
        "currency": invoice.currency,
        "customer": invoice.customer,
        "customer_tax_exempt": invoice.details.get("customer_tax_exempt", "none"),
        "customer_tax_ids": invoice.details.get("customer_tax_ids", []),
        "description": invoice.description,
        "discounts": discount_ids(filter(_is_of_the_whole, invoice.discounts)),
        "due_date": unix_or_none(invoice.due_ms),
        "footer": invoice.footer,
        "issuer": BY_US,
        "livemode": invoice.livemode,
        "metadata": invoice.metadata,
        "number": invoice.number,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": paying.get("payment_method_types"),
        },
        "period_end": unix(invoice.period_end_ms),
        "period_start": unix(invoice.period_start_ms),
        "test_clock": invoice.clock,
    }


def _is_of_the_whole(discount: Discount) -> bool:
    """Whether a discount is for a whole invoice: those of its items stand on their lines."""
    return discount.subscription_item is None and discount.invoice_item is None


def _standing(invoice: Invoice) -> dict[str, Any]:
    is_draft = invoice.status is InvoiceStatus.DRAFT
    is_pending = is_draft or invoice.status is InvoiceStatus.OPEN
    effective = invoice.details.get("effective_at") or unix_or_none(invoice.finalized_ms)
    return {
        "attempted": invoice.status is InvoiceStatus.PAID or "declined_ms" in invoice.details,
        "auto_advance": invoice.auto_advance and is_pending,
        "automatically_finalizes_at": unix_or_none(invoice.finalizes_ms) if is_draft else None,
        "effective_at": effective,
        **({"late_usage": invoice.late_usage} if invoice.late_usage else {}),
        "status": invoice.status.value,
        "status_details": _status_details(invoice),
        "status_transitions": {
            "finalized_at": unix_or_none(invoice.finalized_ms),
            "marked_uncollectible_at": unix_or_none(invoice.uncollectible_ms),
            "paid_at": unix_or_none(invoice.paid_ms),
            "voided_at": unix_or_none(invoice.voided_ms),
        },
    }


def _status_details(invoice: Invoice) -> dict[str, Any] | None:
    if invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
        return None
    reason = invoice.details.get("uncollectible_reason", "user_forgiven")
    return {"uncollectible": {"reason": reason}}


def _amounts(invoice: Invoice) -> dict[str, Any]:
    left = invoice.amount_due - invoice.amount_paid
    inclusive = sum(tax.amount for line in invoice.lines for tax in line.taxes if tax.inclusive)
    return {
        "amount_due": invoice.amount_due,
        "amount_overpaid": max(-left, 0),
        "amount_paid": invoice.amount_paid,
        "amount_paid_off_stripe": invoice.amount_paid,
        "amount_remaining": max(left, 0),
        "ending_balance": invoice.ending_balance,
        "starting_balance": invoice.starting_balance,
        "subtotal": invoice.subtotal,
        "subtotal_excluding_tax": invoice.subtotal - inclusive,
        "total": invoice.total,
        "total_excluding_tax": invoice.total_excluding_tax,
    }


def _sums(lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    discounts = _added_up(one for line in lines for one in line.discounts)
    credits = _added_up(one for line in lines for one in line.credits)
    return {
        "total_discount_amounts": list(map(_discount_amount, discounts)),
        "total_pretax_credit_amounts": _pretax_credit_amounts(discounts, credits),
        "total_taxes": list(map(_tax_amount, taxes_of(lines))),
    }


def taxes_of(lines: Iterable[InvoiceLine]) -> list[Taxed]:
    """What each tax rate comes to on all lines, in the order in which they appear."""
    sums: dict[tuple[str, bool], Taxed] = {}
    for tax in (tax for line in lines for tax in line.taxes):
        key = tax.tax_rate, tax.inclusive
        so_far = sums.get(key, Taxed(*key, 0, 0))
        sums[key] = Taxed(*key, so_far.amount + tax.amount, so_far.taxable + tax.taxable)
    return list(sums.values())


def _added_up(applied: Iterable[Applied]) -> list[Applied]:
    """What each of them took off altogether, in the order in which they appear."""
    sums: dict[str, int] = {}
    for one in applied:
        sums[one.id] = sums.get(one.id, 0) + one.amount
    return [Applied(id, amount) for id, amount in sums.items()]


def _addresses(invoice: Invoice, base_url: str | None) -> dict[str, str | None]:
    page = None
    if base_url and invoice.token and invoice.finalized_ms is not None:
        page = f"{base_url}/i/{invoice.token}"
    return {"hosted_invoice_url": page, "invoice_pdf": page and f"{page}/pdf"}


def _first_lines(invoice: Invoice) -> LineItemList:
    return {
        "object": "list",
        "data": [line_object(line, invoice) for line in invoice.lines[:LINES_SHOWN]],
        "has_more": len(invoice.lines) > LINES_SHOWN,
        "url": f"/v1/invoices/{invoice.id}/lines",
    }


def _invoice_parent(invoice: Invoice) -> dict[str, Any] | None:
    if invoice.subscription is None:
        return None
    details = {
        "metadata": invoice.details.get("subscription_metadata", {}),
        "subscription": invoice.subscription,
    }
    proration = invoice.details.get("subscription_proration_date")
    if proration is not None:
        details["subscription_proration_date"] = proration
    return {
        "quote_details": None,
        "subscription_details": details,
        "type": "subscription_details",
    }


def _threshold_reason(reason: ThresholdReason | None) -> dict[str, Any] | None:
    if reason is None:
        return None
    return {
        "amount_gte": reason.amount_gte,
        "item_reasons": [
            {"line_item_ids": list(one.lines), "usage_gte": one.usage_gte}
            for one in reason.item_reasons
        ],
    }


# --- lines -------------------------------------------------------------------------------------


def line_object(line: InvoiceLine, invoice: Invoice) -> LineItemObject:
    """One line of an invoice."""
    return {
        "id": line.id,
        "object": "line_item",
        "amount": line.amount,
        "currency": invoice.currency,
        "description": line.description,
        "discount_amounts": list(map(_discount_amount, line.discounts)),
        "discountable": line.discountable,
        "discounts": [one.id for one in line.discounts],
        "invoice": invoice.id,
        "livemode": invoice.livemode,
        "metadata": line.metadata,
        "parent": _line_parent(line),
        "period": _period(line),
        "pretax_credit_amounts": _pretax_credit_amounts(line.discounts, line.credits),
        "pricing": _pricing(line.price, line.product, line.unit_amount),
        "quantity": int(line.quantity),
        "quantity_decimal": decimal_text(line.quantity),
        "subscription": line.subscription,
        "subtotal": line.amount,
        "taxes": list(map(_tax_amount, line.taxes)),
    }


def _line_parent(line: InvoiceLine) -> dict[str, Any] | None:
    """What made the line: an item of a subscription, or else an invoice item (Stripe)."""
    details: dict[str, Any] = {
        "invoice_item": line.invoice_item,
        "proration": line.proration,
        "proration_details": {"credited_items": None} if line.proration else None,
        "subscription": line.subscription,
    }
    if line.subscription_item is not None:
        return {
            "invoice_item_details": None,
            "subscription_item_details": {**details, "subscription_item": line.subscription_item},
            "type": "subscription_item_details",
        }
    if line.invoice_item is not None:
        return {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return None


def _pricing(price: str | None, product: str | None, unit_amount: Decimal | None) -> Pricing | None:
    if price is None and unit_amount is None:
        return None
    return {
        "price_details": {"price": price, "product": product} if price and product else None,
        "type": "price_details",
        "unit_amount_decimal": None if unit_amount is None else decimal_text(unit_amount),
    }


def _period(of: InvoiceLine | InvoiceItem) -> dict[str, int]:
    return {"end": unix(of.period_end_ms), "start": unix(of.period_start_ms)}


def _discount_amount(applied: Applied) -> DiscountAmount:
    return {"amount": applied.amount, "discount": applied.id}


def _pretax_credit_amounts(
    discounts: Iterable[Applied], credits: Iterable[Applied]
) -> list[PretaxCreditAmount]:
    """Discounts come first, as they are taken off first."""
    made: list[PretaxCreditAmount] = [
        {
            "amount": one.amount,
            "credit_balance_transaction": None,
            "discount": one.id,
            "type": "discount",
        }
        for one in discounts
    ]
    made += [
        {
            "amount": one.amount,
            "credit_balance_transaction": one.id or None,  # a preview has none
            "discount": None,
            "type": "credit_balance_transaction",
        }
        for one in credits
    ]
    return made


def _tax_amount(tax: Taxed) -> TaxAmount:
    return {
        "amount": tax.amount,
        "tax_behavior": "inclusive" if tax.inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": tax.tax_rate},
        "taxability_reason": "not_available",  # Stripe says so of rates that were set by hand
        "taxable_amount": tax.taxable,
        "type": "tax_rate_details",
    }


def decimal_text(number: Decimal) -> str:
    """A decimal without an exponent, and without zeros that say nothing: `0.0025`, `12`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- invoice items and payments ----------------------------------------------------------------


def invoice_item_object(
    item: InvoiceItem,
    tax_rates: Mapping[str, TaxRate],
    *,
    clock: str | None = None,
) -> InvoiceItemObject:
    """An invoice item; `clock` is the test clock of its customer."""
    return {
        "id": item.id,
        "object": "invoiceitem",
        "amount": item.amount,
        "currency": item.currency,
        "customer": item.customer,
        "customer_account": None,
        "date": unix(item.created_ms),
        "description": item.description,
        "discountable": item.discountable,
        "discounts": discount_ids(item.discounts),
        "frozen_fields": None,
        "invoice": item.invoice,
        "invoicing_rules": None,
        "livemode": item.livemode,
        "metadata": item.metadata,
        "net_amount": None if item.discountable else item.amount,
        "parent": _item_parent(item),
        "period": _period(item),
        "pricing": _pricing(item.price, item.product, item.unit_amount),
        "proration": item.proration,
        "proration_details": _NO_ITEMS if item.proration else None,
        "quantity": int(item.quantity),
        "quantity_decimal": decimal_text(item.quantity),
        "tax_rates": rates_shown(item.tax_rates, tax_rates),
        "test_clock": clock,
    }


def _item_parent(item: InvoiceItem) -> dict[str, Any] | None:
    if item.subscription is None:
        return None
    details = {"subscription": item.subscription}
    if item.subscription_item is not None:
        details["subscription_item"] = item.subscription_item
    return {"subscription_details": details, "type": "subscription_details"}


def invoice_payment_object(payment: InvoicePayment) -> InvoicePaymentObject:
    """A payment. Nothing is charged here, so each is the record of what was paid elsewhere."""
    return {
        "id": payment.id,
        "object": "invoice_payment",
        "amount_paid": payment.amount,
        "amount_requested": payment.amount,
        "created": unix(payment.created_ms),
        "currency": payment.currency,
        "invoice": payment.invoice,
        "is_default": True,
        "livemode": payment.livemode,
        "payment": {
            "charge": None,
            "payment_intent": None,
            "payment_record": None,
            "type": "payment_record",
        },
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": unix(payment.created_ms)},
    }


def payment_list(invoice: str, payments: Iterable[InvoicePayment]) -> InvoicePaymentList:
    """The payments of an invoice."""
    return {
        "object": "list",
        "data": list(map(invoice_payment_object, payments)),
        "has_more": False,
        "url": f"/v1/invoice_payments?invoice={invoice}",
    }
