"""The PostgreSQL store: migrations, the writing session, readers on one committed state."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tripmeter.failpoints import reach
from tripmeter.ports import Session
from tripmeter.store.postgres.connecting import Link, read_url
from tripmeter.store.postgres.reading import Readers
from tripmeter.store.postgres.statements import PostgresStatements, translated
from tripmeter.store.postgres.writing import Writing
from tripmeter.store.session import SqlSession
from tripmeter.store.statements import load_migrations, load_statements

PACKAGE: Final = "tripmeter.store.postgres"


class PostgresStore:
    """Everything in the schema `tripmeter` of one database."""

    def __init__(self, url: str) -> None:
        """Connect. Raises StoreUnusable, or StoreUnavailable if nobody answers."""
        conninfo = read_url(url)
        self._statements = translated(load_statements(PACKAGE))
        self._writing = Writing(conninfo)
        self._readers = Readers(conninfo)
        self._writer = SqlSession(PostgresStatements(self._writing, self._statements))

    def claim(self) -> None:
        """Keep other engines away until `close`. Raises AlreadyRunning."""
        self._writing.claim()

    def migrate(self) -> list[str]:
        """Bring the schema up to date; names of the migrations that ran. Forward only."""
        with self._writing.transaction():
            self._writing.keep_books()
            ran = self._writing.use(_migrate)
        reach("migration.done")
        return ran

    def writer(self) -> Session:
        """The writing session. Used by one thread only."""
        return self._writer

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing on the writer, durable once left (C1)."""
        return self._writing.transaction()

    @contextmanager
    def reader(self) -> Iterator[Session]:
        """A session on one committed state; safe in any thread while the context lasts."""
        with self._readers.one() as reader:
            yield SqlSession(PostgresStatements(reader, self._statements))

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        self._writing.close()


def _migrate(link: Link) -> list[str]:
    """Run what has not run yet. Inside the writer's transaction, and so one engine at a time."""
    link.execute("SET LOCAL statement_timeout TO 0")
    done = {row[0] for row in link.execute("SELECT number FROM migrations")}
    ran = []
    for number, (name, script) in enumerate(load_migrations(PACKAGE), start=1):
        if number not in done:
            link.execute(script, prepare=False)
            reach("migration.run")
            link.execute("INSERT INTO migrations (number, name) VALUES (%s, %s)", [number, name])
            ran.append(name)
            reach("migration.noted")
    return ran
