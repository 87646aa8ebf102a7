"""The shapes of invoices, their lines, items and payments, as rendered here."""

from typing import Any, Literal, NotRequired, TypedDict

from tripmeter.wire.catalogue import TaxRateObject


class DiscountAmount(TypedDict):
    """What a discount took off."""

    amount: int
    discount: str


class PretaxCreditAmount(TypedDict):
    """What a discount or a billing credit took off, before taxes."""

    amount: int
    credit_balance_transaction: str | None
    discount: str | None
    type: Literal["credit_balance_transaction", "discount"]


class TaxAmount(TypedDict):
    """What a tax rate added, or is part of the amount."""

    amount: int
    tax_behavior: Literal["exclusive", "inclusive"]
    tax_rate_details: dict[str, str]
    taxability_reason: str
    taxable_amount: int
    type: Literal["tax_rate_details"]


class Pricing(TypedDict):
    """What a unit cost, and by which price."""

    price_details: dict[str, str] | None
    type: Literal["price_details"]
    unit_amount_decimal: str | None


class LineItemObject(TypedDict):
    """One line of an invoice."""

    id: str
    object: Literal["line_item"]
    amount: int
    currency: str
    description: str | None
    discount_amounts: list[DiscountAmount]
    discountable: bool
    discounts: list[str]
    invoice: str
    livemode: bool
    metadata: dict[str, str]
    parent: dict[str, Any] | None
    period: dict[str, int]
    pretax_credit_amounts: list[PretaxCreditAmount]
    pricing: Pricing | None
    quantity: int | None
    quantity_decimal: str | None
    subscription: str | None
    subtotal: int
    taxes: list[TaxAmount]


class LineItemList(TypedDict):
    """The first lines of an invoice, and where the others are."""

    object: Literal["list"]
    data: list[LineItemObject]
    has_more: bool
    url: str


class InvoicePaymentObject(TypedDict):
    """What was paid on an invoice."""

    id: str
    object: Literal["invoice_payment"]
    amount_paid: int | None
    amount_requested: int
    created: int
    currency: str
    invoice: str
    is_default: bool
    livemode: bool
    payment: dict[str, str | None]
    status: str
    status_transitions: dict[str, int | None]


class InvoicePaymentList(TypedDict):
    """The payments of an invoice."""

    object: Literal["list"]
    data: list[InvoicePaymentObject]
    has_more: bool
    url: str


class InvoiceObject(TypedDict):
    """What a customer owes, line by line. `payments` are there only if asked for (`expand`)."""

    id: str
    object: Literal["invoice"]
    account_country: str | None
    account_name: str | None
    account_tax_ids: list[str] | None
    amount_due: int
    amount_overpaid: int
    amount_paid: int
    amount_paid_off_stripe: int
    amount_remaining: int
    amount_shipping: int
    application: str | None
    attempt_count: int
    attempted: bool
    auto_advance: bool
    automatic_tax: dict[str, Any]
    automatically_finalizes_at: int | None
    billing_reason: str
    collection_method: str
    confirmation_secret: dict[str, str] | None
    created: int
    currency: str
    custom_fields: list[dict[str, str]] | None
    customer: str
    customer_account: str | None
    customer_address: dict[str, Any] | None
    customer_email: str | None
    customer_name: str | None
    customer_phone: str | None
    customer_shipping: dict[str, Any] | None
    customer_tax_exempt: str | None
    customer_tax_ids: list[dict[str, Any]]
    default_payment_method: str | None
    default_source: str | None
    default_tax_rates: list[TaxRateObject]
    description: str | None
    discounts: list[str]
    due_date: int | None
    effective_at: int | None
    ending_balance: int | None
    footer: str | None
    from_invoice: dict[str, Any] | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    issuer: dict[str, Any]
    late_usage: NotRequired[int]
    """Ours: events that came too late to be on it; there if there are any."""
    last_finalization_error: dict[str, Any] | None
    latest_revision: str | None
    lines: LineItemList
    livemode: bool
    metadata: dict[str, str]
    next_payment_attempt: int | None
    number: str | None
    on_behalf_of: str | None
    parent: dict[str, Any] | None
    payment_settings: dict[str, Any]
    payments: InvoicePaymentList | None
    period_end: int
    period_start: int
    post_payment_credit_notes_amount: int
    pre_payment_credit_notes_amount: int
    receipt_number: str | None
    rendering: dict[str, Any] | None
    shipping_cost: dict[str, Any] | None
    shipping_details: dict[str, Any] | None
    starting_balance: int
    statement_descriptor: str | None
    status: str
    status_details: dict[str, Any] | None
    status_transitions: dict[str, int | None]
    subtotal: int
    subtotal_excluding_tax: int
    test_clock: str | None
    threshold_reason: dict[str, Any] | None
    total: int
    total_discount_amounts: list[DiscountAmount]
    total_excluding_tax: int
    total_pretax_credit_amounts: list[PretaxCreditAmount]
    total_taxes: list[TaxAmount]
    webhooks_delivered_at: int | None


class InvoiceItemObject(TypedDict):
    """An amount that waits for an invoice, or stands on one."""

    id: str
    object: Literal["invoiceitem"]
    amount: int
    currency: str
    customer: str
    customer_account: str | None
    date: int
    description: str | None
    discountable: bool
    discounts: list[str]
    frozen_fields: list[str] | None
    invoice: str | None
    invoicing_rules: list[dict[str, str]] | None
    livemode: bool
    metadata: dict[str, str]
    net_amount: int | None
    parent: dict[str, Any] | None
    period: dict[str, int]
    pricing: Pricing | None
    proration: bool
    proration_details: dict[str, Any] | None
    quantity: int
    quantity_decimal: str
    tax_rates: list[TaxRateObject]
    test_clock: str | None
