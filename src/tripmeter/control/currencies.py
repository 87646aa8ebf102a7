"""Checks what callers name as a currency, and settles which one a customer is billed in."""

from msgspec import structs

from tripmeter.control.announcing import announce
from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.money import CURRENCIES
from tripmeter.model.scope import Caller
from tripmeter.ports import Work
from tripmeter.wire.objects import customer_object


def currency_of(given: str, param: str) -> str:
    """The currency's code, in lower case. Raises ParameterInvalid for none that is known."""
    currency = given.lower()
    if currency not in CURRENCIES:
        message = f"Invalid currency: {given}. Give a three-letter ISO code, such as usd or eur."
        raise ParameterInvalid(param, message)
    return currency


def settle_currency(work: Work, caller: Caller, id: str, known: str | None, currency: str) -> None:
    """Have a customer billed in a currency from now on, unless it is `known` in which (Stripe).

    The first thing that is to be billed settles it: what waits in two currencies could not stand on
    one invoice, nor be paid from one balance.
    """
    if known is not None:
        return
    kept = work.session.customers.get(caller.scope, id)
    if kept.value.currency is None:
        after = structs.replace(kept.value, currency=currency)
        work.session.customers.replace(kept.no, after)
        shown, before = customer_object(after), customer_object(kept.value)
        announce(work, caller, "customer.updated", shown, "/v1/customers", before=before)
