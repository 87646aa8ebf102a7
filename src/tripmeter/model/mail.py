"""A message by e-mail, and what became of it."""

from typing import Literal

import msgspec


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is ready to be sent, to one address."""

    id: str
    """Of the message: the same however often it is sent."""
    to: str
    subject: str
    text: str
    html: str
    date_ms: int
    unsubscribe_url: str | None = None


class MailAnswer(msgspec.Struct, frozen=True):
    """What became of a mail: accepted, refused for good, or worth another attempt."""

    outcome: Literal["accepted", "refused", "postponed"]
    code: int | None = None
    """Of the SMTP server's answer."""
    error: str | None = None
    duration_ms: int = 0
