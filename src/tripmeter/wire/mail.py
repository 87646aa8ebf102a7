"""Mails about alerts: subject, text and HTML, of one occasion or of several.

Owns how a mail is put together. The libraries that it takes are loaded when the first one is made.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tripmeter.model.action import MailContent, MailTemplate, Occasion
from tripmeter.wire.alert_message import Message, Surroundings, digest_lines, message_of, one_line
from tripmeter.wire.alert_words import ALERT_WORDS
from tripmeter.wire.invoice_words import Language, date_text

if TYPE_CHECKING:
    from tripmeter.wire.mail_sources import Fault

MOST_LINES: Final = 100
"""Alerts that a digest names; of more it says how many."""

LANGUAGES: Final[tuple[Language, ...]] = ("en", "de")

EXAMPLE: Final = Occasion(
    notification="alrtn_example",
    alert="alrt_example",
    title="80 % of the free tier",
    alert_type="usage_threshold",
    moment="triggered",
    customer="cus_example",
    value=8_000 * 10**15,
    limit=8_000,
    happened_ms=1_767_225_600_000,
    meter="mtr_example",
    meter_name="API calls",
    customer_name="Jenny Rosen",
    customer_email="jenny@example.com",
    period_start_ms=1_764_547_200_000,
    period_end_ms=1_767_225_600_000,
)
"""What templates are tried on."""


class Letter(NamedTuple):
    """A mail as it is read, without where it goes."""

    subject: str
    text: str
    html: str


def letter(
    occasion: Occasion,
    message: Message,
    around: Surroundings,
    template: MailTemplate | None = None,
    unsubscribe_url: str | None = None,
) -> Letter:
    """The mail about one occasion, by a template or the built-in one. Raises SourceInvalid."""
    variables = _variables(occasion, message, around, unsubscribe_url)
    content = None if template is None else content_in(template, message.language)
    return _letter(content, variables)


def digest(
    messages: Sequence[Message], around: Surroundings, unsubscribe_url: str | None = None
) -> Letter:
    """The mail about several occasions."""
    words = ALERT_WORDS[messages[0].language]
    mark = "" if around.livemode else f"[{words.test}] "
    variables = _common(messages[0], around, unsubscribe_url) | {
        "subject": mark + words.digest_subject.format(count=len(messages)),
        "headline": words.digest_headline.format(count=len(messages)),
        "others": [line._asdict() for line in digest_lines(messages, MOST_LINES)],
        "links": {"customer": "", "unsubscribe": unsubscribe_url or ""},
    }
    return _letter(None, variables)


def notice(
    subject: str,
    headline: str,
    text: str,
    link: tuple[str, str],
    why: str,
    around: Surroundings,
    language: Language,
) -> Letter:
    """A mail that is about no alert: it says one thing, and leads to one page by its name."""
    words = ALERT_WORDS[language]
    name, url = link
    mark = "" if around.livemode else f"[{words.test}] "
    return _letter(
        None,
        {
            "subject": mark + one_line(subject),
            "headline": one_line(headline),
            "message": text,
            "facts": [],
            "language": language,
            "seller": around.seller,
            "links": {"customer": url, "unsubscribe": ""},
            "words": words._asdict() | {"open_customer": name},
            "why": why,
            "others": None,
            "body": _paragraphs(text),
        },
    )


def content_in(template: MailTemplate, language: Language) -> MailContent:
    """The sources in a language, or else in another that there is."""
    return template.content.get(language) or next(iter(template.content.values()))


def faults_of(content: MailContent, language: Language) -> dict[str, "Fault"]:
    """What is wrong with the sources of a template, by their names."""
    from tripmeter.wire.mail_sources import fault_of  # noqa: PLC0415 (see above)

    around = Surroundings("Example", "https://example.com", account="acct_example")
    message = message_of(EXAMPLE, "team", language, around)
    example = _variables(EXAMPLE, message, around, "https://example.com/m/example")
    sources = {"subject": content.subject, "text": content.text, "html": content.html}
    found = {
        name: fault_of(source, example, is_html=name == "html")
        for name, source in sources.items()
        if source is not None
    }
    return {name: fault for name, fault in found.items() if fault is not None}


def _letter(content: MailContent | None, variables: dict[str, Any]) -> Letter:
    from tripmeter.wire.mail_sources import rendered  # noqa: PLC0415 (see above)

    if content is None:
        text = rendered(None, variables, is_html=False)
        html = rendered(None, variables, is_html=True)
        return Letter(variables["subject"], _with_foot(text, variables), _inlined(html))
    subject = one_line(rendered(content.subject, variables, is_html=False))
    variables = variables | {"subject": subject}
    text = rendered(content.text, variables, is_html=False)
    if content.html is None:
        html = rendered(None, variables | {"body": _paragraphs(text)}, is_html=True)
    else:
        html = rendered(content.html, variables, is_html=True)
    return Letter(subject, _with_foot(text, variables), _inlined(html))


def _variables(
    occasion: Occasion, message: Message, around: Surroundings, unsubscribe_url: str | None
) -> dict[str, Any]:
    language = message.language
    period = {"start": "", "end": ""}
    if occasion.period_end_ms:
        period = {
            "start": date_text(occasion.period_start_ms, language),
            "end": date_text(occasion.period_end_ms, language),
        }
    return _common(message, around, unsubscribe_url) | {
        "alert": {"id": occasion.alert, "title": occasion.title, "type": occasion.alert_type},
        "customer": {
            "id": occasion.customer,
            "name": occasion.customer_name or message.customer,
            "email": occasion.customer_email or "",
        },
        "moment": occasion.moment,
        "period": period,
    }


def _common(message: Message, around: Surroundings, unsubscribe_url: str | None) -> dict[str, Any]:
    words = ALERT_WORDS[message.language]
    return {
        "subject": message.subject,
        "headline": message.headline,
        "message": message.text,
        "facts": [{"name": name, "value": fact} for name, fact in message.facts],
        "value": message.value,
        "limit": message.limit,
        "language": message.language,
        "livemode": around.livemode,
        "seller": around.seller,
        "links": {"customer": message.link or "", "unsubscribe": unsubscribe_url or ""},
        "words": words._asdict(),
        "why": message.why.format(seller=around.seller),
        "others": None,
        "body": None,
    }


def _paragraphs(text: str) -> list[list[str]]:
    blocks = re.split(r"\n\s*\n", text.strip())
    return [block.splitlines() for block in blocks]


def _with_foot(text: str, variables: Mapping[str, Any]) -> str:
    lines = [text.strip(), "", "-- ", f"{variables['seller']}", variables["why"]]
    unsubscribe = variables["links"]["unsubscribe"]
    if unsubscribe:
        lines.append(f"{variables['words']['unsubscribe']}: {unsubscribe}")
    return "\n".join(lines) + "\n"


def _inlined(html: str) -> str:
    """With the style at each element, as mail programs want it; that of the dark in the head."""
    inliner, dark = _inliner()
    inlined: str = inliner.inline(html)
    return inlined.replace("</head>", f"<style>{dark}</style></head>", 1)


@cache
def _inliner() -> tuple[Any, str]:
    """What is written in a mail loads nothing: neither styles from afar nor files of ours."""
    from css_inline import CSSInliner  # noqa: PLC0415 (see above)

    files = resources.files("tripmeter.wire")
    light = files.joinpath("mail.css").read_text("utf-8")
    dark = files.joinpath("mail_dark.css").read_text("utf-8")
    inliner = CSSInliner(load_remote_stylesheets=False, extra_css=light, keep_style_tags=False)
    return inliner, dark
