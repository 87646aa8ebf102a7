"""`python -m tripmeter serve` as a process, for as long as a block lasts."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 15


@dataclass(frozen=True)
class Server:
    """A running engine: where it is, who may ask, and where its data are."""

    url: str
    api_key: str
    data: Path


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """An engine on a free port, with its data and its log in `folder`."""
    port = _free_port()
    server = Server(f"http://127.0.0.1:{port}", "sk_test_conformance", folder / "data")
    environment = {
        **os.environ,
        "TRIPMETER_API_KEY": server.api_key,
        "TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": "1",
    }
    command = [sys.executable, "-m", "tripmeter", "serve", "--port", str(port)]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [*command, "--data", str(server.data)], env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_ready(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/readyz"):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    raise AssertionError("the engine did not start")
