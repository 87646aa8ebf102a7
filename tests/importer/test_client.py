"""What the importer's client does when an answer is late, lost or a refusal; and its clock rule."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.loopback import listening
from tripmeter.importer import client as client_module
from tripmeter.importer.client import Client, Refused
from tripmeter.importer.failures import BadRow, ImportFailed
from tripmeter.importer.times import MILLISECONDS_FROM, read_time, unix_ms

DROP = 0
ANSWER = b'{"counted": 1, "repeated": 0, "errors": []}'


class Script:
    """A server that answers as told: a status and headers each, or `DROP` for no answer."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.requests: list[tuple[float, str, bytes]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                script.requests.append((time.monotonic(), self.headers["Idempotency-Key"], body))
                status, headers = script.answers.pop(0)
                if status == DROP:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(ANSWER))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(ANSWER)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def script() -> Iterator[Script]:
    """A running server without answers yet."""
    script = Script()
    with listening(script.server):
        yield script


def test_the_same_body_is_sent_until_an_answer_comes(script: Script) -> None:
    script.answers = [(503, {"Retry-After": "1"}), (DROP, {}), (500, {}), (200, {})]
    with Client(script.url, "sk_test_1") as client:
        assert client.send([b"{}", b"{}"])["counted"] == 1
    assert len({(key, body) for _, key, body in script.requests}) == 1
    moments = [moment for moment, _, _ in script.requests]
    assert len(moments) == 4
    assert moments[1] - moments[0] >= 1
    assert moments[2] - moments[1] >= client_module.FIRST_WAIT_S * 2


def test_what_repeating_cannot_change_is_not_repeated(script: Script) -> None:
    script.answers = [(400, {})]
    with Client(script.url, "sk_test_1") as client, pytest.raises(Refused):
        client.send([b"{}"])


def test_it_gives_up_in_the_end(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ATTEMPTS", 3)
    monkeypatch.setattr(client_module, "FIRST_WAIT_S", 0.01)
    script.answers = [(503, {})] * 3
    with (
        Client(script.url, "sk_test_1") as client,
        pytest.raises(ImportFailed, match="does not answer any more: 503"),
    ):
        client.send([b"{}"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01 00:00:01", 1_000),
        ("1970-01-01T01:00:01.9999999+01:00", 1_999),
        ("1970-01-01t00:00:01z", 1_000),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.1239", 1_700_000_000_123),
        ("1700000000123", 1_700_000_000_123),
        (str(MILLISECONDS_FROM), MILLISECONDS_FROM * 1000),
        (str(MILLISECONDS_FROM + 1), MILLISECONDS_FROM + 1),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert unix_ms(read_time(text)) == expected


@pytest.mark.parametrize("text", ["", "now", "2023-11-16", "16.11.2023 10:00:00", "-1", "1e9", "٣"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(BadRow, match="none of RFC 3339"):
        read_time(text)


def test_without_offset_it_is_utc() -> None:
    assert read_time("2023-11-16 10:00:00") == datetime(2023, 11, 16, 10, tzinfo=UTC)
