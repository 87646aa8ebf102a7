"""The ledger of credits: reads a grant's entries, and writes new ones. None ever changes."""

from typing import Final

from tripmeter.control.announcing import announce
from tripmeter.control.clocks import time_on
from tripmeter.model.credit import CreditGrant, CreditKind, CreditTransaction
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.ports import Session, Work
from tripmeter.rules.credits import CREDITS, Standing, left_of
from tripmeter.wire.credits import credit_transaction_object

_URL: Final = "/v1/billing/credit_balance_transactions"


def grant_now(work: Work, grant: CreditGrant) -> int:
    """The time of a grant's customer, in milliseconds."""
    return time_on(work.session, Scope.of(grant), grant.clock, work.now_ms)


def entries_of(session: Session, grant: CreditGrant) -> list[CreditTransaction]:
    """A grant's ledger, the oldest entry first."""
    found = session.credit_transactions.every(Scope.of(grant), credit_grant=grant.id)
    return [kept.value for kept in found][::-1]


def standing_of(session: Session, grant: CreditGrant) -> Standing:
    """A grant, and what is left of it by its ledger."""
    return Standing(grant, left_of(entries_of(session, grant)))


def write_entry(
    work: Work,
    caller: Caller,
    grant: CreditGrant,
    kind: CreditKind,
    amount: int,
    *,
    effective_ms: int | None = None,
    invoice: str | None = None,
    invoice_line: str | None = None,
) -> CreditTransaction:
    """Add an entry of `amount` minor units, effective now unless said otherwise; announces it."""
    now_ms = grant_now(work, grant)
    entry = CreditTransaction(
        id=new_id("cbtxn", work.now_ms, livemode=grant.livemode),
        account=grant.account,
        livemode=grant.livemode,
        created_ms=now_ms,
        customer=grant.customer,
        credit_grant=grant.id,
        currency=grant.currency,
        kind=kind,
        amount=amount,
        effective_ms=now_ms if effective_ms is None else effective_ms,
        invoice=invoice,
        invoice_line=invoice_line,
        clock=grant.clock,
    )
    work.session.credit_transactions.insert(entry)
    rendered = credit_transaction_object(entry)
    announce(work, caller, "billing.credit_balance_transaction.created", rendered, _URL)
    if kind not in CREDITS:
        owes_more(work, Scope.of(grant), grant.customer)
    return entry


def owes_more(work: Work, scope: Scope, customer: str) -> None:
    """Less is left to pay with, or more is to be paid, without usage: lines of what is billed are
    nearer than they were. Look again."""
    items = work.session.subscription_items.every(scope, customer=customer)
    for meter in {kept.value.meter for kept in items} - {None}:
        assert meter is not None
        work.billing_changed(scope, meter, customer)


def write_off(
    work: Work,
    caller: Caller,
    grant: CreditGrant,
    kind: CreditKind,
    effective_ms: int | None = None,
) -> None:
    """Move all that is left of a grant out of it; nothing happens where nothing is."""
    left = standing_of(work.session, grant).left
    if left > 0:
        write_entry(work, caller, grant, kind, left, effective_ms=effective_ms)
