"""A campaign of kills: clients report while the server dies at every failpoint and at random
moments, and is started again on the same data. Gathers what there is to see afterwards.
"""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any, Final, NamedTuple

from faults.calls import FIRED, Api
from faults.load import EVENT_NAME, EVERYTHING, Load, Request, draw_requests, totals
from support.inbox import DROP, FINE, Behaviour, Delivery, open_inbox
from support.server import PATIENCE_S, Server, assert_doctor_finds_nothing
from tripmeter.app import open_store
from tripmeter.failpoints import POINTS
from tripmeter.model.event import EventPayload
from tripmeter.model.quantity import SCALE
from tripmeter.model.stored import Page
from tripmeter.model.usage import CancelEntry
from tripmeter.pipeline import log
from tripmeter.ports import Session, Store
from tripmeter.settings import Settings
from tripmeter.wire.events import ERROR_REPORT, NO_METER_FOUND

KILLS_PER_CUSTOMER: Final = 8
"""So many customers that there is usage to fire alerts before each kill."""

ALERTS_PER_SCOPE: Final = 15

REQUESTS_PER_KILL: Final = 32
WORKERS: Final = 8
TABLE_SIZE: Final = 16
"""Identifiers in a table of the tier, so that its files are written and merged all along."""

AT_FIRST: Final = [point for point in POINTS if point.startswith("migration.")]
"""Reached by an empty store alone."""

BILLING: Final = [point for point in POINTS if point.startswith("bill.")]
"""Nobody has a subscription here: `test_kill_billing` dies at these."""

ACTIONS: Final = [point for point in POINTS if point.startswith("action.")]
"""No alert has actions here: `test_kill_actions` dies at these."""

ACCESS: Final = [point for point in POINTS if point.startswith("access.")]
"""Nobody has a limit here: `test_reservations` dies at these."""

ELSEWHERE: Final = [*BILLING, *ACTIONS, *ACCESS]

REPORTS: Final = {ERROR_REPORT, NO_METER_FOUND}

OFTEN: Final = {"identifiers.dropped": 7, "identifiers.swept": 2, "flush": 2, "roll": 1, "stop": 1}
"""Up to how many times a point is passed before the one that kills; 4 for all others."""


class AlertOf(NamedTuple):
    """An alert as it was asked for."""

    gte: int
    customer: str | None


class Logged(NamedTuple):
    """An entry of the log: an event, or the `cancellation` of one."""

    customer: str
    identifier: str
    value: Decimal
    cancellation: bool


class Outcome(NamedTuple):
    """What a campaign has left behind."""

    names: list[str]
    """The customers that are reported about; the first three have alerts of their own."""
    secret: str
    requests: list[Request]
    alerts: dict[str, AlertOf]
    died_at: list[str]
    """Where: a failpoint, or "random"."""
    used: dict[str, Decimal]
    """By the event summaries."""
    notifications: list[Any]
    events: list[Any]
    """All Stripe events of firings."""
    customers: list[Any]
    deliveries: list[Delivery]
    logged: list[Logged]
    load: Load
    strays_told: int
    """Refused events in error reports, or still waiting for theirs."""


class Witness:
    """Reads the log on from where it stopped, and holds it against what was acknowledged."""

    def __init__(self, server: Server, load: Load) -> None:
        self.logged: list[Logged] = []
        self._server = server
        self._load = load
        self._position = 0
        self._names: dict[int, str] = {}
        self._at: dict[int, Logged] = {}
        self._events: set[str] = set()
        self._cancelled: set[str] = set()

    def look(self) -> None:
        """C1, C2 and C8, as of now. Works beside a running engine."""
        named, cancelled = set(self._load.named), set(self._load.cancelled)
        with opened(self._server) as store, store.reader() as session:
            self._read(session)
        assert named <= self._events, f"lost: {named - self._events}"
        assert cancelled <= self._cancelled, f"not cancelled: {cancelled - self._cancelled}"
        assert_doctor_finds_nothing(self._server.data, self._server.database)

    def _read(self, session: Session) -> None:
        for row in session.usage.rows_after(self._position):
            assert row.first == self._position + 1, "positions run on without a gap"
            for position, item, _ in log.items(row):
                if isinstance(item, CancelEntry):
                    entry = self._at[item.cancelled]._replace(cancellation=True)
                    assert entry.identifier not in self._cancelled, f"cancelled twice: {entry}"
                    self._cancelled.add(entry.identifier)
                else:
                    no = item.customer_no
                    self._names[no] = self._names.get(no) or session.customers.numbered(no).id
                    value = Decimal(item.quantity) / SCALE
                    entry = Logged(self._names[no], item.identifier, value, False)
                    assert entry.identifier not in self._events, f"counted twice: {entry}"
                    self._events.add(entry.identifier)
                self._at[position] = entry
                self.logged.append(entry)
            self._position += row.size


class Campaign:
    """One server, one load, many deaths."""

    def __init__(self, server: Server, kills: int, seed: int) -> None:
        self.server = server
        self.died_at: list[str] = []
        self._kills = max(kills, len(POINTS))
        self._names = [f"cus_{n}" for n in range(self._kills // KILLS_PER_CUSTOMER + 1)]
        self._rng = random.Random(seed)
        self._seed = seed

    async def run(self) -> Outcome:
        """Report everything while the server dies, then gather what there is to see."""
        server = self.server
        requests = draw_requests(
            self._rng, self._names, self._kills * REQUESTS_PER_KILL, EVERYTHING
        )
        await self._die_at_first()
        server.start()
        with open_inbox(unreliable(random.Random(self._seed))) as inbox:
            async with Api(server.url) as api:
                meter = await api.meter(EVENT_NAME)
                await api.customers(*self._names)
                endpoint = await api.endpoint(inbox.url, FIRED, "customer.created")
                alerts = await create_alerts(api, meter, self._names, totals(requests))
                load = Load(api, self._rng, requests)
                logged = await self._live_and_die(load)
                events = await api.every("/v1/events", type=FIRED)
                wanted = {event["id"] for event in events}
                await asyncio.to_thread(
                    inbox.wait_until, lambda came: wanted <= {delivery.id for delivery in came}
                )
                used = {customer: await api.used(meter, customer) for customer in self._names}
                notifications = [row async for row in all_notifications(api, alerts, self._names)]
                customers = await api.every("/v1/customers")
            server.stop()
            assert_doctor_finds_nothing(server.data, server.database)
            return Outcome(
                names=self._names,
                secret=endpoint["secret"],
                requests=requests,
                alerts=alerts,
                died_at=self.died_at,
                used=used,
                notifications=notifications,
                events=events,
                customers=customers,
                deliveries=inbox.deliveries,
                logged=logged,
                load=load,
                strays_told=strays_told(server),
            )

    async def _die_at_first(self) -> None:
        """On a store that is empty."""
        for point in AT_FIRST:
            self.server.dies_at(point)
            self.server.spawn()
            code = await asyncio.to_thread(self.server.wait)
            assert code == -signal.SIGKILL, f"{point}: ended with {code}\n{self.server.log}"
            self.died_at.append(point)
        self.server.dies_at(None)

    async def _live_and_die(self, load: Load) -> list[Logged]:
        """Send everything, and die in between; what is in the log in the end."""
        witness = Witness(self.server, load)
        workers = [asyncio.create_task(load.work()) for _ in range(WORKERS)]
        self.server.kill()
        for order in self._orders():
            await self._die(order, load, witness)
            for worker in workers:
                assert not worker.done(), f"{order}: nothing is left to report: {worker}"
        self.server.dies_at(None)
        await asyncio.to_thread(self.server.start)
        load.release(load.left + WORKERS)
        await asyncio.gather(*workers)
        await asyncio.to_thread(witness.look)
        return witness.logged

    def _orders(self) -> Iterator[str]:
        """Every point once at least, in a random order, and random moments for the rest."""
        told = len(AT_FIRST)
        points = [point for point in POINTS if point not in (*AT_FIRST, *ELSEWHERE)]
        while told < self._kills:
            orders = [point for point in points if point != "identifiers.swept"]
            orders += ["random"] * (len(points) // 4)
            self._rng.shuffle(orders)
            orders.sort(key=lambda order: order.startswith("roll."))  # reports wait for 10 s
            for at, order in enumerate(orders):
                if order == "identifiers.merged":  # what is left over then is swept at the start
                    orders.insert(at + 1, "identifiers.swept")
            yield from orders
            told += len(orders)

    async def _die(self, order: str, load: Load, witness: Witness) -> None:
        """One life and its end; then, or beside the next life, a look at what is stored."""
        server, rng = self.server, self._rng
        if order == "random":
            server.dies_at(None)
        else:
            often = OFTEN.get(order, OFTEN.get(order.partition(".")[0], 4))
            server.dies_at(f"{order}:{rng.randint(1, often)}")
        server.spawn()
        look = asyncio.create_task(asyncio.to_thread(witness.look)) if rng.random() < 0.5 else None
        if order == "random":
            load.release(WORKERS)
            await asyncio.sleep(rng.random() * 0.8)
            server.kill()
        else:
            await self._until_dead(order, load)
        self.died_at.append(order)
        await (look or asyncio.to_thread(witness.look))

    async def _until_dead(self, point: str, load: Load) -> None:
        """Keep it busy, with pauses, until it has killed itself."""
        deadline = time.monotonic() + 3 * PATIENCE_S
        asked_to_stop = False
        while True:
            if load.waiting < WORKERS:
                load.release(WORKERS)
            for _ in range(60):
                code = self.server.ended()
                if code is not None:
                    assert code == -signal.SIGKILL, f"{point}: ended with {code}\n{self.server.log}"
                    return
                await asyncio.sleep(0.005)
            assert time.monotonic() < deadline, f"{point} was never reached"
            if point.startswith("stop.") and load.waiting < WORKERS and not asked_to_stop:
                self.server.send(signal.SIGTERM)
                asked_to_stop = True


def opened(server: Server) -> closing[Store]:
    """The server's store, for a look into it."""
    return closing(open_store(Settings(data=server.data, database=server.database)))


async def create_alerts(
    api: Api, meter: str, names: list[str], expected: dict[str, Decimal]
) -> dict[str, AlertOf]:
    """Alerts of everybody and of some, spread over all that will be used."""
    wanted = [AlertOf(gte, None) for gte in staggered(min(expected.values()))]
    for customer in names[:3]:
        wanted += [AlertOf(gte, customer) for gte in staggered(expected[customer])]
    return {await api.alert(meter, alert.gte, alert.customer): alert for alert in wanted}


def staggered(total: Decimal) -> list[int]:
    """Thresholds that will all be crossed, one after the other."""
    return [int(total * step / ALERTS_PER_SCOPE) for step in range(1, ALERTS_PER_SCOPE + 1)]


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


async def all_notifications(
    api: Api, alerts: dict[str, AlertOf], names: list[str]
) -> AsyncIterator[Any]:
    """Every firing that the API tells of."""
    for id_, alert in alerts.items():
        for customer in [alert.customer] if alert.customer else names:
            for row in await api.firings(id_, customer):
                yield row


def strays_told(server: Server) -> int:
    """Refused events: those in error reports, and those that wait for theirs."""
    with opened(server) as store, store.reader() as session:
        (scope,) = session.scopes()
        waiting = sum(row.refused for row in session.usage.refusals_outside(0, 0))
        page = session.events.page(scope, Page(10**9), payload=EventPayload.THIN)
    told = [kept.value.data or {} for kept in page.items if kept.value.type in REPORTS]
    return waiting + sum(int(data["reason"]["error_count"]) for data in told)
