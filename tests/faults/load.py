"""Clients that report usage in every way and do not give up before it is acknowledged.

All that will be reported is drawn beforehand from a seed, so its sums are known; only the order
in which the server takes it is open.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from itertools import count
from typing import Any, Final, NamedTuple

import httpx2

from faults.calls import BULK, METER_EVENTS, STREAM, Answer, Api, event_form

EVENT_NAME: Final = "api_calls"
RETRY_AFTER_S: Final = 0.05
SIZES: Final = {"v1": 1, "stream": 20, "bulk": 50, "cancel": 1, "command": 0}
VALUES: Final = [Decimal(text) for text in ("1", "0.25", "2.5", "0.000001", "7")]

Ways = Mapping[str, int]
USAGE: Final[Ways] = {"v1": 7, "stream": 2, "bulk": 1}
EVERYTHING: Final[Ways] = {"v1": 8, "stream": 2, "bulk": 1, "cancel": 2, "command": 2}
"""Also events that are taken back, and changes of the control plane under an idempotency key."""

NOBODY: Final = "cus_nobody"
"""Usage of this customer is refused: the last event of a request, if it has a `stray` one."""


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
    stray: bool = False


def draw_requests(
    rng: random.Random, customers: list[str], number: int, ways: Ways = USAGE
) -> list[Request]:
    """So many requests. Those without a key name all of their events."""
    identifiers = count(1)
    requests = []
    for at in range(number):
        way = rng.choices(list(ways), weights=list(ways.values()))[0]
        key = f"key_{at}" if rng.random() < 0.7 or way == "command" else None
        uses = []
        for _ in range(SIZES[way]):
            named = key is None or rng.random() < 0.8 or way == "cancel"
            name = f"evt_{next(identifiers)}" if named else None
            uses.append(Use(rng.choice(customers), rng.choice(VALUES), name))
        stray = way == "stream" and ways is EVERYTHING
        requests.append(Request(way, uses, key, stray))
    return requests


def totals(requests: list[Request]) -> dict[str, Decimal]:
    """What each customer will have used."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for request in requests:
        for use in request.uses if request.way != "cancel" else ():
            sums[use.customer] += use.value
    return dict(sums)


class Load:
    """Sends requests with several workers, as many as were released."""

    def __init__(self, api: Api, rng: random.Random, requests: list[Request]) -> None:
        self.acknowledged = 0
        self.repeated = 0
        self.named: set[str] = set()
        """Identifiers of events that were acknowledged."""
        self.cancelled: set[str] = set()
        """Those of events whose cancellation was acknowledged."""
        self.strays_acknowledged = 0
        self.strays_sent = 0
        self._api = api
        self._rng = rng
        self._left = list(reversed(requests))
        self._released = asyncio.Semaphore(0)
        self._releases = 0
        self._token: str | None = None

    def release(self, number: int) -> None:
        """Let so many more requests go out."""
        self._releases += number
        for _ in range(number):
            self._released.release()

    @property
    def waiting(self) -> int:
        """Requests that were released and are not acknowledged yet."""
        return self._releases - self.acknowledged

    @property
    def left(self) -> int:
        """Requests that nobody has taken up yet."""
        return len(self._left)

    async def work(self) -> None:
        """Send until nothing is left; each request until it is acknowledged."""
        while self._left:
            await self._released.acquire()
            if not self._left:
                return
            request = self._left.pop()
            await self._acknowledge(request, attempts=0)
            self.acknowledged += 1
            forgetful = 0.5 if request.way == "command" else 0.1
            if self._rng.random() < forgetful:  # a client that does not know what it sent
                await self._acknowledge(request, attempts=1)
                self.repeated += 1

    async def _acknowledge(self, request: Request, attempts: int) -> None:
        """Have a request acknowledged, in two steps if it is an event that is taken back."""
        names = {use.identifier for use in request.uses if use.identifier}
        if request.way == "cancel":
            await self._insist(request._replace(way="v1"), attempts)
        else:
            await self._insist(request, attempts)
        self.named |= names
        if request.way == "cancel":
            await self._insist(request, attempts)
            self.cancelled |= names
        self.strays_acknowledged += request.stray

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
        if request.way == "command":
            return await self._api.call(
                "POST", "/v1/customers", {"name": request.key}, key=request.key
            )
        if request.way == "cancel":
            return await self._api.call("POST", ADJUSTMENTS, cancellation(request.uses[0]))
        events = [event_form(EVENT_NAME, *use) for use in request.uses]
        if request.way == "v1":
            return await self._api.call("POST", METER_EVENTS, events[0], key=request.key)
        if request.way == "bulk":
            lines = "\n".join(json.dumps(event) for event in events).encode()
            return await self._api.call("POST", BULK, content=lines, key=request.key)
        if request.stray:
            events.append(event_form(EVENT_NAME, NOBODY, 1, None))
        token = self._token or await self._open_stream()
        self.strays_sent += request.stray
        answer = await self._api.call(
            "POST", STREAM, json={"events": events}, key=request.key, token=token
        )
        if answer.status == 401:  # a session lasts 15 minutes, a long campaign longer
            self._token = None
            raise httpx2.RemoteProtocolError(f"the session has expired: {answer}")
        return answer

    async def _open_stream(self) -> str:
        answer = await self._api.call("POST", "/v2/billing/meter_event_session", json={})
        if answer.status != 200:
            raise httpx2.RemoteProtocolError(f"no session: {answer}")
        self._token = str(answer.json["authentication_token"])
        return self._token


ADJUSTMENTS: Final = "/v1/billing/meter_event_adjustments"


def cancellation(use: Use) -> Any:
    """The adjustment that takes an event back."""
    return {"event_name": EVENT_NAME, "type": "cancel", "cancel": {"identifier": use.identifier}}


def assert_acknowledged(request: Request, answer: Answer, *, is_first: bool) -> None:
    """The answer must say that everything is counted; that it was before, only to a repetition."""
    if request.way in ("stream", "command"):
        assert answer.status == 200, answer
    elif request.way == "bulk":
        assert answer.status == 200, answer
        assert answer.json["refused"] == 0, answer
        assert answer.json["counted"] + answer.json["repeated"] == len(request.uses), answer
        assert not (is_first and answer.json["repeated"]), answer
    elif answer.status != 200:
        assert not is_first, answer
        assert answer.status == 400, answer
        if request.way == "cancel":
            assert answer.error["message"].endswith("is cancelled already."), answer
        else:
            assert request.key is None, answer
            assert answer.error["message"].startswith("An event already exists with identifier")
