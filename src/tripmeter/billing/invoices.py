"""What becomes of an invoice: drafted, finalized, paid, voided, given up.

Each move checks the state that it begins in, and says what happened in the transaction that made
it so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import structs

from tripmeter.billing.arrears import catch_up, fall_behind
from tripmeter.billing.discounting import use_up, with_used
from tripmeter.billing.rendering import rendered_invoice, rendered_payment
from tripmeter.billing.settling import settled
from tripmeter.billing.usage import refreshed, release_windows
from tripmeter.control.announcing import announce
from tripmeter.control.balance import change_balance
from tripmeter.control.clocks import time_on
from tripmeter.control.credits import apply_to_invoice, give_back
from tripmeter.control.currencies import settle_currency
from tripmeter.failpoints import reach
from tripmeter.model.agenda import Due, Task
from tripmeter.model.catalogue import Discount
from tripmeter.model.customer import Customer
from tripmeter.model.errors import StateConflict
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.invoice import (
    BillingReason,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceStatus,
    ThresholdReason,
    WindowUsage,
)
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.ports.payments import Outcome
from tripmeter.rules.invoicing import due
from tripmeter.rules.numbering import invoice_number, new_prefix
from tripmeter.rules.periods import DAY_MS, Period

URL: Final = "/v1/invoices"

_OPEN: Final = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


@dataclass(frozen=True)
class Draft:
    """What an invoice is to be."""

    customer: Customer
    currency: str
    reason: BillingReason
    period: Period
    lines: Sequence[InvoiceLine] = ()
    usages: Sequence[WindowUsage] = ()
    subscription: str | None = None
    ordinal: int | None = None
    finalizes_ms: int | None = None
    threshold_reason: ThresholdReason | None = None
    discounts: tuple[Discount, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    """Other fields of the invoice, by name."""


def draft(work: Work, caller: Caller, wanted: Draft) -> Kept[Invoice]:
    """Make a draft. One for a subscription's period and ordinal that is there already is given
    back as it is: what was asked for twice is done once."""
    scope, customer = caller.scope, wanted.customer
    now_ms = time_on(work.session, scope, customer.clock, work.now_ms)
    invoice = invoice_of(wanted, scope, now_ms)
    invoice = settled(work.session, scope, _addressed(work, invoice), wanted.customer)
    settle_currency(work, caller, customer.id, customer.currency, wanted.currency)
    kept = Kept(work.session.invoices.insert(invoice), invoice)
    reach("bill.drafted")
    if wanted.finalizes_ms is not None:
        task = Due(scope, Task.FINALIZE, invoice.id, wanted.finalizes_ms, wanted.customer.clock)
        work.session.agenda.put(task)
    _tell(work, caller, invoice, "invoice.created")
    return kept


def _addressed(work: Work, invoice: Invoice) -> Invoice:
    """An invoice that says who it is from, with the token of its page."""
    details = {**invoice.details, "account_name": work.terms.seller or None}
    return structs.replace(invoice, details=details, token=new_secret(""))


def invoice_of(wanted: Draft, scope: Scope, now_ms: int) -> Invoice:
    """A draft as an object, with nothing settled."""
    customer = wanted.customer
    return Invoice(
        id=new_id("in", now_ms),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=now_ms,
        customer=customer.id,
        currency=wanted.currency,
        status=InvoiceStatus.DRAFT,
        reason=wanted.reason,
        subscription=wanted.subscription,
        ordinal=wanted.ordinal,
        period_start_ms=wanted.period.start_ms,
        period_end_ms=wanted.period.end_ms,
        clock=customer.clock,
        lines=tuple(wanted.lines),
        usages=tuple(wanted.usages),
        discounts=wanted.discounts,
        threshold_reason=wanted.threshold_reason,
        starting_balance=0,
        finalizes_ms=wanted.finalizes_ms,
        **{"details": customer_facts(customer), **wanted.fields},
    )


def customer_facts(customer: Customer) -> dict[str, Any]:
    """What an invoice keeps of its customer as they were."""
    names = ("name", "address", "phone", "shipping", "tax_exempt")
    facts = {f"customer_{name}": customer.details.get(name) for name in names}
    return {**facts, "customer_email": customer.email}


def finalize(
    work: Work, caller: Caller, kept: Kept[Invoice], *, auto_advance: bool | None = None
) -> Kept[Invoice]:
    """Make a draft final: usage as it is now, credits, taxes, balance, number. Then collect it.

    With `auto_advance` it is said anew whether it is collected by itself. Raises StateConflict
    unless it is a draft.
    """
    if auto_advance is not None:
        kept = Kept(kept.no, structs.replace(kept.value, auto_advance=auto_advance))
    return collect(work, caller, _made_final(work, caller, kept))


def _made_final(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    if kept.value.status is not InvoiceStatus.DRAFT:
        raise StateConflict(
            f"The invoice {kept.value.id} is {kept.value.status} already. Only drafts can be "
            "finalized."
        )
    scope = caller.scope
    customer = work.session.customers.get(scope, kept.value.customer)
    now_ms = time_on(work.session, scope, kept.value.clock, work.now_ms)
    invoice = refreshed(work, kept.value, now_ms)
    invoice = with_used(work.session, scope, invoice)
    invoice = settled(work.session, scope, invoice, customer.value)
    invoice = apply_to_invoice(work, invoice)
    invoice = settled(work.session, scope, invoice, customer.value)
    invoice, numbered = _numbered(invoice, customer.value)
    owed = due(invoice.total, numbered.balance)
    invoice = structs.replace(
        invoice,
        status=InvoiceStatus.OPEN,
        finalized_ms=now_ms,
        finalizes_ms=None,
        due_ms=_due_ms(invoice, now_ms),
        starting_balance=numbered.balance,
        ending_balance=owed.ending_balance,
        amount_due=owed.amount_due,
    )
    work.session.invoices.replace(kept.no, invoice)
    work.session.customers.replace(customer.no, numbered)
    taken = owed.ending_balance - numbered.balance
    if taken:
        change_balance(
            work,
            caller,
            Kept(customer.no, numbered),
            taken,
            invoice.currency,
            "applied_to_invoice",
            invoice=invoice.id,
        )
    use_up(work, caller, invoice)
    reach("bill.finalized")
    release_windows(work, scope, invoice)
    work.session.agenda.drop(scope, Task.FINALIZE, invoice.id)
    if invoice.due_ms is not None:
        task = Due(scope, Task.OVERDUE, invoice.id, invoice.due_ms, invoice.clock)
        work.session.agenda.put(task)
    _tell(work, caller, invoice, "invoice.finalized")
    return Kept(kept.no, invoice)


def _due_ms(invoice: Invoice, now_ms: int) -> int | None:
    days = invoice.details.get("days_until_due")
    if invoice.due_ms is not None or days is None:
        return invoice.due_ms
    return now_ms + int(days) * DAY_MS


def _numbered(invoice: Invoice, customer: Customer) -> tuple[Invoice, Customer]:
    """The invoice with the customer's next number."""
    prefix = customer.invoice_prefix or new_prefix(customer.id)
    count = customer.invoices + 1
    number = invoice.number or invoice_number(prefix, count)
    return (
        structs.replace(invoice, number=number),
        structs.replace(
            customer,
            invoice_prefix=prefix,
            invoices=count,
            currency=customer.currency or invoice.currency,
        ),
    )


def collect(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    """What happens to an invoice by itself once it is open."""
    invoice = kept.value
    paused = invoice.details.get("paused")
    if paused == "void":
        return void(work, caller, kept)
    if paused == "mark_uncollectible" and invoice.amount_due:
        return mark_uncollectible(work, caller, kept)
    if invoice.amount_due == 0:
        return _paid(work, caller, kept, out_of_band=False)
    if not invoice.auto_advance:
        return kept
    if invoice.collection_method == "charge_automatically":
        return _charged(work, caller, kept)
    return _sent(work, caller, kept)


def _charged(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    """What came of collecting an invoice by itself."""
    match work.payments.collect(kept.value):
        case Outcome.PAID:
            return _paid(work, caller, kept, out_of_band=False)
        case Outcome.DECLINED:
            return _declined(work, caller, kept)
        case Outcome.LATER:
            return kept


def _declined(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    now_ms = time_on(work.session, caller.scope, kept.value.clock, work.now_ms)
    invoice = structs.replace(kept.value, details={**kept.value.details, "declined_ms": now_ms})
    work.session.invoices.replace(kept.no, invoice)
    _tell(work, caller, invoice, "invoice.payment_failed")
    fall_behind(work, caller, invoice)
    return Kept(kept.no, invoice)


def _sent(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    _tell(work, caller, kept.value, "invoice.sent")
    return kept


def pay(
    work: Work, caller: Caller, kept: Kept[Invoice], *, out_of_band: bool = False
) -> Kept[Invoice]:
    """Have an invoice collected now, or with `out_of_band` record that it was paid elsewhere; a
    draft is finalized first.

    Raises StateConflict for one that cannot be paid, and where the payment is declined.
    """
    if kept.value.status is InvoiceStatus.DRAFT:
        kept = _made_final(work, caller, kept)
    if kept.value.status not in _OPEN:
        raise StateConflict(
            f"The invoice {kept.value.id} is {kept.value.status}. Only open and uncollectible "
            "invoices can be paid."
        )
    if not out_of_band and kept.value.amount_due:
        outcome = work.payments.collect(kept.value)
        if outcome is Outcome.DECLINED:
            raise StateConflict(
                f"The payment of the invoice {kept.value.id} was declined. If it was paid "
                "elsewhere, say so with paid_out_of_band=true."
            )
        if outcome is Outcome.LATER:
            return kept
    return _paid(work, caller, kept, out_of_band=out_of_band)


def _paid(work: Work, caller: Caller, kept: Kept[Invoice], *, out_of_band: bool) -> Kept[Invoice]:
    scope, now_ms = caller.scope, time_on(work.session, caller.scope, kept.value.clock, work.now_ms)
    invoice = structs.replace(
        kept.value,
        status=InvoiceStatus.PAID,
        amount_paid=kept.value.amount_due,
        paid_ms=now_ms,
        details={**kept.value.details, "attempted": not out_of_band},
    )
    work.session.invoices.replace(kept.no, invoice)
    work.session.agenda.drop(scope, Task.OVERDUE, invoice.id)
    if invoice.amount_due:
        payment = InvoicePayment(
            id=new_id("inpay", now_ms),
            account=scope.account,
            livemode=scope.livemode,
            created_ms=now_ms,
            invoice=invoice.id,
            currency=invoice.currency,
            amount=invoice.amount_due,
            out_of_band=out_of_band,
        )
        work.session.invoice_payments.insert(payment)
        rendered = rendered_payment(payment)
        announce(work, caller, "invoice_payment.paid", rendered, "/v1/invoice_payments")
    _tell(work, caller, invoice, "invoice.paid", "invoice.payment_succeeded")
    catch_up(work, caller, invoice)
    return Kept(kept.no, invoice)


def void(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    """Take an invoice back: what credits and the balance paid of it is given back.

    Raises StateConflict unless it is open or uncollectible.
    """
    if kept.value.status not in _OPEN:
        raise StateConflict(
            f"The invoice {kept.value.id} is {kept.value.status}. Only open and uncollectible "
            "invoices can be voided; delete a draft instead."
        )
    now_ms = time_on(work.session, caller.scope, kept.value.clock, work.now_ms)
    invoice = structs.replace(kept.value, status=InvoiceStatus.VOID, voided_ms=now_ms)
    work.session.invoices.replace(kept.no, invoice)
    work.session.agenda.drop(caller.scope, Task.OVERDUE, invoice.id)
    give_back(work, invoice)
    _return_balance(work, caller, invoice)
    _tell(work, caller, invoice, "invoice.voided")
    catch_up(work, caller, invoice)
    return Kept(kept.no, invoice)


def _return_balance(work: Work, caller: Caller, invoice: Invoice) -> None:
    """What the customer's balance paid of an invoice, or was paid by it, is as it was."""
    taken = (invoice.ending_balance or 0) - invoice.starting_balance
    if taken:
        customer = work.session.customers.get(caller.scope, invoice.customer)
        change_balance(
            work,
            caller,
            customer,
            -taken,
            invoice.currency,
            "unapplied_from_invoice",
            invoice=invoice.id,
        )


def mark_uncollectible(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    """Give up on an invoice. Raises StateConflict unless it is open."""
    if kept.value.status is not InvoiceStatus.OPEN:
        raise StateConflict(
            f"The invoice {kept.value.id} is {kept.value.status}. Only open invoices can be "
            "marked as uncollectible."
        )
    now_ms = time_on(work.session, caller.scope, kept.value.clock, work.now_ms)
    invoice = structs.replace(
        kept.value, status=InvoiceStatus.UNCOLLECTIBLE, uncollectible_ms=now_ms
    )
    work.session.invoices.replace(kept.no, invoice)
    work.session.agenda.drop(caller.scope, Task.OVERDUE, invoice.id)
    _tell(work, caller, invoice, "invoice.marked_uncollectible")
    catch_up(work, caller, invoice)
    return Kept(kept.no, invoice)


def send(work: Work, caller: Caller, kept: Kept[Invoice]) -> Kept[Invoice]:
    """Tell that an invoice is to be sent to its customer; a draft is finalized first.

    Raises StateConflict for one that is void, and for one that is not paid by being sent.
    """
    if kept.value.collection_method != "send_invoice":
        raise StateConflict(
            "You can only send an invoice whose collection_method is send_invoice. Set that while "
            "it is a draft."
        )
    if kept.value.status is InvoiceStatus.VOID:
        raise StateConflict(f"The invoice {kept.value.id} is void. Make another one.")
    if kept.value.status is InvoiceStatus.DRAFT:
        kept = _made_final(work, caller, kept)
        if kept.value.amount_due == 0:
            return collect(work, caller, kept)
    return _sent(work, caller, kept)


def overdue(work: Work, caller: Caller, kept: Kept[Invoice]) -> None:
    """Say that an open invoice should have been paid: its subscription is past due."""
    if kept.value.status is InvoiceStatus.OPEN:
        _tell(work, caller, kept.value, "invoice.overdue")
        fall_behind(work, caller, kept.value)


def replaced(work: Work, caller: Caller, before: Kept[Invoice], after: Invoice) -> Kept[Invoice]:
    """Store a draft's new state, settled, and say what changed."""
    customer = work.session.customers.get(caller.scope, after.customer).value
    after = settled(work.session, caller.scope, after, customer)
    return updated(work, caller, before, after)


def updated(work: Work, caller: Caller, before: Kept[Invoice], after: Invoice) -> Kept[Invoice]:
    """Store a new state of an invoice as it is, and say what changed."""
    work.session.invoices.replace(before.no, after)
    announce(
        work,
        caller,
        "invoice.updated",
        shown(work, after),
        URL,
        before=shown(work, before.value),
    )
    return Kept(before.no, after)


def shown(work: Work, invoice: Invoice) -> dict[str, Any]:
    """An invoice as it is told of."""
    return rendered_invoice(work.session, invoice, work.terms.base_url)


def _tell(work: Work, caller: Caller, invoice: Invoice, *types: str) -> None:
    """Announce events about an invoice, which they all show alike."""
    rendered = shown(work, invoice)
    for type_ in types:
        announce(work, caller, type_, rendered, URL)
