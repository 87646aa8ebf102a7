"""Messages to services beyond our own few, by the library apprise: an extra.

It opens its connections itself, so the guard of `addresses.py` does not hold for it. Unless private
addresses are allowed, only services are taken whose hosts are their own and no caller's choice.
"""

import asyncio
import time
from functools import cached_property
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from tripmeter.model.delivery import Answer

PUBLIC: Final = frozenset(
    "fcm gchat opsgenie pagerduty pbul pover sendgrid signl4 sns splunk tgram twilio wxteams"
    " zulip".split()
)
"""Schemes of services whose hosts are on the internet, whatever follows."""

_SENT: Final = 200


class AppriseNotifier:
    """Writes by apprise, in a thread of its own for each message."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    @cached_property
    def _library(self) -> Any:
        """The module, loaded with the first message."""
        return import_module("apprise")

    def fault(self, url: str) -> str | None:
        """What is wrong with an address and what to do; None if it may be stored."""
        scheme = urlsplit(url).scheme.lower()
        if scheme not in PUBLIC and not self._allow_private:
            services = ", ".join(sorted(PUBLIC))
            return (
                "Where it leads would be for the address to say, and it could be private to this"
                f" host. These services are taken: {services}. For others, use a webhook."
            )
        if not self._library.Apprise().add(url):
            return "apprise cannot read this address. Its documentation has the form for each."
        return None

    async def notify(self, url: str, title: str, body: str) -> Answer:
        """Send once. Never raises."""
        began_ns = time.monotonic_ns()
        try:
            sent = await asyncio.to_thread(self._notify, url, title, body)
            error = None if sent else "The service has not taken the message."
        except Exception as failure:  # of any of a hundred plugins
            sent, error = False, f"The message could not be sent: {type(failure).__name__}."
        took_ms = (time.monotonic_ns() - began_ns) // 1_000_000
        return Answer(_SENT if sent else None, "", {}, error, took_ms)

    def _notify(self, url: str, title: str, body: str) -> bool:
        sender = self._library.Apprise()
        return bool(sender.add(url) and sender.notify(title=title, body=body))
