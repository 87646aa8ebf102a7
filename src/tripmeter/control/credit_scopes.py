"""What credits can pay: scopes of grants, and what a customer has within one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tripmeter.control.clocks import time_on
from tripmeter.control.ledger import entries_of
from tripmeter.model.credit import CreditGrant
from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    ParametersExclusive,
    ResourceMissing,
)
from tripmeter.model.invoice import Invoice, InvoiceStatus
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.rules.credits import Standing, held_by_drafts, is_over, ledger_balance
from tripmeter.wire.credits import Balance


def prices_in_scope(
    session: Session, scope: Scope, given: dict[str, Any], param: str, currency: str | None = None
) -> tuple[str, ...]:
    """The prices that a scope names; none means all metered ones.

    Each must exist, be metered and, with `currency`, be in it: a grant could never pay others.
    """
    if "billable_items" in given:
        message = "Billable items are not supported here. Use price_type or prices."
        raise ParameterInvalid(f"{param}[billable_items]", message)
    if "price_type" in given and "prices" in given:
        raise ParametersExclusive((f"{param}[price_type]", f"{param}[prices]"))
    if "price_type" in given:
        return ()
    if not given.get("prices"):
        raise ParameterInvalid(param, "Give price_type=metered, or one or more prices.")
    for index, one in enumerate(given["prices"]):
        _check_price(session, scope, one["id"], f"{param}[prices][{index}][id]", currency)
    return tuple(dict.fromkeys(one["id"] for one in given["prices"]))


def _check_price(session: Session, scope: Scope, id: str, param: str, currency: str | None) -> None:
    price = session.prices.get(scope, id, param).value
    if price.meter is None:
        message = f"The price {id} is not metered. Credits pay usage alone: name metered prices."
        raise ParameterInvalid(param, message)
    if currency is not None and price.currency != currency:
        message = (
            f"The price {id} is in {price.currency}, and a grant in {currency} could never pay"
            " it. Name prices in the currency of the grant."
        )
        raise ParameterInvalid(param, message)


def balances_of(
    session: Session, scope: Scope, params: dict[str, Any], now_ms: int
) -> tuple[str, list[Balance]]:
    """The customer that a summary is about, and what it has within the filter, by currency.

    A grant counts if it can pay anything within the scope that is asked for.
    """
    wanted = params["filter"]
    _check_filter(wanted)
    if wanted["type"] == "credit_grant":
        one = _grant_asked_for(session, scope, params)
        customer, grants = one.customer, [one]
    else:
        if "customer" not in params:
            raise ParameterMissing("customer")
        customer = params["customer"]
        prices = prices_in_scope(
            session, scope, wanted["applicability_scope"], "filter[applicability_scope]"
        )
        session.customers.get(scope, customer, "customer")
        grants = [grant for grant in _grants(session, scope, customer) if _covers(grant, prices)]
    return customer, _balances(session, scope, customer, grants, now_ms)


def available_balance(
    session: Session,
    scope: Scope,
    customer: str,
    currency: str,
    prices: tuple[str, ...],
    now_ms: int,
) -> int:
    """What an invoice of a customer that is finalized now could use, in minor units; with
    `prices`, of grants that can pay one of these. `now_ms` is the customer's time."""
    held = _held(session, scope, customer, now_ms)
    return sum(
        _available(session, grant, held, now_ms)
        for grant in _grants(session, scope, customer)
        if grant.currency == currency and _covers(grant, prices)
    )


def _available(session: Session, grant: CreditGrant, held: Counter[str], now_ms: int) -> int:
    if is_over(grant, now_ms):
        return 0
    return max(0, ledger_balance(entries_of(session, grant), now_ms) - held[grant.id])


def _check_filter(wanted: dict[str, Any]) -> None:
    """That the filter has what its type names, and nothing else."""
    other = {"credit_grant": "applicability_scope", "applicability_scope": "credit_grant"}
    named = wanted["type"]
    if named not in wanted:
        raise ParameterMissing(f"filter[{named}]")
    if other[named] in wanted:
        message = f"It does not go with filter[type]={named}. Leave it out, or change the type."
        raise ParameterInvalid(f"filter[{other[named]}]", message)


def _grant_asked_for(session: Session, scope: Scope, params: dict[str, Any]) -> CreditGrant:
    id_ = params["filter"]["credit_grant"]
    grant = session.credit_grants.get(scope, id_, "filter[credit_grant]").value
    if params.get("customer", grant.customer) != grant.customer:
        raise ResourceMissing("credit grant of this customer", id_, "filter[credit_grant]")
    return grant


def _grants(session: Session, scope: Scope, customer: str) -> Iterator[CreditGrant]:
    return (kept.value for kept in session.credit_grants.every(scope, customer=customer))


def _covers(grant: CreditGrant, prices: tuple[str, ...]) -> bool:
    return not prices or not grant.prices or not set(prices).isdisjoint(grant.prices)


def _balances(
    session: Session, scope: Scope, customer: str, grants: Iterable[CreditGrant], now_ms: int
) -> list[Balance]:
    """Drafts lower what is available; the ledger knows nothing of them (Stripe)."""
    clock = session.customers.get(scope, customer, "customer").value.clock
    now_ms = time_on(session, scope, clock, now_ms)
    ledger: Counter[str] = Counter()
    available: Counter[str] = Counter()
    held = _held(session, scope, customer, now_ms)
    for grant in grants:
        ledger[grant.currency] += ledger_balance(entries_of(session, grant), now_ms)
        available[grant.currency] += _available(session, grant, held, now_ms)
    return [Balance(currency, available[currency], ledger[currency]) for currency in sorted(ledger)]


def _held(session: Session, scope: Scope, customer: str, now_ms: int) -> Counter[str]:
    """What the customer's drafts will take of each grant; of those in any scope, as all compete."""
    drafts = _drafts(session, scope, customer)
    if not drafts:
        return Counter()
    standings = [
        Standing(grant, ledger_balance(entries_of(session, grant), now_ms))
        for grant in _grants(session, scope, customer)
    ]
    return held_by_drafts(drafts, standings)


def _drafts(session: Session, scope: Scope, customer: str) -> list[Invoice]:
    """The oldest first: they will be finalized in this order."""
    found = session.invoices.every(scope, customer=customer, status=InvoiceStatus.DRAFT)
    return [kept.value for kept in found][::-1]
