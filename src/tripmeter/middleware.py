"""Asks a Tripmeter engine whether a customer may go on, in front of any ASGI or WSGI application.

    app = AccessMiddleware(app, url="http://127.0.0.1:4010", api_key="sk_test_…", meter="mtr_…",
                           customer_of=lambda request: request.headers.get("x-customer"))

Whoever may not go on gets 429 with `Retry-After` and a JSON body. An answer is kept for `cache_s`
seconds; when the engine does not answer, requests pass (`fail="open"`) or get 503 (`"closed"`).
With `event_name`, one unit is reported after each response below 400, by a thread beside.

Needs the standard library alone and nothing else of this package, so that the file can be copied.
`client` may be an `httpx.Client`, or whatever has its `request(method, url, …)`.
"""

import asyncio
import json
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

CUSTOMERS_KEPT: Final = 10_000
"""Customers whose answer is in memory; the oldest is let go first."""

CONNECTIONS_KEPT: Final = 8
"""Connections to the engine that are kept open while nothing is asked."""

REPORTS_WAITING: Final = 10_000
"""Reports that wait for the engine; beyond that they are dropped, and the log says so."""

ATTEMPTS: Final = 3

log = logging.getLogger("tripmeter.middleware")


class Request(NamedTuple):
    """What is known of a request, whatever the interface."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    raw: Mapping[str, Any]
    """The ASGI scope, or the WSGI environment."""


CustomerOf = Callable[[Request], str | None]
"""Whose request it is; None for nobody's, which passes."""


class Verdict(NamedTuple):
    """Whether a customer may go on."""

    allowed: bool
    access: Mapping[str, Any]
    retry_after_s: int
    is_known: bool = True
    """False where the engine did not answer."""


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Access:
    """Asks the engine, and keeps its answers for a moment. Safe in any number of threads."""

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        url: str,
        api_key: str,
        meter: str,
        *,
        cache_s: float = 1,
        fail: Literal["open", "closed"] = "open",
        timeout_s: float = 1,
        retry_after_s: int = 60,
        event_name: str | None = None,
        customer_key: str = "stripe_customer_id",
        value_key: str = "value",
        client: Any = None,
    ) -> None:
        """`retry_after_s` is what is said where nobody knows when access comes back."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._meter = meter
        self._cache_s = cache_s
        self._fail = fail
        self._timeout_s = timeout_s
        self._retry_after_s = retry_after_s
        self._event_name = event_name
        self._keys = customer_key, value_key
        self._client = client
        self._idle: list[HTTPConnection] = []
        self._kept: dict[str, tuple[float, Verdict]] = {}
        self._lock = threading.Lock()
        self._waiting = 0
        self._reporter = ThreadPoolExecutor(1, "tripmeter-reports") if event_name else None

    def verdict(self, customer: str) -> Verdict:
        """Whether a customer may go on. Never raises for what the engine or the network does."""
        known = self.kept(customer)
        return known if known is not None else self.ask(customer)

    def kept(self, customer: str) -> Verdict | None:
        """The answer that is still good."""
        until, verdict = self._kept.get(customer, (0, None))
        return verdict if time.monotonic() < until else None

    def ask(self, customer: str) -> Verdict:
        """Ask the engine, and keep what it says."""
        path = (
            f"/v1/customers/{quote(customer, safe='')}/access?{urlencode({'meter': self._meter})}"
        )
        try:
            answer = self._send("GET", path)
            if answer.status != 200:
                raise OSError(f"the engine answered {answer.status}: {answer.body[:200]!r}")
            verdict = self._read(answer)
        except Exception as error:
            log.warning("no answer about %s: %s", customer, error)
            verdict = Verdict(self._fail == "open", {}, 1, is_known=False)
        self._keep(customer, verdict)
        return verdict

    def report(self, customer: str) -> None:
        """Have one unit reported, beside; nothing without an `event_name`."""
        if self._reporter is None:
            return
        with self._lock:
            if self._waiting >= REPORTS_WAITING:
                log.error("too many reports wait: one unit of %s is not counted", customer)
                return
            self._waiting += 1
        self._reporter.submit(self._report, customer, f"mw_{uuid.uuid4().hex}")

    def close(self) -> None:
        """Wait until what is to be reported is reported, and close all connections."""
        if self._reporter is not None:
            self._reporter.shutdown()
        while (idle := self._idle_connection()) is not None:
            idle.close()

    def _keep(self, customer: str, verdict: Verdict) -> None:
        with self._lock:
            self._kept.pop(customer, None)
            self._kept[customer] = (time.monotonic() + self._cache_s, verdict)
            if len(self._kept) > CUSTOMERS_KEPT:
                del self._kept[next(iter(self._kept))]

    def _read(self, answer: _Answer) -> Verdict:
        access = json.loads(answer.body)
        retry_s, resets_at = self._retry_after_s, access.get("resets_at")
        told = answer.headers.get("date")
        if resets_at is not None and told is not None:  # by the engine's clock, not by ours
            retry_s = max(resets_at - int(parsedate_to_datetime(told).timestamp()), 1)
        return Verdict(bool(access["allowed"]), access, retry_s)

    def _report(self, customer: str, identifier: str) -> None:
        customer_key, value_key = self._keys
        form = {
            "event_name": self._event_name,
            "identifier": identifier,
            f"payload[{customer_key}]": customer,
            f"payload[{value_key}]": "1",
        }
        try:
            for attempt in range(ATTEMPTS):
                if self._is_reported(form, identifier):
                    return
                time.sleep(2**attempt / 10)
            log.error("one unit of %s is not counted: the engine does not answer", customer)
        finally:
            with self._lock:
                self._waiting -= 1

    def _is_reported(self, form: Mapping[str, Any], key: str) -> bool:
        """Whether trying again is of no use: the same key makes that safe."""
        try:
            answer = self._send("POST", "/v1/billing/meter_events", form, {"Idempotency-Key": key})
        except Exception as error:
            log.warning("a report got no answer: %s", error)
            return False
        if 400 <= answer.status < 500 and answer.status != 429:
            log.error("a report was refused: %s", answer.body[:500])
        return answer.status < 500 and answer.status != 429

    def _send(
        self,
        method: str,
        path: str,
        form: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        sent = {**self._headers, **(headers or {})}
        if self._client is not None:
            found = self._client.request(
                method, self._url + path, data=form, headers=sent, timeout=self._timeout_s
            )
            own = {name.lower(): value for name, value in found.headers.items()}
            return _Answer(found.status_code, own, found.content)
        body = None if form is None else urlencode(form).encode()
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        return self._exchange(method, path, body, sent)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> _Answer:
        """One exchange over an idle connection; anew, over another, if the engine closed that."""
        path = urlsplit(self._url).path + path
        while (idle := self._idle_connection()) is not None:
            try:
                return self._over(idle, method, path, body, headers)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                continue  # it was closed meanwhile
        return self._over(self._new_connection(), method, path, body, headers)

    def _over(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> _Answer:
        try:
            connection.request(method, path, body, dict(headers))
            found = connection.getresponse()
            own = {name.lower(): value for name, value in found.getheaders()}
            answer = _Answer(found.status, own, found.read())
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle.pop(0) if len(self._idle) > CONNECTIONS_KEPT else None
        if surplus is not None:
            surplus.close()
        return answer

    def _idle_connection(self) -> HTTPConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _new_connection(self) -> HTTPConnection:
        parts = urlsplit(self._url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self._timeout_s)


def refusal(verdict: Verdict) -> tuple[int, dict[str, str], bytes]:
    """What whoever may not go on is answered: status, headers and body."""
    if verdict.is_known:
        status, code = 429, str(verdict.access.get("reason", "limit_reached"))
        message = "The usage limit is reached." if code != "revoked" else "Access is revoked."
    else:
        status, code = 503, "access_unknown"
        message = "Whether usage may go on could not be found out. Try again."
    shown = ("meter", "used", "limit", "remaining", "resets_at")
    told = {name: verdict.access.get(name) for name in shown} if verdict.is_known else None
    body = json.dumps({"error": {"code": code, "message": message, "access": told}}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "retry-after": str(verdict.retry_after_s),
        "cache-control": "no-store",
    }
    return status, headers, body


# --- ASGI ----------------------------------------------------------------------------------------

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class AccessMiddleware:
    """In front of an ASGI application. `options` are those of `Access`."""

    def __init__(
        self, app: AsgiApp, *, customer_of: CustomerOf, access: Access | None = None, **options: Any
    ) -> None:
        self._app = app
        self._customer_of = customer_of
        self.access = access or Access(**options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        customer = self._customer_of(_of_scope(scope)) if scope["type"] == "http" else None
        if customer is None:
            await self._app(scope, receive, send)
            return
        verdict = self.access.kept(customer)
        if verdict is None:
            verdict = await asyncio.to_thread(self.access.ask, customer)
        if not verdict.allowed:
            status, headers, body = refusal(verdict)
            head = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": head})
            await send({"type": "http.response.body", "body": body})
            return
        answered = 0

        async def noting(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
            await send(message)

        await self._app(scope, receive, noting)
        if 0 < answered < 400:
            self.access.report(customer)


def _of_scope(scope: Scope) -> Request:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    return Request(scope["method"], scope["path"], headers, scope)


# --- WSGI ----------------------------------------------------------------------------------------

Environment = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environment, StartResponse], Iterable[bytes]]

_PHRASES: Final = {429: "429 Too Many Requests", 503: "503 Service Unavailable"}


class WsgiAccessMiddleware:
    """In front of a WSGI application. `options` are those of `Access`."""

    def __init__(
        self, app: WsgiApp, *, customer_of: CustomerOf, access: Access | None = None, **options: Any
    ) -> None:
        self._app = app
        self._customer_of = customer_of
        self.access = access or Access(**options)

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on, or refuse it."""
        customer = self._customer_of(_of_environment(environ))
        if customer is None:
            return self._app(environ, start_response)
        verdict = self.access.verdict(customer)
        if not verdict.allowed:
            status, headers, body = refusal(verdict)
            start_response(_PHRASES[status], list(headers.items()))
            return [body]
        answered = 0

        def noting(status: str, *rest: Any) -> Any:
            nonlocal answered
            answered = int(status[:3])
            return start_response(status, *rest)

        return _Noted(
            self._app(environ, noting),
            lambda: self.access.report(customer) if 0 < answered < 400 else None,
        )


class _Noted:
    """A response that says when it is over."""

    def __init__(self, parts: Iterable[bytes], over: Callable[[], None]) -> None:
        self._parts = parts
        self._over = over

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """The server is done with it."""
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:
            self._over()


def _of_environment(environ: Environment) -> Request:
    headers = {
        key[5:].replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    return Request(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"), headers, environ)
