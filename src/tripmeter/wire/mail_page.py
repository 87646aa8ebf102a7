"""The page at which a reader of mails about usage ends them, or has them again.

One file, without scripts and without anything from afar. Nothing changes by looking at it: mail
programs and their guards open links by themselves.
"""

import base64
import hashlib
from functools import cache
from html import escape
from importlib import resources
from typing import Final, Literal

from tripmeter.wire.alert_words import ALERT_WORDS
from tripmeter.wire.invoice_words import Language

Standing = Literal["asked", "left", "stayed"]
"""Whether the reader is asked, or has just said that mails shall end, or come again."""

_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def policy() -> str:
    """What a browser may do with the page: show it in its own style, and send its form."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"{_NOTHING}; style-src 'sha256-{digest}'"


def mail_page(address: str, standing: Standing, seller: str, language: Language) -> str:
    """The page for an address."""
    words = ALERT_WORDS[language]
    title, text, button, wish = {
        "asked": (words.leaving_title, words.leaving, words.leave, "leave"),
        "left": (words.left_title, words.left, words.stay, "stay"),
        "stayed": (words.stayed_title, words.stayed, words.leave, "leave"),
    }[standing]
    form = (
        f'<form method="post"><input type="hidden" name="wish" value="{wish}">'
        f'<button type="submit">{escape(button)}</button></form>'
    )
    body = f"<h1>{escape(title)}</h1><p>{escape(text.format(address=address))}</p>{form}"
    return _page(title, f'<p class="seller">{escape(seller)}</p>{body}', language)


def wrong_link_page(language: Language) -> str:
    """What is shown for a link that is not as it was sent."""
    words = ALERT_WORDS[language]
    text = f"<h1>{escape(words.link_wrong)}</h1><p>{escape(words.link_advice)}</p>"
    return _page(words.link_wrong, text, language)


def _page(title: str, body: str, language: Language) -> str:
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
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
    text = resources.files("tripmeter.wire").joinpath("mail_page.css").read_text("utf-8")
    return f"\n{text}"
