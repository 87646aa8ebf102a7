"""Subscriptions: what a customer is billed for, over which periods, and where the lines are."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

from tripmeter.model.catalogue import Discount


class Status(StrEnum):
    """Where a subscription stands (Stripe)."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    PAUSED = "paused"


class Window(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One period of one metered item: which usage belongs to it, and what of it was billed.

    Usage belongs by its own timestamp, in [start_ms, end_ms), and by its place in the log: after
    `opened_at` and up to `closed_at`. What was reported before a subscription was made is not
    part of it (C4); what comes when its invoice is finalized is late.
    """

    no: int
    """Unique in the store."""
    start_ms: int
    end_ms: int
    opened_at: int
    """The last position of the usage log before it opened."""
    closed_at: int | None = None
    """The last position of the usage log before it closed; None while it takes usage."""
    cut_ms: int | None = None
    """Where the subscription ended early: what is stamped from here on is not its usage, as far as
    it came after `cut_at`."""
    cut_at: int = 0
    """The last position of the usage log before the subscription ended early."""
    billed_usage: Decimal | None = None
    """Up to where threshold invoices took the usage; from there `usage_gte` counts again."""


class SubscriptionItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One price of a subscription."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    subscription: str
    customer: str
    price: str
    meter: str | None = None
    """The meter whose usage it bills; None where a quantity is billed."""
    quantity: int | None = None
    """None for metered prices."""
    period_start_ms: int
    period_end_ms: int
    usage_gte: int | None = None
    """Billing threshold: whole units of usage."""
    windows: tuple[Window, ...] = ()
    """Of metered items: closing ones whose invoice is a draft, the current one, the next one."""
    current_window: int | None = None
    """The number of the current one."""
    tax_rates: tuple[str, ...] = ()
    discounts: tuple[Discount, ...] = ()
    metadata: dict[str, str] = {}
    deleted: bool = False


class Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A customer's subscription. Its items are records of their own."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    currency: str
    status: Status
    start_ms: int
    anchor_ms: int
    """The billing cycle anchor: periods begin at its day and time."""
    period_start_ms: int
    period_end_ms: int
    periods: int = 1
    """How many periods have begun, the current one included: two may begin at the same time."""
    period_invoice: str | None = None
    """The first invoice since the current period began."""
    clock: str | None = None
    """The test clock of its customer."""
    collection_method: Literal["charge_automatically", "send_invoice"] = "charge_automatically"
    days_until_due: int | None = None
    amount_gte: int | None = None
    """Billing threshold: minor units."""
    reset_billing_cycle_anchor: bool = False
    trial_start_ms: int | None = None
    trial_end_ms: int | None = None
    cancel_at_ms: int | None = None
    cancel_at_period_end: bool = False
    canceled_ms: int | None = None
    ended_ms: int | None = None
    latest_invoice: str | None = None
    invoices_in_period: int = 0
    """The ordinal of the last invoice of the period: with its start, what makes one unique."""
    held_back: bool = False
    """A threshold was crossed, and the rate rule for invoices let no invoice through yet."""
    held_until_ms: int | None = None
    """While it is held back: when the next invoice is let through."""
    discounts: tuple[Discount, ...] = ()
    default_tax_rates: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    description: str | None = None
    details: dict[str, Any] = {}
    """Stripe's other fields, as given: invoice_settings, payment_settings, pause_collection …"""
