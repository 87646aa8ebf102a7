"""Messages in chat services: links that are whole, and nothing that a name could do."""

import json
from typing import Any

import pytest
from msgspec import structs

from tripmeter.model.action import TargetKind
from tripmeter.wire.alert_message import Message, Surroundings, message_of
from tripmeter.wire.chat import MOST_LINES, chat_body, plain
from tripmeter.wire.mail import EXAMPLE

AROUND = Surroundings("Example", "https://example.com", livemode=True, account="acct_1")
LINK = "https://example.com/dashboard/acct_1/live/customers/cus_example"


def messages(number: int, name: str = "Jenny") -> list[Message]:
    occasion = structs.replace(EXAMPLE, customer_name=name)
    return [message_of(occasion, "team", "en", AROUND)] * number


def said(kind: TargetKind, number: int, name: str = "Jenny") -> Any:
    return json.loads(chat_body(kind, messages(number, name)))


@pytest.mark.parametrize("number", [1, 2, MOST_LINES, 500])
def test_every_line_of_a_digest_leads_to_its_customer(number: int) -> None:
    shown = min(number, MOST_LINES)
    slack = said(TargetKind.SLACK, number)
    texts = [block["text"]["text"] for block in slack["blocks"]]
    assert len(texts) <= 50
    assert all(len(text) <= 3_000 for text in texts)
    assert sum(text.count(f"<{LINK}|") for text in texts) == shown
    (card,) = said(TargetKind.TEAMS, number)["attachments"]
    assert json.dumps(card).count(LINK) == shown
    discord = said(TargetKind.DISCORD, number)["content"]
    assert len(discord) <= 2_000
    assert discord.count(f"]({LINK})") == discord.count(LINK) >= min(number, 10)
    if discord.count(LINK) < number:
        assert f"and {number - discord.count(LINK)} more" in discord
    _, text = plain(messages(number))
    assert text.count(LINK) == shown


def test_a_name_is_text_and_nothing_else() -> None:
    name = "<!channel> [x](https://evil.example) & *so* |on"
    for number in (1, 2):
        slack = said(TargetKind.SLACK, number, name)
        title, *sections = slack["blocks"]
        assert title["text"]["type"] == "plain_text"
        for text in (slack["text"], *(one["text"]["text"] for one in sections)):
            assert "<!channel>" not in text
        assert "&lt;!channel&gt;" in sections[0]["text"]["text"] or number == 1
        discord = said(TargetKind.DISCORD, number, name)
        assert "[x](" not in discord["content"]
        assert discord["allowed_mentions"] == {"parse": []}
