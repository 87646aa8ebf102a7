"""A clock that steps back and forth by hours, and leaps ahead by more than a day and back again.

What the engine promises for a time holds by the clock as it is now: whatever it said in between, an
identifier received less than 24 hours ago is known, a cancelled event stays cancelled, and what was
to be sent or told soon is. Real servers, whose clock is ahead by what a file says.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from faults.calls import FIRED, STREAM, Answer, Api, event_form, until_delivered
from faults.load import ADJUSTMENTS
from support.clock import HOUR_MS, MINUTE_MS
from support.forking import Fork
from support.inbox import FINE, Behaviour, open_inbox
from support.server import Server, assert_doctor_finds_nothing, running_server

LEAPS = [31 * HOUR_MS, 80 * HOUR_MS]


class Time:
    """The server's clock."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0)

    def set(self, ahead_ms: int) -> None:
        """From now on it is ahead by so much."""
        partial = self.file.with_suffix(".new")
        partial.write_text(str(ahead_ms))
        partial.rename(self.file)


@pytest.fixture
def time(tmp_path: Path) -> Time:
    return Time(tmp_path / "clock")


@pytest.fixture
def server(tmp_path: Path, time: Time) -> Iterator[Server]:
    """In the end, doctor must find nothing."""
    with running_server(tmp_path, fork=Fork(table_size=16, clock=time.file)) as server:
        yield server
        if server.running:
            server.stop()
        assert_doctor_finds_nothing(server.data)


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    """A client; there is a meter and a customer."""
    async with Api(server.url) as api:
        await api.meter("api_calls")
        await api.customers("acme")
        yield api


async def use(api: Api, identifier: str, key: str | None = None) -> Answer:
    """Report one unit."""
    return await api.report("api_calls", "acme", 1, identifier, key)


async def fill(api: Api, name: str, number: int = 40) -> None:
    """Report so many more, so that identifiers move from memory into files."""
    for n in range(number):
        assert (await use(api, f"{name}_{n}")).status == 200


def assert_known(answer: Answer, identifier: str) -> None:
    """Refused as a duplicate."""
    assert answer.status == 400, answer
    assert answer.error["message"] == f"An event already exists with identifier {identifier}."


async def cancel(api: Api, identifier: str) -> Answer:
    """Take an event back."""
    adjustment = {"event_name": "api_calls", "type": "cancel", "cancel": {"identifier": identifier}}
    return await api.call("POST", ADJUSTMENTS, adjustment)


# --- identifiers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-20, -3, 3, 20])
async def test_c2_an_identifier_is_known_after_a_step_and_after_the_step_back(
    api: Api, time: Time, server: Server, hours: int
) -> None:
    await use(api, "first", "key")
    await fill(api, "before")
    for ahead_ms in (hours * HOUR_MS, 0, hours * HOUR_MS):
        time.set(ahead_ms)
        assert_known(await use(api, "first"), "first")
        assert (await use(api, "first", "key")).headers["idempotent-replayed"] == "true"
        await fill(api, f"at_{ahead_ms}_{random.random()}")
    await asyncio.to_thread(server.restart)
    assert_known(await use(api, "first"), "first")


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("leap_ms", LEAPS)
async def test_c2_after_a_leap_and_back_an_identifier_of_the_last_day_is_known(
    api: Api, time: Time, server: Server, leap_ms: int, restarted: bool
) -> None:
    """In between a day has passed, as far as anyone can tell, and it may count again; afterwards it
    has not, and it counted already."""
    await use(api, "first", "key")
    await fill(api, "before")
    time.set(leap_ms)
    await fill(api, "during")
    if restarted:
        await asyncio.to_thread(server.restart)
        await fill(api, "after_restart")
    time.set(leap_ms + 2 * MINUTE_MS)  # and now old files are deleted
    await fill(api, "later")
    time.set(0)
    assert_known(await use(api, "first"), "first")
    assert_known(await use(api, "before_17"), "before_17")
    assert_known(await use(api, "during_17"), "during_17")
    assert (await use(api, "first", "key")).headers["idempotent-replayed"] == "true"
    await asyncio.to_thread(server.restart)
    assert_known(await use(api, "first"), "first")
    assert (await use(api, "new")).status == 200


# --- cancellations -------------------------------------------------------------------------------


@pytest.mark.parametrize("leap_ms", LEAPS)
async def test_c2_what_was_cancelled_before_a_leap_is_cancelled_after_it(
    api: Api, time: Time, leap_ms: int
) -> None:
    for identifier in ("first", "second"):
        await use(api, identifier)
    assert (await cancel(api, "first")).status == 200
    time.set(leap_ms)
    await use(api, "third")
    assert "24 hours" in (await cancel(api, "second")).error["message"]
    assert (await cancel(api, "third")).status == 200
    time.set(0)
    for identifier in ("first", "third"):
        again = await cancel(api, identifier)
        assert again.status == 400, again
        assert again.error["message"].endswith("is cancelled already."), again
    assert (await cancel(api, "second")).status == 200


# --- what is remembered for a while --------------------------------------------------------------


@pytest.mark.parametrize("hours", [-23, -3, 3, 23])
async def test_a_command_is_done_once_though_the_clock_steps(
    api: Api, time: Time, hours: int
) -> None:
    made = await api.call("POST", "/v1/customers", {"name": "Birch"}, key="key")
    for ahead_ms in (hours * HOUR_MS, 0):
        time.set(ahead_ms)
        await asyncio.sleep(1.1)  # old answers are deleted once a second
        again = await api.call("POST", "/v1/customers", {"name": "Birch"}, key="key")
        assert again.json == made.json
    assert len(await api.every("/v1/customers")) == 2


async def test_a_stream_goes_on_after_a_step_back_and_its_session_ends_by_the_clock(
    api: Api, time: Time
) -> None:
    session = await api.call("POST", "/v2/billing/meter_event_session", json={})
    token = session.json["authentication_token"]

    async def stream(identifier: str) -> int:
        body = {"events": [event_form("api_calls", "acme", 1, identifier)]}
        return (await api.call("POST", STREAM, json=body, token=token)).status

    for ahead_ms, expected in ((0, 200), (-5 * HOUR_MS, 200), (16 * MINUTE_MS, 401), (0, 200)):
        time.set(ahead_ms)
        assert await stream(f"at_{ahead_ms}") == expected, ahead_ms


# --- what is to be sent and told soon ------------------------------------------------------------


@pytest.mark.parametrize(
    ("back_ms", "restarted"), [(3 * HOUR_MS, False), (31 * HOUR_MS, False), (31 * HOUR_MS, True)]
)
async def test_c5_a_delivery_planned_by_a_clock_that_was_ahead_is_sent_soon(
    api: Api, time: Time, server: Server, back_ms: int, restarted: bool
) -> None:
    time.set(back_ms)
    with open_inbox(lambda _: Behaviour(500)) as inbox:
        await api.endpoint(inbox.url, "customer.created")
        await api.customers("birch")
        await asyncio.to_thread(inbox.wait_for_number, 1)
        event = (await api.every("/v1/events", type="customer.created"))[0]
        inbox.decide = lambda _: FINE
        if restarted:
            await asyncio.to_thread(server.stop)
        time.set(0)
        if restarted:
            server.start()
        await until_delivered(api, event["id"])
        assert inbox.times() == {event["id"]: 2}


async def test_c10_refused_usage_is_told_within_seconds_though_the_clock_steps_back(
    api: Api, time: Time
) -> None:
    time.set(31 * HOUR_MS)
    session = await api.call("POST", "/v2/billing/meter_event_session", json={})
    body = {"events": [event_form("api_calls", "cus_nobody", 1, "stray")]}
    token = session.json["authentication_token"]
    assert (await api.call("POST", STREAM, json=body, token=token)).status == 200
    time.set(0)
    while not (reports := await error_reports(api)):
        await asyncio.sleep(0.05)
    assert [report["data"]["reason"]["error_count"] for report in reports] == [1]


async def error_reports(api: Api) -> list[Any]:
    """The error reports there are."""
    events = (await api.get("/v2/core/events"))["data"]
    return [event for event in events if event["type"].endswith("error_report_triggered")]


# --- order ---------------------------------------------------------------------------------------


async def test_c4_order_is_that_of_arrival_whatever_the_clock_says(api: Api, time: Time) -> None:
    """Events are listed in the order in which they happened; an alert counts what came after it."""
    (meter,) = (await api.get("/v1/billing/meters"))["data"]
    alerts = []
    for n, hours in enumerate((0, 5, -7, 31, -2, 0)):
        time.set(hours * HOUR_MS)
        await api.report("api_calls", "acme", 100, f"before_{n}")
        alerts.append(await api.alert(meter["id"], 7, "acme"))
        await api.report("api_calls", "acme", 6, f"below_{n}")
        assert not await api.firings(alerts[-1], "acme")
        await api.report("api_calls", "acme", 1, f"at_{n}")
        (firing,) = await api.firings(alerts[-1], "acme")
        assert (firing["value"], firing["meter_event_identifier"]) == ("7", f"at_{n}")
    fired = await api.every("/v1/events", type=FIRED)
    assert [event["data"]["object"]["alert"]["id"] for event in fired] == alerts[::-1]


async def test_usage_flows_on_while_the_clock_walks_about(
    api: Api, time: Time, server: Server
) -> None:
    """Every report is sent twice, at different times of day, by clients beside one another."""
    (meter,) = (await api.get("/v1/billing/meters"))["data"]
    gtes = range(40, 401, 40)
    alerts = {await api.alert(meter["id"], gte, "acme"): gte for gte in gtes}
    rng = random.Random(1)
    under_way = 4

    async def client(number: int) -> None:
        nonlocal under_way
        for n in range(100):
            for _ in range(2):
                answer = await use(api, f"evt_{number}_{n}", f"key_{number}_{n}")
                assert answer.status == 200, answer
        under_way -= 1

    async def walk() -> None:
        while under_way:
            time.set(rng.randrange(-11 * HOUR_MS, 11 * HOUR_MS))
            await asyncio.sleep(0.05)

    await asyncio.gather(walk(), *(client(number) for number in range(under_way)))
    time.set(0)
    for alert, gte in alerts.items():
        (firing,) = await api.firings(alert, "acme")
        assert Decimal(firing["value"]) == gte
        explained = await api.get(f"/v1/billing/alerts/{alert}/explain", customer="acme")
        assert explained["usage_counted"] == "400"
