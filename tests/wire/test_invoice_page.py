"""Invoices for people: everything is on the page and on paper, in words, escaped, to the cent."""

import re
import subprocess
import sys
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from support import billing
from support.billing import NOVEMBER, TAX_RATES, coupon, invoice, line
from support.prices import tiered
from tripmeter.model.invoice import (
    Applied,
    BillingReason,
    Invoice,
    InvoiceStatus,
    ItemReason,
    ThresholdReason,
)
from tripmeter.model.money import CURRENCIES, exponent
from tripmeter.rules.invoicing import with_taxes
from tripmeter.wire.invoice_page import busy_page, invoice_page, missing_page
from tripmeter.wire.invoice_pdf import invoice_pdf
from tripmeter.wire.invoice_view import Known, invoice_view
from tripmeter.wire.invoice_words import WORDS, Language, date_text, language_of, money_text

FORTNIGHT_MS = 14 * 86_400_000
GRADUATED = tiered("graduated", (10_000, "0.5", "0"), (20_000, "0.4", "500"), (None, "0.3", "0"))
KNOWN = Known({"price_1": GRADUATED}, TAX_RATES, {"di_1": coupon(), "di_2": coupon(name="Früh")})
CUSTOMER: dict[str, Any] = {
    "customer_name": "Jürgen Müßig GmbH & Co. KG",
    "customer_email": "rechnung@example.com",
    "customer_address": {"line1": "Straße 1", "postal_code": "10623", "city": "Berlin"},
    "custom_fields": [{"name": "Order", "value": "PO-7781"}],
}


def charged(id: str, charge: int, amount: int, **fields: Any) -> Any:
    """A taxed line of one charge of the graduated price."""
    made = line(id, charge=charge, amount=amount, tax_rates=("txr_1",), **fields)
    return with_taxes(made, TAX_RATES, exempt=False)


def issued(**fields: Any) -> Invoice:
    """An invoice with tiers, a discount, a credit, a tax, a balance, and for two thresholds."""
    lines = (
        charged(
            "il_1",
            0,
            5_000,
            quantity=Decimal(10_000),
            unit_amount=Decimal("0.5"),
            discounts=(Applied("di_1", 500),),
            credits=(Applied("cbtxn_1", 1_000),),
        ),
        charged("il_2", 2, 1_000, quantity=Decimal("2500.125"), unit_amount=Decimal("0.4")),
        charged("il_3", 3, 500, quantity=Decimal(1), unit_amount=Decimal(500)),
    )
    base: dict[str, Any] = {
        "currency": "eur",
        "details": CUSTOMER,
        "due_ms": NOVEMBER + FORTNIGHT_MS,
        "description": "Thank you!",
        "footer": "VAT no. DE123456789",
        "starting_balance": -95,
        "ending_balance": -7,
        "reason": BillingReason.THRESHOLD,
        "threshold_reason": ThresholdReason(5_000, (ItemReason(10_000, ("il_1", "il_2")),)),
    }
    return invoice(*lines, **base | fields)


ENGLISH = """Invoice | Open | Example Ltd | TM-0001 | Nov 1, 2026 | Nov 15, 2026
Oct 1, 2026 – Nov 1, 2026 | Order | PO-7781 | Jürgen Müßig GmbH & Co. KG | Straße 1 | 10623 Berlin
rechnung@example.com | Thank you! | VAT no. DE123456789 | API calls
reached the threshold of €50.00. | “API calls” reached the threshold of 10,000 units.
10,000 | 2,500.125 | €0.005 | €0.004 | Tier 1: up to 10,000 | Tier 2: above 10,000, up to 20,000
flat amount | 10% off: −€5.00 | Billing credits: −€10.00 | Total excluding tax | €50.00
VAT 19% | €9.50 | Total | €59.50 | Applied balance | −€0.95 | €0.07 | Amount due | €58.55"""  # noqa: RUF001

GERMAN = """Rechnung | Offen | Example Ltd | TM-0001 | 01.11.2026 | 15.11.2026
01.10.2026 – 01.11.2026 | Jürgen Müßig GmbH & Co. KG | 10623 Berlin | Menge | Einzelpreis
die Schwelle von 50,00 € erreicht | „API calls“ die Schwelle von 10.000 Einheiten
10.000 | 2.500,125 | 0,005 € | Stufe 1: bis 10.000 | Stufe 2: über 10.000 bis 20.000 | Grundbetrag
10 % Rabatt: −5,00 € | Guthaben: −10,00 € | Summe ohne Steuern | VAT 19 % | 9,50 €
Gesamtbetrag | 59,50 € | Verrechneter Kontostand | −0,95 € | Fälliger Betrag | 58,55 €"""  # noqa: RUF001

SAID: dict[Language, list[str]] = {
    "en": [part.strip() for part in re.split(r"[|\n]", ENGLISH)],
    "de": [part.strip() for part in re.split(r"[|\n]", GERMAN)],
}


class Reader(HTMLParser):
    """The text of a page, and its tags; fails on tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def plain(text: str) -> str:
    """A text with single spaces, all of one kind."""
    return " ".join(text.split())


def read_pdf(made: bytes) -> list[str]:
    """The text of each page, as another library reads it."""
    return [plain(page.extract_text()) for page in PdfReader(BytesIO(made)).pages]


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_says_everything(language: Language) -> None:
    page = invoice_page(issued(), "Example Ltd", language=language, known=KNOWN)
    text = plain(" ".join(Reader(page).texts))
    assert [part for part in SAID[language] if part not in text] == []
    assert f'<html lang="{language}">' in page


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_pdf_says_everything(language: Language) -> None:
    made = invoice_pdf(issued(), "Example Ltd", language=language, known=KNOWN)
    text = " ".join(read_pdf(made))
    assert [part for part in SAID[language] if part not in text] == []


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    page = invoice_page(issued(), "Example Ltd", known=KNOWN)
    tags = Reader(page).tags
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(tags)
    assert not re.search(r"https?:|url\(|@import", page)
    assert "default-src &#x27;none&#x27;" in page
    assert "prefers-color-scheme: dark" in page and "@media print" in page


HOSTILE = "</style><script>alert('1')</script>\"&amp;<b>"


def test_what_is_not_ours_is_escaped() -> None:
    details = {
        "customer_name": HOSTILE,
        "customer_address": {"line1": HOSTILE},
        "custom_fields": [{"name": HOSTILE, "value": HOSTILE}],
    }
    made = invoice(
        line(description=HOSTILE, discounts=(Applied("di_1", 5),)),
        number=HOSTILE,
        description=HOSTILE,
        footer=HOSTILE,
        details=details,
        threshold_reason=ThresholdReason(None, (ItemReason(5, ("il_1",)),)),
    )
    known = Known(coupons={"di_1": coupon(name=HOSTILE)})
    page = invoice_page(made, HOSTILE, known=known, pdf_url="https://a/?b='\"><script>")
    everyday = invoice_page(issued(), "A", known=KNOWN, pdf_url="https://a/")
    assert set(Reader(page).tags) == set(Reader(everyday).tags)
    assert Reader(page).texts.count(HOSTILE) >= 6
    assert "<script" not in page


@given(billing.invoices(), st.sampled_from(["en", "de"]))
@settings(max_examples=50, deadline=None)
def test_every_invoice_has_a_page(made: Invoice, language: Language) -> None:
    reader = Reader(invoice_page(made, "A & B", language=language, known=KNOWN))
    texts = {plain(text) for text in reader.texts}
    owed = 0 if made.status is InvoiceStatus.VOID else made.amount_due - made.amount_paid
    due = money_text(owed, made.currency, language)
    assert plain(due) in texts
    assert WORDS[language].statuses[made.status] in texts


@given(billing.invoices(), st.sampled_from(["en", "de"]))
@settings(max_examples=15, deadline=None)
def test_every_invoice_has_a_pdf(made: Invoice, language: Language) -> None:
    known = KNOWN
    first = invoice_pdf(made, "A & B", language=language, known=known)
    assert first.startswith(b"%PDF-1.")
    assert invoice_pdf(made, "A & B", language=language, known=known) == first


def test_sixty_lines_break_over_pages_with_heads_and_numbers() -> None:
    long = "with a description that goes on over several lines, as some descriptions do "
    lines = [
        line(f"il_{number}", description=f"Item {number}. {long * (number % 4)}", charge=None)
        for number in range(60)
    ]
    pages = read_pdf(invoice_pdf(invoice(*lines), "Example Ltd"))
    assert 4 <= len(pages) <= 7
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Example Ltd · TM-0001" in page
        assert "Unit price" in page
    text = " ".join(pages)
    assert text.index("Item 0.") < text.index("$10.00") < text.index("Item 1.")
    assert [number for number in range(60) if f"Item {number}." not in text] == []
    assert "Amount due" in pages[-1] and "$600.00" in pages[-1]


def test_what_is_longer_than_a_page_is_broken() -> None:
    description = " ".join(f"word{number}" for number in range(2_000))
    reason = ThresholdReason(None, tuple(ItemReason(5, ("il_1",)) for _ in range(60)))
    footer = "\n".join(["on and on"] * 90)
    made = invoice(line(description=description), footer=footer, threshold_reason=reason)
    pages = read_pdf(invoice_pdf(made, "Example Ltd" * 30))
    text = " ".join(pages)
    assert all(f"word{number}" in text for number in range(2_000))
    assert text.count("on and on") == 90
    assert text.count("Issued because usage") == 60
    assert all(len(page) > 200 for page in pages)


def test_a_long_word_stays_in_its_column() -> None:
    pages = read_pdf(invoice_pdf(invoice(line(description="x" * 300)), "A"))
    assert pages[0].count("x") >= 300
    assert "xxxxxx" * 20 not in pages[0]


def test_letters_of_much_of_europe_are_there() -> None:
    name = "Łódź Ελλάδα Київ €£¥ ÄÖÜẞ ñ ç"
    made = invoice(line(description=name, charge=None))
    assert name in read_pdf(invoice_pdf(made, name))[0]


def test_the_library_is_loaded_with_the_first_pdf_and_not_before() -> None:
    script = "import sys, tripmeter.wire.invoice_pdf; sys.exit('fpdf' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


# --- reasons and words -------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("reason", BillingReason)
def test_why_it_was_issued(reason: BillingReason, language: Language) -> None:
    view = invoice_view(invoice(reason=reason), "A", language, KNOWN)
    expected = WORDS[language].reasons.get(reason)
    assert list(view.reasons) == [expected] * (expected is not None)
    assert (expected is None) == (reason is BillingReason.MANUAL)
    is_preview = reason is BillingReason.UPCOMING
    assert view.title == (WORDS[language].preview if is_preview else WORDS[language].invoice)


def test_every_state_has_a_word_in_every_language() -> None:
    for words in WORDS.values():
        assert words.statuses.keys() == set(InvoiceStatus)
    assert ENGLISH != GERMAN


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        (123_456, "usd", "$1,234.56", "1.234,56 $"),
        (-5, "eur", "−€0.05", "−0,05 €"),  # noqa: RUF001
        (1_000, "jpy", "¥1,000", "1.000 ¥"),
        (1_234_567, "kwd", "KWD 1,234.567", "1.234,567 KWD"),
        (0, "chf", "CHF 0.00", "0,00 CHF"),
        (Decimal("0.25"), "usd", "$0.0025", "0,0025 $"),
        (Decimal("1E-12"), "jpy", "¥0.000000000001", "0,000000000001 ¥"),
    ],
)
def test_money(amount: Any, currency: str, english: str, german: str) -> None:
    assert plain(money_text(amount, currency, "en")) == english
    assert plain(money_text(amount, currency, "de")) == german


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(CURRENCIES)))
def test_money_loses_no_digit(amount: int, currency: str) -> None:
    for language in WORDS:
        text = money_text(amount, currency, language)
        digits = int(re.sub(r"\D", "", text))
        assert digits == abs(amount)
        assert text.startswith("\u2212") == (amount < 0)
        point = "," if language == "de" else "."
        assert (point in text.split()[0] or exponent(currency) == 0) or language == "en"


def test_dates_and_languages() -> None:
    assert plain(date_text(0, "en")) == "Jan 1, 1970"
    assert date_text(951_782_400_000, "de") == "29.02.2000"
    assert language_of(["fr-FR", "de-AT", "en"]) == "de"
    assert language_of(["en-GB", "de"]) == language_of([]) == "en"


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_not_to_be_paid_says_so(language: Language) -> None:
    notices = WORDS[language].notices
    void = issued(status=InvoiceStatus.VOID)
    texts = Reader(invoice_page(void, "A", language=language)).texts
    assert notices[InvoiceStatus.VOID] in texts
    assert plain(money_text(0, "eur", language)) in map(plain, texts)
    draft = invoice_view(issued(status=InvoiceStatus.DRAFT), "A", language, KNOWN)
    assert draft.reasons[0] == notices[InvoiceStatus.DRAFT]
    assert not set(notices.values()) & set(invoice_view(issued(), "A", language, KNOWN).reasons)


def test_other_pages_need_nothing_either() -> None:
    for language in WORDS:
        for page in (missing_page(language), busy_page(language)):
            assert set(Reader(page).tags) <= {"html", "head", "meta", "title", "style", "body"} | {
                "main", "h1", "p",
            }  # fmt: skip
            assert f'lang="{language}"' in page
