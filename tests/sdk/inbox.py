"""A customer's server: takes webhooks over real HTTP and lets a test wait for the right one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

import msgspec

PATIENCE_S: Final = 10


class Webhook(NamedTuple):
    """One delivery as it arrived."""

    body: bytes
    signature: str
    """The header `Stripe-Signature`."""

    @property
    def json(self) -> Any:
        """The body, decoded and not verified."""
        return msgspec.json.decode(self.body)


class Inbox:
    """Answers every webhook with 200 and keeps it."""

    def __init__(self) -> None:
        self._webhooks: list[Webhook] = []
        self._arrival = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))

    @property
    def url(self) -> str:
        """Where webhooks may be sent."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def put(self, webhook: Webhook) -> None:
        """Take one delivery."""
        with self._arrival:
            self._webhooks.append(webhook)
            self._arrival.notify_all()

    def wait_for(
        self, wanted: Callable[[Any], bool], *, nth: int = 1, patience_s: float = PATIENCE_S
    ) -> Webhook:
        """The nth delivery whose decoded body is wanted; fails when it does not come in time."""
        deadline = time.monotonic() + patience_s
        with self._arrival:
            while len(found := [one for one in self._webhooks if wanted(one.json)]) < nth:
                left = deadline - time.monotonic()
                if left <= 0:
                    types = [webhook.json.get("type") for webhook in self._webhooks]
                    raise AssertionError(f"the webhook did not come; these did: {types}")
                self._arrival.wait(left)
        return found[nth - 1]

    def received(self) -> list[Webhook]:
        """All deliveries so far."""
        with self._arrival:
            return list(self._webhooks)

    def run(self) -> None:
        """Serve until `stop`."""
        self._server.serve_forever(poll_interval=0.02)

    def stop(self) -> None:
        """Take no more webhooks."""
        self._server.shutdown()
        self._server.server_close()


def _handler_of(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.0: each webhook has a connection of its own, so that nothing is left open."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.put(Webhook(body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing goes to the terminal."""

    return Handler


@contextmanager
def open_inbox() -> Iterator[Inbox]:
    """An inbox for as long as the block lasts."""
    inbox = Inbox()
    thread = threading.Thread(target=inbox.run, name="inbox")
    thread.start()
    try:
        yield inbox
    finally:
        inbox.stop()
        thread.join()
