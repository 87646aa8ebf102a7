"""Rate limits at the door, with a clock that stands still between two requests."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.clock import START_MS
from support.door import Door, open_door
from support.server import Key
from tripmeter.api.table import ROUTES
from tripmeter.api.throttle import Throttle
from tripmeter.model.scope import Identity, Scope
from tripmeter.rules.rate_limit import Policy
from tripmeter.settings import SettingInvalid, read_settings

METER_EVENTS = "/v1/billing/meter_events"
STREAM = "/v2/billing/meter_event_stream"


async def passed(door: Door, key: Key, method: str, path: str, times: int, **body: Any) -> int:
    """How many of so many requests are not refused with 429."""
    answers = [await door.ask(method, path, key, **body) for _ in range(times)]
    return sum(answer.status_code != 429 for answer in answers)


async def session(door: Door, key: Key) -> str:
    """The token of a new meter event session."""
    made = await door.post("/v2/billing/meter_event_session", key, json={})
    token: str = made.json()["authentication_token"]
    return token


def batch(size: int) -> dict[str, Any]:
    """A stream request with so many events."""
    event = {"event_name": "none", "payload": {"stripe_customer_id": "cus_1", "value": "1"}}
    return {"events": [event] * size}


# --- Stripe's limits ----------------------------------------------------------------------------


async def test_in_test_mode_everything_counts_to_25_a_second(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        key = door.key()
        assert await passed(door, key, "GET", "/v1/customers", 20) == 20
        assert await passed(door, key, "POST", METER_EVENTS, 20) == 5
        door.clock.advance(200)
        assert await passed(door, key, "GET", "/v1/billing/meters", 20) == 5


async def test_in_live_mode_an_endpoint_has_25_and_all_have_100(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        key = door.key(live=True)
        paths = ("customers", "events", "webhook_endpoints", "billing/meters", "billing/alerts")
        counts = [await passed(door, key, "GET", f"/v1/{path}", 30) for path in paths]
        assert counts == [25, 25, 25, 25, 0]
        refused = await door.get("/v1/billing/alerts", key)
        assert refused.headers["stripe-rate-limited-reason"] == "global-rate"


async def test_reading_and_writing_a_path_are_two_endpoints(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        key = door.key(live=True)
        assert await passed(door, key, "GET", "/v1/customers", 30) == 25
        assert await passed(door, key, "POST", "/v1/customers", 30) == 25


async def test_a_request_that_is_refused_counts_against_nothing(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        key = door.key(live=True)
        assert await passed(door, key, "GET", "/v1/customers", 90) == 25
        assert await passed(door, key, "GET", "/v1/events", 25) == 25


async def test_reporting_usage_has_a_limit_of_its_own_in_live_mode(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        key = door.key(live=True)
        assert await passed(door, key, "POST", METER_EVENTS, 1_010) == 1_000
        assert await passed(door, key, "GET", "/v1/customers", 1) == 1


async def test_the_stream_counts_events_and_all_sessions_of_an_account_together(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        tokens = [await session(door, door.key(live=True)) for _ in range(2)]
        counts: Counter[int] = Counter()
        for number in range(110):
            answer = await door.post(STREAM, tokens[number % 2], json=batch(100))
            counts[answer.status_code] += 1
        assert counts == {200: 100, 429: 10}
        door.clock.advance(10)
        assert (await door.post(STREAM, tokens[0], json=batch(100))).status_code == 200
        assert (await door.post(STREAM, tokens[1], json=batch(1))).status_code == 429


async def test_one_key_does_not_use_up_another_keys_room(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit="stripe") as door:
        one, other = door.key(), door.key()
        assert await passed(door, one, "GET", "/v1/customers", 30) == 25
        assert await passed(door, other, "GET", "/v1/customers", 25) == 25


# --- other policies -----------------------------------------------------------------------------


async def test_a_number_is_for_all_that_a_key_does(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit=3) as door:
        key = door.key(live=True)
        assert await passed(door, key, "POST", METER_EVENTS, 5) == 3
        assert await passed(door, key, "GET", "/v1/customers", 1) == 0


async def test_a_number_counts_requests_on_the_stream(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit=3) as door:
        token = await session(door, door.key(live=True))
        answers = [await door.post(STREAM, token, json=batch(100)) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]


async def test_without_a_limit_nobody_is_refused(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        assert await passed(door, door.key(), "GET", "/v1/customers", 200) == 200


@pytest.mark.parametrize(("text", "policy"), [("off", "off"), ("stripe", "stripe"), ("50", 50)])
def test_the_limit_is_a_setting(text: str, policy: Policy) -> None:
    assert read_settings({"TRIPMETER_RATE_LIMIT": text}).rate_limit == policy
    assert read_settings({}, rate_limit=text).rate_limit == policy
    assert read_settings({"TRIPMETER_RATE_LIMIT": "7"}, rate_limit=text).rate_limit == policy
    assert read_settings({}).rate_limit == "off"


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "fast", "\u0663", " 5"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    for environment, given in (({"TRIPMETER_RATE_LIMIT": text}, None), ({}, text)):
        with pytest.raises(SettingInvalid, match="must be off, stripe or the requests"):
            read_settings(environment, rate_limit=given)


# --- the refusal --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "type_"),
    [
        ("GET", "/v1/customers", "invalid_request_error"),
        ("GET", "/v2/core/events", "rate_limit"),
    ],
)
async def test_the_refusal_is_stripes_and_says_when_to_come_back(
    tmp_path: Path, method: str, path: str, type_: str
) -> None:
    async with open_door(tmp_path, rate_limit=1) as door:
        await door.ask(method, path)
        refused = await door.ask(method, path)
        error = refused.json()["error"]
        assert (refused.status_code, error["type"], error["code"]) == (429, type_, "rate_limit")
        assert "1 requests a second. Wait 1 s" in error["message"]
        assert refused.headers["stripe-rate-limited-reason"] == "global-rate"
        assert refused.headers["retry-after"] == "1"
        assert "stripe-should-retry" not in refused.headers
        door.clock.advance(1_000)
        assert (await door.ask(method, path)).status_code == 200


async def test_a_wrong_key_is_told_so_and_takes_nobodys_room(tmp_path: Path) -> None:
    async with open_door(tmp_path, rate_limit=1) as door:
        answers: list[httpx2.Response] = []
        for _ in range(5):
            answers.append(await door.get("/v1/customers", "sk_test_of_nobody_at_all"))
        assert {answer.status_code for answer in answers} == {401}
        assert (await door.get("/v1/customers")).status_code == 200


# --- memory -------------------------------------------------------------------------------------


def test_who_is_silent_for_two_seconds_is_forgotten() -> None:
    throttle = Throttle("stripe")
    (route,) = (r for r in ROUTES if (r.method, r.path) == ("GET", "/v1/customers"))
    scope = Scope("acct_1", livemode=True)
    most = 0
    for number in range(20_000):
        throttle.count_request(Identity(scope, f"key_{number}"), route, START_MS + number)
        most = max(most, len(throttle))
    assert most <= 4_000  # two buckets each, of two seconds
    for seconds in (30, 31):
        throttle.count_request(Identity(scope, "key_x"), route, START_MS + seconds * 1_000)
    assert len(throttle) == 2
