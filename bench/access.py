"""How long the question takes whether a customer may go on: in the writer, and over HTTP.

    PYTHONPATH=tests .venv/bin/python bench/access.py [customers]

Prints microseconds: of the engine alone, for one customer after another, with limits for everybody
and some states; of a whole `GET /v1/customers/{id}/access` over one connection. Then how far usage
that is not reserved goes beyond a limit, by how many clients are under way.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx2

from support.engine import Engine
from support.server import Server, running_server
from tripmeter.control.usage_limits import create_limit
from tripmeter.model.usage import UsageReport
from tripmeter.pipeline.access import standing
from tripmeter.pipeline.state import State
from tripmeter.ports import Session

ASKED: Final = 20_000
CLIENTS: Final = (1, 8, 32)
LIMIT: Final = 200


def percentiles(name: str, took_ns: list[int]) -> None:
    """One line."""
    ordered = sorted(took_ns)
    picked = {p: ordered[min(int(len(ordered) * p / 100), len(ordered) - 1)] for p in (50, 99)}
    told = ", ".join(f"p{p} {ns / 1000:.1f} us" for p, ns in picked.items())
    print(f"{name}: {told}, worst {ordered[-1] / 1000:.1f} us")


def in_process(customers: int) -> None:
    """What the writer does."""
    with Engine() as engine:
        meter = engine.create_meter("calls")
        names = [f"cus_{number}" for number in range(customers)]
        for name in names:
            engine.create_customer(name)
        for period in ("lifetime", "month"):
            given = {"meter": meter.id, "limit": Decimal(1_000), "period": period}
            engine.command(create_limit, given)
        engine.report(
            [
                UsageReport("calls", {"stripe_customer_id": name, "value": "1"}, name, None)
                for name in names
            ]
        )

        def ask(state: State, _: Session, now_ms: int) -> list[int]:
            took = []
            for number in range(ASKED):
                name = names[number * 7919 % customers]
                begun = time.perf_counter_ns()
                known = state.catalogue.of_id(engine.scope, meter.id)
                standing(state, engine.scope, name, known, now_ms)
                took.append(time.perf_counter_ns() - begun)
            return took

        percentiles(f"in the engine, first, {customers} customers", engine.query(ask)[:customers])
        percentiles("in the engine, again", engine.query(ask))


@contextmanager
def limited(server: Server) -> Iterator[tuple[httpx2.Client, str, str, str]]:
    """A client, and a new meter with a limit and a customer."""
    with server.client() as client:
        name = f"calls_{time.perf_counter_ns()}"
        form = {"display_name": "x", "event_name": name, "default_aggregation[formula]": "sum"}
        meter = client.post("/v1/billing/meters", data=form).json()["id"]
        client.post("/v1/billing/usage_limits", data={"meter": meter, "limit": str(LIMIT)})
        yield client, name, meter, client.post("/v1/customers").json()["id"]


def over_http(server: Server) -> None:
    """A whole exchange."""
    with limited(server) as (client, _, meter, customer):
        path = f"/v1/customers/{customer}/access?meter={meter}"
        took = []
        for _ in range(2_000):
            begun = time.perf_counter_ns()
            assert client.get(path).status_code == 200
            took.append(time.perf_counter_ns() - begun)
        percentiles("over HTTP, one connection", took)


def overshoot(server: Server, clients: int) -> None:
    """Clients that ask, do their work and report it: how far they go beyond the limit."""
    with limited(server) as (client, name, meter, customer):

        async def work(http: httpx2.AsyncClient) -> None:
            path = f"/v1/customers/{customer}/access"
            form = {
                "event_name": name, "payload[stripe_customer_id]": customer, "payload[value]": "1",
            }  # fmt: skip
            while (await http.get(path, params={"meter": meter})).json()["allowed"]:
                await http.post("/v1/billing/meter_events", data=form)

        async def all_of_them() -> None:
            headers = {"Authorization": f"Bearer {server.api_key}"}
            async with httpx2.AsyncClient(
                base_url=server.url, headers=headers, trust_env=False, verify=False
            ) as http:
                await asyncio.gather(*(work(http) for _ in range(clients)))

        asyncio.run(all_of_them())
        used = client.get(f"/v1/customers/{customer}/access", params={"meter": meter}).json()
        print(f"not reserved, {clients} clients: {int(used['used']) - LIMIT} beyond {LIMIT}")


def main() -> None:
    """All of it."""
    in_process(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        over_http(server)
        for clients in CLIENTS:
            overshoot(server, clients)


if __name__ == "__main__":
    main()
