"""Deliveries to receivers that hang, fail, redirect, come back (C5): a real server, real sockets.

Waits of the retry plan are real only once; for the others the deliverer runs in this process, on a
clock that the test moves.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from faults.calls import FIRED, Answer, Api, until_delivered
from support.clock import SECOND_MS, SettableClock
from support.inbox import DROP, FINE, HANG, Behaviour, Delivery, Inbox, open_inbox
from support.server import API_KEY, Server, assert_doctor_finds_nothing, running_server
from tripmeter.app import Engine
from tripmeter.control.customers import create_customer
from tripmeter.control.endpoints import create_webhook_endpoint
from tripmeter.model.event import DeliveryAttempt, Endpoint
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Page
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.settings import Settings

CREATED = "customer.created"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A client of a fresh server."""
    with running_server(tmp_path) as server:
        async with Api(server.url) as client:
            yield client


async def came(inbox: Inbox, count: int) -> list[Delivery]:
    """Wait, without holding up the loop, until so many requests have come."""
    return await asyncio.to_thread(inbox.wait_for_number, count)


async def attempts_of(api: Api, event: str) -> list[Any]:
    """The attempts to deliver an event, oldest first."""
    return (await api.every(f"/v1/events/{event}/delivery_attempts"))[::-1]


async def until_attempts(api: Api, event: str, count: int) -> list[Any]:
    """Wait until so many attempts are recorded."""
    while len(attempts := await attempts_of(api, event)) < count:
        await asyncio.sleep(0.02)
    return attempts


# --- one endpoint and another --------------------------------------------------------------------


async def test_a_hanging_endpoint_delays_no_other(api: Api) -> None:
    """More events than a lane is wide: the good one has them all while the other has answered
    none."""
    with open_inbox(lambda _: HANG) as hanging, open_inbox() as good:
        await api.endpoint(hanging.url, CREATED)
        await api.endpoint(good.url, CREATED)
        await api.customers(*(f"cus_{n}" for n in range(40)))
        await came(good, 40)
        await came(hanging, 1)
        assert not hanging.released.is_set()
        events = await api.every("/v1/events", type=CREATED)
        assert good.times() == {event["id"]: 1 for event in events}
        assert {event["pending_webhooks"] for event in events} <= {1, 2}


async def test_a_dead_port_and_a_broken_connection_are_attempts_with_a_reason(api: Api) -> None:
    with open_inbox() as gone:
        dead = gone.url
    with open_inbox(lambda _: DROP) as dropping:
        for url in (dead, dropping.url):
            await api.endpoint(url, CREATED)
        await api.customers("acme")
        (event,) = await api.every("/v1/events", type=CREATED)
        attempts = await until_attempts(api, event["id"], 2)
        errors = {attempt["request"]["url"]: attempt["error"] for attempt in attempts}
        assert errors[dead].startswith("No connection to the endpoint: ")
        assert errors[dropping.url].startswith("The connection broke: ")
        assert all(attempt["response"] is None for attempt in attempts)
        assert all(attempt["next_attempt_at"] for attempt in attempts)


async def test_a_redirect_is_a_failure_and_is_not_followed(api: Api) -> None:
    with open_inbox() as elsewhere:
        moved = Behaviour(302, {"Location": elsewhere.url})
        with open_inbox(lambda _: moved) as inbox:
            await api.endpoint(inbox.url, CREATED)
            await api.customers("acme")
            (event,) = await api.every("/v1/events", type=CREATED)
            (attempt,) = await until_attempts(api, event["id"], 1)
            assert attempt["outcome"] == "failed"
            assert attempt["response"]["status"] == 302
            assert attempt["next_attempt_at"] is not None
        assert not elsewhere.deliveries


async def test_endpoints_get_what_they_asked_for(api: Api) -> None:
    with open_inbox() as some, open_inbox() as every:
        await api.endpoint(some.url, "billing.meter.created", FIRED)
        await api.endpoint(every.url, "*")
        meter = await api.meter("api_calls")
        await api.customers("acme")
        await api.alert(meter, 1)
        await api.report("api_calls", "acme", 1, "evt")
        wanted = [FIRED, "billing.meter.created"]
        assert sorted(d.json["type"] for d in await came(some, 2)) == wanted
        everything = [*wanted, CREATED]
        assert sorted(d.json["type"] for d in await came(every, 3)) == everything


async def test_what_is_sent_is_the_event_that_can_be_read_signed_with_the_secret(
    api: Api,
) -> None:
    with open_inbox() as inbox:
        endpoint = await api.endpoint(inbox.url, CREATED)
        await api.customers("acme")
        (delivery,) = await came(inbox, 1)
        assert delivery.is_signed_with(endpoint["secret"])
        read = await api.get(f"/v1/events/{delivery.id}")
        assert delivery.json | {"pending_webhooks": 0} == read | {"pending_webhooks": 0}


async def test_attempts_are_told_by_event_and_by_endpoint(api: Api) -> None:
    with open_inbox() as inbox:
        endpoint = await api.endpoint(inbox.url, CREATED)
        await api.customers("acme", "birch")
        events = await api.every("/v1/events", type=CREATED)
        for event in events:
            (attempt,) = await until_attempts(api, event["id"], 1)
            assert attempt["event"] == event["id"]
            assert attempt["webhook_endpoint"] == endpoint["id"]
            assert attempt["outcome"] == "succeeded"
            assert attempt["attempt"] == 1
            assert attempt["next_attempt_at"] is None
            assert attempt["request"]["url"] == inbox.url
            assert attempt["response"]["status"] == 200
        path = f"/v1/webhook_endpoints/{endpoint['id']}/delivery_attempts"
        by_endpoint = await api.every(path)
        assert {attempt["event"] for attempt in by_endpoint} == {event["id"] for event in events}
        signatures = {delivery.signature for delivery in inbox.deliveries}
        assert {attempt["request"]["stripe_signature"] for attempt in by_endpoint} == signatures


# --- stopping and sending again ------------------------------------------------------------------


@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_an_endpoint_that_is_switched_off_gets_nothing_more(api: Api, how: str) -> None:
    with open_inbox(lambda _: Behaviour(500)) as inbox, open_inbox() as other:
        endpoint = await api.endpoint(inbox.url, CREATED)
        await api.endpoint(other.url, CREATED)
        await api.customers("acme")
        (event,) = await api.every("/v1/events", type=CREATED)
        await until_attempts(api, event["id"], 2)
        path = f"/v1/webhook_endpoints/{endpoint['id']}"
        if how == "disabled":
            assert (await api.post(path, disabled="true"))["status"] == "disabled"
        else:
            assert (await api.call("DELETE", path)).json["deleted"] is True
        assert (await api.get(f"/v1/events/{event['id']}"))["pending_webhooks"] == 0
        await api.customers("birch")
        await came(other, 2)
        assert inbox.times() == {event["id"]: 1}


async def test_an_event_can_be_sent_again_by_hand(api: Api) -> None:
    with open_inbox() as first, open_inbox() as second:
        endpoint = await api.endpoint(first.url, CREATED)
        await api.endpoint(second.url, CREATED)
        await api.customers("acme")
        (event,) = await api.every("/v1/events", type=CREATED)
        path = f"/v1/events/{event['id']}/retry"
        await until_delivered(api, event["id"])

        assert (await api.post(path, webhook_endpoint=endpoint["id"]))["id"] == event["id"]
        await came(first, 2)
        await api.post(path)
        await came(first, 3)
        await came(second, 2)
        await until_delivered(api, event["id"])
        assert (first.times(), second.times()) == ({event["id"]: 3}, {event["id"]: 2})
        manual = [attempt["manual"] for attempt in await attempts_of(api, event["id"])]
        assert sorted(manual) == [False, False, True, True, True]


async def test_a_private_address_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    closed = {"TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": None}
    with open_inbox() as inbox, running_server(tmp_path, environment=closed) as server:
        async with Api(server.url) as api:
            urls = [inbox.url, "http://localhost/hook", "https://10.0.0.1/", "https://[::1]/"]
            for url in urls:
                assert_refused(await refused_endpoint(api, url))
        assert not inbox.deliveries


async def test_a_private_endpoint_from_before_is_not_posted_to(tmp_path: Path) -> None:
    """It was made while private addresses were allowed; the poster refuses it afterwards."""
    closed = {"TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": None}
    with open_inbox() as inbox:
        with running_server(tmp_path) as server:
            async with Api(server.url) as api:
                await api.endpoint(inbox.url, CREATED)
            server.stop()
        with running_server(tmp_path, environment=closed) as server:
            async with Api(server.url) as api:
                await api.customers("acme")
                (event,) = await api.every("/v1/events", type=CREATED)
                (attempt,) = await until_attempts(api, event["id"], 1)
                assert attempt["outcome"] == "failed"
                assert attempt["error"]
        assert not inbox.deliveries


async def refused_endpoint(api: Api, url: str) -> Answer:
    """What the server says to an endpoint at `url`."""
    return await api.call("POST", "/v1/webhook_endpoints", {"url": url, "enabled_events": ["*"]})


def assert_refused(answer: Answer) -> None:
    """400 that names the parameter."""
    assert answer.status == 400, answer
    assert answer.error["type"] == "invalid_request_error"
    assert (answer.error["code"], answer.error["param"]) == ("url_invalid", "url")


# --- over a restart ------------------------------------------------------------------------------


async def test_c5_deliveries_pending_at_sigkill_are_sent_after_the_restart(
    tmp_path: Path,
) -> None:
    with open_inbox(lambda _: HANG) as inbox, running_server(tmp_path) as server:
        async with Api(server.url) as api:
            endpoint = await api.endpoint(inbox.url, FIRED)
            fired = await fire(api, 30)
            await came(inbox, 1)
        server.kill()
        inbox.decide = lambda _: FINE
        await asyncio.to_thread(server.restart)
        async with Api(server.url) as api:
            for event in fired:
                await until_delivered(api, event)
        assert inbox.times().keys() == fired
        assert all(d.is_signed_with(endpoint["secret"]) for d in inbox.deliveries)
        inbox.released.set()
        await assert_stops(server)


async def fire(api: Api, number: int) -> set[str]:
    """Let one alert fire for so many customers; the ids of the events."""
    meter = await api.meter("api_calls")
    await api.alert(meter, 1)
    for n in range(number):
        await api.customers(f"cus_{n}")
        await api.report("api_calls", f"cus_{n}", 1, f"evt_{n}")
    return {event["id"] for event in await api.every("/v1/events", type=FIRED)}


async def assert_stops(server: Server) -> None:
    """A clean end, and nothing amiss in the store."""
    await asyncio.to_thread(server.stop)
    assert_doctor_finds_nothing(server.data)


async def test_a_retry_comes_by_itself_after_some_seconds(api: Api) -> None:
    """The one test that waits for the real first wait, 5 s give or take a fifth."""
    with open_inbox() as inbox:
        failing = iter([Behaviour(503), FINE])
        inbox.decide = lambda _: next(failing)
        endpoint = await api.endpoint(inbox.url, CREATED)
        await api.customers("acme")
        first, second = await came(inbox, 2)
        assert first.id == second.id
        assert second.signed_at > first.signed_at
        assert second.is_signed_with(endpoint["secret"])
        await until_delivered(api, first.id)


# --- on a clock of the test's --------------------------------------------------------------------


class Desk:
    """An engine in this process, its deliverer running, its clock in the test's hand."""

    def __init__(self, engine: Engine, clock: SettableClock, scope: Scope) -> None:
        self.clock = clock
        self._engine = engine
        self._scope = scope

    async def command(self, change: Any, *args: Any, **kwargs: Any) -> Any:
        """Run one of the control plane's functions."""
        caller = Caller(self._scope)
        job = CommandJob(lambda work: change(work, caller, *args, **kwargs))
        return await self._engine.writer.ask(job)

    async def endpoint(self, url: str) -> Endpoint:
        """Make an endpoint for new customers."""
        params = {"url": url, "enabled_events": [CREATED]}
        made: Endpoint = await self.command(create_webhook_endpoint, params, allow_private=True)
        return made

    async def customer(self, id_: str) -> None:
        """Make a customer."""
        await self.command(create_customer, {"id": id_})

    async def attempts(self, count: int) -> list[DeliveryAttempt]:
        """Wait until so many attempts are recorded; all of them, oldest first."""
        while True:
            with self._engine.store.reader() as session:
                found = session.attempts.page(self._scope, Page(100)).items
            if len(found) >= count:
                return [kept.value for kept in reversed(found)]
            await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Let the lanes look at the outbox, which they do at once when they are rung."""
        self._engine.deliverer.wake(await asyncio.to_thread(self._pending), [])
        for _ in range(20):
            await asyncio.sleep(0.01)

    def _pending(self) -> set[int]:
        with self._engine.store.reader() as session:
            return set(session.outbox.next_due())


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """A desk for as long as the block lasts."""
    settings = Settings(data=folder, api_key=API_KEY, allow_private_webhooks=True)
    clock = SettableClock()
    engine = Engine(settings, clock=clock)
    engine.prepare()
    await engine.start()
    try:
        with engine.store.reader() as session:
            key = session.key_by_digest(sha256(API_KEY.encode()).digest())
        assert key is not None
        yield Desk(engine, clock, Scope(key.account, key.livemode))
    finally:
        await engine.stop()


async def test_retries_keep_the_event_and_sign_anew(tmp_path: Path) -> None:
    with open_inbox(lambda _: Behaviour(500)) as inbox:
        async with desk(tmp_path) as at:
            endpoint = await at.endpoint(inbox.url)
            await at.customer("acme")
            for number in range(1, 6):
                attempt = (await at.attempts(number))[-1]
                assert attempt.number == number
                assert attempt.next_attempt_ms is not None
                await at.settled()
                assert len(inbox.deliveries) == number, "nothing before its time"
                at.clock.set(attempt.next_attempt_ms)
                await at.settled()
            deliveries = await came(inbox, 6)
            await at.attempts(6)
    assert len({delivery.id for delivery in deliveries}) == 1
    assert len({delivery.body for delivery in deliveries}) == 1
    moments = [delivery.signed_at for delivery in deliveries]
    assert moments == sorted(set(moments))
    assert all(delivery.is_signed_with(endpoint.secret) for delivery in deliveries)


async def test_waits_grow_fourfold_from_five_seconds_within_a_fifth(tmp_path: Path) -> None:
    with open_inbox(lambda _: Behaviour(500)) as inbox:
        async with desk(tmp_path) as at:
            await at.endpoint(inbox.url)
            await at.customer("acme")
            for number in range(1, 5):
                attempt = (await at.attempts(number))[-1]
                assert attempt.next_attempt_ms is not None
                wait_ms = attempt.next_attempt_ms - at.clock.now_ms()
                planned_ms = 5 * SECOND_MS * 4 ** (number - 1)
                assert planned_ms * 8 // 10 <= wait_ms <= planned_ms * 12 // 10
                at.clock.set(attempt.next_attempt_ms)
                await at.settled()


async def test_retry_after_is_honoured(tmp_path: Path) -> None:
    with open_inbox(lambda _: Behaviour(429, {"Retry-After": "600"})) as inbox:
        async with desk(tmp_path) as at:
            await at.endpoint(inbox.url)
            await at.customer("acme")
            (attempt,) = await at.attempts(1)
            assert attempt.next_attempt_ms == at.clock.now_ms() + 600 * SECOND_MS
            at.clock.advance(599 * SECOND_MS)
            await at.settled()
            assert len(inbox.deliveries) == 1
            at.clock.advance(SECOND_MS)
            await at.settled()
            await at.attempts(2)
            assert len(inbox.deliveries) == 2


async def test_after_three_days_it_is_given_up(tmp_path: Path) -> None:
    with open_inbox(lambda _: Behaviour(500)) as inbox:
        async with desk(tmp_path) as at:
            await at.endpoint(inbox.url)
            await at.customer("acme")
            begun_ms = at.clock.now_ms()
            number = 1
            while (attempt := (await at.attempts(number))[-1]).next_attempt_ms is not None:
                at.clock.set(attempt.next_attempt_ms)
                await at.settled()
                number += 1
            assert at.clock.now_ms() == begun_ms + 72 * 3600 * SECOND_MS
            assert attempt.outcome == "failed"
            at.clock.advance(72 * 3600 * SECOND_MS)
            await at.settled()
            assert len(inbox.deliveries) == number
