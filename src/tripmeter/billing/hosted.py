"""An invoice as people see it, with what is known of the ids on it."""

from typing import NamedTuple

from tripmeter.billing.rendering import tax_rates
from tripmeter.control.access import account_name
from tripmeter.model.catalogue import Coupon
from tripmeter.model.invoice import Invoice
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.wire.invoice_view import Known


class Hosted(NamedTuple):
    """An invoice, and what its page needs beside it."""

    invoice: Invoice
    seller: str
    """Who it is from."""
    locales: list[str]
    """The languages that its customer prefers."""
    known: Known


def hosted_invoice(session: Session, token: str, seller: str) -> Hosted | None:
    """The invoice whose page has a token; None if there is none.

    It is from whom it says, or else from `seller`, or from the account by its name.
    """
    invoice = session.invoice_by_token(token)
    if invoice is None:
        return None
    scope = Scope.of(invoice)
    customer = session.customers.get(scope, invoice.customer).value
    named = invoice.details.get("account_name") or seller or account_name(session, scope)
    locales = customer.details.get("preferred_locales") or []
    return Hosted(invoice, named, locales, _known(session, scope, invoice))


def _known(session: Session, scope: Scope, invoice: Invoice) -> Known:
    prices = {line.price for line in invoice.lines if line.price is not None}
    rates = {tax.tax_rate for line in invoice.lines for tax in line.taxes}
    return Known(
        {id: session.prices.get(scope, id).value for id in prices},
        tax_rates(session, scope, rates),
        {one.id: _coupon(session, scope, one.coupon) for one in invoice.discounts},
    )


def _coupon(session: Session, scope: Scope, id: str) -> Coupon:
    return session.coupons.get(scope, id).value
