"""How the lines of an invoice come about, and what they add up to.

The order is Stripe's: amounts, discounts, credits, tax, and at last the customer's balance. Each
line is rounded once when it is made, and each tax on a line once; all sums are of whole units.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from msgspec import structs

from tripmeter.model.catalogue import Price, TaxRate
from tripmeter.model.invoice import Invoice, InvoiceLine, InvoiceStatus, Taxed
from tripmeter.model.money import share
from tripmeter.rules.pricing import ZERO, Charge, charges

_HUNDRED: Final = Decimal(100)


class Billed(NamedTuple):
    """One charge as a line bills it: what is new of it since it was billed before."""

    charge: int
    """Its place among the charges of its price."""
    quantity: Decimal
    unit_amount: Decimal
    amount: int
    is_flat: bool = False
    is_taken_back: bool = False
    """What was billed before, taken off again."""
    tier: int | None = None


def usage_lines(price: Price, usage: Decimal, billed_usage: Decimal | None) -> list[Billed]:
    """What the usage of a period costs beyond what was billed of it before.

    Charge by charge it is what all of the usage costs, less what the part that was billed cost, so
    that all lines of a period add up to what a single invoice would have said. Volume tiers price
    all usage anew: then the whole stands on one line, and what was billed before is taken off on
    another, so that the sum may be below zero (Stripe).
    """
    now = [_line(place, charge) for place, charge in enumerate(charges(price, usage))]
    if billed_usage is None:
        return list(filter(_says_something, now))
    before = charges(price, billed_usage)
    if price.tiers_mode == "volume":
        return _priced_anew(now, before)
    return list(filter(_says_something, map(_less, now, before)))


def _line(place: int, charge: Charge) -> Billed:
    return Billed(
        place,
        charge.quantity,
        charge.unit_amount,
        charge.amount,
        charge.is_flat,
        tier=charge.tier,
    )


def _less(line: Billed, before: Charge) -> Billed:
    return line._replace(
        quantity=line.quantity - before.quantity, amount=line.amount - before.amount
    )


def _says_something(line: Billed) -> bool:
    """Usage that is free has a line, a flat amount of nothing has none."""
    return bool(line.amount or (line.quantity and not line.is_flat))


def _priced_anew(now: Sequence[Billed], before: Sequence[Charge]) -> list[Billed]:
    whole = list(filter(_says_something, now))
    taken = sum(charge.amount for charge in before)
    if taken:
        place = next(at for at, charge in enumerate(before) if charge.amount)
        whole.append(Billed(place, Decimal(1), Decimal(-taken), -taken, is_taken_back=True))
    return whole


def with_taxes(line: InvoiceLine, rates: Mapping[str, TaxRate], *, exempt: bool) -> InvoiceLine:
    """A line with its taxes: on what is left of it after discounts and credits."""
    own = [rates[id] for id in line.tax_rates]
    if exempt or not own:
        return structs.replace(line, taxes=())
    taxable = net(line)
    inclusive = sum((rate.percentage for rate in own if rate.inclusive), ZERO)
    with localcontext(prec=200):
        taxes = tuple(
            Taxed(
                rate.id,
                rate.inclusive,
                share(taxable, rate.percentage, _HUNDRED + (inclusive if rate.inclusive else 0)),
                taxable,
            )
            for rate in own
        )
    return structs.replace(line, taxes=taxes)


def net(line: InvoiceLine) -> int:
    """What is left of a line after discounts and credits; inclusive taxes are still in it."""
    taken = sum(one.amount for one in (*line.discounts, *line.credits))
    return line.amount - taken


class Totals(NamedTuple):
    """What an invoice comes to, in minor units."""

    subtotal: int
    """Before discounts, credits and exclusive taxes."""
    excluding_tax: int
    """After discounts and credits, without any tax: what thresholds are compared with."""
    total: int


def totals(lines: Iterable[InvoiceLine]) -> Totals:
    """The sums of lines whose discounts, credits and taxes are settled."""
    subtotal = excluding_tax = total = 0
    for line in lines:
        left = net(line)
        subtotal += line.amount
        excluding_tax += left - sum(tax.amount for tax in line.taxes if tax.inclusive)
        total += left + sum(tax.amount for tax in line.taxes if not tax.inclusive)
    return Totals(subtotal, excluding_tax, total)


class Due(NamedTuple):
    """What is to be paid, and what becomes of the customer's balance."""

    amount_due: int
    ending_balance: int


def due(total: int, balance: int) -> Due:
    """A balance below zero pays, one above is owed, too; a total below zero goes to the balance."""
    left = total + balance
    return Due(max(left, 0), min(left, 0))


def in_arrears(invoice: Invoice, now_ms: int) -> bool:
    """Whether an invoice should have been paid by now: overdue, or its payment was declined."""
    is_overdue = invoice.due_ms is not None and invoice.due_ms <= now_ms
    is_open = invoice.status is InvoiceStatus.OPEN
    return is_open and (is_overdue or "declined_ms" in invoice.details)


def summed(invoice: Invoice) -> Invoice:
    """An invoice with the totals of its lines, and what is due by its starting balance."""
    subtotal, excluding_tax, total = totals(invoice.lines)
    return structs.replace(
        invoice,
        subtotal=subtotal,
        total_excluding_tax=excluding_tax,
        total=total,
        amount_due=due(total, invoice.starting_balance).amount_due,
    )
