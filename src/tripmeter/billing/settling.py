"""What an invoice comes to: discounts, credits and taxes put on its lines, in Stripe's order.

The one place that knows the order. Thresholds and previews ask what would come of an invoice, and
change nothing; finalization makes it so.
"""

from typing import Final

from msgspec import structs

from tripmeter.control.credits import usable_standings
from tripmeter.model.customer import Customer
from tripmeter.model.invoice import Applied, Invoice, InvoiceLine
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.rules.credits import apply_credits
from tripmeter.rules.discounts import Given, Line, discount_amounts
from tripmeter.rules.invoicing import summed, with_taxes

EXEMPT: Final = frozenset({"exempt", "reverse"})
"""Values of a customer's `tax_exempt` with which no tax is charged (Stripe)."""


def settled(session: Session, scope: Scope, invoice: Invoice, customer: Customer) -> Invoice:
    """An invoice with discounts, taxes and totals; credits are those that were applied."""
    lines = _discounted(session, scope, invoice)
    return summed(_taxed(session, scope, structs.replace(invoice, lines=lines), customer))


def estimated(session: Session, scope: Scope, invoice: Invoice, customer: Customer) -> Invoice:
    """As `settled`, with the credits that finalization would apply now."""
    lines = _discounted(session, scope, invoice)
    standings = usable_standings(session, invoice)
    uses = apply_credits(lines, standings, invoice.period_end_ms, invoice.currency)
    credited = {use.line: [one for one in uses if one.line == use.line] for use in uses}
    lines = tuple(
        structs.replace(
            line, credits=tuple(Applied(use.grant, use.amount) for use in credited[line.id])
        )
        if line.id in credited
        else line
        for line in lines
    )
    return summed(_taxed(session, scope, structs.replace(invoice, lines=lines), customer))


def _discounted(session: Session, scope: Scope, invoice: Invoice) -> tuple[InvoiceLine, ...]:
    if not invoice.discounts:
        return tuple(structs.replace(line, discounts=()) for line in invoice.lines)
    given = [
        Given(discount, session.coupons.get(scope, discount.coupon).value)
        for discount in invoice.discounts
    ]
    lines = [_as_line(line) for line in invoice.lines]
    rows = discount_amounts(lines, given, invoice.created_ms // 1000, invoice.currency)
    return tuple(
        structs.replace(
            line,
            discounts=tuple(
                Applied(one.discount.id, row[at])
                for one, row in zip(given, rows, strict=True)
                if row[at]
            ),
        )
        for at, line in enumerate(invoice.lines)
    )


def _as_line(line: InvoiceLine) -> Line:
    amount = line.amount if line.discountable else 0
    return Line(amount, line.product, line.subscription_item, line.invoice_item)


def _taxed(session: Session, scope: Scope, invoice: Invoice, customer: Customer) -> Invoice:
    """An invoice with its taxes: each line's own, or else the invoice's default ones."""
    default = invoice.default_tax_rates
    names = {*default, *(id for line in invoice.lines for id in line.tax_rates)}
    rates = {id: session.tax_rates.get(scope, id).value for id in names}
    exempt = customer.details.get("tax_exempt") in EXEMPT

    def taxed(line: InvoiceLine) -> InvoiceLine:
        owed = structs.replace(line, tax_rates=line.tax_rates or default)
        return structs.replace(line, taxes=with_taxes(owed, rates, exempt=exempt).taxes)

    return structs.replace(invoice, lines=tuple(map(taxed, invoice.lines)))
