"""`make bench`: the engine and its baselines, one after the other in one run.

    naive   the service that a team writes itself (bench/naive.py)
    limit   parsing the same bodies and appending them to a file with fdatasync, and nothing else

Identifiers are random, 24 h dedupe is on, answers come after a durable commit. Prints a table and
writes bench/results.json.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
import msgspec
from client import Load, drive, exchange, request
from rich.console import Console
from rich.progress import track
from rich.table import Table

SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "5"))
KEY: Final = "sk_test_bench_0123456789"
CUSTOMERS: Final = 10_000
ALERTS: Final = 25
CROSSINGS: Final = 400
FORM: Final = "application/x-www-form-urlencoded"

rng = random.Random(7)
console = Console()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, port: int, **environment: str) -> Iterator[None]:
    """A server process, from when it listens until the end."""
    running = subprocess.Popen(
        [sys.executable, *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        running.terminate()
        running.wait()


def identifier() -> str:
    """A random one: an index costs least when they come in order."""
    return f"{rng.getrandbits(128):032x}"


def form_event() -> bytes:
    """The body of one v1 meter event."""
    return (
        f"event_name=tokens&payload[stripe_customer_id]=cus_{rng.randrange(CUSTOMERS)}"
        f"&payload[value]={rng.randrange(1, 1000)}&identifier={identifier()}"
    ).encode()


def json_event() -> dict[str, Any]:
    """One v2 meter event."""
    payload = {
        "stripe_customer_id": f"cus_{rng.randrange(CUSTOMERS)}",
        "value": str(rng.randrange(1, 1000)),
    }
    return {"event_name": "tokens", "identifier": identifier(), "payload": payload}


def stream_body(size: int) -> bytes:
    """The body of a stream request."""
    return msgspec.json.encode({"events": [json_event() for _ in range(size)]})


def bulk_body(size: int) -> bytes:
    """The body of a bulk request."""
    return b"\n".join(msgspec.json.encode(json_event()) for _ in range(size))


def set_up(client: httpx2.Client) -> str:
    """A meter, customers, alerts that are never reached; gives a stream token."""
    meter = {"display_name": "T", "event_name": "tokens", "default_aggregation[formula]": "sum"}
    meter_id = client.post("/v1/billing/meters", data=meter).json()["id"]
    for number in track(range(CUSTOMERS), "customers", console=console, transient=True):
        client.post("/v1/customers", data={"id": f"cus_{number}"})
    for number in range(ALERTS):
        client.post("/v1/billing/alerts", data=alert_form(meter_id, 10**12 + number))
    session = client.post("/v2/billing/meter_event_session", json={}).json()
    return str(session["authentication_token"])


def alert_form(meter: str, gte: int) -> dict[str, str]:
    """An alert for all customers."""
    return {
        "title": "bench",
        "alert_type": "usage_threshold",
        "usage_threshold[gte]": str(gte),
        "usage_threshold[meter]": meter,
        "usage_threshold[recurrence]": "one_time",
    }


def measure(
    port: int, connections: int, bodies: list[bytes], path: str, kind: str, key: str
) -> Load:
    """Send prepared bodies until the time or the bodies run out."""
    ready = iter([request("127.0.0.1", path, body, kind, key) for body in bodies])

    def make() -> bytes:
        return next(ready)

    async def run() -> Load:
        return await drive(port, connections, SECONDS, make)

    try:
        return asyncio.run(run())
    except (RuntimeError, StopIteration) as error:
        raise SystemExit(f"prepared too few requests, or: {error}") from error


def limit_per_second(bodies: list[bytes], decode: Any) -> float:
    """Events a second of parsing and fdatasynced appending alone, as a median over bodies."""
    with tempfile.TemporaryFile() as file:
        rates = []
        for body in bodies:
            began = time.perf_counter()
            events = decode(body)
            file.write(body)
            file.flush()
            os.fdatasync(file.fileno())
            rates.append(len(events) / (time.perf_counter() - began))
    return median(rates)


class Line(msgspec.Struct, gc=False):
    """What the limit parses a line into."""

    event_name: str
    payload: dict[str, str]
    identifier: str


class Batch(msgspec.Struct, gc=False):
    """What the limit parses a stream body into."""

    events: list[Line]


async def webhook_latencies(port: int, client: httpx2.Client) -> list[float]:
    """From sending the event that crosses to having its webhook, in ms, one at a time."""
    arrived: dict[str, asyncio.Event] = {}

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(x.split(b": ", 1) for x in head.lower().split(b"\r\n")[1:] if x)
                body = await reader.readexactly(int(fields[b"content-length"]))
                arrived[json.loads(body)["data"]["object"]["customer"]].set()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    form = {"url": url, "enabled_events[0]": "billing.alert.triggered"}
    client.post("/v1/webhook_endpoints", data=form)
    meter = {"display_name": "C", "event_name": "cross", "default_aggregation[formula]": "sum"}
    meter_id = client.post("/v1/billing/meters", data=meter).json()["id"]
    client.post("/v1/billing/alerts", data=alert_form(meter_id, 1))
    connection = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    for number in range(CROSSINGS):
        customer = f"cus_{number}"
        arrived[customer] = asyncio.Event()
        body = f"event_name=cross&payload[stripe_customer_id]={customer}&payload[value]=1"
        raw = request("127.0.0.1", "/v1/billing/meter_events", body.encode(), FORM, KEY)
        began = time.perf_counter()
        await exchange(*connection, raw)
        await asyncio.wait_for(arrived[customer].wait(), 10)
        latencies.append((time.perf_counter() - began) * 1000)
    connection[1].close()
    server.close()
    return latencies


def bench_naive(folder: Path) -> Load:
    """One event a request, on the naive service."""
    port = free_port()
    script = str(Path(__file__).with_name("naive.py"))
    with process(script, str(folder / "naive.db"), str(port), port=port):
        bodies = [form_event() for _ in range(int(20_000 * max(SECONDS, 1) / 5) + 1000)]
        return measure(port, 64, bodies, "/v1/billing/meter_events", FORM, KEY)


def bench_engine(folder: Path) -> dict[str, Any]:
    """Every path of the engine, on one store."""
    port = free_port()
    serve = ("-m", "tripmeter", "serve", "--data", str(folder / "data"), "--port", str(port))
    environment = {"TRIPMETER_API_KEY": KEY, "TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": "1"}
    with process(*serve, port=port, **environment):
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            token = set_up(client)
            scale = max(SECONDS, 1) / 5
            single = [form_event() for _ in range(int(60_000 * scale))]
            stream = [stream_body(100) for _ in range(int(6_000 * scale))]
            bulk = [bulk_body(10_000) for _ in range(int(60 * scale))]
            v1 = measure(port, 64, single, "/v1/billing/meter_events", FORM, KEY)
            json_ = "application/json"
            v2 = measure(port, 16, stream, "/v2/billing/meter_event_stream", json_, token)
            lines = measure(port, 4, bulk, "/v2/billing/meter_events/bulk", json_, KEY)
            webhooks = asyncio.run(webhook_latencies(port, client))
    return {
        "v1": v1,
        "stream": v2,
        "bulk": lines,
        "webhooks": Load(len(webhooks), 1, webhooks),
        "stream_limit": limit_per_second(stream[:200], _events),
        "bulk_limit": limit_per_second(bulk[:20], msgspec.json.Decoder(Line).decode_lines),
    }


def _events(body: bytes) -> list[Line]:
    return msgspec.json.decode(body, type=Batch).events


def main() -> None:
    """Run everything, print the table, write the figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        naive = bench_naive(Path(folder))
        engine = bench_engine(Path(folder))
    v1, stream, bulk, hooks = (engine[k] for k in ("v1", "stream", "bulk", "webhooks"))
    figures = {
        "v1_events_per_s": round(v1.per_second),
        "v1_p50_ms": round(v1.percentile(0.5), 2),
        "v1_p99_ms": round(v1.percentile(0.99), 2),
        "naive_events_per_s": round(naive.per_second),
        "v1_to_naive": round(v1.per_second / naive.per_second, 1),
        "stream_events_per_s": round(stream.per_second * 100),
        "stream_share_of_limit": round(stream.per_second * 100 / engine["stream_limit"], 3),
        "bulk_events_per_s": round(bulk.per_second * 10_000),
        "bulk_share_of_limit": round(bulk.per_second * 10_000 / engine["bulk_limit"], 3),
        "crossing_to_webhook_p50_ms": round(hooks.percentile(0.5), 2),
        "crossing_to_webhook_p99_ms": round(hooks.percentile(0.99), 2),
    }
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}")
    console.print(table)
    Path(__file__).with_name("results.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
