"""The request log: what it says, and that nothing that a caller sends can get into it."""

import base64
import http.client
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import structlog
import uvicorn
from starlette.applications import Starlette

from support.door import API_KEY, open_door
from support.server import free_port
from tripmeter.api.call import Call, LogLevel, Reply, Route, Services, fields
from tripmeter.api.door import Door
from tripmeter.api.table import ROUTES
from tripmeter.app import Engine, admission_limits
from tripmeter.clock import SystemClock
from tripmeter.logs import outline, set_up_logging
from tripmeter.model.access import Access, Resource
from tripmeter.settings import SettingInvalid, Settings, read_settings
from tripmeter.wire.params import Map, String

SECRET = "hunter2-Zq8xV5kP"
"""Planted wherever a request has room for it."""
ENCODED = base64.b64encode(SECRET.encode()).decode().rstrip("=")


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    """Take the configuration of the log back after each test."""
    yield
    structlog.reset_defaults()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the request log so far."""
    written = captured.readouterr().err.splitlines()
    found = [json.loads(line) for line in written if line.startswith("{")]
    return [line for line in found if line["event"] == "request"]


# --- what it says -------------------------------------------------------------------------------


async def test_a_line_tells_who_asked_for_what_and_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("json")
    async with open_door(tmp_path, request_log="all") as door:
        key = door.key({Resource.CUSTOMERS: Access.READ})
        answers = [
            await door.get("/v1/customers/cus_none?expand[]=x", key),
            await door.get("/v1/customers", key),
            await door.post("/v1/customers", key),
            await door.get("/v1/customers", "sk_test_of_nobody_at_all"),
            await door.get("/v1/no_such_thing", key),
            await door.ask("PUT", "/v1/customers", key),
        ]
        account = (await door.get("/v1/account")).json()["id"]
        written = lines(capsys)[: len(answers)]
    who = {"account": account, "livemode": False, "key": key.id}
    one, many = "/v1/customers/{id}", "/v1/customers"
    expected: list[dict[str, Any]] = [
        {"method": "GET", "path": one, "status": 404, "error": "resource_missing", **who},
        {"method": "GET", "path": many, "status": 200, **who},
        {"method": "POST", "path": many, "status": 403, "error": "invalid_request_error", **who},
        {"method": "GET", "path": many, "status": 401, "error": "invalid_request_error"},
        {"method": "GET", "path": None, "status": 404, "error": "invalid_request_error"},
        {"method": "PUT", "path": None, "status": 405, "error": "invalid_request_error"},
    ]
    for line, answer, facts in zip(written, answers, expected, strict=True):
        always = {"event": "request", "level": "info", "duration_ms": 0}
        own = {"request_id": answer.headers["request-id"], "timestamp": line["timestamp"]}
        assert line == {**always, **own, **facts}


@pytest.mark.parametrize(
    ("level", "statuses"),
    [("off", []), ("errors", [404, 401]), ("all", [200, 404, 200, 401])],
)
async def test_the_level_says_which_requests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], level: LogLevel, statuses: list[int]
) -> None:
    set_up_logging("json")
    async with open_door(tmp_path, request_log=level) as door:
        await door.get("/v1/customers")
        await door.get("/v1/customers/cus_none")
        await door.post("/v1/customers")
        await door.get("/v1/customers", "sk_test_of_nobody_at_all")
    assert [line["status"] for line in lines(capsys)] == statuses


def test_the_level_is_a_setting() -> None:
    assert read_settings({}).request_log == "errors"
    assert read_settings({"TRIPMETER_REQUEST_LOG": "all"}).request_log == "all"
    with pytest.raises(SettingInvalid, match="must be off, errors or all, not 'some'"):
        read_settings({"TRIPMETER_REQUEST_LOG": "some"})


async def test_the_duration_is_the_clocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("json")
    async with open_door(tmp_path, request_log="all") as door:
        clock = door.clock

        def slow(_session: Any, _call: Call) -> dict[str, str]:
            clock.advance(250)
            return {}

        services = services_of(door.engine, "all")
        route = Route("GET", "/v1/customers", "Slow", dict, fields(), read=slow)
        app = Door(services, [route], admission_limits(Settings())).app()
        await asgi_get(app, "/v1/customers")
    assert [line["duration_ms"] for line in lines(capsys)] == [250]


async def asgi_get(app: Starlette, path: str) -> None:
    bearer = {"Authorization": f"Bearer {API_KEY}"}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://engine") as client:
        await client.get(path, headers=bearer)


# --- what it does not say -----------------------------------------------------------------------


def services_of(engine: Engine, level: LogLevel) -> Services:
    return Services(engine.store, engine.writer, engine.clock, False, lambda: b"", "off", level)


def fails(*given: Any) -> Any:
    """A mistake of ours whose message quotes what it was given, and that of its cause, too."""
    call = given[-1]
    try:
        raise KeyError(f"{call.params} {call.path} {call.body!r} {call.caller.idempotency_key}")
    except KeyError as error:
        raise ValueError(f"no use for {call.params}") from error


async def fails_at_once(call: Call) -> Reply:
    """As `fails`, on the usage paths."""
    fails(call)
    raise AssertionError


ANY = fields(name=String(), metadata=Map())
FAILING = (
    Route("GET", "/v1/customers/failing/{id}", "Fails", dict, ANY, read=fails),
    Route("POST", "/v1/customers/failing/{id}", "Fails", dict, ANY, change=fails),
    Route("POST", "/v1/meter_events/failing/{id}", "Fails", dict, ANY, handle=fails_at_once),
)


@contextmanager
def serving(folder: Path, level: LogLevel) -> Iterator[int]:
    """A real server that logs all it can, with three routes that fail; its port."""
    engine = Engine(Settings(data=folder, api_key=API_KEY), clock=SystemClock())
    engine.prepare()
    app = Door(
        services_of(engine, level), (*FAILING, *ROUTES), admission_limits(engine.settings)
    ).app()
    app.router.lifespan_context = engine.app.router.lifespan_context
    port = free_port()
    config = uvicorn.Config(app, port=port, log_config=None, log_level="debug", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
BASIC = base64.b64encode(f"{SECRET}:{SECRET}".encode()).decode()
AS_USER = base64.b64encode(f"sk_test_{SECRET}:".encode()).decode()

# method, path, headers, body
PLANTED: list[tuple[str, str, dict[str, str], str]] = [
    ("GET", "/v1/customers", {"Authorization": f"Bearer {SECRET}"}, ""),
    ("GET", "/v1/customers", {"Authorization": f"Bearer sk_live_{SECRET}"}, ""),
    ("GET", "/v1/customers", {"Authorization": f"Basic {BASIC}"}, ""),
    ("GET", "/v1/customers", {"Authorization": f"Basic {AS_USER}"}, ""),
    ("GET", "/v1/customers", {"Authorization": f"{SECRET} {SECRET}"}, ""),
    ("GET", f"/v1/customers?email={SECRET}", {}, ""),
    ("GET", f"/v1/customers?{SECRET}=1", {}, ""),
    ("GET", f"/v1/customers?limit={SECRET}", {}, ""),
    ("GET", f"/v1/customers?starting_after={SECRET}", {}, ""),
    ("GET", f"/v1/customers?expand[]={SECRET}", {}, ""),
    ("GET", f"/v1/customers/{SECRET}", {}, ""),
    ("GET", f"/v1/{SECRET}", {}, ""),
    ("GET", f"/{SECRET}?{SECRET}#{SECRET}", {}, ""),
    ("DELETE", f"/v1/customers/{SECRET}", {}, ""),
    ("PATCH", f"/v1/customers/{SECRET}", {}, SECRET),
    (
        "GET",
        "/v1/customers",
        {"Stripe-Version": SECRET, "Cookie": SECRET, "User-Agent": SECRET},
        "",
    ),
    ("GET", "/v1/customers", {f"X-{SECRET}": SECRET, "Stripe-Account": SECRET}, ""),
    ("POST", "/v1/customers", {"Idempotency-Key": SECRET, **FORM}, f"name={SECRET}"),
    ("POST", "/v1/customers", {"Idempotency-Key": SECRET, **FORM}, f"name=other{SECRET}"),
    ("POST", "/v1/customers", {"Idempotency-Key": SECRET * 20, **FORM}, ""),
    ("POST", "/v1/customers", FORM, f"{SECRET}={SECRET}"),
    ("POST", "/v1/customers", FORM, f"metadata[{SECRET}]={SECRET}&%{SECRET}"),
    ("POST", "/v1/customers", JSON, json.dumps({"name": SECRET})),
    ("POST", "/v1/customers", {"Content-Type": SECRET}, SECRET),
    ("POST", "/v1/webhook_endpoints", FORM, f"url=https://{SECRET}@x/&enabled_events[]={SECRET}"),
    ("POST", "/v1/billing/meter_events", FORM, f"event_name={SECRET}&payload[{SECRET}]={SECRET}"),
    ("POST", "/v2/billing/meter_events", JSON, json.dumps({"event_name": SECRET, "payload": {}})),
    ("POST", "/v2/billing/meter_events", JSON, '{"event_name": "' + SECRET),
    ("POST", "/v2/billing/meter_events/bulk", {"Content-Encoding": "gzip"}, SECRET),
    ("POST", "/v2/billing/meter_events/bulk", {}, SECRET),
    ("POST", "/v2/billing/meter_event_stream", {"Authorization": f"Bearer mes_tok_{SECRET}"}, "{}"),
    ("GET", f"/v1/customers/failing/{SECRET}?name={SECRET}", {}, ""),
    ("POST", f"/v1/customers/failing/{SECRET}", FORM, f"name={SECRET}"),
    ("POST", f"/v1/customers/failing/{SECRET}", {"Idempotency-Key": f"new {SECRET}"}, ""),
    ("POST", f"/v1/meter_events/failing/{SECRET}", FORM, f"metadata[{SECRET}]={SECRET}"),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("level", ["errors", "all"])
def test_a_secret_reaches_no_line_of_the_log(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    level: LogLevel,
    form: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    set_up_logging(form)
    failures = 0
    with serving(tmp_path, level) as port:
        for method, path, headers, body in PLANTED:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            key = {"Authorization": f"Bearer {API_KEY}"}
            connection.request(method, path, body.encode(), {**key, **headers})
            failures += connection.getresponse().status == 500
            connection.close()
        raw(port, f"{SECRET} /v1/customers HTTP/1.1\r\nHost: {SECRET}\r\n\r\n")
        raw(port, f"GET /v1/customers HTTP/1.1\r\n{SECRET}\r\n\r\n")
    assert failures == 4
    told = capsys.readouterr().err
    assert told.count("request_failed") == 4
    assert "ValueError" in told
    assert "test_request_log.py" in told, "the traceback is still there"
    for text in (told, caplog.text):
        for secret in (SECRET, SECRET[-4:], quote(SECRET), ENCODED, BASIC, API_KEY, API_KEY[8:]):
            assert secret not in text


def raw(port: int, text: str) -> None:
    """What no client would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(text.encode())
        connection.recv(65_536)


# --- exceptions ---------------------------------------------------------------------------------


def test_an_outline_names_causes_and_groups_but_quotes_none() -> None:
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise ExceptionGroup(SECRET, [error, KeyError(SECRET)]) from error
    except ExceptionGroup as group:
        shown = outline(group)
    assert SECRET not in shown
    assert shown.count("ValueError") == 2
    assert "KeyError" in shown
    assert "int(SECRET)" in shown


def test_what_libraries_log_is_outlined_too() -> None:
    script = (
        "import logging; from tripmeter.logs import set_up_logging; set_up_logging('text')\n"
        "try: int('hunter' + '2')\n"
        "except ValueError: logging.getLogger('uvicorn.error').exception('it failed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert "it failed" in done.stderr
    assert "ValueError" in done.stderr
    assert "hunter2" not in done.stderr
