"""Hands mails to an SMTP server, or in development writes them into a folder.

Owns the exchange with the server, and telling what is worth another attempt: a refusal with a 5xx
is final, a 4xx, silence and a broken line are not. Neither is a server that refuses the operator's
own password: that is for the operator to mend, and mails wait for it.
"""

import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from tripmeter.model.mail import Mail, MailAnswer

TIMEOUT_S: Final = 30
_CLIP: Final = 300
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PERMANENT: Final = 500

log = structlog.get_logger()


class SmtpAddress(NamedTuple):
    """Where an SMTP server is, and how to talk to it."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: bool = False
    """From the first byte on."""
    starttls: bool | None = None
    """None: if the server offers it."""


class SmtpMailer:
    """Sends by SMTP, with a connection for each mail."""

    def __init__(self, address: SmtpAddress, sender: str, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._sender = sender
        self._timeout_s = timeout_s

    async def send(self, mail: Mail) -> MailAnswer:
        """Send once. Never raises for what network and server do."""
        began_ns = time.monotonic_ns()
        answer = await self._exchange(mail)
        took_ms = (time.monotonic_ns() - began_ns) // 1_000_000
        return MailAnswer(answer.outcome, answer.code, answer.error, took_ms)

    async def _exchange(self, mail: Mail) -> MailAnswer:
        from aiosmtplib import errors, send  # noqa: PLC0415 (loaded with the first mail)

        where = self._address
        try:
            await send(
                composed(mail, self._sender),
                sender=parseaddr(self._sender)[1],
                recipients=[mail.to],
                hostname=where.host,
                port=where.port,
                username=where.user,
                password=where.password,
                use_tls=where.tls,
                start_tls=where.starttls,
                timeout=self._timeout_s,
                local_hostname=_domain(self._sender),  # what this machine is called may be slow
            )
        except errors.SMTPRecipientsRefused as refused:
            first = refused.recipients[0]
            return _answered(first.code, first.message)
        except errors.SMTPAuthenticationError as refused:
            said = f"The SMTP server refuses user and password: {refused.message}"
            return MailAnswer("postponed", refused.code, said[:_CLIP])
        except errors.SMTPConnectResponseError as refused:
            said = f"The SMTP server takes no connection: {refused.message}"
            return MailAnswer("postponed", refused.code, said[:_CLIP])
        except errors.SMTPResponseException as refused:
            return _answered(refused.code, refused.message)
        except (errors.SMTPException, OSError, ValueError) as failure:
            return MailAnswer("postponed", error=_what(failure))
        return MailAnswer("accepted", 250)


class FolderMailer:
    """Writes each mail into a folder, for development."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> MailAnswer:
        """Write the mail, and say where."""
        path = self._folder / f"{mail.date_ms}-{mail.id}.eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(composed(mail, self._sender).as_bytes(policy=SMTP))
        except OSError as error:
            return MailAnswer("postponed", error=f"{path} cannot be written: {error.strerror}")
        log.info("mail_written", path=str(path), to=mail.to, subject=mail.subject)
        return MailAnswer("accepted")


def composed(mail: Mail, sender: str) -> EmailMessage:
    """The mail as it goes out: text and HTML, with the link that ends such mails in its head."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(_EPOCH + timedelta(milliseconds=mail.date_ms))
    message["Message-ID"] = f"<{mail.id}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return message


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def _answered(code: int, said: str) -> MailAnswer:
    text = f"The SMTP server answers {code}: {said}"[:_CLIP]
    return MailAnswer("refused" if code >= _PERMANENT else "postponed", code, text)


def _what(failure: BaseException) -> str:
    said = str(failure) or type(failure).__name__
    return f"The SMTP server could not be talked to: {said}"[:_CLIP]
