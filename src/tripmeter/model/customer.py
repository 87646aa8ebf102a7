"""Customers, as far as metering needs them."""

from typing import Any

import msgspec

from tripmeter.model.catalogue import Discount


class Customer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Someone whose usage is metered. `details` holds Stripe's descriptive fields as given."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    email: str | None = None
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}
    deleted: bool = False
    clock: str | None = None
    """The test clock whose time is the customer's."""
    currency: str | None = None
    """The currency in which the customer is billed, from the first time on."""
    balance: int = 0
    """Minor units: below zero is credit for the next invoice, above is owed."""
    discount: Discount | None = None
    invoice_prefix: str | None = None
    invoices: int = 0
    """How many invoices have a number."""
