"""Templates of mails: what cannot be rendered is refused at once, with line and column."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.acting import Acting, open_acting

FINE: dict[str, Any] = {"subject": "{{ customer.name }}: {{ value }}", "text": "Hi {{ value }}"}


@pytest.fixture
async def acting(tmp_path: Path) -> AsyncIterator[Acting]:
    """An engine with receivers."""
    async with open_acting(tmp_path) as opened:
        yield opened


async def test_a_mail_says_what_its_template_says(acting: Acting) -> None:
    html = "{% extends 'layout' %}{% block content %}<h1>{{ customer.name }}</h1>{% endblock %}"
    content = {
        "en": {**FINE, "html": html},
        "de": {"subject": "Grüße", "text": "{{ value }} Stück"},
    }
    template = await acting.post("billing/mail_templates", name="Limit", content=content)
    assert template["content"]["de"] == {
        "subject": "Grüße",
        "text": "{{ value }} Stück",
        "html": None,
    }
    await acting.post(f"customers/{acting.customer}", name="<b>Jenny</b>")
    mail = {"type": "email", "to": ["customer"], "template": template["id"]}
    alert = await acting.alert(1, mail, {**mail, "language": "de"})
    await acting.use(7)
    await acting.over(alert)
    english, german = sorted(await acting.mails(2), key=lambda one: one.message["Subject"])
    assert english.message["Subject"] == "<b>Jenny</b>: 7"
    assert "&lt;b&gt;Jenny&lt;/b&gt;</h1>" in english.html
    assert english.text.startswith("Hi 7")
    assert "/m/" in english.text
    assert german.message["Subject"] == "Grüße"
    assert "7 Stück" in german.html


WRONG: list[tuple[str, str, str]] = [
    ("text", "Hello\n\n  {{ custmer.name }}", "Line 3, column 6: unknown variable 'custmer'"),
    ("text", "{{ customer.nam }}", "Line 1, column 4: unknown variable 'customer.nam'"),
    ("text", "a\n{% if value %}b", "Line 2, column 16"),
    ("text", "a {% fi value %}", "Line 1, column 6"),
    ("text", "a {{ value", "Line 1, column 11"),
    ("text", "{{ value }", "Line 1, column 10"),
    ("subject", "{{ value|shout }}", "Line 1, column 10: unknown filter 'shout'"),
    ("html", "<p>\n{{ headline.upper() }}", "Line 2, column 1: nothing can be called"),
    ("html", "{% include 'mail.css' %}", "Line 1, column 1: 'include' cannot be used"),
    ("html", "{% extends '../secret' %}", "Line 1, column 1: only 'layout'"),
    ("text", "x\n{{ 'a' * 1000000000 }}", "Line 2, column 1: '*' cannot be used"),
    ("text", "{{ value.__class__.__mro__ }}", "Line 1, column 1"),
]


@pytest.mark.parametrize(("name", "source", "said"), WRONG)
async def test_what_cannot_be_rendered_is_refused_with_line_and_column(
    acting: Acting, name: str, source: str, said: str
) -> None:
    content = {"en": {**FINE, name: source}}
    error = await acting.refused("billing/mail_templates", name="x", content=content)
    assert error["param"] == f"content[en][{name}]"
    assert error["message"].startswith(said), error["message"]
    assert (await acting.get("billing/mail_templates"))["data"] == []


async def test_a_template_needs_content(acting: Acting) -> None:
    for fields in ({}, {"content": {"en": {"subject": "x"}}}):
        error = await acting.refused("billing/mail_templates", name="x", **fields)
        assert error["param"].startswith("content")


async def test_templates_are_changed_listed_and_deleted_unless_they_are_used(
    acting: Acting,
) -> None:
    template = await acting.post("billing/mail_templates", name="a", content={"en": FINE})
    path = f"billing/mail_templates/{template['id']}"
    changed = await acting.post(path, name="b", content={"de": FINE})
    assert (changed["name"], set(changed["content"])) == ("b", {"en", "de"})
    error = await acting.refused(path, content={"de": {**FINE, "text": "{{ x }}"}})
    assert error["param"] == "content[de][text]"
    assert await acting.get(path) == changed
    mail = {"type": "email", "to": ["customer"], "template": template["id"]}
    alert = await acting.alert(1, mail)
    status, answer = await acting.ask("DELETE", path)
    assert (status, alert["id"] in answer["error"]["message"]) == (400, True)
    await acting.post(f"billing/alerts/{alert['id']}", actions="")
    status, answer = await acting.ask("DELETE", path)
    assert (status, answer["deleted"]) == (200, True)
    assert (await acting.ask("GET", path))[0] == 404


async def test_a_preview_is_what_would_be_sent(acting: Acting) -> None:
    template = await acting.post("billing/mail_templates", name="a", content={"en": FINE})
    path = f"billing/mail_templates/{template['id']}/preview"
    assert (await acting.post(path))["subject"] == "Jenny Rosen: 8,000"
    alert = await acting.alert(1234)
    shown = await acting.post(path, alert=alert["id"], customer=acting.customer)
    assert (shown["subject"], shown["language"]) == ("Jenny Rosen: 1,234", "en")
    assert shown["text"].startswith("Hi 1,234")
    assert "<html" in shown["html"]
    built_in = await acting.post(
        "billing/mail_templates/built_in/preview", language="de", audience="team"
    )
    assert built_in["subject"] == "[Test] Jenny Rosen hat 8.000 verbraucht: 80 % of the free tier"
    assert (await acting.refused(path, alert=alert["id"]))["param"] == "customer"
    assert acting.postbox.mails == []
