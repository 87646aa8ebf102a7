"""SIGKILL in the midst of actions: changes are made exactly once, messages go out at least once.

An alert mails, tells a chat channel and tops credits up, while the server dies at every failpoint
of actions. Whoever reported the usage, and got no answer, reports it again.
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from faults.calls import flattened
from faults.campaign import ACTIONS
from support.forking import Fork
from support.hooks import Hooks, open_hooks
from support.postbox import Postbox, open_postbox
from support.postgres import database
from support.server import PATIENCE_S, Server, assert_doctor_finds_nothing

INSIDE: Final = ("action.done", "action.written", "batch.written")
"""Where the transaction of a firing comes by: there is no answer, and nothing was kept."""
AFTER: Final = ("action.sending", "action.sent", "action.recorded")
"""Where messages come by, after the answer."""

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("kill")]


class Acted:
    """A server whose alert has actions, and what must have come of it."""

    def __init__(self, server: Server, postbox: Postbox, hooks: Hooks) -> None:
        self.server = server
        self.postbox = postbox
        self.hooks = hooks
        self.customers: list[str] = []
        self._keys = count(1)

    def post(self, path: str, key: str | None = None, **form: Any) -> Any:
        """Ask for something, under an idempotency key."""
        headers = {"Idempotency-Key": key or f"key_{next(self._keys)}"}
        with self.server.client() as client:
            answer = client.post(path, data=dict(flattened(form)), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def every(self, path: str, **params: Any) -> list[Any]:
        """A whole list."""
        with self.server.client() as client:
            found = client.get(path, params={"limit": 100, **params}).json()
        assert not found["has_more"]
        data: list[Any] = found["data"]
        return data

    def prepare(self) -> None:
        """An alert on everybody's calls."""
        self.meter = self.post(
            "/v1/billing/meters", display_name="Calls", event_name="calls",
            default_aggregation={"formula": "sum"},
        )["id"]  # fmt: skip
        target = self.post(
            "/v1/billing/alert_targets", kind="slack", name="sales", url=f"{self.hooks.url}/slack"
        )
        self.alert = self.post(
            "/v1/billing/alerts", title="Calls", alert_type="usage_threshold",
            usage_threshold={"meter": self.meter, "gte": 1, "recurrence": "one_time"},
            actions=[
                {"type": "top_up", "amount": 100, "currency": "usd"},
                {"type": "email", "to": ["customer"]},
                {"type": "slack", "target": target["id"]},
            ],
        )["id"]  # fmt: skip

    def dies(self, point: str, *, has_answer: bool) -> None:
        """A customer comes to the line, and the server dies; it is started and asked again."""
        customer = self.post("/v1/customers", email=f"{point}@example.com")["id"]
        self.customers.append(customer)
        self.server.kill()
        self.server.dies_at(point)
        self.server.start()
        try:
            self.use(customer, point)
        except httpx2.TransportError:
            pass
        else:
            assert has_answer, point
        assert self.server.wait() == -signal.SIGKILL, point
        self.server.dies_at(None)
        self.server.start()
        self.use(customer, point)
        self.wait_until_done()

    def use(self, customer: str, name: str) -> None:
        """One call, reported under the same key and identifier however often."""
        self.post(
            "/v1/billing/meter_events", f"use_{name}", event_name="calls", identifier=f"e_{name}",
            payload={"stripe_customer_id": customer, "value": "1"},
        )  # fmt: skip

    def wait_until_done(self) -> None:
        """Until no run is pending."""
        deadline = time.monotonic() + PATIENCE_S
        while self.every("/v1/billing/action_runs", status="pending"):
            assert time.monotonic() < deadline, self.every("/v1/billing/action_runs")
            time.sleep(0.02)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def acted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Acted]:
    """After all deaths."""
    folder: Path = tmp_path_factory.mktemp("kill_actions")
    with ExitStack() as stack:
        url = stack.enter_context(database(migrated=False)) if request.param == "postgres" else None
        postbox, hooks = stack.enter_context(open_postbox()), stack.enter_context(open_hooks())
        settings = {
            "TRIPMETER_DATABASE": url,
            "TRIPMETER_SMTP_URL": postbox.url,
            "TRIPMETER_MAIL_FROM": "billing@example.com",
        }
        server = Server(folder, environment=settings, fork=Fork())
        stack.callback(server.kill)
        server.start()
        made = Acted(server, postbox, hooks)
        made.prepare()
        for point in INSIDE:
            made.dies(point, has_answer=False)
        for point in AFTER:
            made.dies(point, has_answer=True)
        yield made
        server.stop()
        assert_doctor_finds_nothing(server.data, server.database)


def test_every_failpoint_of_actions_was_died_at(acted: Acted) -> None:
    assert {*INSIDE, *AFTER} >= {*ACTIONS}


def test_every_customer_has_one_firing_and_each_of_its_actions_once(acted: Acted) -> None:
    told = acted.every(f"/v1/billing/alerts/{acted.alert}/notifications")
    assert Counter(one["customer"] for one in told) == dict.fromkeys(acted.customers, 1)
    runs = acted.every("/v1/billing/action_runs")
    assert {one["status"] for one in runs} == {"succeeded"}
    places = Counter((one["notification"], one["action_index"]) for one in runs)
    assert places == {(one["id"], place): 1 for one in told for place in range(3)}


def test_credits_were_granted_exactly_once(acted: Acted) -> None:
    grants = acted.every("/v1/billing/credit_grants")
    assert Counter(one["customer"] for one in grants) == dict.fromkeys(acted.customers, 1)
    results = {one["result"] for one in acted.every("/v1/billing/action_runs", type="top_up")}
    assert results == {one["id"] for one in grants}


def test_no_message_was_lost(acted: Acted) -> None:
    mails = Counter(mail.to[0] for mail in acted.postbox.mails)
    assert set(mails) == {f"{point}@example.com" for point in (*INSIDE, *AFTER)}
    assert all(mails[f"{point}@example.com"] == 1 for point in INSIDE)
    said = Counter(one.json["text"].split()[0] for one in acted.hooks.of("/slack"))
    assert set(said) == {f"{point}@example.com" for point in (*INSIDE, *AFTER)}


def test_what_came_twice_is_known_by_its_id(acted: Acted) -> None:
    ids = {mail.message["Message-ID"] for mail in acted.postbox.mails}
    assert len(ids) == len(acted.customers)
