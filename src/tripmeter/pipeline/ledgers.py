"""Adds up the ledgers of credits, and tells everything that cannot be (`tripmeter doctor`)."""

from collections.abc import Iterator
from typing import NamedTuple

from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.rules.credits import Fault, ledger_faults


class Ledgers(NamedTuple):
    """How many ledgers were added up, and what is wrong with them."""

    grants: int
    faults: list[Fault]


def check_ledgers(session: Session) -> Ledgers:
    """Add up the ledgers of every customer of every scope that has grants."""
    grants = 0
    faults: list[Fault] = []
    for scope in session.credit_scopes():
        known = set()
        for kept in session.credit_grants.every(scope):
            known.add(kept.value.id)
            entries = session.credit_transactions.every(scope, credit_grant=kept.value.id)
            faults += ledger_faults(kept.value, [entry.value for entry in entries][::-1])
        faults += _orphans(session, scope, known)
        grants += len(known)
    return Ledgers(grants, faults)


def _orphans(session: Session, scope: Scope, known: set[str]) -> Iterator[Fault]:
    for kept in session.credit_transactions.every(scope):
        entry = kept.value
        if entry.credit_grant not in known:
            where = f"credit balance transaction {entry.id}"
            yield Fault(where, f"of credit grant {entry.credit_grant}", "a grant that exists")
