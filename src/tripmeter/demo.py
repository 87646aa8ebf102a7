"""`serve --demo`: an account with meters, customers and alerts, live usage, and a webhook receiver.

All of it goes through the public API, as a customer's own program would.
"""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from rich.console import Console
from rich.markup import escape
from starlette.applications import Starlette

DEMO_KEY: Final = "sk_test_tripmeter_demo"
"""The key of the demo, the same on every machine: never serve a demo to a network."""

PAUSE_S: Final = 0.25
"""Between two batches of usage."""

REPORT_EVERY: Final = 40
"""Batches between two lines that say how much was counted."""

_METERS: Final = (
    ("tokens", "LLM tokens", "sum"),
    ("api_requests", "API requests", "count"),
    ("storage_gb", "Storage in GB", "last"),
)

_CUSTOMERS: Final = (
    ("cus_demo_acme", "Acme Rockets", 9),
    ("cus_demo_globex", "Globex", 5),
    ("cus_demo_initech", "Initech", 3),
    ("cus_demo_umbrella", "Umbrella", 2),
    ("cus_demo_hooli", "Hooli", 1),
)

_ALERTS: Final = (
    ("Free tier used up", "tokens", 50_000, None),
    ("Upsell: 250k tokens", "tokens", 250_000, None),
    ("Acme's own limit", "tokens", 100_000, "cus_demo_acme"),
    ("Globex soft limit", "tokens", 75_000, "cus_demo_globex"),
    ("1,000 requests", "api_requests", 1_000, None),
    ("Storage above 90 GB", "storage_gb", 90, None),
)

_SNIPPET: Final = """\
import stripe

client = stripe.StripeClient("{key}",
                             base_addresses={{"api": "{url}"}})
alert = client.v1.billing.alerts.create({{
    "title": "My first alert", "alert_type": "usage_threshold",
    "usage_threshold": {{"gte": 100, "recurrence": "one_time",
                        "meter": "{meter}"}},
}})
client.v1.billing.meter_events.create({{
    "event_name": "tokens",
    "payload": {{"stripe_customer_id": "cus_demo_hooli", "value": "120"}},
}})
print(client.v1.events.list({{"type": "billing.alert.triggered", "limit": 1}}).data[0])"""


def with_demo(engine: Any, console: Console | None = None) -> Starlette:
    """The engine's application; its lifespan runs the demo as well."""
    app: Starlette = engine.app
    serve = app.router.lifespan_context
    demo = Demo(f"http://127.0.0.1:{engine.settings.port}", console or Console())

    @asynccontextmanager
    async def lifespan(application: Any) -> AsyncIterator[Any]:
        async with serve(application) as state:
            task = asyncio.create_task(demo.run())
            try:
                yield state
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    app.router.lifespan_context = lifespan
    return app


class Demo:
    """Sets the account up once, then reports usage and shows alerts as they fire."""

    def __init__(self, url: str, console: Console) -> None:
        self._url = url
        self._console = console
        self._secret = ""
        self._counted = 0
        self._fired = 0
        self._client = httpx2.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {DEMO_KEY}"}, trust_env=False
        )

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._until_ready()
            server = await asyncio.start_server(self._receive, "127.0.0.1", 0)
            async with server:
                meter = await self._set_up(server.sockets[0].getsockname()[1])
                self._welcome(meter)
                await self._feed()
        except httpx2.TransportError:
            pass  # the engine is shutting down
        except RuntimeError as error:
            self._console.print(f"[red]The demo stopped:[/] {escape(str(error))}")
        finally:
            await self._client.aclose()

    async def _until_ready(self) -> None:
        while True:
            try:
                if (await self._client.get("/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.05)

    async def _set_up(self, port: int) -> str:
        """Meters, customers, alerts and the endpoint; what an earlier run made is used again."""
        with self._console.status("Setting up the demo account"):
            meters = await self._meters()
            for id_, name, _ in _CUSTOMERS:
                await self._post("/v1/customers", {"id": id_, "name": name}, may_exist=True)
            await self._alerts(meters)
            await self._endpoint(port)
        return meters["tokens"]

    async def _meters(self) -> dict[str, str]:
        found = await self._get("/v1/billing/meters", status="active", limit="100")
        meters = {meter["event_name"]: meter["id"] for meter in found["data"]}
        for name, display, formula in _METERS:
            if name not in meters:
                form = {
                    "display_name": display,
                    "event_name": name,
                    "default_aggregation[formula]": formula,
                }
                meters[name] = (await self._post("/v1/billing/meters", form))["id"]
        return meters

    async def _alerts(self, meters: dict[str, str]) -> None:
        found = await self._get("/v1/billing/alerts", limit="100")
        known = {alert["title"]: alert["id"] for alert in found["data"]}
        for title, meter, gte, customer in _ALERTS:
            if title in known:
                await self._post(f"/v1/billing/alerts/{known[title]}/activate", {})
                continue
            form = {
                "title": title,
                "alert_type": "usage_threshold",
                "usage_threshold[gte]": str(gte),
                "usage_threshold[meter]": meters[meter],
                "usage_threshold[recurrence]": "one_time",
            }
            if customer is not None:
                form["usage_threshold[filters][0][type]"] = "customer"
                form["usage_threshold[filters][0][customer]"] = customer
            await self._post("/v1/billing/alerts", form)

    async def _endpoint(self, port: int) -> None:
        """One endpoint for this run; those of earlier runs are removed."""
        found = await self._get("/v1/webhook_endpoints", limit="100")
        for endpoint in found["data"]:
            if endpoint["metadata"].get("made_by") == "demo":
                await self._client.delete(f"/v1/webhook_endpoints/{endpoint['id']}")
        form = {
            "url": f"http://127.0.0.1:{port}/webhook",
            "enabled_events[0]": "billing.alert.triggered",
            "metadata[made_by]": "demo",
        }
        self._secret = (await self._post("/v1/webhook_endpoints", form))["secret"]

    def _welcome(self, meter: str) -> None:
        print_ = self._console.print
        print_(f"  test key [bold]{DEMO_KEY}[/]\n\n[bold]Try it[/] (pip install stripe):\n")
        snippet = _SNIPPET.format(key=DEMO_KEY, url=self._url, meter=meter)
        print_(snippet, soft_wrap=True, markup=False, highlight=False, style="cyan")
        print_("\nLive usage is running; alerts show here as they fire. Ctrl-C stops.\n")

    async def _feed(self) -> None:
        """Report usage of random customers, for ever."""
        names = [id_ for id_, _, _ in _CUSTOMERS]
        weights = [weight for _, _, weight in _CUSTOMERS]
        for batch in range(1, 10**9):
            lines = [self._event(random.choices(names, weights)[0]) for _ in range(8)]
            answer = await self._client.post(
                "/v2/billing/meter_events/bulk", content="\n".join(lines)
            )
            self._counted += answer.json().get("counted", 0)
            if batch % REPORT_EVERY == 0:
                self._console.print(
                    f"[dim]{self._counted:,} events counted, {self._fired} alerts fired[/]"
                )
            await asyncio.sleep(PAUSE_S)

    def _event(self, customer: str) -> str:
        name = random.choices([name for name, _, _ in _METERS], [10, 10, 1])[0]
        value = {"tokens": random.randint(200, 4000), "storage_gb": random.randint(40, 99)}
        payload = {"stripe_customer_id": customer, "value": str(value.get(name, 1))}
        return json.dumps({"event_name": name, "payload": payload})

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A webhook receiver: verify, answer, show."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = _headers(head)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                genuine = _is_genuine(body, headers.get("stripe-signature", ""), self._secret)
                status = "200 OK" if genuine else "400 Bad Request"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                if genuine:
                    self._show(json.loads(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _show(self, event: dict[str, Any]) -> None:
        self._fired += 1
        fired = event["data"]["object"]
        alert = fired["alert"]
        self._console.print(
            f"[bold green]ALERT[/] {escape(alert['title']):<22} {fired['customer']:<17} "
            f"{fired['value']:>9,} >= {alert['usage_threshold']['gte']:,}",
            highlight=False,
            soft_wrap=True,
        )

    async def _get(self, path: str, **query: str) -> Any:
        return _checked(await self._client.get(path, params=query))

    async def _post(self, path: str, form: dict[str, str], *, may_exist: bool = False) -> Any:
        answer = await self._client.post(path, data=form)
        if may_exist and answer.status_code == 400:
            return None
        return _checked(answer)


def _checked(answer: httpx2.Response) -> Any:
    if answer.status_code != 200:
        raise RuntimeError(answer.json()["error"]["message"])
    return answer.json()


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _is_genuine(body: bytes, header: str, secret: str) -> bool:
    """Whether a webhook was signed with the endpoint's secret, as Stripe's SDKs check it."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    text = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts.get("v1", ""))
