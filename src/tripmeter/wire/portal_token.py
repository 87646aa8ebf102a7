"""Signs what the address of a customer's page says, and reads it again.

The signature is over all of it, by a secret of the store; whoever has an address has the page, for
as long as it says. Nothing of it is stored.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec

from tripmeter.model.portal import PortalSession

LONGEST: Final = 8192
"""Characters of a token that are looked at."""

_decoder = msgspec.json.Decoder(PortalSession)


def sealed(secret: str, session: PortalSession) -> str:
    """The token of a session: letters, digits, `-`, `_` and one dot."""
    body = _text(msgspec.json.encode(session))
    return f"{body}.{_text(_signature(secret, body))}"


def opened(secret: str, token: str) -> PortalSession | None:
    """What a token says; None for one that is not ours. Whether its time is over, it tells."""
    body, dot, signature = token.partition(".")
    if not dot or len(token) > LONGEST or not token.isascii():
        return None
    if not hmac.compare_digest(signature, _text(_signature(secret, body))):
        return None
    try:
        return _decoder.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (msgspec.MsgspecError, binascii.Error):
        return None


def form_token(secret: str, token: str) -> str:
    """What a form of a page sends along, so that no other page can send it."""
    return _text(_signature(secret, f"form|{token}"))


def _signature(secret: str, text: str) -> bytes:
    return hmac.digest(secret.encode(), text.encode(), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
