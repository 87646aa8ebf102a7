"""Plain HTTP calls to a server: forms in, JSON out. Neither the SDK nor its retries."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import httpx2

from support.server import API_KEY, PATIENCE_S

METER_EVENTS: Final = "/v1/billing/meter_events"
STREAM: Final = "/v2/billing/meter_event_stream"
BULK: Final = "/v2/billing/meter_events/bulk"
FIRED: Final = "billing.alert.triggered"

DAY_S: Final = 86_400


class Answer(NamedTuple):
    """What came back."""

    status: int
    json: Any
    headers: Mapping[str, str]

    @property
    def error(self) -> Any:
        """The error object."""
        return self.json["error"]


class Api:
    """A client of one server."""

    def __init__(self, url: str, *, connections: int = 100) -> None:
        self._client = httpx2.AsyncClient(
            base_url=url,
            timeout=PATIENCE_S,
            trust_env=False,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=None),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def call(
        self,
        method: str,
        path: str,
        form: Mapping[str, Any] | None = None,
        *,
        json: Any = None,
        content: bytes | None = None,
        key: str | None = None,
        token: str = API_KEY,
    ) -> Answer:
        """One request, and whatever the server says to it. Raises httpx2.HTTPError."""
        headers = {"Authorization": f"Bearer {token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        fields = dict(flattened(form or {}))
        response = await self._client.request(
            method,
            path,
            headers=headers,
            params=fields if method != "POST" else None,
            data=fields if method == "POST" and json is None and content is None else None,
            json=json,
            content=content,
        )
        return Answer(response.status_code, response.json(), response.headers)

    async def gzipped(self, path: str, packed: bytes) -> Answer:
        """POST a body that is packed already."""
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Encoding": "gzip"}
        response = await self._client.post(path, content=packed, headers=headers)
        return Answer(response.status_code, response.json(), response.headers)

    async def text(self, path: str) -> str:
        """What a path that asks for no key and speaks no JSON answers."""
        response = await self._client.get(path)
        assert response.status_code == 200, response
        return str(response.text)

    async def post(self, path: str, **form: Any) -> Any:
        """A request that must be answered with 200."""
        answer = await self.call("POST", path, form)
        assert answer.status == 200, answer
        return answer.json

    async def get(self, path: str, **params: Any) -> Any:
        """A request that must be answered with 200."""
        answer = await self.call("GET", path, params)
        assert answer.status == 200, answer
        return answer.json

    async def every(self, path: str, **params: Any) -> list[Any]:
        """All pages of a list, newest first."""
        rows: list[Any] = []
        more = True
        while more:
            after = {"starting_after": rows[-1]["id"]} if rows else {}
            page = await self.get(path, limit=100, **params, **after)
            rows += page["data"]
            more = page["has_more"]
        return rows

    # what the tests are about

    async def meter(self, event_name: str, formula: str = "sum") -> str:
        """A new meter's id."""
        made = await self.post("/v1/billing/meters", **meter_form(event_name, formula))
        return str(made["id"])

    async def customers(self, *ids: str) -> None:
        """Make customers."""
        for id_ in ids:
            await self.post("/v1/customers", id=id_)

    async def alert(
        self, meter: str, gte: int, customer: str | None = None, title: str = "limit"
    ) -> str:
        """A new alert's id."""
        made = await self.post("/v1/billing/alerts", **alert_form(meter, gte, customer, title))
        return str(made["id"])

    async def endpoint(self, url: str, *types: str) -> Any:
        """A new webhook endpoint, with its secret."""
        return await self.post("/v1/webhook_endpoints", url=url, enabled_events=types or (FIRED,))

    async def report(
        self, event_name: str, customer: str, value: Any, identifier: str, key: str | None = None
    ) -> Answer:
        """Report one event (v1); what the server says to it."""
        return await self.call(
            "POST", METER_EVENTS, event_form(event_name, customer, value, identifier), key=key
        )

    async def used(self, meter: str, customer: str) -> Decimal:
        """What a customer used in the days around now, by the event summaries."""
        events = await self.get(
            f"/v1/billing/meters/{meter}/event_summaries",
            customer=customer,
            start_time=await self._today() - 40 * DAY_S,
            end_time=await self._today() + 2 * DAY_S,
            value_grouping_window="day",
            limit=100,
        )
        assert not events["has_more"]
        return sum((Decimal(str(row["aggregated_value"])) for row in events["data"]), Decimal(0))

    async def firings(self, alert: str, customer: str) -> list[Any]:
        """The notifications of an alert for a customer."""
        return await self.every(f"/v1/billing/alerts/{alert}/notifications", customer=customer)

    async def _today(self) -> int:
        """The last midnight (UTC), in seconds, by the server's own clock."""
        answer = await self.call("GET", "/healthz")
        now = parsedate_to_datetime(answer.headers["date"])
        return int(now.timestamp()) // DAY_S * DAY_S


async def until_delivered(api: Api, event: str) -> None:
    """Wait until no delivery of an event is pending."""
    while (await api.get(f"/v1/events/{event}"))["pending_webhooks"]:
        await asyncio.sleep(0.02)


def event_form(event_name: str, customer: str, value: Any, identifier: str | None) -> Any:
    """One meter event, as v1 and v2 take it."""
    event: dict[str, Any] = {
        "event_name": event_name,
        "payload": {"stripe_customer_id": customer, "value": str(value)},
    }
    return event if identifier is None else {**event, "identifier": identifier}


def meter_form(event_name: str, formula: str = "sum") -> dict[str, Any]:
    """A meter."""
    return {
        "display_name": event_name,
        "event_name": event_name,
        "default_aggregation": {"formula": formula},
    }


def alert_form(meter: str, gte: int, customer: str | None, title: str) -> dict[str, Any]:
    """A one-time usage alert."""
    threshold: dict[str, Any] = {"meter": meter, "gte": gte, "recurrence": "one_time"}
    if customer is not None:
        threshold["filters"] = [{"type": "customer", "customer": customer}]
    return {"alert_type": "usage_threshold", "title": title, "usage_threshold": threshold}


def flattened(form: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested parameters in Stripe's brackets."""
    for name, value in form.items():
        path = f"{prefix}[{name}]" if prefix else str(name)
        if isinstance(value, Mapping):
            yield from flattened(value, path)
        elif isinstance(value, list | tuple):
            yield from flattened({str(at): item for at, item in enumerate(value)}, path)
        else:
            yield path, str(value)
