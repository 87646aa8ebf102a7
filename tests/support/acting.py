"""An engine with a customer, a meter, an SMTP server and a chat service, for tests of actions.

async with open_acting(tmp_path) as acting:
    alert = await acting.alert(100, {"type": "email", "to": ["customer"]})
    await acting.use(100)
    (mail,) = await acting.mails(1)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from faults.calls import flattened
from support.door import API_KEY, Door, open_door
from support.hooks import Hooks, Posted, open_hooks
from support.postbox import Delivered, Postbox, open_postbox
from support.server import Key

BASE: Final = "https://billing.example.com"
PATIENCE_S: Final = 30


class Acting:
    """What tests of actions ask for."""

    def __init__(self, door: Door, postbox: Postbox, hooks: Hooks) -> None:
        self.door = door
        self.postbox = postbox
        self.hooks = hooks
        self.customer = ""
        self.meter = ""
        self._numbers = count(1)

    async def ask(self, method: str, path: str, key: Key | str = API_KEY, **fields: Any) -> Any:
        """What a request is answered with, whatever that is."""
        form = dict(flattened(fields))
        options = {"data": form} if method == "POST" else {"params": form}
        answer = await self.door.ask(method, f"/v1/{path}", key, **options)
        return answer.status_code, answer.json()

    async def post(self, path: str, **fields: Any) -> Any:
        """What a POST gives, which must be taken."""
        status, answer = await self.ask("POST", path, **fields)
        assert status == 200, answer
        return answer

    async def get(self, path: str, **fields: Any) -> Any:
        """What a GET gives, which must be taken."""
        status, answer = await self.ask("GET", path, **fields)
        assert status == 200, answer
        return answer

    async def refused(self, path: str, **fields: Any) -> Any:
        """The error of a POST that is not taken."""
        status, answer = await self.ask("POST", path, **fields)
        assert status in (400, 403, 404), answer
        return answer["error"]

    async def prepare(self) -> None:
        """A customer and a meter."""
        customer = await self.post("customers", name="Jenny Rosen", email="jenny@example.com")
        self.customer = customer["id"]
        meter = await self.post(
            "billing/meters", display_name="API calls", event_name="calls",
            default_aggregation={"formula": "sum"},
        )  # fmt: skip
        self.meter = meter["id"]

    async def alert(self, gte: int, *actions: dict[str, Any], **fields: Any) -> Any:
        """An alert on the usage of everybody."""
        return await self.post("billing/alerts", **self.wanted(gte, *actions, **fields))

    def wanted(self, gte: int, *actions: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """What such an alert is asked for with."""
        threshold = {"meter": self.meter, "gte": gte, "recurrence": "one_time"}
        return {
            "title": "Free tier", "alert_type": "usage_threshold", "usage_threshold": threshold,
            "actions": list(actions), **fields,
        }  # fmt: skip

    async def target(self, kind: str, path: str = "", **fields: Any) -> str:
        """A target at the chat service; its id."""
        where = {"url": self.hooks.url + path} if path else {}
        made = await self.post("billing/alert_targets", kind=kind, name=kind, **where, **fields)
        return str(made["id"])

    async def page(self) -> str:
        """Where the customer's page of the dashboard is."""
        account = (await self.get("account"))["id"]
        return f"{BASE}/dashboard/{account}/test/customers/{self.customer}"

    async def use(self, value: int, customer: str | None = None) -> None:
        """Report usage."""
        await self.post(
            "billing/meter_events", event_name="calls", identifier=f"e{next(self._numbers)}",
            payload={"stripe_customer_id": customer or self.customer, "value": str(value)},
        )  # fmt: skip

    async def runs(self, alert: Any, **filters: Any) -> list[Any]:
        """The runs of an alert, oldest first."""
        found = await self.get(f"billing/alerts/{alert['id']}/action_runs", **filters)
        return list(reversed(found["data"]))

    async def until(
        self, alert: Any, wanted: Callable[[list[Any]], bool], **filters: Any
    ) -> list[Any]:
        """The runs of an alert, once they are as they should be."""
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(runs := await self.runs(alert, **filters)):
                await asyncio.sleep(0.02)
        return runs

    async def over(self, alert: Any) -> list[Any]:
        """The runs of an alert, once none is pending."""
        return await self.until(
            alert, lambda runs: bool(runs) and all(one["status"] != "pending" for one in runs)
        )

    async def attempted(self, alert: Any, number: int = 1) -> list[Any]:
        """The runs of an alert, once each had so many attempts."""
        return await self.until(
            alert, lambda runs: bool(runs) and all(one["attempt_count"] >= number for one in runs)
        )

    async def mails(self, number: int) -> list[Delivered]:
        """The mails, once there are so many."""
        return await asyncio.to_thread(self.postbox.wait_for_number, number)

    async def posted(self, path: str, number: int = 1) -> list[Posted]:
        """The messages to a path, once there are so many."""
        return await asyncio.to_thread(self.hooks.wait_for, path, number)

    def advance(self, ms: int) -> None:
        """Let time pass, and have the engine notice."""
        clock = self.door.clock
        clock.set(clock.now_ms() + ms)  # no commit takes that long
        self.door.engine.sender.wake()


@asynccontextmanager
async def open_acting(folder: Path, **settings: Any) -> AsyncIterator[Acting]:
    """Such an engine for the length of a block."""
    with open_postbox() as postbox, open_hooks() as hooks:
        given = {
            "allow_private_webhooks": True, "base_url": BASE, "seller": "Example & Co",
            "smtp_url": postbox.url, "mail_from": "Example <billing@example.com>", **settings,
        }  # fmt: skip
        async with open_door(folder, **given) as door:
            acting = Acting(door, postbox, hooks)
            await acting.prepare()
            yield acting
            hooks.released.set()
