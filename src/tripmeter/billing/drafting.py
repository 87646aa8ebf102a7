"""The lines of a subscription's invoices: usage that was, quantities that will be, what waited."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Final

from msgspec import structs

from tripmeter.billing.contract import Contract, Item
from tripmeter.model.catalogue import Interval, Price
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import InvoiceItem, InvoiceLine
from tripmeter.model.money import exponent
from tripmeter.model.stored import Kept
from tripmeter.model.subscription import Window
from tripmeter.rules.invoicing import Billed, usage_lines
from tripmeter.rules.periods import Period, period_at
from tripmeter.rules.pricing import charges
from tripmeter.rules.prorations import part

_EVERY: Final = {
    Interval.DAY: "day",
    Interval.WEEK: "week",
    Interval.MONTH: "month",
    Interval.YEAR: "year",
}


def metered_lines(
    contract: Contract, item: Item, window: Window, usage: Decimal, now_ms: int
) -> list[InvoiceLine]:
    """Lines for the usage of a window beyond what threshold invoices took of it."""
    cut_ms = window.end_ms if window.cut_ms is None else window.cut_ms
    period = Period(window.start_ms, max(min(window.end_ms, cut_ms), window.start_ms))
    return [
        _line(contract, item, billed, period, now_ms, window=window.no)
        for billed in usage_lines(item.price, usage, window.billed_usage)
    ]


def licensed_lines(
    contract: Contract, item: Item, period: Period, now_ms: int
) -> list[InvoiceLine]:
    """Lines for the quantity of an item in a period; in a part of one, for that share of it."""
    whole = period_at(contract.subscription.anchor_ms, contract.recurring, period.start_ms)
    quantity = Decimal(1 if item.item.quantity is None else item.item.quantity)
    parts = [
        Billed(
            place, charge.quantity, charge.unit_amount, charge.amount, charge.is_flat,
            tier=charge.tier,
        )
        for place, charge in enumerate(charges(item.price, quantity))
        if charge.amount or (charge.quantity and not charge.is_flat)
    ]  # fmt: skip
    lines = [_line(contract, item, one, period, now_ms) for one in parts]
    if period == whole:
        return lines
    return [
        structs.replace(line, amount=part(line.amount, whole, period), proration=True)
        for line in lines
    ]


def item_lines(pending: Iterable[Kept[InvoiceItem]], now_ms: int) -> Iterator[InvoiceLine]:
    """Lines for what waited for an invoice."""
    for _, item in pending:
        yield item_line(item, new_id("il", now_ms))


def item_line(item: InvoiceItem, id: str) -> InvoiceLine:
    """The line of an invoice item."""
    return InvoiceLine(
        id=id,
        amount=item.amount,
        description=item.description or "",
        period_start_ms=item.period_start_ms,
        period_end_ms=item.period_end_ms,
        price=item.price,
        product=item.product,
        unit_amount=item.unit_amount,
        quantity=item.quantity,
        subscription=item.subscription,
        subscription_item=item.subscription_item,
        invoice_item=item.id,
        proration=item.proration,
        discountable=item.discountable,
        tax_rates=item.tax_rates,
        metadata=item.metadata,
    )


def _line(
    contract: Contract,
    item: Item,
    billed: Billed,
    period: Period,
    now_ms: int,
    *,
    window: int | None = None,
) -> InvoiceLine:
    return InvoiceLine(
        id=new_id("il", now_ms),
        amount=billed.amount,
        description=describe(item, billed),
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        price=item.price.id,
        product=item.price.product,
        unit_amount=billed.unit_amount,
        quantity=billed.quantity,
        subscription=contract.subscription.id,
        subscription_item=item.item.id,
        window=window,
        charge=billed.charge,
        tax_rates=item.item.tax_rates or contract.subscription.default_tax_rates,
        metadata=item.item.metadata,
    )


def describe(item: Item, billed: Billed) -> str:
    """What a line bills, in Stripe's manner: `1,500 x Tokens (Tier 2 at $0.40 / month)`."""
    name = item.product_name
    if billed.is_taken_back:
        return f"{name}: billed before in this period"
    tier = "" if billed.tier is None else f"Tier {billed.tier + 1} "
    if billed.is_flat:
        return f"{name} ({tier}flat fee)"
    rate = _rate(billed.unit_amount, item.price)
    return f"{_count(billed.quantity)} x {name} ({tier}at {rate} / {_period(item.price)})"


def _rate(unit_amount: Decimal, price: Price) -> str:
    """A rate in whole units of its currency, with all the places that it has."""
    places = exponent(price.currency)
    with localcontext(prec=60):
        rate = unit_amount.scaleb(-places)
        shown = max(places, -int(rate.normalize().as_tuple().exponent))
        text = f"{rate:,.{shown}f} {price.currency.upper()}"
    package = f" per {price.package.divide_by:,}" if price.package else ""
    return text + package


def _period(price: Price) -> str:
    recurring = price.recurring
    assert recurring is not None  # it is on an item
    every = _EVERY[recurring.interval]
    return every if recurring.interval_count == 1 else f"{recurring.interval_count} {every}s"


def _count(quantity: Decimal) -> str:
    text = f"{quantity:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Usages = Mapping[int, Decimal]
"""Usage of windows, by number."""
