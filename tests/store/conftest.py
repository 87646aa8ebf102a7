"""The stores that the contract holds for. Another backend is one more entry of `BACKENDS`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import psycopg
import pytest

from support import postgres as server
from tripmeter.ports import Session, Store
from tripmeter.store.postgres import PostgresStore
from tripmeter.store.sqlite import SqliteStore


@dataclass(frozen=True)
class Backend:
    """One storage engine, as the contract suite needs it."""

    open: Callable[[], Store]
    """Opens the same database each time, not yet migrated."""
    conflict: type[Exception]
    """What it raises where something that must be unique exists already."""
    locked: Callable[[], AbstractContextManager[None]]
    """While inside, another process holds the database so that no transaction can begin."""


@contextmanager
def sqlite(folder: Path) -> Iterator[Backend]:
    """The embedded store, on a file."""
    path = folder / "tripmeter.db"

    @contextmanager
    def locked() -> Iterator[None]:
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()

    yield Backend(lambda: SqliteStore(path), apsw.ConstraintError, locked)


@contextmanager
def postgres(_: Path) -> Iterator[Backend]:
    """PostgreSQL, in an empty database."""
    with server.database(migrated=False) as url:

        @contextmanager
        def locked() -> Iterator[None]:
            with closing(PostgresStore(url)) as other, other.transaction():
                yield

        yield Backend(lambda: PostgresStore(url), psycopg.IntegrityError, locked)


BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Backend]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Each storage engine, empty."""
    with BACKENDS[request.param](tmp_path) as backend:
        yield backend


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    """An empty store, migrated."""
    opened = backend.open()
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    """Its writing session, inside one transaction that is committed after the test."""
    with store.transaction():
        yield store.writer()


@pytest.fixture
def conflict(backend: Backend) -> type[Exception]:
    """What the store raises where something that must be unique exists already."""
    return backend.conflict
