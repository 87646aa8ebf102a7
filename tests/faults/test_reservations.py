"""What is reserved is never overspent: many clients over HTTP, on both stores, while it is killed.

The server dies at every failpoint of access and at random moments, and is started again. Clients
ask again under the same idempotency key until they have an answer.
"""

import asyncio
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from faults.campaign import ACCESS
from support.forking import Fork
from support.postgres import database
from support.server import PATIENCE_S, Server, assert_doctor_finds_nothing

LIMIT: Final = 400
WORKERS: Final = 16
ROUNDS: Final = 30
KILLS: Final = 4

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("kill")]

_keys = count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that can be killed, with a meter that has a limit for everybody."""
    folder: Path = tmp_path_factory.mktemp("reservations")
    with ExitStack() as stack:
        url = stack.enter_context(database(migrated=False)) if request.param == "postgres" else None
        made = Server(folder, environment={"TRIPMETER_DATABASE": url}, fork=Fork())
        stack.callback(made.kill)
        made.start()
        yield made


def post(server: Server, path: str, key: str | None = None, **form: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": key or f"key_{next(_keys)}"}
    with server.client() as client:
        return client.post(path, data=form, headers=headers)


def furnished(server: Server, limit: int = LIMIT, period: str = "month") -> tuple[str, str]:
    """A meter with a limit, and a customer."""
    name = f"tokens_{next(_keys)}"
    meter = post(
        server, "/v1/billing/meters", display_name="Tokens", event_name=name,
        **{"default_aggregation[formula]": "sum"},
    ).json()["id"]  # fmt: skip
    post(server, "/v1/billing/usage_limits", meter=meter, limit=str(limit), period=period)
    return meter, post(server, "/v1/customers").json()["id"]


def access(server: Server, meter: str, customer: str) -> Any:
    with server.client() as client:
        return client.get(f"/v1/customers/{customer}/access", params={"meter": meter}).json()


class Spender:
    """Clients that reserve, and commit a part or release, until nothing is left."""

    def __init__(self, server: Server, meter: str, customer: str, seed: int) -> None:
        self.server = server
        self.meter = meter
        self.customer = customer
        self.random = random.Random(seed)
        self.spent = 0
        self.refused = 0

    async def run(self) -> None:
        async with httpx2.AsyncClient(
            base_url=self.server.url,
            headers={"Authorization": f"Bearer {self.server.api_key}"},
            trust_env=False,
            verify=False,
            timeout=PATIENCE_S,
        ) as client:
            await asyncio.gather(*(self._work(client) for _ in range(WORKERS)))

    async def _work(self, client: httpx2.AsyncClient) -> None:
        for _ in range(ROUNDS):
            quantity = self.random.randint(1, 12)
            made = await self._ask(
                client, f"/v1/customers/{self.customer}/access/reserve",
                meter=self.meter, quantity=str(quantity), expires_in="600",
            )  # fmt: skip
            if made.status_code == 402:
                self.refused += 1
                continue
            assert made.status_code == 200, made.text
            path = f"/v1/access/reservations/{made.json()['id']}"
            if self.random.random() < 0.2:
                ended = await self._ask(client, f"{path}/release")
            else:
                used = self.random.randint(1, quantity)
                ended = await self._ask(client, f"{path}/commit", quantity=str(used))
                self.spent += used
            assert ended.status_code == 200, ended.text

    async def _ask(self, client: httpx2.AsyncClient, path: str, **form: str) -> httpx2.Response:
        """Until there is an answer."""
        headers = {"Idempotency-Key": f"spend_{next(_keys)}"}
        while True:
            try:
                answer = await client.post(path, data=form, headers=headers)
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code < 500:
                return answer
            await asyncio.sleep(0.05)


async def _killing(server: Server, chance: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)


@pytest.mark.parametrize("seed", [1, 2])
def test_reserved_spend_never_exceeds_the_limit(server: Server, seed: int) -> None:
    meter, customer = furnished(server)
    spender = Spender(server, meter, customer, seed)

    async def both() -> None:
        await asyncio.gather(spender.run(), _killing(server, random.Random(seed)))

    asyncio.run(both())
    told = access(server, meter, customer)
    assert told["reserved"] == "0"
    assert int(told["used"]) == spender.spent <= LIMIT
    assert spender.refused > 0
    with server.client() as client:
        events = client.get("/v1/events", params={"type": "billing.access.revoked"}).json()["data"]
    own = [one for one in events if one["data"]["object"]["customer"] == customer]
    assert len(own) == (spender.spent == LIMIT)


@pytest.mark.parametrize("point", [*ACCESS, "batch.written", "batch.committed"])
def test_it_dies_anywhere(server: Server, point: str) -> None:
    """Once reserving and once committing; whoever has no answer asks again."""
    meter, customer = furnished(server, 5)
    path = f"/v1/customers/{customer}/access/reserve"
    made = _asked(server, point, "reserve", path, meter=meter, quantity="5")
    _asked(server, point, "commit", f"/v1/access/reservations/{made['id']}/commit", quantity="5")
    told = access(server, meter, customer)
    assert (told["used"], told["allowed"]) == ("5", False)
    with server.client() as client:
        events = client.get("/v1/events", params={"type": "billing.access.revoked"}).json()["data"]
    assert [one["data"]["object"]["customer"] for one in events].count(customer) == 1


def _asked(server: Server, point: str, step: str, path: str, **form: str) -> Any:
    """What is answered in the end, if the server dies at a point at the first attempt."""
    key = f"dies_{next(_keys)}"
    if point not in _NOT_AT[step]:
        server.kill()
        server.dies_at(point)
        server.start()
        with pytest.raises(httpx2.TransportError):
            post(server, path, key, **form)
        assert server.wait() == -signal.SIGKILL
        server.dies_at(None)
        server.start()
    answer = post(server, path, key, **form)
    assert answer.status_code == 200, answer.text
    return answer.json()


_NOT_AT: Final = {
    "reserve": {"access.noted", "access.told", "access.committed"},
    "commit": {"access.reserved"},
}
"""Points that a step does not come by."""


def test_doctor_finds_nothing(server: Server) -> None:
    server.stop()
    assert_doctor_finds_nothing(server.data, server.database)
    server.start()
