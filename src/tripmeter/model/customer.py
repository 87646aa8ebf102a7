"""Customers, as far as metering needs them."""

from typing import Any

import msgspec


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
