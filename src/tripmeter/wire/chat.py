"""Messages of alerts as chat services take them, and as a webhook of ours carries them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from tripmeter.model.action import ActionRun, TargetKind
from tripmeter.wire.alert_message import Line, Message, digest_lines
from tripmeter.wire.alert_words import ALERT_WORDS
from tripmeter.wire.times import unix

MOST_LINES: Final = 40
"""Alerts that one message names; of more it says how many."""

_DISCORD_LIMIT: Final = 2_000
_SLACK_LIMIT: Final = 3_000
_SLACK_LINE_LIMIT: Final = 2_000


def chat_body(kind: TargetKind, messages: Sequence[Message]) -> bytes:
    """The body of a message to Slack, Teams or Discord: of one alert, or of several."""
    return msgspec.json.encode(_BODIES[kind](messages))


def plain(messages: Sequence[Message]) -> tuple[str, str]:
    """Headline and text, for services that take no more."""
    lines = [f"{text}: {link}" if link else text for text, link in _lines(messages)]
    return _headline(messages), "\n".join(lines)


def webhook_body(runs: Sequence[ActionRun], messages: Sequence[Message]) -> bytes:
    """What a webhook gets: facts for machines, and the words beside them."""
    return msgspec.json.encode(
        {
            "id": runs[0].id,
            "object": "billing.alert_message",
            "livemode": runs[0].livemode,
            "data": [_occasion(*one) for one in zip(runs, messages, strict=True)],
        }
    )


def _occasion(run: ActionRun, message: Message) -> dict[str, Any]:
    told = run.occasion
    return {
        "action_run": run.id,
        "alert": told.alert,
        "alert_type": told.alert_type,
        "created": unix(told.happened_ms),
        "currency": told.currency,
        "customer": told.customer,
        "customer_email": told.customer_email,
        "customer_name": told.customer_name,
        "customer_url": message.link,
        "event": told.event,
        "facts": dict(message.facts),
        "limit": message.limit,
        "message": message.text,
        "meter": told.meter,
        "moment": told.moment,
        "notification": told.notification,
        "subscription": told.subscription,
        "title": told.title,
        "value": message.value,
    }


def _headline(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].headline
    words = ALERT_WORDS[messages[0].language]
    return words.digest_headline.format(count=len(messages))


def _lines(messages: Sequence[Message], most: int = MOST_LINES) -> list[Line]:
    if len(messages) > 1:
        return digest_lines(messages, most)
    (message,) = messages
    words = ALERT_WORDS[message.language]
    links = [Line(words.open_customer, message.link)] if message.link else []
    facts = (Line(f"{name}: {fact}") for name, fact in message.facts)
    return [Line(message.text), *facts, *links]


# --- Slack -------------------------------------------------------------------------------------


def _slack(messages: Sequence[Message]) -> dict[str, Any]:
    headline = _slack_text(_headline(messages))
    header = {"type": "plain_text", "text": _headline(messages)[:150], "emoji": False}
    sections = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}}
        for text in _slack_sections([_slack_line(line) for line in _lines(messages)])
    ]
    return {"text": headline, "blocks": [{"type": "header", "text": header}, *sections]}


def _slack_sections(lines: Sequence[str]) -> Iterator[str]:
    """Lines in as few texts as Slack takes them in; none is cut, or a link could be."""
    gathered = ""
    for line in lines:
        if gathered and len(gathered) + len(line) >= _SLACK_LIMIT:
            yield gathered
            gathered = ""
        gathered = f"{gathered}\n{line}" if gathered else line
    yield gathered


def _slack_line(line: Line) -> str:
    text = _slack_text(line.text)[:_SLACK_LINE_LIMIT]
    return f"<{line.link}|{text}>" if line.link else text


def _slack_text(text: str) -> str:
    """Without what Slack would take for mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- Teams -------------------------------------------------------------------------------------


def _teams(messages: Sequence[Message]) -> dict[str, Any]:
    """An adaptive card, as workflows that are told by a webhook post it."""
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "size": "Large", "weight": "Bolder", "wrap": True,
         "text": _escaped(_headline(messages))},
    ]  # fmt: skip
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if len(messages) == 1:
        (message,) = messages
        facts = [{"title": name, "value": _escaped(fact)} for name, fact in message.facts]
        body.append({"type": "TextBlock", "wrap": True, "text": _escaped(message.text)})
        body.append({"type": "FactSet", "facts": facts})
        if message.link:
            title = ALERT_WORDS[message.language].open_customer
            card["actions"] = [{"type": "Action.OpenUrl", "title": title, "url": message.link}]
    else:
        lines = [{"type": "TextBlock", "wrap": True, "text": _marked(line)}
                 for line in _lines(messages)]  # fmt: skip
        body.extend(lines)
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


# --- Discord -----------------------------------------------------------------------------------


def _discord(messages: Sequence[Message]) -> dict[str, Any]:
    """Text that mentions nobody, whatever is in it; of many alerts as many as there is room for."""
    for most in range(min(MOST_LINES, len(messages)), -1, -1):
        lines = [f"**{_escaped(_headline(messages))}**", *map(_marked, _lines(messages, most))]
        text = "\n".join(lines)
        if len(text) <= _DISCORD_LIMIT:
            break
    return {"content": text[:_DISCORD_LIMIT], "allowed_mentions": {"parse": []}}


_MARKS: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_~|[]<>#"})


def _marked(line: Line) -> str:
    """A line in Markdown, as a link where it has one."""
    return f"[{_escaped(line.text)}]({line.link})" if line.link else _escaped(line.text)


def _escaped(text: str) -> str:
    """Without what Markdown would take for its own."""
    return text.translate(_MARKS)


_BODIES: Final = {
    TargetKind.SLACK: _slack,
    TargetKind.TEAMS: _teams,
    TargetKind.DISCORD: _discord,
}
