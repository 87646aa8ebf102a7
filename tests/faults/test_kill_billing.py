"""SIGKILL in the midst of billing: afterwards each invoice is there once, and nothing was lost.

A subscription on a test clock crosses its threshold, and its period ends, while the server dies at
every failpoint of billing. The caller, whose answer was lost, asks again.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from faults.calls import flattened
from faults.campaign import BILLING
from support.forking import Fork
from support.postgres import database
from support.server import Server, assert_doctor_finds_nothing

FROZEN_S: Final = 1_767_225_600
DAY_S: Final = 86_400
DAYS: Final = 10

CROSSES: Final = ("bill.drafted", "bill.issued", "bill.finalized", "batch.written", "bill.told")
"""Where usage that crosses a threshold comes by; the last of it reaches the line of an alert."""
SPEND: Final = 1_100 * len(CROSSES)
ENDS: Final = ("bill.rolled", "bill.drafted", "bill.finalized", "batch.written")
"""Where the end of a period comes by; its grace is over as well."""

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("kill")]


class Billed:
    """A server with one subscription, and what it must have been billed for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.used = 0
        self.now_s = FROZEN_S
        self._keys = count(1)

    def post(self, path: str, key: str | None = None, **form: Any) -> Any:
        """Ask for something, under an idempotency key."""
        headers = {"Idempotency-Key": key or f"key_{next(self._keys)}"}
        with self.server.client() as client:
            answer = client.post(path, data=dict(flattened(form)), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def every(self, path: str, **params: Any) -> list[Any]:
        """A whole list, oldest first."""
        with self.server.client() as client:
            found = client.get(path, params={"limit": 100, **params}).json()
        assert not found["has_more"]
        return list(reversed(found["data"]))

    def prepare(self) -> None:
        """A customer who pays a dollar a call, at ten dollars at the latest."""
        recurring = {"interval": "day", "interval_count": DAYS, "usage_type": "metered"}
        meter = self.post(
            "/v1/billing/meters", display_name="Calls", event_name="calls",
            default_aggregation={"formula": "sum"},
        )  # fmt: skip
        price = self.post(
            "/v1/prices", currency="usd", unit_amount=100, product_data={"name": "Calls"},
            recurring={**recurring, "meter": meter["id"]},
        )  # fmt: skip
        self.clock = self.post("/v1/test_helpers/test_clocks", frozen_time=self.now_s)["id"]
        self.customer = self.post("/v1/customers", test_clock=self.clock)["id"]
        self.subscription = self.post(
            "/v1/subscriptions", customer=self.customer, items=[{"price": price["id"]}],
            billing_thresholds={"amount_gte": 1_000},
        )["id"]  # fmt: skip
        line = {"type": "amount", "amount": {"currency": "usd", "value": SPEND}}
        self.alert = self.post(
            "/v1/billing/alerts", title="Spend", alert_type="spend_threshold",
            spend_threshold={"aggregation_period": "billing", "gte": line},
        )["id"]  # fmt: skip

    def use(self, key: str) -> None:
        """Eleven calls, which cross the threshold."""
        self.post(
            "/v1/billing/meter_events", key, event_name="calls", identifier=f"evt_{key}",
            payload={"stripe_customer_id": self.customer, "value": "11"},
        )  # fmt: skip

    def end_period(self, key: str) -> None:
        """Beyond the period and its grace."""
        path = f"/v1/test_helpers/test_clocks/{self.clock}/advance"
        self.post(path, key, frozen_time=self.now_s + DAYS * DAY_S + 7_200)

    def dies(self, point: str, ask: Any) -> None:
        """The server dies at a point, is started again, and is asked again."""
        key = f"{point}_{next(self._keys)}"
        if self.server.running:
            self.server.kill()
        self.server.dies_at(point)
        self.server.start()
        with pytest.raises(httpx2.TransportError):
            ask(key)
        assert self.server.wait() == -signal.SIGKILL, point
        self.server.dies_at(None)
        self.server.start()
        ask(key)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def billed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Billed]:
    """After all deaths."""
    folder: Path = tmp_path_factory.mktemp("kill_billing")
    with ExitStack() as stack:
        url = stack.enter_context(database(migrated=False)) if request.param == "postgres" else None
        server = Server(folder, environment={"TRIPMETER_DATABASE": url}, fork=Fork())
        stack.callback(server.kill)
        server.start()
        made = Billed(server)
        made.prepare()
        for point in CROSSES:
            made.dies(point, made.use)
            made.used += 11
        for point in ENDS:
            made.use(f"before_{point}")
            made.used += 11
            made.dies(point, made.end_period)
            made.now_s += DAYS * DAY_S + 7_200
        yield made
        server.stop()
        assert_doctor_finds_nothing(server.data, server.database)


def test_every_failpoint_of_billing_was_died_at(billed: Billed) -> None:
    assert {*CROSSES, *ENDS} >= {*BILLING}


def test_each_invoice_is_there_once(billed: Billed) -> None:
    invoices = billed.every("/v1/invoices", subscription=billed.subscription)
    reasons = Counter(one["billing_reason"] for one in invoices)
    assert reasons == {
        "subscription_create": 1,
        "subscription_threshold": len(CROSSES) + len(ENDS),
        "subscription_cycle": len(ENDS),
    }
    assert {one["status"] for one in invoices} == {"paid"}
    assert len({one["number"] for one in invoices}) == len(invoices)
    keys = Counter((one["billing_reason"], one["period_end"]) for one in invoices)
    assert [n for (reason, _), n in keys.items() if reason == "subscription_cycle"] == [1] * len(
        ENDS
    )


def test_all_usage_is_billed_once(billed: Billed) -> None:
    invoices = billed.every("/v1/invoices", subscription=billed.subscription)
    assert sum(one["total"] for one in invoices) == 100 * billed.used


def test_each_invoice_was_announced_once(billed: Billed) -> None:
    invoices = {one["id"] for one in billed.every("/v1/invoices")}
    for type_ in ("invoice.created", "invoice.finalized", "invoice.paid"):
        told = [one["data"]["object"]["id"] for one in billed.every("/v1/events", type=type_)]
        assert Counter(told) == dict.fromkeys(invoices, 1)


def test_an_alert_on_spend_was_told_once_and_recovered_once(billed: Billed) -> None:
    told = billed.every(f"/v1/billing/alerts/{billed.alert}/notifications")
    assert [(one["action"], one["value"]) for one in told] == [
        ("triggered", str(SPEND)),
        ("recovered", "0"),
    ]
    for one in told:
        events = billed.every("/v1/events", type=f"billing.alert.{one['action']}")
        assert [event["id"] for event in events] == [one["notification_event"]]
