"""Customers are deleted with what is billed to them."""

from tripmeter.billing.contract import contract
from tripmeter.billing.periods import end
from tripmeter.billing.subscriptions import OVER
from tripmeter.control import customers
from tripmeter.control.clocks import now_of
from tripmeter.control.customers import existing
from tripmeter.model.customer import Customer
from tripmeter.model.scope import Caller
from tripmeter.ports import Work


def delete_customer(work: Work, caller: Caller, id: str) -> Customer:
    """Delete a customer for good. Their subscriptions are canceled, and bill nothing more (Stripe).

    Raises ResourceMissing.
    """
    customer = existing(work, caller, id).value
    now_ms = now_of(work, customer)
    for kept in list(work.session.subscriptions.every(caller.scope, customer=id)):
        if kept.value.status not in OVER:
            agreed = contract(work.session, caller.scope, kept.value.id)
            end(work, caller, agreed, now_ms, bill=False)
    return customers.delete_customer(work, caller, id)
