"""A customer's server: keeps every webhook and answers it as badly as it is told to.

with open_inbox() as inbox:
    client.v1.webhook_endpoints.create({"url": inbox.url, "enabled_events": ["*"]})
    inbox.wait_for(lambda event: event["type"] == "customer.created")
"""

import hashlib
import hmac
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from support.loopback import listening

PATIENCE_S: Final = 60


class Delivery(NamedTuple):
    """One request as it arrived."""

    body: bytes
    signature: str
    """The header `Stripe-Signature`."""

    @property
    def json(self) -> Any:
        """The event in it, decoded and not verified."""
        return msgspec.json.decode(self.body)

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.json["id"])

    @property
    def signed_at(self) -> int:
        """The `t` of the signature, in seconds."""
        return int(self.signature.split(",")[0].removeprefix("t="))

    def is_signed_with(self, secret: str) -> bool:
        """Whether the signature is the one that Stripe documents, with this secret."""
        t, _, v1 = self.signature.partition(",")
        signed = t.removeprefix("t=").encode() + b"." + self.body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return f"v1={expected}" in v1.split(",")


class Behaviour(NamedTuple):
    """How to answer. `drop` hangs up without a word, `hang` says nothing until the end."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    drop: bool = False
    hang: bool = False


FINE: Final = Behaviour()
DROP: Final = Behaviour(drop=True)
HANG: Final = Behaviour(hang=True)

Decide = Callable[[Delivery], Behaviour]


class Inbox:
    """What has come, and how it is answered: `decide` may be replaced at any time."""

    def __init__(self, url: str, decide: Decide) -> None:
        self.url = url
        """Where webhooks go."""
        self.decide = decide
        self.released = threading.Event()
        """Set, it lets those go that are kept waiting."""
        self._arrival = threading.Condition()
        self._deliveries: list[Delivery] = []

    @property
    def deliveries(self) -> list[Delivery]:
        """All requests so far, in the order of their arrival."""
        with self._arrival:
            return list(self._deliveries)

    def times(self) -> Counter[str]:
        """How often each event came."""
        return Counter(delivery.id for delivery in self.deliveries)

    def put(self, delivery: Delivery) -> Behaviour:
        """Take one in and say how to answer."""
        with self._arrival:
            behaviour = self.decide(delivery)
            self._deliveries.append(delivery)
            self._arrival.notify_all()
        return behaviour

    def wait_for(self, wanted: Callable[[Any], bool], *, nth: int = 1) -> Delivery:
        """The nth delivery whose event is wanted."""

        def found(deliveries: list[Delivery]) -> list[Delivery]:
            return [delivery for delivery in deliveries if wanted(delivery.json)]

        return found(self.wait_until(lambda deliveries: len(found(deliveries)) >= nth))[nth - 1]

    def wait_for_number(self, number: int) -> list[Delivery]:
        """Wait until so many requests have come; all that came."""
        return self.wait_until(lambda deliveries: len(deliveries) >= number)

    def wait_until(self, enough: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """Wait until what came is enough; all that came. Fails when it does not come in time."""
        deadline = time.monotonic() + PATIENCE_S
        with self._arrival:
            while not enough(self._deliveries):
                left = deadline - time.monotonic()
                assert left > 0, f"not enough came: {self._types()}"
                self._arrival.wait(left)
            return list(self._deliveries)

    def _types(self) -> Counter[Any]:
        return Counter(delivery.json.get("type") for delivery in self._deliveries)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, decide: Decide) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.inbox = Inbox(f"http://127.0.0.1:{self.server_port}/hook", decide)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away, such as a killed server, is no news."""


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: each request has a connection of its own, so that nothing is left open."""

    server: _Server

    def do_POST(self) -> None:
        inbox = self.server.inbox
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behaviour = inbox.put(Delivery(body, self.headers["Stripe-Signature"]))
        if behaviour.hang:
            inbox.released.wait(PATIENCE_S)
        if behaviour.drop or behaviour.hang:
            return
        self.send_response(behaviour.status)
        for name, text in behaviour.headers.items():
            self.send_header(name, text)
        self.end_headers()

    def do_GET(self) -> None:
        """What a followed redirect would come to."""
        self.server.inbox.put(Delivery(b'{"id": "GET"}', ""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing goes to the terminal."""


@contextmanager
def open_inbox(decide: Decide = lambda _: FINE) -> Iterator[Inbox]:
    """An inbox for as long as the block lasts."""
    server = _Server(decide)
    with listening(server):
        try:
            yield server.inbox
        finally:
            server.inbox.released.set()
