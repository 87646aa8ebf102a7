"""Changes of a customer's invoice balance as Stripe's objects, and their shape."""

from typing import Literal, TypedDict

from tripmeter.model.invoice import BalanceTransaction
from tripmeter.wire.times import unix


class CustomerBalanceTransactionObject(TypedDict):
    """A change of a customer's invoice balance."""

    id: str
    object: Literal["customer_balance_transaction"]
    amount: int
    checkout_session: str | None
    created: int
    credit_note: str | None
    currency: str
    customer: str
    customer_account: str | None
    description: str | None
    ending_balance: int
    invoice: str | None
    livemode: bool
    metadata: dict[str, str]
    type: str


def balance_transaction_object(entry: BalanceTransaction) -> CustomerBalanceTransactionObject:
    """One change of the balance."""
    return {
        "id": entry.id,
        "object": "customer_balance_transaction",
        "amount": entry.amount,
        "checkout_session": None,
        "created": unix(entry.created_ms),
        "credit_note": None,
        "currency": entry.currency,
        "customer": entry.customer,
        "customer_account": None,
        "description": entry.description,
        "ending_balance": entry.ending_balance,
        "invoice": entry.invoice,
        "livemode": entry.livemode,
        "metadata": entry.metadata,
        "type": entry.type,
    }
