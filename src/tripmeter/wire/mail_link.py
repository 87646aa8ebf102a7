"""The link at which a reader says that there shall be no more mails: signed, and told nobody else.

It names an address in a scope, so that nothing has to be stored for each mail that is sent.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final, NamedTuple

import msgspec

from tripmeter.model.ids import new_secret
from tripmeter.model.scope import Scope

SECRET: Final = "mail_link_secret"
"""The setting of the store that has the secret."""

LONGEST: Final = 700
"""Characters that a token may have."""

_SIGNATURE_BYTES: Final = 16


class Reader(NamedTuple):
    """Whom a link is for."""

    scope: Scope
    address: str


def new_link_secret() -> str:
    """A secret to sign links with."""
    return new_secret("mls_")


def link_token(reader: Reader, secret: str) -> str:
    """What stands in a link."""
    facts = msgspec.json.encode([*reader.scope, reader.address])
    return f"{_text(facts)}.{_text(_signature(facts, secret))}"


def read_token(token: str, secret: str) -> Reader | None:
    """Whom a link is for; None where it is not as it was sent."""
    if len(token) > LONGEST:
        return None
    facts, _, signature = token.partition(".")
    try:
        said, signed = _bytes(facts), _bytes(signature)
    except (binascii.Error, ValueError):
        return None
    if not hmac.compare_digest(signed, _signature(said, secret)):
        return None
    account, livemode, address = msgspec.json.decode(said, type=tuple[str, bool, str])
    return Reader(Scope(account, livemode), address)


def _signature(facts: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), b"mail:" + facts, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(
        text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
    )
