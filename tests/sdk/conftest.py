"""One engine for all conformance tests, behind a recorder: every answer is held to Stripe's word.

Each test makes meters and customers of its own, so that tests do not meet.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import msgspec
import pytest
import stripe

from sdk import specification, typed
from sdk.clients import connected
from sdk.specification import Specification
from support.inbox import Inbox, open_inbox
from support.recorder import Exchange, Recorder, recording
from support.server import Key, Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`tripmeter serve`, as a process of its own."""
    with running_server(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="session")
def recorder(server: Server) -> Iterator[Recorder]:
    """The same engine by way of a proxy that notes what is said."""
    with recording(server.url) as running:
        yield running


@pytest.fixture(scope="session")
def described() -> Specification | None:
    """Stripe's description, if it is at hand."""
    return specification.at_hand()


@pytest.fixture(autouse=True)
def every_answer_conforms(recorder: Recorder, described: Specification | None) -> Iterator[None]:
    """After each test: all that was answered has Stripe's shape and the fields of its SDK."""
    recorder.take()
    yield
    found = [problem for one in recorder.take() for problem in _problems(one, described)]
    assert not found, "\n".join(["answers that are not Stripe's:", *dict.fromkeys(found)])


def _problems(exchange: Exchange, described: Specification | None) -> Iterator[str]:
    if described is not None:
        yield from described.problems(exchange)
    is_deleted_in_v2 = exchange.method == "DELETE" and exchange.path.startswith("/v2/")
    if exchange.status == 200 and not is_deleted_in_v2:
        where = f"{exchange.method} {exchange.path}: SDK: "
        yield from (where + found for found in typed.problems(msgspec.json.decode(exchange.body)))


@pytest.fixture
def inbox(described: Specification | None) -> Iterator[Inbox]:
    """A customer's server. What it received is held to Stripe's word, too."""
    with open_inbox() as opened:
        yield opened
        found = [
            problem
            for webhook in opened.deliveries
            for problem in _webhook_problems(webhook.json, described)
        ]
        assert not found, "\n".join(["webhooks that are not Stripe's:", *dict.fromkeys(found)])


def _webhook_problems(body: Any, described: Specification | None) -> Iterator[str]:
    if described is not None and body["object"] == "event":
        yield from described.webhook_problems(body)
    if body["object"] == "event":
        yield from typed.problems(body)


@pytest.fixture
def connect(recorder: Recorder, server: Server) -> Iterator[Callable[..., stripe.StripeClient]]:
    """Makes clients of the official SDK; they are closed with the test."""
    made: list[Any] = []

    def make(key: str | None = None, **options: Any) -> stripe.StripeClient:
        http = stripe.RequestsClient()
        made.append(http)
        bases: Any = {"api": recorder.url, "meter_events": recorder.url}
        return stripe.StripeClient(
            key or server.api_key, base_addresses=bases, http_client=http, **options
        )

    yield make
    for http in made:
        http.close()


@pytest.fixture
def client(connect: Callable[..., stripe.StripeClient]) -> stripe.StripeClient:
    """A client of the official SDK with the key of the account, in test mode."""
    return connect()


@pytest.fixture
async def async_client(server: Server, recorder: Recorder) -> AsyncIterator[stripe.StripeClient]:
    """The official SDK, asynchronous."""
    async with connected(server.api_key, recorder) as client:
        yield client


_numbers = itertools.count(1)


@pytest.fixture
def event_name() -> str:
    """An event name that no other test uses."""
    return f"tokens_{next(_numbers)}"


@pytest.fixture
def meter(client: stripe.StripeClient, event_name: str) -> stripe.billing.Meter:
    """A meter that sums up."""
    return client.v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": event_name,
            "default_aggregation": {"formula": "sum"},
        }
    )


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    """A customer."""
    return client.v1.customers.create({"name": "Jenny Rosen"})


@pytest.fixture(scope="session")
def live_key(server: Server) -> Key:
    """A key for live mode of the same account."""
    return server.create_key(live=True)


@pytest.fixture(scope="session")
def other_account_key(server: Server) -> Key:
    """A key for test mode of another account."""
    return server.create_key(account="somebody else")


@pytest.fixture
def spare_key(server: Server) -> Key:
    """A second key for test mode."""
    return server.create_key()


@pytest.fixture
def http(recorder: Recorder, server: Server) -> Iterator[httpx2.Client]:
    """A plain HTTP client that sends the key as a bearer token."""
    bearer = {"Authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(base_url=recorder.url, headers=bearer) as client:
        yield client
