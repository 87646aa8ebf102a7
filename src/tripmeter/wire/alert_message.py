"""An alert that was triggered, in words: what mails and messages of all kinds say alike."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tripmeter.model.action import USAGE_LIMIT, Occasion
from tripmeter.model.quantity import as_decimal
from tripmeter.wire.alert_words import ALERT_WORDS, AlertWords, Audience
from tripmeter.wire.invoice_words import Language, date_text, money_text, number_text
from tripmeter.wire.times import rfc3339


class Surroundings(NamedTuple):
    """What a message says beside the occasion."""

    seller: str
    base_url: str | None = None
    livemode: bool = True
    account: str = ""
    """Whose dashboard links lead to."""


class Trend(NamedTuple):
    """Usage of the last seven days, and of the seven before; scaled."""

    now: int
    before: int


class Message(NamedTuple):
    """One occasion for one audience, in one language."""

    language: Language
    audience: Audience
    title: str
    """The alert's."""
    subject: str
    headline: str
    text: str
    facts: tuple[tuple[str, str], ...]
    value: str
    limit: str
    customer: str
    link: str | None
    """The customer's page in the dashboard, for the team."""
    why: str
    """Why the reader has it, to be filled in with `seller`."""


def message_of(
    occasion: Occasion,
    audience: Audience,
    language: Language,
    around: Surroundings,
    trend: Trend | None = None,
) -> Message:
    """What is said of an occasion."""
    words = ALERT_WORDS[language]
    value, limit = amount_text(occasion, language), limit_text(occasion, language)
    filled = {
        "customer": customer_text(occasion),
        "title": occasion.title,
        "meter": occasion.meter_name or words.all_usage,
        "value": value,
        "limit": limit,
    }
    sentences = words.sentences[occasion.alert_type, audience, occasion.moment]
    mark = "" if around.livemode else f"[{words.test}] "
    return Message(
        language=language,
        audience=audience,
        title=one_line(occasion.title),
        subject=mark + one_line(sentences.subject.format_map(filled)),
        headline=one_line(sentences.headline.format_map(filled)),
        text=sentences.message.format_map(filled),
        facts=tuple(_facts(occasion, audience, words, language, trend)),
        value=value,
        limit=limit,
        customer=filled["customer"],
        link=_link(occasion, around) if audience == "team" else None,
        why=_why(occasion, audience, words),
    )


def _why(occasion: Occasion, audience: Audience, words: AlertWords) -> str:
    if occasion.alert_type == USAGE_LIMIT:
        return words.why_warned
    return words.why_customer if audience == "customer" else words.why_team


def _facts(
    occasion: Occasion,
    audience: Audience,
    words: AlertWords,
    language: Language,
    trend: Trend | None,
) -> list[tuple[str, str]]:
    names = {"spend_threshold": words.spent, "credit_balance_threshold": words.balance}
    facts = [(names.get(occasion.alert_type, words.used), amount_text(occasion, language))]
    line = words.warning if occasion.alert_type == USAGE_LIMIT else words.limit
    facts.append((line, limit_text(occasion, language)))
    if audience == "team":
        facts.insert(0, (words.customer, f"{customer_text(occasion)} ({occasion.customer})"))
    if occasion.meter_name is not None:
        facts.append((words.meter, occasion.meter_name))
    if trend is not None and audience == "team":
        facts.append((words.trend, _trend_text(trend, words, language)))
    if occasion.period_end_ms:
        edges = (occasion.period_start_ms, occasion.period_end_ms)
        facts.append((words.period, " \u2013 ".join(date_text(edge, language) for edge in edges)))
    facts.append((words.happened, f"{rfc3339(occasion.happened_ms)[:16].replace('T', ' ')} UTC"))
    return facts


def amount_text(occasion: Occasion, language: Language) -> str:
    """What the alert's line was compared with, as people read it."""
    if occasion.currency is not None:
        return money_text(occasion.value, occasion.currency, language)
    return number_text(as_decimal(occasion.value), language)


def limit_text(occasion: Occasion, language: Language) -> str:
    """The line of the alert, or the limit, as people read it."""
    if occasion.level is not None:
        return number_text(occasion.level, language)
    if occasion.currency is not None:
        return money_text(occasion.limit, occasion.currency, language)
    return number_text(Decimal(occasion.limit), language)


def customer_text(occasion: Occasion) -> str:
    """How people know the customer."""
    return occasion.customer_name or occasion.customer_email or occasion.customer


def _trend_text(trend: Trend, words: AlertWords, language: Language) -> str:
    now = number_text(as_decimal(trend.now), language)
    if trend.before <= 0:
        return now
    percent = (trend.now - trend.before) * 100 // trend.before
    sign = "+" if percent >= 0 else "\u2212"
    return words.trend_text.format(now=now, change=f"{sign}{abs(percent)} %")


def _link(occasion: Occasion, around: Surroundings) -> str | None:
    if around.base_url is None:
        return None
    mode = "live" if around.livemode else "test"
    return f"{around.base_url}/dashboard/{around.account}/{mode}/customers/{occasion.customer}"


def one_line(text: str) -> str:
    """A text on one line, without control characters, as subjects have it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class Line(NamedTuple):
    """One of several occasions, in one line."""

    text: str
    link: str | None = None


def digest_lines(messages: Sequence[Message], most: int) -> list[Line]:
    """Several messages in a line each, and how many more there are."""
    shown = [Line(f"{one.headline}: {one.title}", one.link) for one in messages[:most]]
    if len(messages) > most:
        words = ALERT_WORDS[messages[0].language]
        shown.append(Line(words.and_more.format(count=len(messages) - most)))
    return shown
