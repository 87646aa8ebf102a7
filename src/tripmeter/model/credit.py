"""Billing credits: grants, and the ledger of what became of them."""

from enum import StrEnum
from typing import Literal

import msgspec


class CreditGrant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Credit given to a customer. What is left of it is the sum of its transactions."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    updated_ms: int
    customer: str
    currency: str
    amount: int
    """Minor units, more than 0."""
    category: Literal["paid", "promotional"] = "paid"
    priority: int = 50
    """0 is used first, 100 last."""
    effective_ms: int
    expires_ms: int | None = None
    voided_ms: int | None = None
    prices: tuple[str, ...] = ()
    """Prices whose lines it pays; none means all metered prices."""
    name: str | None = None
    clock: str | None = None
    metadata: dict[str, str] = {}


class CreditKind(StrEnum):
    """Why the balance of a grant changed (Stripe); the first two are credits, the others debits."""

    GRANTED = "credits_granted"
    GIVEN_BACK = "credits_application_invoice_voided"
    APPLIED = "credits_applied"
    EXPIRED = "credits_expired"
    VOIDED = "credits_voided"


class CreditTransaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the ledger: it moves an amount into a grant's balance, or out of it."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    credit_grant: str
    currency: str
    kind: CreditKind
    amount: int
    """Minor units, positive; `kind` says which way."""
    effective_ms: int
    invoice: str | None = None
    invoice_line: str | None = None
    clock: str | None = None
