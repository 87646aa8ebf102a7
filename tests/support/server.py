"""A whole server as a process of its own: started, asked, starved, stopped, killed, started again.

with running_server(tmp_path) as server:
    stripe.StripeClient(server.api_key, base_addresses={"api": server.url})
    server.kill()
    server.restart()
    server.stop()
    assert_doctor_finds_nothing(server.data)

Runs `tripmeter` as an operator would, and talks to it only to see whether it is ready.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import apsw
import httpx2

from support.forking import Fork, Forked, run_forked

API_KEY: Final = "sk_test_server_0123456789abcdef"
PATIENCE_S: Final = 60

Environment = Mapping[str, str | None]
"""Changes of the environment; None takes a variable away."""


class Key(NamedTuple):
    """An API key and its id."""

    id: str
    secret: str


class Ended(NamedTuple):
    """A command that has come to its end."""

    code: int
    out: str
    err: str


class Server:
    """`tripmeter serve` at an address that stays the same; it logs into `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        data: Path | None = None,
        arguments: Sequence[str] = (),
        environment: Environment | None = None,
        fork: Fork | None = None,
    ) -> None:
        """With `fork` it starts as one, which is quick."""
        self.data = data or folder / "data"
        self.api_key = API_KEY
        self.port = free_port()
        self._log = folder / "server.log"
        self._arguments = arguments
        self._environment = dict(environment or {})
        self._fork = fork
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def url(self) -> str:
        """Where it listens; the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> str | None:
        """The URL of its database, if that is not in `data`."""
        return self._environment.get("TRIPMETER_DATABASE")

    @property
    def log(self) -> str:
        """All that it has said, over all of its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def peak_bytes(self) -> int:
        """The most memory that it has had since its start (Linux)."""
        assert self._process is not None, "it was not started"
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak) * 1024

    @property
    def running(self) -> bool:
        """Whether it should be there: started, and not ended by the test since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def client(self) -> httpx2.Client:
        """A plain HTTP client with the key."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        # verify=False: plain HTTP, and reading the certificates takes 50 ms
        return httpx2.Client(
            base_url=self.url, headers=headers, timeout=PATIENCE_S, trust_env=False, verify=False
        )

    def create_key(
        self, *, live: bool = False, account: str | None = None, allow: Sequence[str] = ()
    ) -> Key:
        """One more key, of the same account or another, made by the command line beside us.

        It is restricted to the permissions in `allow`, if there are any.
        """
        options = ["--live"] * live + ["--account", account or ""] * (account is not None)
        options += ["--restricted"] * bool(allow)
        options += [word for permission in allow for word in ("--allow", permission)]
        ended = run("keys", "create", "tests", *options, "--data", str(self.data))
        assert ended.code == 0, ended
        return Key(*ended.out.split())

    def spawn(self) -> None:
        """Start the process, and do not wait until it is ready."""
        assert not self.running, "it runs already"
        where = ["--data", str(self.data), "--port", str(self.port)]
        words = ("serve", *where, *self._arguments)
        if self._fork is not None:
            self._process = Forked(words, environment(self._environment), self._log, self._fork)
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command(*words),
                env=environment(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        """Start the process, and wait until it is ready."""
        self.spawn()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it takes requests; fails with its log if it ends instead."""
        assert self._process is not None, "it was not started"
        deadline = time.monotonic() + PATIENCE_S
        with self.client() as client:
            while not _is_ready(client):
                code = self._process.poll()
                assert code is None, f"it ended with {code}:\n{self.log}"
                assert time.monotonic() < deadline, f"it is not ready:\n{self.log}"
                time.sleep(0.02)

    def dies_at(self, failpoint: str | None) -> None:
        """From the next start on, it kills itself where it is told to: `name` or `name:n`."""
        self._environment["TRIPMETER_FAILPOINT"] = failpoint

    def ended(self) -> int | None:
        """The exit code, if it has ended by itself; None while it runs."""
        assert self._process is not None, "it was not started"
        return None if self._process.poll() is None else self.wait()

    def stop(self) -> None:
        """Ask it to stop; it must do so in peace, with exit code 0."""
        self.send(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"it ended with {code}:\n{self.log}"

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does; nothing if it was ended before."""
        if self.running:
            self.send(signal.SIGKILL)
            self.wait()

    def restart(self) -> None:
        """Start it on the same data and port, after a stop if it still runs."""
        if self.running:
            self.stop()
        self.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; `wait` tells what came of it."""
        assert self._process is not None, "it was not started"
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        assert self._process is not None, "it was not started"
        code = self._process.wait(PATIENCE_S)
        self._process = None
        return code

    def limit_files(self, size: int) -> None:
        """From now on no file of it can grow beyond `size` bytes, as on a full disk (Linux)."""
        assert self._process is not None, "it was not started"
        limits = (size, resource.RLIM_INFINITY)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def running_server(
    folder: Path,
    *,
    data: Path | None = None,
    arguments: Sequence[str] = (),
    environment: Environment | None = None,
    fork: Fork | None = None,
) -> Iterator[Server]:
    """A server for the length of a block, at whose end it must stop with exit code 0.

    Its data are in `folder` unless `data` names another place.
    """
    server = Server(folder, data=data, arguments=arguments, environment=environment, fork=fork)
    try:
        server.start()
        yield server
        if server.running:
            server.stop()
    finally:
        server.kill()


def command(*words: str) -> list[str]:
    """The command line of `tripmeter`."""
    return [sys.executable, "-m", "tripmeter", *words]


def environment(changes: Environment | None = None) -> dict[str, str]:
    """This process's environment with the tests' settings in the place of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRIPMETER_")}
    settings = {"TRIPMETER_API_KEY": API_KEY, "TRIPMETER_ALLOW_PRIVATE_WEBHOOKS": "1"}
    merged = {**inherited, **settings, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


def run(*words: str, changes: Environment | None = None, patience_s: float = PATIENCE_S) -> Ended:
    """Run a command of `tripmeter` to its end."""
    done = subprocess.run(
        command(*words),
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def assert_doctor_finds_nothing(data: Path, database: str | None = None) -> None:
    """`tripmeter doctor` must find what is stored to be what the log says (C8)."""
    words = ("doctor", "--data", str(data))
    code, said = run_forked(words, environment({"TRIPMETER_DATABASE": database}), PATIENCE_S)
    assert said.rstrip().endswith(": 0 differences"), said
    assert code == 0, said


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Another process of the machine holds the database's write lock."""
    other = apsw.Connection(str(data / "tripmeter.db"))
    other.set_busy_timeout(PATIENCE_S * 1000)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def free_port() -> int:
    """A port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/readyz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
