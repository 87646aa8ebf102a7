"""Accounts, API keys, what a key may do and how fast."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace: the owner of everything else."""

    id: str
    created_ms: int
    name: str


class Resource(StrEnum):
    """What a restricted key may be allowed, each by itself."""

    ACCESS = "access"
    """Limits on usage, and what is reserved under them, too."""
    ACCOUNT = "account"
    ALERTS = "alerts"
    BILLING_PORTAL = "billing_portal"
    """Opens a customer's page to whoever has its address."""
    COUPONS = "coupons"
    """Promotion codes, too."""
    CREDITS = "credits"
    CUSTOMERS = "customers"
    DASHBOARD = "dashboard"
    """What it shows of everything together: how much, how often, how near, which requests."""
    ENTITLEMENTS = "entitlements"
    EVENTS = "events"
    INVOICES = "invoices"
    """Invoice items and payments, too."""
    METER_EVENTS = "meter_events"
    METERS = "meters"
    PRICES = "prices"
    PRODUCTS = "products"
    SUBSCRIPTIONS = "subscriptions"
    TAX_RATES = "tax_rates"
    TEST_CLOCKS = "test_clocks"
    WEBHOOK_ENDPOINTS = "webhook_endpoints"
    """Event destinations, too: the same thing in the second generation of the API."""


class Access(StrEnum):
    """How far a permission goes. To write includes to read; what is not named is none."""

    READ = "read"
    WRITE = "write"


class Permission(NamedTuple):
    """One thing that a key may do; written `meters:read`."""

    resource: Resource
    access: Access

    def __str__(self) -> str:
        return f"{self.resource}:{self.access}"


Permissions = Mapping[Resource, Access]
"""All that a restricted key may do."""


class Limit(NamedTuple):
    """So many a second, of which one second's worth may come at once."""

    per_second: int
    reason: Literal["global-rate", "endpoint-rate"] = "global-rate"
    """Whether all that a caller does counts, or one endpoint alone (Stripe's words)."""
    unit: Literal["requests", "events"] = "requests"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key. Only the SHA-256 of the secret is kept; `hint` is what people may see of it."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    name: str
    digest: bytes
    hint: str
    revoked_ms: int | None = None
    permissions: dict[Resource, Access] | None = None
    """None for a secret key, which may do everything."""

    @property
    def may(self) -> str:
        """What it may do, for people to read: `everything`, or permissions, one a line."""
        if self.permissions is None:
            return "everything"
        return "\n".join(sorted(str(Permission(*one)) for one in self.permissions.items()))


class StreamSession(msgspec.Struct, frozen=True, kw_only=True):
    """A meter event session: its token opens the stream for 15 minutes."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    expires_ms: int
    digest: bytes
