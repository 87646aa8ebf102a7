"""Changes of a customer's balance that callers ask for, and read."""

from typing import Any

from msgspec import structs

from tripmeter.control.announcing import merge_metadata
from tripmeter.control.balance import Note, change_balance
from tripmeter.control.currencies import currency_of
from tripmeter.control.customers import existing
from tripmeter.model.errors import ParameterInvalid, ResourceMissing
from tripmeter.model.invoice import BalanceTransaction
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work


def create_balance_transaction(
    work: Work, caller: Caller, customer: str, params: dict[str, Any]
) -> BalanceTransaction:
    """Adjust a customer's balance by hand."""
    kept = existing(work, caller, customer, "customer")
    if params["amount"] == 0:
        message = "An adjustment of 0 changes nothing. Give an amount below or above 0."
        raise ParameterInvalid("amount", message)
    return change_balance(
        work,
        caller,
        kept,
        params["amount"],
        currency_of(params["currency"], "currency"),
        "adjustment",
        note=Note(params.get("description"), merge_metadata({}, params.get("metadata"))),
    )


def update_balance_transaction(
    work: Work, caller: Caller, customer: str, id: str, params: dict[str, Any]
) -> BalanceTransaction:
    """Change a transaction's description and metadata; what it did stays."""
    existing(work, caller, customer, "customer")
    kept = balance_transaction(work.session, caller.scope, customer, id)
    after = structs.replace(
        kept.value,
        description=params.get("description", kept.value.description),
        metadata=merge_metadata(kept.value.metadata, params.get("metadata")),
    )
    work.session.balance_transactions.replace(kept.no, after)
    return after


def balance_transaction(
    session: Session, scope: Scope, customer: str, id: str
) -> Kept[BalanceTransaction]:
    """A transaction of this very customer. Raises ResourceMissing."""
    session.customers.get(scope, customer, "customer")
    kept = session.balance_transactions.get(scope, id, "transaction")
    if kept.value.customer != customer:
        raise ResourceMissing("customer balance transaction", id, "transaction")
    return kept
