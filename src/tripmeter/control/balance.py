"""A customer's invoice balance: below zero is credit for the next invoice, above is owed."""

from typing import Final, NamedTuple

from msgspec import structs

from tripmeter.control.announcing import announce
from tripmeter.control.clocks import now_of
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import BalanceTransaction, InvoiceStatus
from tripmeter.model.money import AMOUNT_LIMIT, format_amount
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept, Page
from tripmeter.ports import Work
from tripmeter.wire.objects import customer_object

_URL: Final = "/v1/customers"

_DEFAULT_CURRENCY: Final = "usd"
"""What the account says its currency is; a balance that is set without one is in it (Stripe)."""


class Note(NamedTuple):
    """What a caller writes beside a change of the balance."""

    description: str | None
    metadata: dict[str, str]


def change_balance(
    work: Work,
    caller: Caller,
    kept: Kept[Customer],
    amount: int,
    currency: str,
    type_: str,
    *,
    invoice: str | None = None,
    note: Note | None = None,
) -> BalanceTransaction:
    """Add `amount` minor units to a customer's balance, and announce the customer as it is then.

    `type_` is Stripe's, such as `applied_to_invoice`. Raises ParameterInvalid for a currency that
    is not the customer's, and for a balance beyond AMOUNT_LIMIT.
    """
    before = kept.value
    entry = _entry(work, before, amount, currency, type_, invoice)
    if note is not None:
        entry = structs.replace(entry, description=note.description, metadata=note.metadata)
    work.session.balance_transactions.insert(entry)
    after = structs.replace(before, balance=entry.ending_balance, currency=currency)
    work.session.customers.replace(kept.no, after)
    rendered = customer_object(after)
    announce(work, caller, "customer.updated", rendered, _URL, before=customer_object(before))
    return entry


def with_balance(work: Work, customer: Customer, balance: int, type_: str) -> Customer:
    """The customer with a balance of `balance` minor units, and the transaction that leads there.

    The caller stores the customer and announces it.
    """
    if balance == customer.balance:
        return customer
    currency = customer.currency or _DEFAULT_CURRENCY
    entry = _entry(work, customer, balance - customer.balance, currency, type_)
    work.session.balance_transactions.insert(entry)
    return structs.replace(customer, balance=balance, currency=currency)


def _entry(
    work: Work,
    customer: Customer,
    amount: int,
    currency: str,
    type_: str,
    invoice: str | None = None,
) -> BalanceTransaction:
    _check_currency(work, customer, currency)
    ending = customer.balance + amount
    if abs(ending) > AMOUNT_LIMIT:
        message = (
            f"The balance would be {ending}. It can be from -{AMOUNT_LIMIT} to {AMOUNT_LIMIT};"
            " change it by less."
        )
        raise ParameterInvalid("amount", message)
    return BalanceTransaction(
        id=new_id("cbtxn", work.now_ms),
        account=customer.account,
        livemode=customer.livemode,
        created_ms=now_of(work, customer),
        customer=customer.id,
        currency=currency,
        amount=amount,
        ending_balance=ending,
        type=type_,
        invoice=invoice,
    )


def _check_currency(work: Work, customer: Customer, currency: str) -> None:
    """A balance is in one currency, and so is what a customer is to be billed."""
    if customer.currency in (None, currency):
        return
    own = str(customer.currency)
    if customer.balance != 0:
        held = f"has a balance of {format_amount(customer.balance, own)}"
    elif _is_to_be_billed(work, customer):
        held = f"is billed in {own.upper()}"
    else:
        return
    message = (
        f"The customer {customer.id} {held}, and cannot have one in {currency.upper()}."
        f" Use the currency {own}."
    )
    raise ParameterInvalid("currency", message)


def _is_to_be_billed(work: Work, customer: Customer) -> bool:
    """By a subscription, by what waits for an invoice, or by one that is a draft."""
    scope, own = Scope.of(customer), {"customer": customer.id}
    session, one = work.session, Page(1)
    draft = InvoiceStatus.DRAFT.value
    return bool(
        session.subscriptions.page(scope, one, **own, hide_canceled=True).items
        or session.invoice_items.page(scope, one, **own, pending=True).items
        or session.invoices.page(scope, one, **own, status=draft).items
    )
