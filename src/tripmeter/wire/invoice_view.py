"""What an invoice says to a person, in words and in order, before it is set as a page or a PDF."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tripmeter.model.catalogue import Coupon, Price, TaxRate
from tripmeter.model.invoice import (
    BillingReason,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Taxed,
    ThresholdReason,
)
from tripmeter.wire.invoice_words import (
    WORDS,
    Language,
    Words,
    date_text,
    money_text,
    number_text,
)
from tripmeter.wire.invoices import taxes_of


class Known(NamedTuple):
    """What is known of the ids on an invoice. What is not known goes by a general name."""

    prices: Mapping[str, Price] = {}
    tax_rates: Mapping[str, TaxRate] = {}
    coupons: Mapping[str, Coupon] = {}
    """The coupon of each discount, by the discount's id."""


NOTHING: Final = Known()


class Row(NamedTuple):
    """One line of an invoice."""

    description: str
    period: str
    notes: tuple[str, ...]
    """Which tier it is, and what was taken off."""
    quantity: str
    unit_price: str
    amount: str


class Total(NamedTuple):
    """One line below the lines. What is due is `strong`."""

    label: str
    amount: str
    strong: bool = False


class View(NamedTuple):
    """An invoice in words."""

    words: Words
    title: str
    seller: str
    status: InvoiceStatus
    facts: tuple[tuple[str, str], ...]
    customer: tuple[str, ...]
    reasons: tuple[str, ...]
    memo: str | None
    rows: tuple[Row, ...]
    totals: tuple[Total, ...]
    due: str
    footer: str | None
    page_size: str
    """a4 or letter."""
    written_ms: int
    """When it was finalized, or else made."""


def invoice_view(invoice: Invoice, seller: str, language: Language, known: Known) -> View:
    """An invoice in the words of a language."""
    words = WORDS[language]
    made = _Making(invoice, words, known)
    return View(
        words=words,
        title=words.preview if invoice.reason is BillingReason.UPCOMING else words.invoice,
        seller=seller,
        status=invoice.status,
        facts=tuple(made.facts()),
        customer=tuple(_customer_lines(invoice.details)),
        reasons=tuple(made.reasons()),
        memo=invoice.description,
        rows=tuple(made.row(line) for line in invoice.lines),
        totals=tuple(made.totals()),
        due=made.money(made.owed),
        footer=invoice.footer,
        page_size="letter" if _page_size(invoice.details) == "letter" else "a4",
        written_ms=invoice.created_ms if invoice.finalized_ms is None else invoice.finalized_ms,
    )


class _Making:
    """The parts of a view of one invoice."""

    def __init__(self, invoice: Invoice, words: Words, known: Known) -> None:
        self.invoice = invoice
        self.words = words
        self.known = known

    @property
    def owed(self) -> int:
        """What is still to be paid: of what was voided, nothing."""
        if self.invoice.status is InvoiceStatus.VOID:
            return 0
        return self.invoice.amount_due - self.invoice.amount_paid

    def money(self, amount: Any) -> str:
        return money_text(amount, self.invoice.currency, self.words.language)

    def date(self, moment_ms: int) -> str:
        return date_text(moment_ms, self.words.language)

    def number(self, number: Any) -> str:
        return number_text(number, self.words.language)

    # --- the head ----

    def facts(self) -> Iterator[tuple[str, str]]:
        words, invoice = self.words, self.invoice
        if invoice.number is not None:
            yield words.number, invoice.number
        effective = invoice.details.get("effective_at")
        issued = invoice.finalized_ms if effective is None else effective * 1000
        yield words.issued, self.date(invoice.created_ms if issued is None else issued)
        if invoice.due_ms is not None:
            yield words.due, self.date(invoice.due_ms)
        if invoice.subscription is not None:
            yield words.period, self.span(invoice.period_start_ms, invoice.period_end_ms)
        for field in invoice.details.get("custom_fields") or ():
            yield field["name"], field["value"]

    def span(self, start_ms: int, end_ms: int) -> str:
        if self.date(start_ms) == self.date(end_ms):
            return self.date(start_ms)
        return f"{self.date(start_ms)} \u2013 {self.date(end_ms)}"

    def reasons(self) -> Iterator[str]:
        if notice := self.notice():
            yield notice
        reason = self.invoice.threshold_reason
        if reason is not None and (reason.amount_gte is not None or reason.item_reasons):
            yield from self.threshold_reasons(reason)
        elif self.invoice.reason in self.words.reasons:
            yield self.words.reasons[self.invoice.reason]

    def notice(self) -> str | None:
        if self.invoice.reason is BillingReason.UPCOMING:
            return None
        return self.words.notices.get(self.invoice.status)

    def threshold_reasons(self, reason: ThresholdReason) -> Iterator[str]:
        if reason.amount_gte is not None:
            yield self.words.amount_threshold.format(self.money(reason.amount_gte))
        described = {line.id: line.description for line in self.invoice.lines}
        for item in reason.item_reasons:
            names = dict.fromkeys(_short(described[id]) for id in item.lines if id in described)
            units = number_text(Decimal(item.usage_gte), self.words.language)
            yield self.words.usage_threshold.format(", ".join(names), units)

    # --- the lines ----

    def row(self, line: InvoiceLine) -> Row:
        unit = "" if line.unit_amount is None else self.money(line.unit_amount)
        return Row(
            description=line.description,
            period=self.span(line.period_start_ms, line.period_end_ms),
            notes=tuple(self.notes(line)),
            quantity=self.number(line.quantity),
            unit_price=unit,
            amount=self.money(line.amount),
        )

    def notes(self, line: InvoiceLine) -> Iterator[str]:
        if tier := self.tier(line):
            yield tier
        for one in line.discounts:
            yield f"{self.discount_name(one.id)}: {self.money(-one.amount)}"
        if taken := sum(one.amount for one in line.credits):
            yield f"{self.words.credit}: {self.money(-taken)}"

    def tier(self, line: InvoiceLine) -> str | None:
        """Which tier a line bills: charges come in pairs, by the unit and flat (rules.pricing)."""
        price = self.known.prices.get(line.price or "")
        if price is None or line.charge is None or line.amount < 0:
            return None
        place, is_flat = divmod(line.charge, 2)
        if place >= len(price.tiers):
            return None
        text = self.tier_span(price, place)
        return f"{text}, {self.words.flat}" if is_flat else text

    def tier_span(self, price: Price, place: int) -> str:
        start = price.tiers[place - 1].up_to if place else None
        end = price.tiers[place].up_to
        words = self.words
        if start is None:
            text = words.tier_all if end is None else words.tier_first
        else:
            text = words.tier_above if end is None else words.tier_between
        ends = {
            "start": self.number(Decimal(start or 0)),
            "end": self.number(Decimal(end or 0)),
        }
        return text.format(tier=place + 1, **ends)

    # --- the sums ----

    def totals(self) -> Iterator[Total]:
        words, invoice = self.words, self.invoice
        yield Total(words.subtotal, self.money(invoice.subtotal))
        yield from self.taken_off()
        taxes = taxes_of(invoice.lines)
        if taxes:
            yield Total(words.excluding_tax, self.money(invoice.total_excluding_tax))
        yield from (Total(self.tax_name(tax), self.money(tax.amount)) for tax in taxes)
        yield Total(words.total, self.money(invoice.total))
        yield from self.settled()
        yield Total(words.amount_due, self.money(self.owed), strong=True)

    def taken_off(self) -> Iterator[Total]:
        sums: dict[str, int] = {}
        for one in (one for line in self.invoice.lines for one in line.discounts):
            sums[one.id] = sums.get(one.id, 0) + one.amount
        for id, amount in sums.items():
            yield Total(self.discount_name(id), self.money(-amount))
        credits = sum(one.amount for line in self.invoice.lines for one in line.credits)
        if credits:
            yield Total(self.words.credit, self.money(-credits))

    def settled(self) -> Iterator[Total]:
        """What the customer's balance and payments did; a balance below zero is credit."""
        words, invoice = self.words, self.invoice
        applied = invoice.amount_due - invoice.total
        if applied:
            yield Total(words.balance, self.money(applied))
        if invoice.ending_balance:
            yield Total(words.balance_after, self.money(-invoice.ending_balance))
        if invoice.amount_paid:
            yield Total(words.paid, self.money(-invoice.amount_paid))

    def discount_name(self, id: str) -> str:
        coupon = self.known.coupons.get(id)
        if coupon is None:
            return self.words.discount
        if coupon.name:
            return coupon.name
        if coupon.percent_off is not None:
            return self.words.percent_off.format(self.number(coupon.percent_off))
        off = money_text(
            coupon.amount_off or 0, coupon.currency or self.invoice.currency, self.words.language
        )
        return self.words.amount_off.format(off)

    def tax_name(self, tax: Taxed) -> str:
        rate = self.known.tax_rates.get(tax.tax_rate)
        name = self.words.tax
        if rate is not None:
            name = self.words.tax_rate.format(rate.display_name, self.number(rate.percentage))
        return self.words.inclusive.format(name) if tax.inclusive else name


def _customer_lines(details: Mapping[str, Any]) -> Iterator[str]:
    address = details.get("customer_address") or {}
    town = " ".join(filter(None, (address.get("postal_code"), address.get("city"))))
    lines = (
        details.get("customer_name"),
        address.get("line1"),
        address.get("line2"),
        ", ".join(filter(None, (town, address.get("state")))),
        address.get("country"),
        details.get("customer_email"),
    )
    yield from filter(None, lines)


def _short(description: str) -> str:
    """Enough of a description to know which line is meant."""
    return description if len(description) <= 60 else description[:59].rstrip() + "…"


def _page_size(details: Mapping[str, Any]) -> str | None:
    pdf = (details.get("rendering") or {}).get("pdf") or {}
    size: str | None = pdf.get("page_size")
    return size
