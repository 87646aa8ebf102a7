"""Invoices with their lines, what waits for one, and what was paid on one."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

from tripmeter.model.catalogue import Discount
from tripmeter.model.subscription import Window


class InvoiceStatus(StrEnum):
    """Where an invoice stands (Stripe)."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


class BillingReason(StrEnum):
    """Why there is an invoice (Stripe)."""

    MANUAL = "manual"
    CREATE = "subscription_create"
    CYCLE = "subscription_cycle"
    THRESHOLD = "subscription_threshold"
    UPDATE = "subscription_update"
    UPCOMING = "upcoming"


class Applied(msgspec.Struct, frozen=True):
    """An amount that something took off: a discount, or a transaction of the credit balance."""

    id: str
    amount: int
    """Minor units, positive."""


class Taxed(msgspec.Struct, frozen=True):
    """A tax on a line, or on a whole invoice."""

    tax_rate: str
    inclusive: bool
    amount: int
    taxable: int
    """Minor units that the rate was applied to."""


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `amount` is rounded; everything below it follows from it in whole minor units."""

    id: str
    amount: int
    """Minor units before discounts, credits and exclusive taxes; rounded half up."""
    description: str
    period_start_ms: int
    period_end_ms: int
    price: str | None = None
    product: str | None = None
    unit_amount: Decimal | None = None
    quantity: Decimal = Decimal(1)
    subscription: str | None = None
    subscription_item: str | None = None
    invoice_item: str | None = None
    window: int | None = None
    """The window whose usage it bills: such lines can be paid by credits."""
    charge: int | None = None
    """Which charge of the price it is, by its place among them (`rules.pricing`)."""
    proration: bool = False
    discountable: bool = True
    tax_rates: tuple[str, ...] = ()
    discounts: tuple[Applied, ...] = ()
    credits: tuple[Applied, ...] = ()
    taxes: tuple[Taxed, ...] = ()
    metadata: dict[str, str] = {}


class WindowUsage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The usage that an invoice billed, and all that it was made of: `doctor` makes it anew."""

    item: str
    meter: str
    price: str
    window: Window
    """As it was before the invoice; `closed_at` is the last position whose usage is billed."""
    usage: Decimal
    """All usage of the window up to there, what was billed before included."""


class ItemReason(msgspec.Struct, frozen=True):
    """A usage threshold that was crossed, and the lines that its usage is billed on."""

    usage_gte: int
    lines: tuple[str, ...]


class ThresholdReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which thresholds an invoice was issued for."""

    amount_gte: int | None = None
    item_reasons: tuple[ItemReason, ...] = ()


class Invoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invoice. From its finalization on only its status changes."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    currency: str
    status: InvoiceStatus
    reason: BillingReason
    collection_method: Literal["charge_automatically", "send_invoice"] = "charge_automatically"
    auto_advance: bool = True
    subscription: str | None = None
    ordinal: int | None = None
    """With the subscription and `period_start_ms`, what makes an invoice of a period unique."""
    number: str | None = None
    period_start_ms: int
    period_end_ms: int
    clock: str | None = None
    lines: tuple[InvoiceLine, ...] = ()
    usages: tuple[WindowUsage, ...] = ()
    """What the lines of usage were made of."""
    discounts: tuple[Discount, ...] = ()
    default_tax_rates: tuple[str, ...] = ()
    threshold_reason: ThresholdReason | None = None
    subtotal: int = 0
    total_excluding_tax: int = 0
    total: int = 0
    starting_balance: int = 0
    ending_balance: int | None = None
    """The customer's balance afterwards; None until it is finalized."""
    amount_due: int = 0
    amount_paid: int = 0
    finalizes_ms: int | None = None
    due_ms: int | None = None
    finalized_ms: int | None = None
    paid_ms: int | None = None
    voided_ms: int | None = None
    uncollectible_ms: int | None = None
    token: str | None = None
    """What its page for people is found by: who knows it may read the invoice."""
    late_usage: int = 0
    """Events that came for its windows when it was finalized already."""
    metadata: dict[str, str] = {}
    description: str | None = None
    footer: str | None = None
    details: dict[str, Any] = {}
    """Facts of customer and subscription as they were, and Stripe's other fields as given."""
    deleted: bool = False


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was paid on an invoice."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    invoice: str
    currency: str
    amount: int
    """Minor units."""
    out_of_band: bool = False
    """Paid elsewhere, and recorded here."""


class InvoiceItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An amount that waits for the customer's next invoice, or stands on one."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    currency: str
    amount: int
    quantity: Decimal = Decimal(1)
    unit_amount: Decimal | None = None
    price: str | None = None
    product: str | None = None
    """What the price sells."""
    description: str | None = None
    period_start_ms: int
    period_end_ms: int
    invoice: str | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    proration: bool = False
    discountable: bool = True
    discounts: tuple[Discount, ...] = ()
    tax_rates: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    deleted: bool = False


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a customer's invoice balance: below zero is credit, above is owed."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    currency: str
    amount: int
    ending_balance: int
    type: str
    """adjustment, applied_to_invoice, unapplied_from_invoice, invoice_too_small … (Stripe)."""
    invoice: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
