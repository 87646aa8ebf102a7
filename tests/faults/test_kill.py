"""SIGKILL under load, again and again: what a server promised before, it has kept afterwards.

Clients report usage in every way while the server is killed at random moments (also while it
starts) and started again on the same data; they repeat what was not acknowledged. One campaign is
run, and each contract is looked at in its outcome. TRIPMETER_KILLS sets how many kills, and
TRIPMETER_SEED which moments.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from faults.calls import FIRED, Api
from faults.load import EVENT_NAME, Load, Request, draw_requests, totals
from support.inbox import DROP, FINE, Behaviour, Delivery, open_inbox
from support.server import Server, assert_doctor_finds_nothing, running_server
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline import log
from tripmeter.store.sqlite import SqliteStore

KILLS: Final = int(os.environ.get("TRIPMETER_KILLS", "20"))
SEED: Final = int(os.environ.get("TRIPMETER_SEED", "1"))

REQUESTS_PER_KILL: Final = 60
WORKERS: Final = 8
CUSTOMERS: Final = ["acme", "birch", "cedar", "dune", "elm"]
ALERTS_PER_SCOPE: Final = 25
"""As many as a (meter, customer) scope may have."""

pytestmark = [pytest.mark.timeout(180 + 6 * KILLS), pytest.mark.xdist_group("kill")]


class AlertOf(NamedTuple):
    """An alert as it was asked for."""

    gte: int
    customer: str | None


class Logged(NamedTuple):
    """An event in the committed order."""

    customer: str
    identifier: str
    value: Decimal


class Outcome(NamedTuple):
    """What a campaign has left behind."""

    data: Path
    secret: str
    requests: list[Request]
    alerts: dict[str, AlertOf]
    kills: int
    used: dict[str, Decimal]
    """By the event summaries."""
    notifications: list[Any]
    events: list[Any]
    """All Stripe events of firings."""
    deliveries: list[Delivery]
    logged: list[Logged]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One campaign."""
    return asyncio.run(campaign(tmp_path_factory.mktemp("kill")))


async def campaign(folder: Path) -> Outcome:
    """Report everything while the server is killed, then gather what there is to see."""
    rng = random.Random(SEED)
    requests = draw_requests(rng, CUSTOMERS, KILLS * REQUESTS_PER_KILL)
    with open_inbox(unreliable(random.Random(SEED))) as inbox, running_server(folder) as server:
        async with Api(server.url) as api:
            meter = await api.meter(EVENT_NAME)
            await api.customers(*CUSTOMERS)
            endpoint = await api.endpoint(inbox.url)
            alerts = await create_alerts(api, meter, totals(requests))
            load = Load(api, rng, requests)
            workers = [asyncio.create_task(load.work()) for _ in range(WORKERS)]
            kills = await kill_repeatedly(server, load, rng, workers)
            load.release(len(requests) + WORKERS)
            await asyncio.gather(*workers)
            events = await api.every("/v1/events", type=FIRED)
            wanted = {event["id"] for event in events}
            await asyncio.to_thread(
                inbox.wait_until, lambda came: wanted <= {delivery.id for delivery in came}
            )
            used = {customer: await api.used(meter, customer) for customer in CUSTOMERS}
            notifications = [row async for row in all_notifications(api, alerts)]
        server.stop()
        return Outcome(
            data=server.data,
            secret=endpoint["secret"],
            requests=requests,
            alerts=alerts,
            kills=kills,
            used=used,
            notifications=notifications,
            events=events,
            deliveries=inbox.deliveries,
            logged=list(read_log(server.data)),
        )


async def create_alerts(api: Api, meter: str, expected: dict[str, Decimal]) -> dict[str, AlertOf]:
    """Alerts of everybody and of some, spread over all that will be used."""
    wanted = [AlertOf(gte, None) for gte in staggered(min(expected.values()))]
    for customer in CUSTOMERS[:3]:
        wanted += [AlertOf(gte, customer) for gte in staggered(expected[customer])]
    return {await api.alert(meter, alert.gte, alert.customer): alert for alert in wanted}


def staggered(total: Decimal) -> list[int]:
    """Thresholds that will all be crossed, one after the other."""
    return [int(total * step / ALERTS_PER_SCOPE) for step in range(1, ALERTS_PER_SCOPE + 1)]


async def kill_repeatedly(
    server: Server, load: Load, rng: random.Random, workers: list[asyncio.Task[None]]
) -> int:
    """Kill after a random number of acknowledged requests, and sometimes during the start."""
    kills = 0
    while kills < KILLS:
        target = load.acknowledged + rng.randrange(REQUESTS_PER_KILL)
        load.release(REQUESTS_PER_KILL)
        while load.acknowledged < target and not any(worker.done() for worker in workers):
            await asyncio.sleep(0.001)
        await asyncio.sleep(rng.random() * 0.02)
        server.kill()
        kills += 1
        if rng.random() < 0.2:
            server.spawn()
            await asyncio.sleep(rng.random())
            server.kill()
            kills += 1
        await asyncio.to_thread(server.restart)
    return kills


def unreliable(rng: random.Random) -> Any:
    """An inbox that fails some events the first time, by an error or by hanging up."""
    seen: set[str] = set()

    def decide(delivery: Delivery) -> Behaviour:
        is_new = delivery.id not in seen
        seen.add(delivery.id)
        if is_new and rng.random() < 0.2:
            return rng.choice((DROP, Behaviour(500)))
        return FINE

    return decide


async def all_notifications(api: Api, alerts: dict[str, AlertOf]) -> Any:
    """Every firing that the API tells of."""
    for id_, alert in alerts.items():
        for customer in [alert.customer] if alert.customer else CUSTOMERS:
            for row in await api.firings(id_, customer):
                yield row


def read_log(data: Path) -> Iterator[Logged]:
    """The usage log, straight from the file."""
    store = SqliteStore(data / "tripmeter.db")
    with store.reader() as session:
        names: dict[int, str] = {}
        for row in session.usage.rows_after(0):
            for _, item, _ in log.items(row):
                assert isinstance(item, UsageEvent)
                no = item.customer_no
                names[no] = names.get(no) or session.customers.numbered(no).id
                yield Logged(names[no], item.identifier, Decimal(item.quantity) / SCALE)
    store.close()


def crossings(outcome: Outcome) -> dict[tuple[str, str], tuple[str, Decimal]]:
    """By plain addition in the order of the log: which event made which alert fire, at what."""
    sums = dict.fromkeys(CUSTOMERS, Decimal(0))
    found: dict[tuple[str, str], tuple[str, Decimal]] = {}
    for event in outcome.logged:
        sums[event.customer] += event.value
        for id_, alert in outcome.alerts.items():
            key = (id_, event.customer)
            mine = alert.customer in (None, event.customer)
            if mine and key not in found and sums[event.customer] >= alert.gte:
                found[key] = (event.identifier, sums[event.customer])
    return found


def test_the_server_was_killed_often_enough(outcome: Outcome) -> None:
    assert outcome.kills >= KILLS


def test_c1_all_that_was_acknowledged_is_in_the_log(outcome: Outcome) -> None:
    uses = [use for request in outcome.requests for use in request.uses]
    logged = {event.identifier for event in outcome.logged}
    assert {use.identifier for use in uses if use.identifier} <= logged
    assert len(outcome.logged) == len(uses)


def test_c2_every_event_counts_once(outcome: Outcome) -> None:
    repeated = Counter(event.identifier for event in outcome.logged) - Counter(
        {event.identifier for event in outcome.logged}
    )
    assert not repeated
    assert outcome.used == totals(outcome.requests)


def test_c3_every_alert_fired_once_on_the_event_that_crossed(outcome: Outcome) -> None:
    keys = [(row["alert"], row["customer"]) for row in outcome.notifications]
    assert Counter(keys) == Counter(set(keys))
    told = {
        (row["alert"], row["customer"]): (row["meter_event_identifier"], Decimal(row["value"]))
        for row in outcome.notifications
    }
    assert told == crossings(outcome)
    assert len(told) == ALERTS_PER_SCOPE * (len(CUSTOMERS) + 3)


def test_c5_every_firing_has_one_event_and_it_was_delivered(outcome: Outcome) -> None:
    assert Counter(row["notification_event"] for row in outcome.notifications) == Counter(
        event["id"] for event in outcome.events
    )
    subjects = {
        event["id"]: (event["data"]["object"]["alert"]["id"], event["data"]["object"]["customer"])
        for event in outcome.events
    }
    for row in outcome.notifications:
        assert subjects[row["notification_event"]] == (row["alert"], row["customer"])
    assert {delivery.id for delivery in outcome.deliveries} == subjects.keys()
    assert all(delivery.is_signed_with(outcome.secret) for delivery in outcome.deliveries)


def test_c8_doctor_finds_no_difference(outcome: Outcome) -> None:
    assert_doctor_finds_nothing(outcome.data)
