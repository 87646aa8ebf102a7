"""`tripmeter.middleware` in front of a Starlette and a plain WSGI application; a live engine."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from support.server import Server, running_server
from tripmeter import middleware
from tripmeter.middleware import Access, AccessMiddleware, WsgiAccessMiddleware

_names = count(1)


def customer_of(request: middleware.Request) -> str | None:
    return request.headers.get("x-customer")


class Limited:
    """A customer of a live engine, and a meter with a limit of three calls a month."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = f"calls_{next(_names)}"
        made = self.post(
            "/v1/billing/meters", display_name="Calls", event_name=self.name,
            **{"default_aggregation[formula]": "sum"},
        )  # fmt: skip
        self.meter: str = made["id"]
        self.customer: str = self.post("/v1/customers")["id"]
        self.post("/v1/billing/usage_limits", meter=self.meter, limit="3", period="month")

    def post(self, path: str, **form: Any) -> Any:
        with self.server.client() as client:
            answer = client.post(path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def use(self, value: int) -> None:
        self.post(
            "/v1/billing/meter_events", event_name=self.name,
            **{"payload[stripe_customer_id]": self.customer, "payload[value]": str(value)},
        )  # fmt: skip

    def used(self) -> str:
        with self.server.client() as client:
            path = f"/v1/customers/{self.customer}/access"
            return str(client.get(path, params={"meter": self.meter}).json()["used"])

    def options(self, **more: Any) -> dict[str, Any]:
        own = {"url": self.server.url, "api_key": self.server.api_key, "meter": self.meter}
        return {**own, "cache_s": 0, "customer_of": customer_of, **more}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture
def limited(server: Server) -> Limited:
    return Limited(server)


class Asgi:
    """A Starlette application behind the middleware."""

    def __init__(self, **options: Any) -> None:
        async def hello(request: Request) -> Response:
            return PlainTextResponse("hello", int(request.query_params.get("status", 200)))

        self.app = AccessMiddleware(Starlette(routes=[Route("/", hello)]), **options)

    def get(self, customer: str | None, status: int = 200) -> httpx2.Response:
        return asyncio.run(self._get(customer, status))

    async def _get(self, customer: str | None, status: int) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://app") as client:
            headers = {} if customer is None else {"X-Customer": customer}
            return await client.get("/", params={"status": status}, headers=headers)


class Wsgi:
    """A plain WSGI application behind the middleware, on a server of the standard library."""

    def __init__(self, **options: Any) -> None:
        def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            status = environ["QUERY_STRING"].partition("=")[2]
            start_response(f"{status} So", [("Content-Type", "text/plain")])
            return [b"hello"]

        self.app = WsgiAccessMiddleware(hello, **options)

    def get(self, customer: str | None, status: int = 200) -> httpx2.Response:
        with make_server("127.0.0.1", 0, self.app, handler_class=_Quiet) as serving:
            thread = threading.Thread(target=serving.handle_request)
            thread.start()
            headers = {} if customer is None else {"X-Customer": customer}
            with httpx2.Client(trust_env=False, verify=False) as client:
                url = f"http://127.0.0.1:{serving.server_port}/"
                answer = client.get(url, params={"status": status}, headers=headers)
            thread.join()
        return answer


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


KINDS: Final = [Asgi, Wsgi]


@pytest.fixture(autouse=True)
def nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever asks the engine is closed after its test."""
    made: list[Access] = []
    begin = Access.__init__

    def noted(self: Access, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Access, "__init__", noted)
    yield
    for one in made:
        one.close()


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_has_reached_the_limit_gets_429(limited: Limited, kind: Any) -> None:
    app = kind(**limited.options())
    assert app.get(limited.customer).text == "hello"
    limited.use(3)
    refused = app.get(limited.customer)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 31 * 86_400
    error = refused.json()["error"]
    assert error["code"] == "limit_reached"
    assert (error["access"]["used"], error["access"]["limit"]) == ("3", "3")
    assert app.get(None).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_kept_for_a_moment(limited: Limited, kind: Any) -> None:
    app = kind(**limited.options(cache_s=0.5))
    assert app.get(limited.customer).status_code == 200
    limited.use(3)
    assert app.get(limited.customer).status_code == 200
    time.sleep(0.6)
    assert app.get(limited.customer).status_code == 429


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fail", "status"), [("open", 200), ("closed", 503)])
def test_without_an_engine(limited: Limited, kind: Any, fail: str, status: int) -> None:
    app = kind(**limited.options(url="http://127.0.0.1:9", fail=fail))
    answer = app.get(limited.customer)
    assert answer.status_code == status
    if status == 503:
        assert answer.json()["error"]["code"] == "access_unknown"
    unknown = kind(**limited.options(fail=fail)).get("cus_nobody")
    assert unknown.status_code == status


@pytest.mark.parametrize("kind", KINDS)
def test_successes_are_reported_one_by_one(limited: Limited, kind: Any) -> None:
    app = kind(**limited.options(event_name=limited.name))
    for status in (200, 404, 500, 302):
        assert app.get(limited.customer, status).status_code == status
    app.app.access.close()
    assert limited.used() == "2"


def test_a_client_of_ones_own(limited: Limited) -> None:
    with httpx2.Client(trust_env=False, verify=False) as client:
        app = Wsgi(**limited.options(client=client))
        limited.use(3)
        assert app.get(limited.customer).status_code == 429


def test_a_connection_that_the_engine_closed_is_made_anew(server: Server) -> None:
    limited = Limited(server)
    access = Access(server.url, server.api_key, limited.meter, cache_s=0, fail="closed")
    assert access.verdict(limited.customer).allowed
    server.stop()
    assert not access.verdict(limited.customer).allowed
    server.start()
    assert access.verdict(limited.customer).allowed


def test_it_needs_the_standard_library_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copied.py"
    copy.write_text(Path(middleware.__file__).read_text())
    code = "import sys; sys.path.insert(0, sys.argv[1]); import copied; print(copied.Access)"
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
