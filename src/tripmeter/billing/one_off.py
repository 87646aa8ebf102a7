"""Invoices that callers make themselves, and what they change of drafts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from tripmeter.billing.drafting import item_lines
from tripmeter.billing.invoice_items import check_customer_currency
from tripmeter.billing.invoices import (
    URL,
    Draft,
    collect,
    customer_facts,
    draft,
    replaced,
    shown,
    updated,
)
from tripmeter.billing.items import checked_tax_rates
from tripmeter.billing.pending import put_on, release, waiting
from tripmeter.billing.rate import check_rate
from tripmeter.billing.subscriptions import OVER
from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.control.clocks import now_of, time_on
from tripmeter.control.currencies import currency_of
from tripmeter.control.customers import existing
from tripmeter.control.discounts import give_discounts
from tripmeter.model.agenda import Due, Task
from tripmeter.model.catalogue import Discount
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid, ParametersExclusive, StateConflict
from tripmeter.model.invoice import BillingReason, Invoice, InvoiceItem, InvoiceStatus
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import Subscription
from tripmeter.ports import Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.periods import Period

_USUAL_CURRENCY: Final = "usd"
"""What the account says its currency is."""

_KEPT_AS_GIVEN: Final = (
    "custom_fields", "days_until_due", "effective_at", "payment_settings", "rendering",
    "shipping_details", "statement_descriptor",
)  # fmt: skip
"""What stands in `details`."""

_EDITABLE: Final = frozenset({"auto_advance", "metadata", "payment_settings"})
"""What can change once an invoice is final."""


def create_invoice(work: Work, caller: Caller, params: dict[str, Any]) -> Kept[Invoice]:
    """Make a draft for a customer, of what waits for one if that is asked for.

    With a subscription it takes what waits for that one, unless it is said to take nothing.
    Raises ParameterInvalid and its kin, naming the parameter; ResourceMissing; TooManyInvoices.
    """
    customer = existing(work, caller, params["customer"], "customer").value
    subscription = _subscription(work, caller, customer, params.get("subscription"))
    currency = _currency(params, customer, subscription)
    now_ms = now_of(work, customer)
    if subscription is not None:
        check_rate(work, caller.scope, subscription.id, now_ms)
    pending = _pending(work, caller, params, customer, currency)
    wanted = Draft(
        customer=customer,
        currency=currency,
        reason=BillingReason.MANUAL,
        period=Period(now_ms, now_ms),
        lines=tuple(item_lines(pending, now_ms)),
        subscription=None if subscription is None else subscription.id,
        finalizes_ms=_finalizes_ms(work, params, now_ms) if params.get("auto_advance") else None,
        discounts=(
            *(one for _, item in pending for one in item.discounts),
            *_own_discounts(
                work, caller, params, customer, subscription, currency,
                sum(kept.value.amount for kept in pending),
            ),
        ),
        fields=_fields(work, caller, params, customer, subscription, now_ms),
    )  # fmt: skip
    kept = draft(work, caller, wanted)
    put_on(work, pending, kept.value)
    return kept


def _fields(
    work: Work, caller: Caller, params: Mapping[str, Any], customer: Customer,
    subscription: Subscription | None, now_ms: int,
) -> dict[str, Any]:  # fmt: skip
    method = params.get("collection_method", "charge_automatically")
    _check_due(params, method, now_ms)
    _check_finalization(params)
    details = {**customer_facts(customer), **_given(params)}
    if subscription is not None:
        details["subscription_metadata"] = subscription.metadata
    due = params.get("due_date")
    return {
        "auto_advance": params.get("auto_advance", False),
        "collection_method": method,
        "default_tax_rates": checked_tax_rates(
            work.session, caller.scope, params.get("default_tax_rates"), "default_tax_rates"
        ),
        "description": params.get("description"),
        "details": details,
        "due_ms": None if due is None else due * 1000,
        "footer": params.get("footer"),
        "metadata": merge_metadata({}, params.get("metadata")),
    }


def update_invoice(
    work: Work, caller: Caller, kept: Kept[Invoice], params: dict[str, Any]
) -> Kept[Invoice]:
    """Change a draft; of a final invoice its metadata, and whether it is collected by itself.

    Raises StateConflict (`invoice_not_editable`) for what cannot change any more.
    """
    before = kept.value
    if before.status is not InvoiceStatus.DRAFT:
        return _update_final(work, caller, kept, params)
    now_ms = time_on(work.session, caller.scope, before.clock, work.now_ms)
    method = params.get("collection_method", before.collection_method)
    _check_change_of_due(before, params, method, now_ms)
    _check_finalization(params, before)
    after = structs.replace(
        _described(before, params),
        collection_method=method,
        default_tax_rates=_tax_rates(work, caller, before, params),
        discounts=_discounts(work, caller, before, params, now_ms),
        finalizes_ms=_new_finalizes_ms(work, before, params, now_ms),
        due_ms=_due_ms(before, params, method),
    )
    changed = replaced(work, caller, kept, after)
    _plan(work, caller, changed.value)
    return changed


def _described(before: Invoice, params: Mapping[str, Any]) -> Invoice:
    return structs.replace(
        before,
        auto_advance=params.get("auto_advance", before.auto_advance),
        description=params.get("description", before.description),
        footer=params.get("footer", before.footer),
        metadata=merge_metadata(before.metadata, params.get("metadata")),
        details={**before.details, **_given(params)},
    )


def _update_final(
    work: Work, caller: Caller, kept: Kept[Invoice], params: Mapping[str, Any]
) -> Kept[Invoice]:
    before = kept.value
    fixed = sorted(set(params) - _EDITABLE)
    if fixed:
        raise StateConflict(
            f"The invoice {before.id} is {before.status}, and its {', '.join(fixed)} cannot change "
            f"any more: only {', '.join(sorted(_EDITABLE))} can. Void it and make another one, or "
            "put an invoice item on the next one.",
            fixed[0],
            "invoice_not_editable",
        )
    changed = updated(work, caller, kept, _described(before, params))
    is_new = changed.value.auto_advance and not before.auto_advance
    if is_new and before.status is InvoiceStatus.OPEN:
        return collect(work, caller, changed)
    return changed


def delete_invoice(work: Work, caller: Caller, kept: Kept[Invoice]) -> Invoice:
    """Delete a draft that was made by hand; its items wait again. Raises StateConflict."""
    invoice = kept.value
    if invoice.status is not InvoiceStatus.DRAFT:
        raise StateConflict(
            f"The invoice {invoice.id} is {invoice.status}, and only drafts can be deleted. Void "
            "it instead.",
            code="invoice_not_editable",
        )
    if invoice.reason is not BillingReason.MANUAL:
        raise StateConflict(
            f"The invoice {invoice.id} is for a period of the subscription {invoice.subscription}, "
            "and cannot be deleted. Finalize and void it instead."
        )
    gone = structs.replace(invoice, deleted=True)
    work.session.invoices.replace(kept.no, gone)
    work.session.agenda.drop(caller.scope, Task.FINALIZE, invoice.id)
    release(work, caller.scope, invoice.id)
    announce(work, caller, "invoice.deleted", shown(work, invoice), URL)
    return gone


# --- what it is of -----------------------------------------------------------------------------


def _subscription(
    work: Work, caller: Caller, customer: Customer, id: str | None
) -> Subscription | None:
    if id is None:
        return None
    subscription = work.session.subscriptions.get(caller.scope, id, "subscription").value
    if subscription.customer != customer.id:
        raise ParameterInvalid(
            "subscription", f"The subscription {id} is not one of the customer {customer.id}."
        )
    if subscription.status in OVER:
        raise ParameterInvalid(
            "subscription", f"The subscription {id} is {subscription.status}. Leave it out."
        )
    return subscription


def _currency(
    params: Mapping[str, Any], customer: Customer, subscription: Subscription | None
) -> str:
    known = subscription.currency if subscription else customer.currency or _USUAL_CURRENCY
    currency = known
    if "currency" in params:
        currency = currency_of(params["currency"], "currency")
    if subscription is not None and currency != known:
        raise ParameterInvalid(
            "currency", f"The subscription {subscription.id} is billed in {known}. Use that."
        )
    check_customer_currency(customer, currency, "currency")
    return currency


def _pending(
    work: Work, caller: Caller, params: Mapping[str, Any], customer: Customer, currency: str
) -> list[Kept[InvoiceItem]]:
    subscription = params.get("subscription")
    behavior = params.get("pending_invoice_items_behavior")
    if behavior == "exclude" or (behavior is None and subscription is None):
        return []
    found = waiting(work.session, caller.scope, customer.id, currency, subscription)
    if subscription is None:
        return found
    return [kept for kept in found if kept.value.subscription == subscription]


# --- discounts and taxes -----------------------------------------------------------------------


def _own_discounts(
    work: Work, caller: Caller, params: Mapping[str, Any], customer: Customer,
    subscription: Subscription | None, currency: str, amount: int,
) -> tuple[Discount, ...]:  # fmt: skip
    """Those of the invoice itself: as asked for, or else its subscription's, or its customer's."""
    if "discounts" not in params:
        held = subscription.discounts if subscription else ()
        return held or ((customer.discount,) if customer.discount else ())
    at_s = now_of(work, customer) // 1000
    recipient = Recipient(at_s, customer.id, currency=currency, amount=amount)
    return give_discounts(work, caller, params["discounts"] or (), recipient)


def _discounts(
    work: Work, caller: Caller, before: Invoice, params: Mapping[str, Any], now_ms: int
) -> tuple[Discount, ...]:
    if "discounts" not in params:
        return before.discounts
    of_items = [one for one in before.discounts if one.invoice_item or one.subscription_item]
    recipient = Recipient(
        now_ms // 1000,
        before.customer,
        invoice=before.id,
        currency=before.currency,
        amount=before.subtotal,
    )
    given: Sequence[Mapping[str, str]] = params["discounts"] or ()
    own = give_discounts(work, caller, given, recipient, held=before.discounts)
    return (*of_items, *own)


def _tax_rates(
    work: Work, caller: Caller, before: Invoice, params: Mapping[str, Any]
) -> tuple[str, ...]:
    if "default_tax_rates" not in params:
        return before.default_tax_rates
    given = params["default_tax_rates"]
    return checked_tax_rates(work.session, caller.scope, given, "default_tax_rates")


# --- when it is final, and due -----------------------------------------------------------------


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _KEPT_AS_GIVEN if name in params}


def _check_due(params: Mapping[str, Any], method: str, now_ms: int) -> None:
    """Invoices that are sent are due some time, others at once (Stripe)."""
    given = [name for name in ("days_until_due", "due_date") if params.get(name) is not None]
    if len(given) == 2:
        raise ParametersExclusive(("days_until_due", "due_date"))
    if method == "send_invoice" and not given:
        raise ParameterInvalid(
            "days_until_due",
            "An invoice that is sent needs days_until_due or due_date: how long there is to pay.",
        )
    if method == "charge_automatically" and given:
        raise ParameterInvalid(
            given[0], f"{given[0]} goes with collection_method=send_invoice only."
        )
    if params.get("due_date") is not None and params["due_date"] * 1000 < now_ms:
        raise ParameterInvalid("due_date", "due_date must be in the future.")


def _check_change_of_due(
    before: Invoice, params: Mapping[str, Any], method: str, now_ms: int
) -> None:
    names = {"collection_method", "days_until_due", "due_date"}
    if not names & set(params):
        return
    known = {name: params[name] for name in ("days_until_due", "due_date") if name in params}
    if not known and method == before.collection_method == "send_invoice":
        return
    _check_due(known, method, now_ms)


def _due_ms(before: Invoice, params: Mapping[str, Any], method: str) -> int | None:
    if "due_date" in params:
        return int(params["due_date"]) * 1000
    if "days_until_due" in params or method == "charge_automatically":
        return None
    return before.due_ms


def _check_finalization(params: Mapping[str, Any], before: Invoice | None = None) -> None:
    advances = params.get("auto_advance", before.auto_advance if before else False)
    if "automatically_finalizes_at" in params and not advances:
        raise ParameterInvalid(
            "automatically_finalizes_at",
            "automatically_finalizes_at goes with auto_advance=true only.",
        )


def _finalizes_ms(work: Work, params: Mapping[str, Any], now_ms: int) -> int:
    given = params.get("automatically_finalizes_at")
    if given is None:
        return now_ms + work.terms.grace_ms
    if given * 1000 <= now_ms:
        raise ParameterInvalid(
            "automatically_finalizes_at", "automatically_finalizes_at must be in the future."
        )
    return int(given) * 1000


def _new_finalizes_ms(
    work: Work, before: Invoice, params: Mapping[str, Any], now_ms: int
) -> int | None:
    if not params.get("auto_advance", before.auto_advance):
        return None
    if before.finalizes_ms is not None and "automatically_finalizes_at" not in params:
        return before.finalizes_ms
    return _finalizes_ms(work, params, now_ms)


def _plan(work: Work, caller: Caller, invoice: Invoice) -> None:
    if invoice.finalizes_ms is None:
        work.session.agenda.drop(caller.scope, Task.FINALIZE, invoice.id)
        return
    task = Due(caller.scope, Task.FINALIZE, invoice.id, invoice.finalizes_ms, invoice.clock)
    work.session.agenda.put(task)
