"""The words, numbers and dates of invoices for people, in English and German.

Numbers are written from integers and decimals, digit by digit: nothing is rounded for the eye.
Dates are days in UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from tripmeter.model.invoice import BillingReason, InvoiceStatus
from tripmeter.model.money import exponent

Language = Literal["en", "de"]
"""What an invoice can be read in."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
_MINUS: Final = "\u2212"
_NARROW: Final = "\u00a0"
"""A space at which no line ends."""


class Words(NamedTuple):
    """The words of one language; those with braces are filled in."""

    language: Language
    invoice: str
    preview: str
    number: str
    issued: str
    due: str
    period: str
    status: str
    bill_to: str
    description: str
    quantity: str
    unit_price: str
    amount: str
    subtotal: str
    discount: str
    percent_off: str
    amount_off: str
    credit: str
    excluding_tax: str
    tax: str
    tax_rate: str
    inclusive: str
    total: str
    balance: str
    balance_after: str
    paid: str
    amount_due: str
    flat: str
    tier_first: str
    tier_between: str
    tier_above: str
    tier_all: str
    amount_threshold: str
    usage_threshold: str
    page: str
    download: str
    missing: str
    missing_advice: str
    busy: str
    notices: Mapping[InvoiceStatus, str]
    """What has to be said of an invoice that is not to be paid."""
    statuses: Mapping[InvoiceStatus, str]
    reasons: Mapping[BillingReason, str]


ENGLISH: Final = Words(
    language="en",
    invoice="Invoice",
    preview="Invoice preview",
    number="Number",
    issued="Date of issue",
    due="Due date",
    period="Billing period",
    status="Status",
    bill_to="Bill to",
    description="Description",
    quantity="Quantity",
    unit_price="Unit price",
    amount="Amount",
    subtotal="Subtotal",
    discount="Discount",
    percent_off="{}% off",
    amount_off="{} off",
    credit="Billing credits",
    excluding_tax="Total excluding tax",
    tax="Tax",
    tax_rate="{} {}%",
    inclusive="{}, included",
    total="Total",
    balance="Applied balance",
    balance_after="Credit left on the balance",
    paid="Amount paid",
    amount_due="Amount due",
    flat="flat amount",
    tier_first="Tier {tier}: up to {end}",
    tier_between="Tier {tier}: above {start}, up to {end}",
    tier_above="Tier {tier}: above {start}",
    tier_all="Tier {tier}: all units",
    amount_threshold="Issued because the amount due reached the threshold of {}.",
    usage_threshold="Issued because usage of “{}” reached the threshold of {} units.",
    page="Page {} of {}",
    download="Download as PDF",
    missing="There is no such invoice",
    missing_advice="The address may be incomplete. Open it as you were given it, or ask for it"
    " again.",
    busy="Too many are asking just now. Please come again in a moment.",
    notices={
        InvoiceStatus.DRAFT: "This is a draft. It may still change, and nothing is to be paid yet.",
        InvoiceStatus.VOID: "This invoice was voided. Nothing of it is to be paid.",
    },
    statuses={
        InvoiceStatus.DRAFT: "Draft",
        InvoiceStatus.OPEN: "Open",
        InvoiceStatus.PAID: "Paid",
        InvoiceStatus.UNCOLLECTIBLE: "Uncollectible",
        InvoiceStatus.VOID: "Void",
    },
    reasons={
        BillingReason.CREATE: "First invoice of the subscription.",
        BillingReason.CYCLE: "Invoice for a billing period of the subscription.",
        BillingReason.THRESHOLD: "Issued because a billing threshold was reached.",
        BillingReason.UPDATE: "Issued because the subscription was changed.",
        BillingReason.UPCOMING: "What would be billed as things stand. Nothing is due yet.",
    },
)

GERMAN: Final = Words(
    language="de",
    invoice="Rechnung",
    preview="Rechnungsvorschau",
    number="Nummer",
    issued="Rechnungsdatum",
    due="Fällig am",
    period="Abrechnungszeitraum",
    status="Status",
    bill_to="Rechnung an",
    description="Beschreibung",
    quantity="Menge",
    unit_price="Einzelpreis",
    amount="Betrag",
    subtotal="Zwischensumme",
    discount="Rabatt",
    percent_off="{} % Rabatt",
    amount_off="{} Rabatt",
    credit="Guthaben",
    excluding_tax="Summe ohne Steuern",
    tax="Steuer",
    tax_rate="{} {} %",
    inclusive="{}, enthalten",
    total="Gesamtbetrag",
    balance="Verrechneter Kontostand",
    balance_after="Verbleibendes Guthaben",
    paid="Bezahlt",
    amount_due="Fälliger Betrag",
    flat="Grundbetrag",
    tier_first="Stufe {tier}: bis {end}",
    tier_between="Stufe {tier}: über {start} bis {end}",
    tier_above="Stufe {tier}: über {start}",
    tier_all="Stufe {tier}: alle Einheiten",
    amount_threshold="Ausgestellt, weil der fällige Betrag die Schwelle von {} erreicht hat.",
    usage_threshold="Ausgestellt, weil die Nutzung von „{}“ die Schwelle von {} Einheiten"
    " erreicht hat.",
    page="Seite {} von {}",
    download="Als PDF herunterladen",
    missing="Diese Rechnung gibt es nicht",
    missing_advice="Vielleicht ist die Adresse unvollständig. Öffnen Sie sie so, wie Sie sie"
    " bekommen haben, oder fragen Sie den Absender.",
    busy="Gerade fragen zu viele an. Bitte kommen Sie gleich wieder.",
    notices={
        InvoiceStatus.DRAFT: "Dies ist ein Entwurf. Er kann sich noch ändern; zu zahlen ist noch"
        " nichts.",
        InvoiceStatus.VOID: "Diese Rechnung wurde storniert. Es ist nichts davon zu zahlen.",
    },
    statuses={
        InvoiceStatus.DRAFT: "Entwurf",
        InvoiceStatus.OPEN: "Offen",
        InvoiceStatus.PAID: "Bezahlt",
        InvoiceStatus.UNCOLLECTIBLE: "Uneinbringlich",
        InvoiceStatus.VOID: "Storniert",
    },
    reasons={
        BillingReason.CREATE: "Erste Rechnung des Abonnements.",
        BillingReason.CYCLE: "Rechnung für einen Abrechnungszeitraum des Abonnements.",
        BillingReason.THRESHOLD: "Ausgestellt, weil eine Abrechnungsschwelle erreicht wurde.",
        BillingReason.UPDATE: "Ausgestellt, weil das Abonnement geändert wurde.",
        BillingReason.UPCOMING: "Was nach jetzigem Stand berechnet würde. Noch ist nichts fällig.",
    },
)

WORDS: Final[Mapping[Language, Words]] = {"en": ENGLISH, "de": GERMAN}


def language_of(locales: list[str]) -> Language:
    """What of a customer's `preferred_locales` can be had: the first that fits, or English."""
    for locale in locales:
        if locale[:2].lower() == "de":
            return "de"
        if locale[:2].lower() == "en":
            return "en"
    return "en"


def date_text(moment_ms: int, language: Language) -> str:
    """The day of a moment: `Nov 5, 2026`, `05.11.2026`."""
    day = _EPOCH + timedelta(milliseconds=moment_ms)
    if language == "de":
        return f"{day.day:02}.{day.month:02}.{day.year}"
    return f"{_MONTHS[day.month - 1]}{_NARROW}{day.day},{_NARROW}{day.year}"


def number_text(number: Decimal, language: Language, places: int = 0) -> str:
    """A number with at least `places` decimal places, and more where it has more."""
    whole, _, fraction = f"{abs(number):f}".partition(".")
    fraction = fraction.rstrip("0").ljust(places, "0")
    point, separator = (",", ".") if language == "de" else (".", ",")
    text = f"{int(whole):,}".replace(",", separator)
    sign = _MINUS if number < 0 else ""
    return sign + text + (point + fraction if fraction else "")


def money_text(amount: int | Decimal, currency: str, language: Language) -> str:
    """Minor units as people read them: `$1,234.50`, `1.234,50 €`; decimals keep all places."""
    places = exponent(currency)
    text = number_text(Decimal(amount).scaleb(-places), language, places)
    symbol = _SYMBOLS.get(currency, currency.upper())
    if language == "de":
        return f"{text}{_NARROW}{symbol}"
    sign, digits = (_MINUS, text[1:]) if text.startswith(_MINUS) else ("", text)
    space = _NARROW if len(symbol) > 1 else ""
    return f"{sign}{symbol}{space}{digits}"
