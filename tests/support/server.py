"""A whole server as a process of its own: started, asked, stopped, killed and started again.

with running_server(tmp_path) as server:
    stripe.StripeClient(server.api_key, base_addresses={"api": server.url})
    server.kill()
    server.restart()
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

API_KEY = "sk_test_server_0123456789abcdef"
READY_WITHIN_S = 30
STOPPED_WITHIN_S = 30


class Server:
    """`tripmeter serve` on a free port, with its data in `folder`, where it also logs."""

    def __init__(
        self,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.api_key = API_KEY
        self.port = free_port()
        self._arguments = arguments
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens; the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said, over all of its lives."""
        path = self.folder / "server.log"
        return path.read_text() if path.exists() else ""

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def client(self) -> httpx2.Client:
        """A plain HTTP client with the key."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        # verify=False: plain HTTP, and reading the certificates takes 50 ms
        return httpx2.Client(
            base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False
        )

    def start(self) -> None:
        """Start the process, and wait until it is ready."""
        assert not self.running, "it runs already"
        command = [sys.executable, "-m", "tripmeter", "serve"]
        command += ["--data", str(self.folder / "data"), "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._full_environment(),
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Ask it to stop; it must do so in peace."""
        process = self._process
        assert process is not None, "it was never started"
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOPPED_WITHIN_S) == 0, self.log

    def kill(self) -> None:
        """Take it away in the middle of whatever it does."""
        assert self._process is not None, "it was never started"
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Start it on the same data and port, after a stop if it still runs."""
        if self.running:
            self.stop()
        self.start()

    def _full_environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TRIPMETER_")}
        own = {"TRIPMETER_API_KEY": self.api_key, "TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": "1"}
        return {**clean, **own, **self._environment}

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        with self.client() as client:
            while time.monotonic() < deadline:
                assert self.running, f"it ended at once:\n{self.log}"
                try:
                    if client.get("/readyz").status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                time.sleep(0.02)
        self.kill()
        raise AssertionError(f"not ready within {READY_WITHIN_S} s:\n{self.log}")


@contextmanager
def running_server(
    folder: Path,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server for the length of a block, which at its end must stop with exit status 0."""
    server = Server(folder, arguments=arguments, environment=environment)
    server.start()
    try:
        yield server
    except BaseException:
        if server.running:
            server.kill()
        raise
    if server.running:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
