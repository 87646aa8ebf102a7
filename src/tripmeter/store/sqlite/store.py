"""The SQLite store: connections, transactions, migrations."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import apsw

from tripmeter.failpoints import reach
from tripmeter.model.errors import StoreUnavailable
from tripmeter.ports import Session
from tripmeter.store.records import Row
from tripmeter.store.session import SqlSession
from tripmeter.store.statements import load_migrations, load_statements

BUSY_TIMEOUT_MS = 2_000
"""How long a transaction waits for another process before it is refused with 503."""

CACHE_KIB = 32 * 1024
"""Pages that the writer keeps: what a commit of many invoices changes fits in, and is not written
twice."""

WAL_PAGES = 4_096
"""The log is folded into the file when it is as long as this (16 MiB), not after every large
commit."""

_PACKAGE = "tripmeter.store.sqlite"

_UNAVAILABLE = (
    apsw.FullError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.NoMemError,
)


class SqliteStatements:
    """The named statements on one connection."""

    def __init__(self, connection: apsw.Connection, statements: Mapping[str, str]) -> None:
        self.connection = connection
        self._statements = statements
        self._depth = 0

    def rows(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """Run a statement and give its rows."""
        return self.connection.execute(self._statements[name], dict(params)).fetchall()

    def run(self, name: str, params: Mapping[str, Any]) -> None:
        """Run a statement that gives no rows."""
        self.connection.execute(self._statements[name], dict(params))

    def many(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that gives no rows, for each of many."""
        self.connection.executemany(self._statements[name], map(dict, rows))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside if it raises."""
        with self.connection:
            yield


class SqliteStore:
    """The embedded store: everything in one file and its write-ahead log."""

    def __init__(self, path: Path) -> None:
        """Open the file, made if need be. Raises OSError if it cannot be made or written."""
        self._path = path
        self._statements = load_statements(_PACKAGE)
        self._connections: list[apsw.Connection] = []
        self._lock = threading.Lock()
        self._idle: LifoQueue[SqliteStatements] = LifoQueue()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writing = self._open()
        self._writer = SqlSession(SqliteStatements(self._writing, self._statements))

    def _open(self) -> apsw.Connection:
        try:
            connection = self._connect()
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("cache_size", -CACHE_KIB)
            connection.pragma("wal_autocheckpoint", WAL_PAGES)
        except (apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise OSError(f"{self._path}: {error}") from error
        return connection

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("foreign_keys", True)
        with self._lock:
            self._connections.append(connection)
        return connection

    def claim(self) -> None:
        """Nothing to do: an engine locks the folder that the file is in."""

    def migrate(self) -> list[str]:
        """Bring the schema up to date; names of the migrations that ran. Forward only."""
        ran = []
        for number, (name, script) in enumerate(load_migrations(_PACKAGE), start=1):
            with self.transaction():
                if self._writing.pragma("user_version") < number:
                    self._writing.execute(script)
                    reach("migration.run")
                    self._writing.pragma("user_version", number)
                    ran.append(name)
                    reach("migration.noted")
            reach("migration.done")
        return ran

    def writer(self) -> Session:
        """The writing session. Used by one thread only."""
        return self._writer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing on the writer, durable once left (C1)."""
        try:
            self._writing.execute("BEGIN IMMEDIATE")
        except _UNAVAILABLE as error:
            raise StoreUnavailable(str(error)) from error
        try:
            yield
            self._writing.execute("COMMIT")
        except _UNAVAILABLE as error:
            self._roll_back()
            raise StoreUnavailable(str(error)) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._writing.in_transaction:
            self._writing.execute("ROLLBACK")

    @contextmanager
    def reader(self) -> Iterator[Session]:
        """A session on one committed state; safe in any thread while the context lasts."""
        try:
            statements = self._idle.get_nowait()
        except Empty:
            statements = self._new_reader()
        statements.connection.execute("BEGIN")
        try:
            yield SqlSession(statements)
        finally:
            statements.connection.execute("ROLLBACK")
            self._idle.put(statements)

    def _new_reader(self) -> SqliteStatements:
        connection = self._connect()
        connection.pragma("query_only", True)
        return SqliteStatements(connection, self._statements)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
