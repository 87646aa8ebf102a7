"""Which discounts an invoice of a subscription has, and which of them it uses up."""

from collections.abc import Iterable, Sequence

from msgspec import structs

from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.rendering import rendered_subscription
from tripmeter.control.announcing import announce
from tripmeter.control.discounts import announce_discounts
from tripmeter.model.catalogue import Discount
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.invoice import Invoice, InvoiceItem
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.rules.discounts import Given, Line, discount_amounts
from tripmeter.wire.objects import customer_object


def discounts_of(
    agreed: Contract, now_ms: int, pending: Iterable[Kept[InvoiceItem]] = ()
) -> tuple[Discount, ...]:
    """The discounts of an invoice: those of items, then the subscription's; where that has none,
    the customer's (Stripe)."""
    own = agreed.subscription.discounts
    customers = agreed.customer.value.discount
    if not any(_in_force(one, now_ms) for one in own) and customers is not None:
        own = (customers,)
    of_items = [one for item in agreed.items for one in item.item.discounts]
    of_pending = [one for _, item in pending for one in item.discounts]
    found = {one.id: one for one in (*of_items, *of_pending, *own) if _in_force(one, now_ms)}
    return tuple(found.values())


def _in_force(discount: Discount, now_ms: int) -> bool:
    return not discount.used and (discount.end is None or now_ms // 1000 < discount.end)


def taken_off(
    session: Session,
    agreed: Contract,
    amount: int,
    item: Item,
    discounts: Sequence[Discount],
    now_ms: int,
) -> int:
    """What discounts would take off an amount that an item is billed alone."""
    given = [Given(one, session.coupons.get(agreed.scope, one.coupon).value) for one in discounts]
    line = Line(amount, item.price.product, item.item.id)
    rows = discount_amounts([line], given, now_ms // 1000, agreed.subscription.currency)
    return sum(row[0] for row in rows)


# --- used up -----------------------------------------------------------------------------------


def with_used(session: Session, scope: Scope, invoice: Invoice) -> Invoice:
    """A draft that knows which of its discounts another invoice has used up meanwhile."""
    if not invoice.discounts:
        return invoice
    used = {one.id for one in _held(session, scope, invoice) if one.used}
    discounts = tuple(
        structs.replace(one, used=True) if one.id in used else one for one in invoice.discounts
    )
    return structs.replace(invoice, discounts=discounts)


def _held(session: Session, scope: Scope, invoice: Invoice) -> list[Discount]:
    """The discounts of those who may have given theirs to an invoice, as they are now."""
    customer = session.customers.get(scope, invoice.customer).value.discount
    found = [] if customer is None else [customer]
    for one in invoice.discounts:
        if one.subscription_item is not None:
            found += session.subscription_items.get(scope, one.subscription_item).value.discounts
        elif one.subscription is not None:
            found += session.subscriptions.get(scope, one.subscription).value.discounts
    return found


def use_up(work: Work, caller: Caller, invoice: Invoice) -> None:
    """Mark the discounts of duration `once` that took something off an invoice that is final."""
    session, scope = work.session, caller.scope
    took = {applied.id for line in invoice.lines for applied in line.discounts}
    for one in invoice.discounts:
        coupon = session.coupons.get(scope, one.coupon).value
        if one.id in took and not one.used and coupon.duration == "once":
            _mark(work, caller, one)


def _mark(work: Work, caller: Caller, used: Discount) -> None:
    """Mark a discount where it is kept."""
    session, scope = work.session, caller.scope
    if used.subscription_item is not None:
        no, item = session.subscription_items.get(scope, used.subscription_item)
        session.subscription_items.replace(
            no, structs.replace(item, discounts=_marked(item.discounts, used))
        )
    elif used.subscription is not None:
        no, subscription = session.subscriptions.get(scope, used.subscription)
        discounts = _marked(subscription.discounts, used)
        session.subscriptions.replace(no, structs.replace(subscription, discounts=discounts))
    elif used.customer is not None and used.invoice is None and used.invoice_item is None:
        _take_from_customer(work, caller, used)


def _marked(discounts: Sequence[Discount], used: Discount) -> tuple[Discount, ...]:
    return tuple(structs.replace(one, used=True) if one.id == used.id else one for one in discounts)


def _take_from_customer(work: Work, caller: Caller, used: Discount) -> None:
    """A customer's discount that is used up is one that it has no more (Stripe)."""
    no, customer = work.session.customers.get(caller.scope, used.customer or "")
    if customer.discount is None or customer.discount.id != used.id:
        return
    after = structs.replace(customer, discount=None)
    work.session.customers.replace(no, after)
    announce_discounts(work, caller, (used,), ())
    announce(
        work,
        caller,
        "customer.updated",
        customer_object(after),
        "/v1/customers",
        before=customer_object(customer),
    )


# --- taken away --------------------------------------------------------------------------------


def take_subscription_discount(work: Work, caller: Caller, id: str) -> Discount:
    """Take the discounts of a subscription away; gives the first one. Raises ResourceMissing."""
    before = contract(work.session, caller.scope, id)
    held = [one for one in before.subscription.discounts if not one.used]
    if not held:
        raise ResourceMissing("active discount for subscription", id)
    after = before._replace(subscription=structs.replace(before.subscription, discounts=()))
    work.session.subscriptions.replace(after.no, after.subscription)
    announce_discounts(work, caller, held, ())
    announce(
        work,
        caller,
        "customer.subscription.updated",
        rendered_subscription(work.session, after),
        "/v1/subscriptions",
        before=rendered_subscription(work.session, before),
    )
    return held[0]
