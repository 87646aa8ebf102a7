"""Clients that report usage in every way and do not give up before it is acknowledged.

All that will be reported is drawn beforehand from a seed, so its sums are known; only the order
in which the server takes it is open.
"""

import asyncio
import json
import random
from collections import defaultdict
from decimal import Decimal
from itertools import count
from typing import Final, NamedTuple

import httpx2

from faults.calls import BULK, METER_EVENTS, STREAM, Answer, Api, event_form

EVENT_NAME: Final = "api_calls"
RETRY_AFTER_S: Final = 0.05
SIZES: Final = {"v1": 1, "stream": 20, "bulk": 50}
VALUES: Final = [Decimal(text) for text in ("1", "0.25", "2.5", "0.000001", "7")]


class Use(NamedTuple):
    """One event to report; without an identifier, its request's key must do."""

    customer: str
    value: Decimal
    identifier: str | None


class Request(NamedTuple):
    """One request: the way it goes, what it says, its Idempotency-Key if it has one."""

    way: str
    uses: list[Use]
    key: str | None


def draw_requests(rng: random.Random, customers: list[str], number: int) -> list[Request]:
    """So many requests. Those without a key name all of their events."""
    identifiers = count(1)
    requests = []
    for at in range(number):
        way = rng.choices(list(SIZES), weights=(7, 2, 1))[0]
        key = f"key_{at}" if rng.random() < 0.7 else None
        uses = []
        for _ in range(SIZES[way]):
            named = key is None or rng.random() < 0.8
            name = f"evt_{next(identifiers)}" if named else None
            uses.append(Use(rng.choice(customers), rng.choice(VALUES), name))
        requests.append(Request(way, uses, key))
    return requests


def totals(requests: list[Request]) -> dict[str, Decimal]:
    """What each customer will have used."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for request in requests:
        for use in request.uses:
            sums[use.customer] += use.value
    return dict(sums)


class Load:
    """Sends requests with several workers, as many as were released."""

    def __init__(self, api: Api, rng: random.Random, requests: list[Request]) -> None:
        self.acknowledged = 0
        self.repeated = 0
        self._api = api
        self._rng = rng
        self._left = list(reversed(requests))
        self._released = asyncio.Semaphore(0)
        self._token: str | None = None

    def release(self, number: int) -> None:
        """Let so many more requests go out."""
        for _ in range(number):
            self._released.release()

    async def work(self) -> None:
        """Send until nothing is left; each request until it is acknowledged."""
        while self._left:
            await self._released.acquire()
            if not self._left:
                return
            request = self._left.pop()
            await self._insist(request, attempts=0)
            self.acknowledged += 1
            if self._rng.random() < 0.1:  # a client that has forgotten what it sent
                await self._insist(request, attempts=1)
                self.repeated += 1

    async def _insist(self, request: Request, attempts: int) -> None:
        for attempt in count(attempts):
            try:
                answer = await self._send(request)
            except httpx2.HTTPError:
                await asyncio.sleep(RETRY_AFTER_S)
                continue
            if answer.status == 503:
                await asyncio.sleep(RETRY_AFTER_S)
                continue
            assert_acknowledged(request, answer, is_first=attempt == 0)
            return

    async def _send(self, request: Request) -> Answer:
        events = [event_form(EVENT_NAME, *use) for use in request.uses]
        if request.way == "v1":
            return await self._api.call("POST", METER_EVENTS, events[0], key=request.key)
        if request.way == "bulk":
            lines = "\n".join(json.dumps(event) for event in events).encode()
            return await self._api.call("POST", BULK, content=lines, key=request.key)
        token = self._token or await self._open_stream()
        return await self._api.call(
            "POST", STREAM, json={"events": events}, key=request.key, token=token
        )

    async def _open_stream(self) -> str:
        answer = await self._api.call("POST", "/v2/billing/meter_event_session", json={})
        if answer.status != 200:
            raise httpx2.RemoteProtocolError(f"no session: {answer}")
        self._token = str(answer.json["authentication_token"])
        return self._token


def assert_acknowledged(request: Request, answer: Answer, *, is_first: bool) -> None:
    """The answer must say that everything is counted; that it was before, only to a repetition."""
    if request.way == "stream":
        assert answer.status == 200, answer
    elif request.way == "bulk":
        assert answer.status == 200, answer
        assert answer.json["refused"] == 0, answer
        assert answer.json["counted"] + answer.json["repeated"] == len(request.uses), answer
        assert not (is_first and answer.json["repeated"]), answer
    elif answer.status != 200:
        assert not is_first, answer
        assert request.key is None, answer
        assert answer.status == 400, answer
        assert answer.error["message"].startswith("An event already exists with identifier")
