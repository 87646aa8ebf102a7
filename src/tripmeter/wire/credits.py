"""Billing credits as Stripe's objects, and their shapes."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypedDict

from tripmeter.model.credit import CreditGrant, CreditKind, CreditTransaction
from tripmeter.wire.times import unix, unix_or_none


class MonetaryShape(TypedDict):
    """An amount of money."""

    currency: str
    value: int


class AmountShape(TypedDict):
    """An amount of credit."""

    monetary: MonetaryShape
    type: Literal["monetary"]


class CreditGrantObject(TypedDict):
    """Credit given to a customer."""

    id: str
    object: Literal["billing.credit_grant"]
    amount: AmountShape
    applicability_config: dict[str, Any]
    category: str
    created: int
    customer: str
    customer_account: str | None
    effective_at: int | None
    expires_at: int | None
    livemode: bool
    metadata: dict[str, str]
    name: str | None
    priority: int | None
    test_clock: str | None
    updated: int
    voided_at: int | None


class CreditBalanceTransactionObject(TypedDict):
    """One entry in the ledger of a customer's credits: a credit or a debit."""

    id: str
    object: Literal["billing.credit_balance_transaction"]
    created: int
    credit: dict[str, Any] | None
    credit_grant: str
    debit: dict[str, Any] | None
    effective_at: int
    livemode: bool
    test_clock: str | None
    type: Literal["credit", "debit"]


class BalanceShape(TypedDict):
    """The credit that there is in one currency."""

    available_balance: AmountShape
    ledger_balance: AmountShape


class CreditBalanceSummaryObject(TypedDict):
    """What a customer has in credits."""

    object: Literal["billing.credit_balance_summary"]
    balances: list[BalanceShape]
    customer: str
    customer_account: str | None
    livemode: bool


class Balance(NamedTuple):
    """What there is of credits in one currency, in minor units."""

    currency: str
    available: int
    """What an invoice that is finalized now could use, drafts aside."""
    ledger: int


def credit_grant_object(grant: CreditGrant) -> CreditGrantObject:
    """A credit grant."""
    scope: dict[str, Any] = {"price_type": "metered"}
    if grant.prices:
        scope = {"prices": [{"id": price} for price in grant.prices]}
    return {
        "id": grant.id,
        "object": "billing.credit_grant",
        "amount": _amount(grant.currency, grant.amount),
        "applicability_config": {"scope": scope},
        "category": grant.category,
        "created": unix(grant.created_ms),
        "customer": grant.customer,
        "customer_account": None,
        "effective_at": unix(grant.effective_ms),
        "expires_at": unix_or_none(grant.expires_ms),
        "livemode": grant.livemode,
        "metadata": grant.metadata,
        "name": grant.name,
        "priority": grant.priority,
        "test_clock": grant.clock,
        "updated": unix(grant.updated_ms),
        "voided_at": unix_or_none(grant.voided_ms),
    }


def credit_transaction_object(entry: CreditTransaction) -> CreditBalanceTransactionObject:
    """An entry of the ledger. The side that it does not move is null."""
    side = _side(entry)
    is_credit = entry.kind in (CreditKind.GRANTED, CreditKind.GIVEN_BACK)
    return {
        "id": entry.id,
        "object": "billing.credit_balance_transaction",
        "created": unix(entry.created_ms),
        "credit": side if is_credit else None,
        "credit_grant": entry.credit_grant,
        "debit": None if is_credit else side,
        "effective_at": unix(entry.effective_ms),
        "livemode": entry.livemode,
        "test_clock": entry.clock,
        "type": "credit" if is_credit else "debit",
    }


def credit_summary_object(
    customer: str, balances: Iterable[Balance], *, livemode: bool
) -> CreditBalanceSummaryObject:
    """What a customer has, a row for each currency."""
    return {
        "object": "billing.credit_balance_summary",
        "balances": [
            {
                "available_balance": _amount(balance.currency, balance.available),
                "ledger_balance": _amount(balance.currency, balance.ledger),
            }
            for balance in balances
        ],
        "customer": customer,
        "customer_account": None,
        "livemode": livemode,
    }


def _amount(currency: str, value: int) -> AmountShape:
    return {"monetary": {"currency": currency, "value": value}, "type": "monetary"}


def _side(entry: CreditTransaction) -> dict[str, Any]:
    """The credit or the debit, with the invoice's line at the other end, if that is one."""
    side: dict[str, Any] = {"amount": _amount(entry.currency, entry.amount)}
    line = {"invoice": entry.invoice, "invoice_line_item": entry.invoice_line}
    if entry.kind in (CreditKind.GRANTED, CreditKind.GIVEN_BACK):
        given_back = line if entry.kind is CreditKind.GIVEN_BACK else None
        side["credits_application_invoice_voided"] = given_back
    else:
        side["credits_applied"] = line if entry.kind is CreditKind.APPLIED else None
    side["type"] = entry.kind.value
    return side
