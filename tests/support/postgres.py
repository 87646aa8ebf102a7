"""A real PostgreSQL for tests: one cluster per process, one database per test.

With TRIPMETER_TEST_DATABASE=postgresql://user:password@host/name an existing server is used instead
of `support.cluster`, on which that user may create databases; what needs the server to be stopped
is skipped then.
"""

import atexit
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from support.cluster import Cluster
from tripmeter.store.postgres import PostgresStore

GIVEN: Final = os.environ.get("TRIPMETER_TEST_DATABASE")
TEMPLATE: Final = f"tripmeter_template_{os.getpid()}"

_numbers = count(1)


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
