"""Mails about alerts: links that cannot be forged, words in both languages, nothing unescaped."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tripmeter.model.action import TargetKind
from tripmeter.model.scope import Scope
from tripmeter.wire.alert_message import Surroundings, message_of, one_line
from tripmeter.wire.alert_words import ALERT_WORDS, Audience
from tripmeter.wire.chat import chat_body, plain
from tripmeter.wire.invoice_words import Language
from tripmeter.wire.mail import EXAMPLE, digest, letter
from tripmeter.wire.mail_link import Reader, link_token, read_token

AROUND = Surroundings("Example & Co", "https://example.com", livemode=True)
READERS = st.builds(
    Reader, st.builds(Scope, st.text(max_size=20), st.booleans()), st.text(max_size=99)
)


@given(READERS, st.text(max_size=40))
def test_a_link_is_read_as_it_was_made_and_by_nobody_elses_secret(
    reader: Reader, secret: str
) -> None:
    token = link_token(reader, secret)
    assert read_token(token, secret) == reader
    assert read_token(token, secret + "x") is None


@given(READERS, st.integers(0, 10_000), st.characters())
def test_a_link_that_was_changed_anywhere_is_not_read(reader: Reader, at: int, other: str) -> None:
    token = link_token(reader, "secret")
    at %= len(token)
    changed = token[:at] + other + token[at + 1 :]
    found = read_token(changed, "secret")
    assert found is None or found == reader  # unused bits of the last character


@given(st.text())
def test_any_text_is_read_as_no_link(token: str) -> None:
    assert read_token(token, "secret") is None


TYPES = ("usage_threshold", "spend_threshold", "credit_balance_threshold")
ALL = list(product(("en", "de"), TYPES, ("customer", "team"), ("triggered", "recovered")))


@pytest.mark.parametrize(("language", "type_", "audience", "moment"), ALL)
def test_there_are_words_for_every_occasion(
    language: Language, type_: str, audience: Audience, moment: str
) -> None:
    currency = None if type_ == "usage_threshold" else "eur"
    occasion = structs.replace(EXAMPLE, alert_type=type_, moment=moment, currency=currency)
    message = message_of(occasion, audience, language, AROUND)
    made = letter(occasion, message, AROUND, None, "https://example.com/m/x")
    for part in (made.subject, made.text, made.html):
        assert "{" not in part.replace("@media (prefers-color-scheme: dark) {", "")[:40]
    assert message.headline in made.text
    assert (message.link is not None) == (audience == "team")
    assert ALERT_WORDS[language].unsubscribe in made.text


@given(st.text())
def test_a_subject_is_one_line_of_what_can_be_printed(text: str) -> None:
    assert all(c.isprintable() for c in one_line(text))


def test_what_others_write_is_escaped_for_each_reader() -> None:
    name = "<b>*@everyone*</b> <!channel> [x](http://evil)"
    occasion = structs.replace(EXAMPLE, customer_name=name, title="<script>alert(1)</script>")
    message = message_of(occasion, "team", "en", AROUND)
    made = letter(occasion, message, AROUND)
    assert "<b>" not in made.html and "<script>" not in made.html
    slack = chat_body(TargetKind.SLACK, [message]).decode()
    assert "&lt;!channel&gt; " in slack
    assert '"parse":[]' in chat_body(TargetKind.DISCORD, [message]).decode()
    assert "[x](http" not in chat_body(TargetKind.TEAMS, [message]).decode()


def test_a_digest_names_each_and_counts_what_has_no_room() -> None:
    messages = [message_of(EXAMPLE, "team", "de", AROUND)] * 120
    made = digest(messages, AROUND)
    assert made.subject == "120 Alarme"
    assert "und 20 weitere" in made.text and "und 20 weitere" in made.html
    assert plain(messages)[1].count("\n") == 40
