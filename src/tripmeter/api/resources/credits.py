"""`/v1/billing/credit_grants`, `credit_balance_summary` and `credit_balance_transactions`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, list_object, listing
from tripmeter.control import credits
from tripmeter.control.credit_scopes import balances_of
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.ports import Session, Work
from tripmeter.wire.credits import (
    CreditBalanceSummaryObject,
    CreditBalanceTransactionObject,
    CreditGrantObject,
    credit_grant_object,
    credit_summary_object,
    credit_transaction_object,
)
from tripmeter.wire.params import Enum, Integer, ListOf, Map, Object, Param, String, Timestamp

_GRANTS: Final = "/v1/billing/credit_grants"
_GRANT: Final = f"{_GRANTS}/{{id}}"
_TRANSACTIONS: Final = "/v1/billing/credit_balance_transactions"

_NAMED: Final = Object({"id": String(required=True)})

CREDIT_SCOPE: Final[dict[str, Param]] = {
    "billable_items": ListOf(_NAMED, max_items=20, description="Not supported: refused."),
    "price_type": Enum("metered", description="All metered prices."),
    "prices": ListOf(_NAMED, max_items=20, description="Some metered prices."),
}


def money(*, minimum: int) -> dict[str, Param]:
    """An amount in the smallest unit of a currency that is named with it."""
    return {
        "currency": String(required=True, max_length=3),
        "value": Integer(required=True, minimum=minimum, maximum=AMOUNT_LIMIT),
    }


_CREATE: Final = fields(
    amount=Object(
        {
            "type": Enum("monetary", required=True),
            "monetary": Object(money(minimum=1), required=True),
        },
        required=True,
    ),
    applicability_config=Object({"scope": Object(CREDIT_SCOPE, required=True)}, required=True),
    category=Enum("paid", "promotional"),
    customer=String(required=True),
    effective_at=Timestamp(description="When it can be used first; now unless given."),
    expires_at=Timestamp(description="When what is left expires; never unless given."),
    metadata=Map(),
    name=String(max_length=100),
    priority=Integer(minimum=0, maximum=100, description="0 is used first; 50 unless given."),
)

_FILTER: Final = Object(
    {
        "type": Enum("applicability_scope", "credit_grant", required=True),
        "applicability_scope": Object(CREDIT_SCOPE),
        "credit_grant": String(),
    },
    required=True,
)


def create(work: Work, call: Call) -> Any:
    """Give credit to a customer."""
    return credit_grant_object(credits.create_grant(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change when a grant expires, and its metadata."""
    return credit_grant_object(credits.update_grant(work, call.caller, call.id, call.own_params))


def expire(work: Work, call: Call) -> Any:
    """Let a grant expire now."""
    return credit_grant_object(credits.end_grant(work, call.caller, call.id))


def void(work: Work, call: Call) -> Any:
    """Take a grant back."""
    return credit_grant_object(credits.void_grant(work, call.caller, call.id))


def retrieve(session: Session, call: Call) -> Any:
    """One grant."""
    return credit_grant_object(session.credit_grants.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Grants, newest first."""
    found = session.credit_grants.page(call.scope, call.page, customer=_customer(session, call))
    return list_object(_GRANTS, found, credit_grant_object)


def summary(session: Session, call: Call) -> Any:
    """What a customer has."""
    now_ms = call.services.clock.now_ms()
    customer, balances = balances_of(session, call.scope, call.own_params, now_ms)
    return credit_summary_object(customer, balances, livemode=call.scope.livemode)


def retrieve_transaction(session: Session, call: Call) -> Any:
    """One entry of a ledger."""
    return credit_transaction_object(session.credit_transactions.get(call.scope, call.id).value)


def list_transactions(session: Session, call: Call) -> Any:
    """Entries of the ledger of a customer, or of a grant, newest first."""
    grant = call.params.get("credit_grant")
    if grant is not None:
        session.credit_grants.get(call.scope, grant, "credit_grant")
    found = session.credit_transactions.page(
        call.scope, call.page, customer=_customer(session, call), credit_grant=grant
    )
    return list_object(_TRANSACTIONS, found, credit_transaction_object)


def _customer(session: Session, call: Call) -> str | None:
    """The customer to list for, who may be deleted. Raises ResourceMissing."""
    customer: str | None = call.params.get("customer")
    if customer is not None:
        session.customers.get(call.scope, customer, "customer")
    return customer


ROUTES: Final = (
    Route("POST", _GRANTS, "Give credit to a customer", CreditGrantObject, _CREATE, change=create),
    Route(
        "GET",
        _GRANTS,
        "List credit grants",
        CreditGrantObject,
        listing(customer=String()),
        read=list_,
        is_list=True,
    ),
    Route("GET", _GRANT, "Retrieve a credit grant", CreditGrantObject, fields(), read=retrieve),
    Route(
        "POST",
        _GRANT,
        "Update a credit grant",
        CreditGrantObject,
        fields(
            expires_at=Timestamp(blank="unset", description="Blank: never."),
            metadata=Map(),
        ),
        change=update,
    ),
    Route(
        "POST",
        f"{_GRANT}/expire",
        "Let a credit grant expire now",
        CreditGrantObject,
        fields(),
        change=expire,
    ),
    Route(
        "POST", f"{_GRANT}/void", "Void a credit grant", CreditGrantObject, fields(), change=void
    ),
    Route(
        "GET",
        "/v1/billing/credit_balance_summary",
        "What a customer has in credits",
        CreditBalanceSummaryObject,
        fields(customer=String(), filter=_FILTER),
        read=summary,
    ),
    Route(
        "GET",
        _TRANSACTIONS,
        "List entries of the ledger of credits",
        CreditBalanceTransactionObject,
        listing(credit_grant=String(), customer=String()),
        read=list_transactions,
        is_list=True,
    ),
    Route(
        "GET",
        f"{_TRANSACTIONS}/{{id}}",
        "Retrieve an entry of the ledger of credits",
        CreditBalanceTransactionObject,
        fields(),
        read=retrieve_transaction,
    ),
)
