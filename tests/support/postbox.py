"""A real SMTP server on loopback: keeps every mail, and refuses what it is told to.

with open_postbox() as postbox:
    Engine(Settings(smtp_url=postbox.url, mail_from="Shop <shop@example.com>"))
    postbox.wait_for_number(1)
"""

import email
import email.policy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any, Final, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from support.server import free_port

PATIENCE_S: Final = 30


class Delivered(NamedTuple):
    """One mail as it arrived."""

    sender: str
    to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        """Its plain text."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """Its HTML."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


class Postbox:
    """What has come. `answers` has what an address is answered with, `at_data` the same for all."""

    def __init__(self, port: int) -> None:
        self.url = f"smtp://127.0.0.1:{port}?starttls=never"
        self.answers: dict[str, str] = {}
        self.at_data: str | None = None
        self._arrival = threading.Condition()
        self._mails: list[Delivered] = []

    @property
    def mails(self) -> list[Delivered]:
        """All mails so far, in the order of their arrival."""
        with self._arrival:
            return list(self._mails)

    def wait_for_number(self, number: int) -> list[Delivered]:
        """Wait until so many mails have come; all that came."""
        deadline = time.monotonic() + PATIENCE_S
        with self._arrival:
            while len(self._mails) < number:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self._mails)} mails came, not {number}"
                self._arrival.wait(left)
            return list(self._mails)

    # what aiosmtpd calls

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Take an addressee, or say what was told."""
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take the mail."""
        if self.at_data is not None:
            return self.at_data
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        with self._arrival:
            self._mails.append(Delivered(envelope.mail_from or "", envelope.rcpt_tos, message))
            self._arrival.notify_all()
        return "250 OK"


@contextmanager
def open_postbox() -> Iterator[Postbox]:
    """An SMTP server for as long as the block lasts."""
    port = free_port()
    postbox = Postbox(port)
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield postbox
    finally:
        controller.stop()
