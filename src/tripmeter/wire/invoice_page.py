"""An invoice as a page for a browser: one file, without scripts and without anything from afar.

Everything that is not ours is escaped. Its style lies beside it, in `invoice_page.css`.
"""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib import resources
from typing import Final

from tripmeter.model.invoice import Invoice
from tripmeter.wire.invoice_view import NOTHING, Known, Row, Total, View, invoice_view
from tripmeter.wire.invoice_words import WORDS, Language, Words

_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"


def policy() -> str:
    """What a browser may load for the page: nothing but its own style, known by its hash."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"{_NOTHING}; style-src 'sha256-{digest}'"


def invoice_page(
    invoice: Invoice,
    seller_name: str,
    *,
    language: Language = "en",
    known: Known = NOTHING,
    pdf_url: str | None = None,
) -> str:
    """The HTML of an invoice, with a link to its PDF where there is one."""
    view = invoice_view(invoice, seller_name, language, known)
    number = "" if invoice.number is None else f" {invoice.number}"
    parts = (
        _head(view),
        _about(view),
        _items(view.rows, view.words),
        _sums(view.totals),
        _foot(view, pdf_url),
    )
    return _page(f"{view.title}{number} · {seller_name}", language, "\n".join(parts))


def missing_page(language: Language = "en") -> str:
    """What is shown where there is no invoice."""
    words = WORDS[language]
    text = f"<h1>{escape(words.missing)}</h1><p>{escape(words.missing_advice)}</p>"
    return _page(words.missing, language, text)


def busy_page(language: Language = "en") -> str:
    """What is shown while too many ask at once."""
    words = WORDS[language]
    return _page(words.busy, language, f"<h1>{escape(words.busy)}</h1>")


def _page(title: str, language: Language, body: str) -> str:
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="{escape(policy())}">
<title>{escape(title)}</title>
<style>{_style()}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


@cache
def _style() -> str:
    text = resources.files("tripmeter.wire").joinpath("invoice_page.css").read_text("utf-8")
    return f"\n{text}"


def _head(view: View) -> str:
    status = f'<span class="status {view.status.value}">{view.words.statuses[view.status]}</span>'
    return (
        f"<header><div><h1>{escape(view.title)}</h1>{status}</div>"
        f'<div class="seller">{escape(view.seller)}</div></header>'
    )


def _about(view: View) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in view.facts)
    return (
        f'<section class="about"><dl>{facts}</dl>{_customer(view)}</section>\n'
        f'<p class="label">{view.words.amount_due}</p><p class="due">{escape(view.due)}</p>'
        f"{_paragraphs('reason', view.reasons)}{_paragraphs('memo', filter(None, [view.memo]))}"
    )


def _customer(view: View) -> str:
    if not view.customer:
        return ""
    lines = "<br>".join(map(escape, view.customer))
    return f'<div><span class="label">{view.words.bill_to}</span>{lines}</div>'


def _paragraphs(kind: str, texts: Iterable[str]) -> str:
    return "".join(f'<p class="{kind}">{escape(text)}</p>' for text in texts)


def _items(rows: Iterable[Row], words: Words) -> str:
    names = (words.description, words.quantity, words.unit_price, words.amount)
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "\n".join(_row(row, words) for row in rows)
    return (
        f'<table class="items"><caption class="hidden">{words.invoice}</caption>'
        f'<thead><tr>{heads}</tr></thead>\n<tbody class="lines">\n{body}\n</tbody></table>'
    )


def _row(row: Row, words: Words) -> str:
    below = "".join(f"<small>{escape(note)}</small>" for note in (row.period, *row.notes))
    numbers = (
        (words.quantity, row.quantity),
        (words.unit_price, row.unit_price),
        (words.amount, row.amount),
    )
    cells = "".join(
        f'<td class="number" data-label="{escape(name)}">{escape(number)}</td>'
        for name, number in numbers
    )
    return f"<tr><td>{escape(row.description)}{below}</td>{cells}</tr>"


def _sums(totals: Iterable[Total]) -> str:
    rows = "".join(
        f'<tr{" class=strong" if total.strong else ""}><th scope="row">{escape(total.label)}</th>'
        f"<td>{escape(total.amount)}</td></tr>"
        for total in totals
    )
    return f'<table class="sums"><tbody>{rows}</tbody></table>'


def _foot(view: View, pdf_url: str | None) -> str:
    footer = "" if view.footer is None else f'<p class="footer">{escape(view.footer)}</p>'
    if pdf_url is None:
        return footer
    link = f'<a href="{escape(pdf_url)}">{view.words.download}</a>'
    return f'{footer}<p class="download">{link}</p>'
