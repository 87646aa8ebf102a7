"""`/v1/customers/{id}/balance_transactions`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, bounds_ms, fields, list_object, listing
from tripmeter.control import balance_transactions as moves
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.ports import Session, Work
from tripmeter.wire.balance import CustomerBalanceTransactionObject, balance_transaction_object
from tripmeter.wire.params import Integer, Map, Range, String

_PATH: Final = "/v1/customers/{id}/balance_transactions"
_ONE: Final = f"{_PATH}/{{transaction}}"

_DESCRIPTION: Final = String(max_length=350, blank="unset")


def create(work: Work, call: Call) -> Any:
    """Adjust a customer's balance."""
    made = moves.create_balance_transaction(work, call.caller, call.id, call.own_params)
    return balance_transaction_object(made)


def update(work: Work, call: Call) -> Any:
    """Change what is noted beside an adjustment."""
    changed = moves.update_balance_transaction(
        work, call.caller, call.id, call.path["transaction"], call.own_params
    )
    return balance_transaction_object(changed)


def retrieve(session: Session, call: Call) -> Any:
    """One change of a customer's balance."""
    transaction = call.path["transaction"]
    kept = moves.balance_transaction(session, call.scope, call.id, transaction)
    return balance_transaction_object(kept.value)


def list_(session: Session, call: Call) -> Any:
    """Changes of a customer's balance, newest first."""
    session.customers.get(call.scope, call.id, "customer")
    found = session.balance_transactions.page(
        call.scope,
        call.page,
        customer=call.id,
        invoice=call.params.get("invoice"),
        **bounds_ms(call.params.get("created")),
    )
    return list_object(_PATH.replace("{id}", call.id), found, balance_transaction_object)


ROUTES: Final = (
    Route(
        "POST",
        _PATH,
        "Adjust a customer's balance",
        CustomerBalanceTransactionObject,
        fields(
            amount=Integer(
                required=True,
                minimum=-AMOUNT_LIMIT,
                maximum=AMOUNT_LIMIT,
                description="Minor units: below zero is credit for the customer.",
            ),
            currency=String(required=True, max_length=3),
            description=_DESCRIPTION,
            metadata=Map(),
        ),
        change=create,
    ),
    Route(
        "GET",
        _PATH,
        "List changes of a customer's balance",
        CustomerBalanceTransactionObject,
        listing(created=Range(), invoice=String()),
        read=list_,
        is_list=True,
    ),
    Route(
        "GET",
        _ONE,
        "Retrieve a change of a customer's balance",
        CustomerBalanceTransactionObject,
        fields(),
        read=retrieve,
    ),
    Route(
        "POST",
        _ONE,
        "Update a change of a customer's balance",
        CustomerBalanceTransactionObject,
        fields(description=_DESCRIPTION, metadata=Map()),
        change=update,
    ),
)
