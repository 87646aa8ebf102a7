"""How mails are handed over: the settings that say where, and what a server's answers mean."""

from dataclasses import asdict
from pathlib import Path

import pytest

from support.postbox import open_postbox
from tripmeter.app import open_mailer
from tripmeter.model.mail import Mail
from tripmeter.settings import SettingInvalid, Settings, SmtpServer, read_settings

MAIL = Mail(
    id="alrun_1.0.0",
    to="jenny@example.com",
    subject="Grüße ☃",
    text="Hällo\n.\nWorld\n",
    html="<p>Hällo</p>",
    date_ms=1_772_360_430_456,
    unsubscribe_url="https://example.com/m/x",
)
FROM = "Müller & Söhne <billing@example.com>"


async def test_a_mail_arrives_as_it_was_written() -> None:
    with open_postbox() as postbox:
        mailer = open_mailer(Settings(smtp_url=postbox.url, mail_from=FROM))
        answer = await mailer.send(MAIL)
        assert (answer.outcome, answer.error) == ("accepted", None)
        (mail,) = postbox.mails
    assert mail.sender == "billing@example.com"
    assert mail.message["Subject"] == "Grüße ☃"
    assert mail.message["From"] == FROM
    assert mail.message["Message-ID"] == "<alrun_1.0.0@example.com>"
    assert mail.message["Date"] == "Sun, 01 Mar 2026 10:20:30 +0000"
    assert mail.message["List-Unsubscribe"] == "<https://example.com/m/x>"
    assert mail.text.replace("\r\n", "\n") == MAIL.text
    assert mail.html.strip() == MAIL.html


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("550 no", "refused"), ("452 full", "postponed"), ("421 bye", "postponed")],
)
async def test_refusals_are_final_and_the_rest_is_not(said: str, outcome: str) -> None:
    with open_postbox() as postbox:
        mailer = open_mailer(Settings(smtp_url=postbox.url, mail_from=FROM))
        postbox.answers[MAIL.to] = said
        answer = await mailer.send(MAIL)
        postbox.answers.clear()
        postbox.at_data = said
        other = await mailer.send(MAIL)
    assert (answer.outcome, other.outcome) == (outcome, outcome)
    assert said[4:] in (answer.error or "")


async def test_a_password_that_is_refused_is_for_the_operator_to_mend() -> None:
    with open_postbox() as postbox:
        url = postbox.url.replace("smtp://", "smtp://user:wrong@")
        answer = await open_mailer(Settings(smtp_url=url, mail_from=FROM)).send(MAIL)
    assert answer.outcome == "postponed"
    assert "wrong" not in (answer.error or "")


async def test_a_folder_that_cannot_be_written_is_no_loss(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    mailer = open_mailer(Settings(data=tmp_path))
    answer = await mailer.send(MAIL)
    assert answer.outcome == "postponed"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://h", SmtpServer("h", 587, None, None, False, None)),
        (
            "smtps://u:p%40ss@h.example:2465",
            SmtpServer("h.example", 2465, "u", "p@ss", True, False),
        ),
        ("smtp://h:25/?starttls=always", SmtpServer("h", 25, None, None, False, True)),
        ("smtp://h:25?starttls=never", SmtpServer("h", 25, None, None, False, False)),
    ],
)
def test_an_smtp_url_says_where_and_how(url: str, server: SmtpServer) -> None:
    environment = {"TRIPMETER_SMTP_URL": url, "TRIPMETER_MAIL_FROM": FROM}
    assert read_settings(environment).smtp == server


@pytest.mark.parametrize(
    "given",
    [
        {"TRIPMETER_SMTP_URL": "http://h"},
        {"TRIPMETER_SMTP_URL": "smtp://"},
        {"TRIPMETER_SMTP_URL": "smtp://h:x"},
        {"TRIPMETER_SMTP_URL": "smtp://h?starttls=perhaps"},
        {"TRIPMETER_SMTP_URL": "smtp://h?tls=1"},
        {"TRIPMETER_SMTP_URL": "smtp://user:secret@h/path"},
        {"TRIPMETER_SMTP_URL": "smtp://h", "TRIPMETER_MAIL_FROM": ""},
        {"TRIPMETER_MAIL_FROM": "nobody"},
        {"TRIPMETER_MAIL_FROM": "a@b\nBcc: c@d"},
        {"TRIPMETER_LANGUAGE": "fr"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid) as refused:
        read_settings({"TRIPMETER_MAIL_FROM": FROM, **given})
    assert "secret" not in str(refused.value)


def test_no_password_is_shown() -> None:
    settings = Settings(smtp_url="smtp://user:secret@h", mail_from=FROM)
    assert "secret" not in repr(settings)
    assert asdict(settings)["smtp_url"] is not None
