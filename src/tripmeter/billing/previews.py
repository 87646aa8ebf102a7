"""Previews: what an invoice would be, found out by having it made and taking it back.

A preview runs in the writer's transaction, inside `Work.tentatively`: only the writer's thread
knows usage to the last event, and the very moves that bill a customer say best what they would
bill. A second way of reckoning, on copies, would have to agree with the first for ever. Of all that
these moves store, announce and plan nothing is left; no answer is kept for an idempotency key.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import structs

from tripmeter.billing.agenda import perform
from tripmeter.billing.changes import update_subscription
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.creation import cancel_subscription, create_subscription
from tripmeter.billing.discounting import discounts_of
from tripmeter.billing.drafting import licensed_lines, metered_lines
from tripmeter.billing.inside import inside
from tripmeter.billing.invoice_items import create_item, existing_item, update_item
from tripmeter.billing.invoices import Draft, invoice_of
from tripmeter.billing.one_off import create_invoice
from tripmeter.billing.periods import invoice_fields
from tripmeter.billing.settling import estimated
from tripmeter.billing.subscriptions import OVER
from tripmeter.control.clocks import now_of
from tripmeter.control.customers import existing
from tripmeter.model.agenda import Due, Task
from tripmeter.model.customer import Customer
from tripmeter.model.errors import (
    NothingUpcoming,
    ParameterInvalid,
    ParameterMissing,
    ParametersExclusive,
)
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import BillingReason, Invoice, InvoiceLine, InvoiceStatus
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.subscription import Status, Subscription, Window
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_from

Params = Mapping[str, Any]

_DETAILS: Final = "subscription_details"

_OF_CHANGES: Final = (
    "cancel_at", "cancel_at_period_end", "default_tax_rates", "items", "metadata",
    "proration_behavior", "proration_date", "trial_end",
)  # fmt: skip
"""What a preview says of a subscription in the words of its update."""

_OF_NEW_ONES: Final = (
    "billing_mode", "cancel_at", "cancel_at_period_end", "default_tax_rates", "metadata",
    "proration_behavior", "trial_end",
)  # fmt: skip
"""What it says of a new one in the words of its creation, items aside."""

_NOT_OF_NEW_ITEMS: Final = ("id", "deleted", "clear_usage")


def upcoming(work: Work, caller: Caller, params: Params) -> Invoice:
    """What would be billed next. Changes a lot: call it inside `Work.tentatively`.

    Raises NothingUpcoming; ParameterInvalid and its kin, naming the parameter; ResourceMissing.
    """
    details = params.get(_DETAILS) or {}
    subscription = _subscription(work, caller, params)
    customer = existing(work, caller, _customer_id(params, subscription), "customer").value
    if subscription is None and not details.get("items"):
        subscription = _soonest(work, caller, customer)
    is_recurring = params.get("preview_mode") == "recurring"
    _check(params, subscription, is_recurring=is_recurring)
    _pend(work, caller, params, customer, subscription)
    if subscription is not None:
        invoice = _of_subscription(work, caller, subscription, params, is_recurring=is_recurring)
    elif details.get("items"):
        invoice = _of_new_one(work, caller, customer, params, is_recurring=is_recurring)
    else:
        invoice = _of_customer(work, caller, customer, params)
    if "currency" in params and params["currency"].lower() != invoice.currency:
        raise ParameterInvalid(
            "currency", f"The invoice would be in {invoice.currency}. Use that, or leave it out."
        )
    return invoice


# --- whose it is -------------------------------------------------------------------------------


def _subscription(work: Work, caller: Caller, params: Params) -> Subscription | None:
    id_ = params.get("subscription")
    if id_ is None:
        return None
    subscription = work.session.subscriptions.get(caller.scope, id_, "subscription").value
    if params.get("customer", subscription.customer) != subscription.customer:
        raise ParameterInvalid(
            "subscription", f"The subscription {id_} is not one of the customer "
            f"{params['customer']}."
        )  # fmt: skip
    return subscription


def _customer_id(params: Params, subscription: Subscription | None) -> str:
    if subscription is not None:
        return subscription.customer
    if "customer" not in params:
        raise ParameterMissing("customer")
    return str(params["customer"])


def _soonest(work: Work, caller: Caller, customer: Customer) -> Subscription | None:
    """The customer's subscription that is billed next (Stripe)."""
    filters = {"customer": customer.id, "hide_canceled": True}
    found = [kept.value for kept in work.session.subscriptions.every(caller.scope, **filters)]
    alive = [one for one in found if one.status not in (*OVER, Status.PAUSED)]
    return min(alive, key=_next_moment, default=None)


def _next_moment(now: Subscription) -> int:
    """When its next invoice is due: at the end of its period, or its own."""
    return min(now.period_end_ms, now.cancel_at_ms or now.period_end_ms)


def _check(params: Params, subscription: Subscription | None, *, is_recurring: bool) -> None:
    """Refuses what cannot be previewed."""
    details = params.get(_DETAILS) or {}
    if "resume_at" in details:
        raise ParameterInvalid(
            f"{_DETAILS}[resume_at]", "What a resumption would bill is not previewed. Resume it."
        )
    if "start_date" in details:
        raise ParameterInvalid(
            f"{_DETAILS}[start_date]",
            "A new subscription is previewed as if it began now. Leave start_date out.",
        )
    if details and subscription is None and "items" not in details:
        raise ParameterMissing(f"{_DETAILS}[items]")
    if is_recurring and params.get("invoice_items"):
        raise ParameterInvalid(
            "invoice_items",
            "preview_mode=recurring shows what is billed in every period. Leave invoice_items out, "
            "or use preview_mode=next.",
        )


# --- what waits for it -------------------------------------------------------------------------


def _pend(
    work: Work, caller: Caller, params: Params, customer: Customer, of: Subscription | None
) -> None:
    """Have the items of the preview wait for the invoice, or be changed."""
    for index, given in enumerate(params.get("invoice_items") or ()):
        param = f"invoice_items[{index}]"
        names = {"pricing": "price", "pricing[price]": "price"}
        with inside(param, names):
            own = _in_words_of_items(given)
            if "invoiceitem" in own:
                _change_item(work, caller, own, customer)
                continue
            own["customer"] = customer.id
            if of is not None:
                own |= {"subscription": of.id, "currency": own.get("currency", of.currency)}
            create_item(work, caller, own)


def _in_words_of_items(given: Params) -> dict[str, Any]:
    own = dict(given)
    if "unit_amount" in own and "unit_amount_decimal" in own:
        raise ParametersExclusive(("unit_amount", "unit_amount_decimal"))
    if "unit_amount" in own:
        own["unit_amount_decimal"] = Decimal(own.pop("unit_amount"))
    if "price" in own:
        own["pricing"] = {"price": own.pop("price")}
    return own


def _change_item(work: Work, caller: Caller, own: dict[str, Any], customer: Customer) -> None:
    id_ = own.pop("invoiceitem")
    item = existing_item(work.session, caller.scope, id_, "invoiceitem").value
    if item.customer != customer.id or item.invoice is not None:
        raise ParameterInvalid(
            "invoiceitem", f"The invoice item {id_} does not wait for an invoice of {customer.id}."
        )
    own.pop("currency", None)
    update_item(work, caller, id_, own)


# --- subscriptions -----------------------------------------------------------------------------


def _of_subscription(
    work: Work, caller: Caller, subscription: Subscription, params: Params, *, is_recurring: bool
) -> Invoice:
    id_ = subscription.id
    if subscription.status in OVER:
        raise NothingUpcoming(subscription.customer)
    details = params.get(_DETAILS) or {}
    with inside(_DETAILS, beside=("discounts",)):
        if details.get("cancel_now"):
            _cancel(work, caller, id_, details)
        elif changes := _changes(details, params):
            update_subscription(work, caller, id_, changes)
    agreed = contract(work.session, caller.scope, id_)
    if is_recurring:
        return _recurring(work, agreed)
    latest = agreed.subscription.latest_invoice
    now_ms = now_of(work, agreed.customer.value)
    if latest is not None and latest != subscription.latest_invoice:
        return _as_upcoming(work, caller, latest, now_ms)  # the change is billed at once
    return _next(work, caller, agreed)


def _changes(details: Params, params: Params) -> dict[str, Any]:
    changes = {name: details[name] for name in _OF_CHANGES if name in details}
    if "billing_cycle_anchor" in details:
        if isinstance(details["billing_cycle_anchor"], int):
            raise ParameterInvalid(
                "billing_cycle_anchor",
                "A subscription's anchor can be moved to now, not to another time. Use now.",
            )
        changes["billing_cycle_anchor"] = details["billing_cycle_anchor"]
    if "discounts" in params:
        changes["discounts"] = params["discounts"]
    return changes


def _cancel(work: Work, caller: Caller, id: str, details: Params) -> None:
    beside = sorted(set(details) - {"cancel_now", "proration_behavior"})
    if beside:
        raise ParametersExclusive(("cancel_now", beside[0]))
    prorates = details.get("proration_behavior") != "none"
    cancel_subscription(work, caller, id, {"invoice_now": True, "prorate": prorates})


def _next(work: Work, caller: Caller, agreed: Contract) -> Invoice:
    """The invoice at the end of the period, with the usage so far."""
    now = agreed.subscription
    if now.status in (*OVER, Status.PAUSED):
        raise NothingUpcoming(now.customer)
    at_ms = _next_moment(now)
    ends = now.cancel_at_ms is not None and now.cancel_at_ms <= now.period_end_ms
    task = Task.CANCEL if ends else Task.PERIOD_END
    perform(work, Due(agreed.scope, task, now.id, at_ms, now.clock), at_ms)
    latest = work.session.subscriptions.get(caller.scope, now.id).value.latest_invoice
    if latest is None or latest == now.latest_invoice:
        raise NothingUpcoming(now.customer)
    return _as_upcoming(work, caller, latest, at_ms)


def _of_new_one(
    work: Work, caller: Caller, customer: Customer, params: Params, *, is_recurring: bool
) -> Invoice:
    """The first invoice of a subscription that is described."""
    details = params[_DETAILS]
    wanted = {name: details[name] for name in _OF_NEW_ONES if name in details}
    wanted |= {"customer": customer.id, "items": details["items"]}
    if "discounts" in params:
        wanted["discounts"] = params["discounts"]
    if isinstance(details.get("billing_cycle_anchor"), int):
        wanted["billing_cycle_anchor"] = details["billing_cycle_anchor"]
    with inside(_DETAILS, beside=("discounts",)):
        _check_new(details)
        agreed = create_subscription(work, caller, wanted)
    if is_recurring:
        return _recurring(work, agreed)
    first = agreed.subscription.latest_invoice
    assert first is not None  # a subscription begins with an invoice
    return _as_upcoming(work, caller, first, now_of(work, customer))


def _check_new(details: Params) -> None:
    if details.get("cancel_now") or "proration_date" in details:
        name = "cancel_now" if details.get("cancel_now") else "proration_date"
        raise ParameterInvalid(name, f"{name} goes with an existing subscription. Name it.")
    for index, item in enumerate(details["items"]):
        for name in _NOT_OF_NEW_ITEMS:
            if name in item:
                raise ParameterInvalid(
                    f"items[{index}][{name}]",
                    f"{name} goes with items of an existing subscription. Name that, or leave it "
                    "out.",
                )


def _recurring(work: Work, agreed: Contract) -> Invoice:
    """What every whole period costs without any usage: quantities and flat amounts."""
    now = agreed.subscription
    if now.status in OVER:
        raise NothingUpcoming(now.customer)
    period = period_from(now.anchor_ms, agreed.recurring, now.period_end_ms)
    at_ms = period.start_ms
    wanted = Draft(
        customer=agreed.customer.value,
        currency=now.currency,
        reason=BillingReason.UPCOMING,
        period=Period(now.period_start_ms, now.period_end_ms),
        lines=[line for one in agreed.items for line in _lines(agreed, one, period)],
        subscription=now.id,
        discounts=discounts_of(agreed, at_ms),
        fields=invoice_fields(agreed, (), at_ms),
    )
    return _settled(work, invoice_of(wanted, agreed.scope, at_ms), at_ms)


def _lines(agreed: Contract, one: Item, period: Period) -> list[InvoiceLine]:
    if not one.is_metered:
        return licensed_lines(agreed, one, period, period.start_ms)
    window = Window(no=0, start_ms=period.start_ms, end_ms=period.end_ms, opened_at=0)
    return metered_lines(agreed, one, window, Decimal(0), period.start_ms)


# --- customers ---------------------------------------------------------------------------------


def _of_customer(work: Work, caller: Caller, customer: Customer, params: Params) -> Invoice:
    """One invoice for all that waits for one."""
    wanted = {name: params[name] for name in ("currency", "discounts") if name in params}
    items = params.get("invoice_items") or ()
    given = next((item["currency"] for item in items if "currency" in item), None)
    if given is not None:
        wanted.setdefault("currency", given)
    wanted |= {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    made = create_invoice(work, caller, wanted).value
    if not made.lines:
        raise NothingUpcoming(customer.id)
    return _as_upcoming(work, caller, made.id, made.created_ms)


# --- as a preview ------------------------------------------------------------------------------


def _as_upcoming(work: Work, caller: Caller, id: str, at_ms: int) -> Invoice:
    """An invoice that was made as one that would be, at a time."""
    made = work.session.invoices.get(caller.scope, id).value
    if made.status is InvoiceStatus.DRAFT:
        return _settled(work, made, at_ms)
    return _unmade(made, at_ms)  # with the credits and the balance that it has taken


def _settled(work: Work, invoice: Invoice, at_ms: int) -> Invoice:
    """A draft with the credits and the balance that its finalization would take."""
    scope = Scope.of(invoice)
    customer = work.session.customers.get(scope, invoice.customer).value
    owed = customer.balance if customer.currency in (None, invoice.currency) else 0
    planned = structs.replace(invoice, created_ms=at_ms, starting_balance=owed)
    return _unmade(estimated(work.session, scope, planned, customer), at_ms)


def _unmade(made: Invoice, at_ms: int) -> Invoice:
    lines = tuple(
        structs.replace(line, credits=tuple(structs.replace(one, id="") for one in line.credits))
        for line in made.lines
    )
    return structs.replace(
        made,
        id=new_id("upcoming_in", at_ms),
        created_ms=at_ms,
        status=InvoiceStatus.DRAFT,
        reason=BillingReason.UPCOMING,
        number=None,
        token=None,
        lines=lines,
        ending_balance=None,
        amount_paid=0,
        finalizes_ms=None,
        finalized_ms=None,
        paid_ms=None,
    )
