"""A small reverse proxy on loopback that notes every exchange it passes on.

Clients that are not ours (SDKs in two languages, a command line) talk to `recorder.url` as if it
were the server, so that what the server said to them can be looked at afterwards, byte for byte.
Bodies need a Content-Length in both directions; that is all the known clients send.
"""

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from support.loopback import listening

HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
"""Headers that belong to one connection, and are written anew for the other."""

PATIENCE_S: Final = 30
"""How long a connection may stay silent."""


@dataclass(frozen=True)
class Exchange:
    """One request and what was answered to it."""

    method: str
    path: str
    """Without the query string."""
    query: str
    sent: bytes
    status: int
    headers: dict[str, str]
    """Of the answer; names in lower case."""
    body: bytes
    request_headers: dict[str, str] = field(default_factory=dict)


class Recorder:
    """Passes requests on to `target` and keeps the exchanges until they are taken."""

    def __init__(self, target: str, url: str) -> None:
        address = urlsplit(target)
        assert address.hostname is not None
        assert address.port is not None
        self.target = (address.hostname, address.port)
        self.url = url
        """Where clients find it."""
        self._exchanges: list[Exchange] = []

    def note(self, exchange: Exchange) -> None:
        """Keep one exchange."""
        self._exchanges.append(exchange)

    def take(self) -> list[Exchange]:
        """What was noted since the last call, in the order of the answers."""
        taken, self._exchanges = self._exchanges, []
        return taken


@contextmanager
def recording(target: str) -> Iterator[Recorder]:
    """A recorder in front of a server, for as long as the block lasts."""
    server = _Server(target)
    with listening(server):
        yield server.recorder


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recorder = Recorder(target, f"http://127.0.0.1:{self.server_port}")
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Hang up on clients that kept their connection open, too."""
        for connection in list(self._open):
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = PATIENCE_S
    server: _Server

    def do_GET(self) -> None:
        self._pass_on()

    do_POST = do_DELETE = do_PUT = do_PATCH = do_GET

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kept = {name: text for name, text in self.headers.items() if name.lower() not in HOP_BY_HOP}
        if body or self.command == "POST":
            kept["Content-Length"] = str(len(body))
        host, port = self.server.recorder.target
        with closing(http.client.HTTPConnection(host, port, timeout=PATIENCE_S)) as upstream:
            upstream.request(self.command, self.path, body, kept)
            response = upstream.getresponse()
            answer = response.read()
        self._note(body, response, answer)
        self._reply(response, answer)

    def _note(self, sent: bytes, response: http.client.HTTPResponse, answer: bytes) -> None:
        address = urlsplit(self.path)
        self.server.recorder.note(
            Exchange(
                method=self.command,
                path=address.path,
                query=address.query,
                sent=sent,
                status=response.status,
                headers={name.lower(): text for name, text in response.getheaders()},
                body=answer,
                request_headers={name.lower(): text for name, text in self.headers.items()},
            )
        )

    def _reply(self, response: http.client.HTTPResponse, answer: bytes) -> None:
        self.send_response_only(response.status, response.reason)
        for name, text in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing goes to the terminal."""
