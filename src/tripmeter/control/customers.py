"""Customers: create, update, delete."""

import re
from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.control.balance import with_balance
from tripmeter.control.clocks import time_on
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid, ResourceMissing
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.wire.objects import customer_object, deleted_object

_URL: Final = "/v1/customers"
_USABLE_ID: Final = re.compile(r"[A-Za-z0-9._:@-]+")
"""Ids stand in URLs."""

_OWN: Final = frozenset({"id", "email", "metadata", "balance", "test_clock"})


def create_customer(work: Work, caller: Caller, params: dict[str, Any]) -> Customer:
    """Make a customer. An `id` may be chosen, so that usage can carry an id of the caller's own."""
    scope = caller.scope
    id_ = params.get("id") or new_id("cus", work.now_ms)
    if not _USABLE_ID.fullmatch(id_):
        message = "An id can have letters, digits and . _ : @ - in it, and no spaces or slashes."
        raise ParameterInvalid("id", message)
    if "id" in params and work.session.customers.find(scope, id_) is not None:
        message = f"Customer already exists with id {id_}. Choose another id, or update that one."
        raise ParameterInvalid("id", message, "resource_already_exists")
    clock = params.get("test_clock")
    if clock is not None:
        work.session.test_clocks.get(scope, clock, "test_clock")
    customer = Customer(
        id=id_,
        account=scope.account,
        livemode=scope.livemode,
        created_ms=time_on(work.session, scope, clock, work.now_ms),
        clock=clock,
        email=params.get("email"),
        metadata=merge_metadata({}, params.get("metadata")),
        details=_details({}, params),
    )
    if "balance" in params:
        customer = with_balance(work, customer, params["balance"], "initial")
    work.session.customers.insert(customer)
    work.customer_changed(scope, id_)
    announce(work, caller, "customer.created", customer_object(customer), _URL)
    return customer


def update_customer(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Customer:
    """Change a customer. Absent parameters stay; unset ones are cleared."""
    kept = existing(work, caller, id)
    before = kept.value
    after = structs.replace(
        before,
        email=params.get("email", before.email),
        metadata=merge_metadata(before.metadata, params.get("metadata")),
        details=_details(before.details, params),
    )
    if "balance" in params:
        after = with_balance(work, after, params["balance"], "adjustment")
    work.session.customers.replace(kept.no, after)
    rendered = customer_object(after)
    announce(work, caller, "customer.updated", rendered, _URL, before=customer_object(before))
    return after


def delete_customer(work: Work, caller: Caller, id: str) -> Customer:
    """Delete a customer for good. Its usage stays in the log; no more is accepted."""
    kept = existing(work, caller, id)
    gone = structs.replace(kept.value, deleted=True)
    work.session.customers.replace(kept.no, gone)
    work.customer_changed(caller.scope, id)
    announce(work, caller, "customer.deleted", customer_object(kept.value), _URL)
    return gone


def existing(work: Work, caller: Caller, id: str, param: str = "id") -> Kept[Customer]:
    """The customer, if it is there and not deleted. Raises ResourceMissing."""
    kept = work.session.customers.get(caller.scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("customer", id, param)
    return kept


def rendered_customer(customer: Customer) -> Any:
    """The customer, or what is left of it."""
    if customer.deleted:
        return deleted_object(customer.id, "customer")
    return customer_object(customer)


def _details(before: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in params.items() if name not in _OWN}
    merged = {**before, **given}
    return {name: value for name, value in merged.items() if value not in (None, "")}
