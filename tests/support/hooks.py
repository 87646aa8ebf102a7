"""A chat service on loopback: keeps what is posted to each path, and answers as it is told to."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

import msgspec

from support.loopback import listening

PATIENCE_S: Final = 30


class Posted(NamedTuple):
    """One message as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What it says."""
        return msgspec.json.decode(self.body)


class Hooks:
    """What has come. `statuses` has the answers to the next posts to a path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: dict[str, list[int]] = {}
        self.hanging: set[str] = set()
        self.released = threading.Event()
        self._arrival = threading.Condition()
        self._posted: list[Posted] = []

    def of(self, path: str) -> list[Posted]:
        """What has come to a path."""
        with self._arrival:
            return [one for one in self._posted if one.path == path]

    def put(self, posted: Posted) -> int:
        """Take one in; the status to answer with."""
        with self._arrival:
            self._posted.append(posted)
            self._arrival.notify_all()
            waiting = self.statuses.get(posted.path)
            return waiting.pop(0) if waiting else 200

    def wait_for(self, path: str, number: int = 1) -> list[Posted]:
        """Wait until so many messages have come to a path."""
        deadline = time.monotonic() + PATIENCE_S
        with self._arrival:
            while len(found := [one for one in self._posted if one.path == path]) < number:
                left = deadline - time.monotonic()
                assert left > 0, f"{path}: {len(found)} came, not {number}"
                self._arrival.wait(left)
            return found


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hooks = Hooks(f"http://127.0.0.1:{self.server_port}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        hooks = self.server.hooks
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = hooks.put(Posted(self.path, dict(self.headers), body))
        if self.path in hooks.hanging:
            hooks.released.wait(PATIENCE_S)
            return
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing goes to the terminal."""


@contextmanager
def open_hooks() -> Iterator[Hooks]:
    """A chat service for as long as the block lasts."""
    server = _Server()
    with listening(server):
        try:
            yield server.hooks
        finally:
            server.hooks.released.set()
