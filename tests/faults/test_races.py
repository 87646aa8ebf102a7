"""Many clients at once on real sockets: what must happen once happens once, in one order."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from faults.calls import FIRED, METER_EVENTS, Api, event_form, meter_form, until_delivered
from support.inbox import open_inbox
from support.server import API_KEY, Server, assert_doctor_finds_nothing, running_server
from tripmeter.app import open_store
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline import log
from tripmeter.settings import Settings

CROWD = 500


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server; every test has a meter and customers of its own."""
    with running_server(tmp_path_factory.mktemp("races")) as running:
        yield running


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    """A client with a connection for each member of the crowd."""
    async with Api(server.url, connections=CROWD) as client:
        yield client


def logged_events(server: Server, event_name: str) -> list[UsageEvent]:
    """The events of a meter in the order that the log gave them."""
    with closing(open_store(Settings(data=server.data))) as store, store.reader() as session:
        meters = [session.active_meter(scope, event_name) for scope in session.scopes()]
        numbers = [kept.no for kept in meters if kept is not None]
        found = [item for row in session.usage.rows_after(0) for _, item, _ in log.items(row)]
        return [e for e in found if isinstance(e, UsageEvent) and e.meter_no in numbers]


async def test_500_reports_across_one_line_fire_once_and_reach_each_endpoint_once(
    api: Api, server: Server
) -> None:
    meter = await api.meter("crossed")
    await api.customers("acme")
    alert = await api.alert(meter, CROWD // 2)
    with open_inbox() as first, open_inbox() as second:
        for inbox in (first, second):
            await api.endpoint(inbox.url)
        answers = await asyncio.gather(
            *(api.report("crossed", "acme", 1, f"crossed_{n}") for n in range(CROWD))
        )
        assert [answer.status for answer in answers] == [200] * CROWD

        (firing,) = await api.firings(alert, "acme")
        assert firing["value"] == str(CROWD // 2)
        crossing = logged_events(server, "crossed")[CROWD // 2 - 1]
        assert firing["meter_event_identifier"] == crossing.identifier, "the very event"
        (event,) = await api.every("/v1/events", type=FIRED)
        assert firing["notification_event"] == event["id"]
        for inbox in (first, second):
            await asyncio.to_thread(inbox.wait_for_number, 1)
        await until_delivered(api, event["id"])
        assert first.times() == second.times() == {event["id"]: 1}
    assert await api.used(meter, "acme") == CROWD
    for endpoint in await api.every("/v1/webhook_endpoints"):
        await api.call("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")


async def test_one_identifier_from_50_clients_counts_once_and_49_are_refused(api: Api) -> None:
    meter = await api.meter("same_identifier")
    await api.customers("birch")
    answers = await asyncio.gather(
        *(api.report("same_identifier", "birch", 3, "the_one", f"client_{n}") for n in range(50))
    )
    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) == 49
    for answer in refused:
        assert answer.status == 400
        assert answer.error["type"] == "invalid_request_error"
        assert answer.error["message"] == "An event already exists with identifier the_one."
        assert answer.error["param"] == "identifier"
    assert await api.used(meter, "birch") == 3


async def test_one_identifier_on_two_keys_of_an_account_counts_once_and_on_two_accounts_twice(
    api: Api, server: Server
) -> None:
    """50 clients at once on each key: what is known is known to the account, whoever reports it."""
    meter = await api.meter("shared_identifier")
    await api.customers("ivy")
    second = server.create_key().secret
    other = server.create_key(account="Other").secret
    for path, form in (
        ("/v1/billing/meters", meter_form("shared_identifier")),
        ("/v1/customers", {"id": "ivy"}),
    ):
        assert (await api.call("POST", path, form, token=other)).status == 200
    event = event_form("shared_identifier", "ivy", 3, "shared")
    tokens = [API_KEY, second, other] * 50
    answers = await asyncio.gather(
        *(api.call("POST", METER_EVENTS, event, token=token) for token in tokens)
    )
    statuses = zip(tokens, [answer.status for answer in answers], strict=True)
    counted = [token for token, status in statuses if status == 200]
    assert sorted(token == other for token in counted) == [False, True]
    assert {answer.status for answer in answers} == {200, 400}
    assert await api.used(meter, "ivy") == 3


async def test_one_idempotency_key_from_50_clients_counts_once_and_50_succeed(api: Api) -> None:
    meter = await api.meter("same_key")
    await api.customers("cedar")
    event = event_form("same_key", "cedar", 3, None)
    answers = await asyncio.gather(
        *(api.call("POST", METER_EVENTS, event, key="the_key") for _ in range(50))
    )
    assert [answer.status for answer in answers] == [200] * 50
    replayed = [answer for answer in answers if answer.headers.get("idempotent-replayed")]
    assert len(replayed) == 49
    assert len({answer.json["identifier"] for answer in answers}) == 1
    assert await api.used(meter, "cedar") == 3


async def test_one_key_with_the_control_plane_makes_one_alert(api: Api) -> None:
    meter = await api.meter("one_alert")
    form = {
        "alert_type": "usage_threshold",
        "title": "limit",
        "usage_threshold": {"meter": meter, "gte": 5, "recurrence": "one_time"},
    }
    answers = await asyncio.gather(
        *(api.call("POST", "/v1/billing/alerts", form, key="one_alert") for _ in range(50))
    )
    assert [answer.status for answer in answers] == [200] * 50
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(await api.every("/v1/billing/alerts", meter=meter)) == 1


class Flow:
    """A customer's usage that never pauses, one unit at a time on several connections."""

    def __init__(self, api: Api, event_name: str, customer: str) -> None:
        self.sent = 0
        self.acknowledged = 0
        self._api = api
        self._of = (event_name, customer)
        self._running = True

    async def run(self) -> None:
        """Report until `stop`."""
        while self._running:
            self.sent += 1
            answer = await self._api.report(*self._of, 1, f"{'_'.join(self._of)}_{self.sent}")
            assert answer.status == 200
            self.acknowledged += 1

    def stop(self) -> None:
        """Let the reports under way be the last."""
        self._running = False

    async def reach(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        target = self.acknowledged + more
        while self.acknowledged < target:
            await asyncio.sleep(0.001)


async def test_c4_usage_around_a_create_call_counts_on_the_right_side(api: Api) -> None:
    """For each of 20 alerts made while usage flows, its count is between what was sent after the
    create call returned, and what was not yet acknowledged when the call was sent."""
    meter = await api.meter("around_create")
    await api.customers("dune")
    flow = Flow(api, "around_create", "dune")
    workers = [asyncio.create_task(flow.run()) for _ in range(8)]
    bounds: dict[str, tuple[int, int]] = {}
    for _ in range(20):
        await flow.reach(20)
        acknowledged_before = flow.acknowledged
        alert = await api.alert(meter, 10**9, "dune")
        bounds[alert] = (acknowledged_before, flow.sent)
    await flow.reach(20)
    flow.stop()
    await asyncio.gather(*workers)
    for alert, (acknowledged_before, sent_before) in bounds.items():
        counted = await counted_by(api, alert, "dune")
        assert flow.sent - sent_before <= counted <= flow.sent - acknowledged_before


async def counted_by(api: Api, alert: str, customer: str) -> Decimal:
    """The usage that an alert has counted so far."""
    explanation = await api.get(f"/v1/billing/alerts/{alert}/explain", customer=customer)
    return Decimal(explanation["usage_counted"])


async def test_c4_an_alert_fires_on_usage_sent_after_create_returned_though_usage_flows(
    api: Api,
) -> None:
    meter = await api.meter("after_create")
    await api.customers("elm", "elm_quiet")
    flow = Flow(api, "after_create", "elm")
    workers = [asyncio.create_task(flow.run()) for _ in range(8)]
    await api.report("after_create", "elm_quiet", 1000, "quiet_before")
    for n in range(10):
        await flow.reach(5)
        alert = await api.alert(meter, 7, "elm_quiet")
        await api.report("after_create", "elm_quiet", 6, f"quiet_below_{n}")
        assert not await api.firings(alert, "elm_quiet")
        await api.report("after_create", "elm_quiet", 1, f"quiet_at_{n}")
        (firing,) = await api.firings(alert, "elm_quiet")
        assert (firing["value"], firing["meter_event_identifier"]) == ("7", f"quiet_at_{n}")
    flow.stop()
    await asyncio.gather(*workers)


@pytest.mark.parametrize("verb", ["deactivate", "archive"])
async def test_c4_nothing_fires_after_an_alert_was_switched_off_while_usage_flows(
    api: Api, verb: str
) -> None:
    meter = await api.meter(f"until_{verb}")
    await api.customers(f"fern_{verb}")
    flow = Flow(api, f"until_{verb}", f"fern_{verb}")
    workers = [asyncio.create_task(flow.run()) for _ in range(8)]
    alerts = []
    for _ in range(10):
        await flow.reach(5)
        alert = await api.alert(meter, 30)
        await flow.reach(20)  # some have fired by now, most have not
        sent_before = flow.sent
        await api.post(f"/v1/billing/alerts/{alert}/{verb}")
        alerts.append((alert, sent_before, flow.sent))
    flow.stop()
    await asyncio.gather(*workers)
    total = 0
    for alert, _, sent_when_off in alerts:
        firings = await api.firings(alert, f"fern_{verb}")
        assert len(firings) <= 1
        total += len(firings)
        for firing in firings:
            number = int(firing["meter_event_identifier"].rpartition("_")[2])
            assert number <= sent_when_off
    assert await api.used(meter, f"fern_{verb}") == flow.acknowledged


async def test_the_life_of_an_alert_while_usage_flows_is_what_the_log_says(
    api: Api, server: Server
) -> None:
    """Created, switched off, armed again and archived in a race with usage: replayed by doctor from
    the positions of the log; and here, that it fires at most once for each time it was armed."""
    meter = await api.meter("lives")
    customers = [f"life_{n}" for n in range(4)]
    await api.customers(*customers)
    flows = [Flow(api, "lives", customer) for customer in customers]
    reporting = [asyncio.create_task(flow.run()) for flow in flows for _ in range(2)]
    lives = await asyncio.gather(*(live(api, meter, customers, n) for n in range(12)))
    for flow in flows:
        flow.stop()
    await asyncio.gather(*reporting)
    fired = 0
    for alert, armed in lives:
        for customer in customers:
            firings = await api.firings(alert, customer)
            fired += len(firings)
            assert len(firings) <= armed
            assert len({firing["meter_event_identifier"] for firing in firings}) == len(firings)
    assert fired > len(lives)
    assert_doctor_finds_nothing(server.data)


async def live(api: Api, meter: str, customers: list[str], number: int) -> tuple[str, int]:
    """One alert's changes, one after the other; how often it was armed."""
    rng = random.Random(number)
    alert = await api.alert(meter, rng.randint(1, 6), rng.choice([None, *customers]))
    armed = 1
    for _ in range(10):
        verb = rng.choice(("activate", "activate", "deactivate"))
        answer = await api.call("POST", f"/v1/billing/alerts/{alert}/{verb}")
        assert answer.status in (200, 400), answer  # 400: it is inactive already
        armed += verb == "activate"
    await api.post(f"/v1/billing/alerts/{alert}/archive")
    return alert, armed


async def test_activating_twice_at_once_fires_once_for_each_activation_that_came(
    api: Api,
) -> None:
    meter = await api.meter("rearmed")
    await api.customers("gorse")
    alert = await api.alert(meter, 10)
    for n in range(5):
        await api.report("rearmed", "gorse", 10, f"rearmed_{n}")
        path = f"/v1/billing/alerts/{alert}/activate"
        await asyncio.gather(*(api.post(path) for _ in range(10)))
    assert len(await api.firings(alert, "gorse")) == 5


def test_c8_doctor_finds_no_difference_after_all_races(server: Server) -> None:
    assert_doctor_finds_nothing(server.data)


async def test_c1_sigterm_under_load_answers_everything_accepted_and_loses_nothing(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server:
        async with Api(server.url, connections=64) as api:
            meter = await api.meter("drained")
            await api.customers("acme")
            counts = [asyncio.create_task(report_until_refused(api, n)) for n in range(64)]
            await asyncio.sleep(0.5)
            server.send(signal.SIGTERM)
            acknowledged = sum(await asyncio.gather(*counts))
        code = await asyncio.to_thread(server.wait)
        assert code == 0
        assert acknowledged > 0
        server.restart()
        async with Api(server.url) as api:
            assert await api.used(meter, "acme") == acknowledged
        server.stop()
        assert_doctor_finds_nothing(server.data)


async def report_until_refused(api: Api, client: int) -> int:
    """Report until the server takes no more; how many reports it acknowledged.

    It refuses by 503 or by a closed connection. That no report was counted without an answer, the
    caller sees from the sum.
    """
    taken = 0
    while True:
        try:
            answer = await api.report("drained", "acme", 1, f"drained_{client}_{taken}")
        except httpx2.TransportError:
            return taken
        if answer.status == 503:
            assert answer.error["type"] == "api_error"
            return taken
        assert answer.status == 200
        taken += 1
