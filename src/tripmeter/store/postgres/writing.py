"""The one connection that writes: its transactions, its locks, and how it comes back.

Two advisory locks of the database keep order. An engine holds `ENGINE` for as long as its session
lasts. Every transaction takes `WRITER`, as every command beside an engine does: writers come one
after the other, and what is numbered first is visible first.

An engine that lost its connection may have lost its lock with it. It takes the lock again before
anything else. The `epoch` tells whether another engine wrote meanwhile; if so, the next transaction
is refused, once, and whoever keeps a memory of the store reads it again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import psycopg
import structlog

from tripmeter.model.errors import StoreUnavailable
from tripmeter.ports import AlreadyRunning
from tripmeter.store.postgres.connecting import (
    Link,
    brief,
    connect,
    gone,
    shown,
    temporary,
    unavailable,
)

T = TypeVar("T")

SPACE: Final = 0x74726970
"""Our advisory locks among those of others: "trip"."""

ENGINE: Final = f"{SPACE}, 1"
WRITER: Final = f"{SPACE}, 2"

BEGIN: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED;"
    f"SELECT pg_advisory_xact_lock({WRITER});"
    "SELECT pg_current_xact_id()::text"
)

PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Between attempts to learn what became of a transaction whose connection was lost."""

_BOOKKEEPING: Final = """
    CREATE SCHEMA IF NOT EXISTS tripmeter;
    CREATE TABLE IF NOT EXISTS tripmeter.migrations (
        number integer PRIMARY KEY,
        name   text NOT NULL,
        ran_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE IF NOT EXISTS tripmeter.engine (
        one   boolean PRIMARY KEY DEFAULT true CHECK (one),
        epoch bigint NOT NULL
    );
    INSERT INTO tripmeter.engine (epoch) VALUES (0) ON CONFLICT DO NOTHING
"""

_HOLDER: Final = f"""
    SELECT l.pid, coalesce(host(a.client_addr), 'this machine'), current_database()
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
      AND l.classid = {SPACE} AND l.objid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

log = structlog.get_logger()


class Writing:
    """Owns the writing connection. Used by one thread."""

    def __init__(self, conninfo: str) -> None:
        """Connect. Raises StoreUnusable, or StoreUnavailable if nobody answers."""
        self._conninfo = conninfo
        self._inside = False
        self._epoch: int | None = None
        self._overtaken = False
        self._link: Link | None = None
        with unavailable_at_first():
            self._link = connect(conninfo, writing=True)

    # the lock of the engine

    def claim(self) -> None:
        """Hold the database for this engine alone. Raises AlreadyRunning."""
        link = self._connected()
        try:
            link.execute(f"SELECT pg_advisory_lock({ENGINE})")
        except psycopg.errors.LockNotAvailable as error:
            raise AlreadyRunning(self._holder(link)) from error
        with self.transaction():
            self.keep_books()
            self._epoch = _next_epoch(link)
        if shown(link, "fsync") != "on":
            log.warning("postgres_fsync_off", meaning="a crash of its machine may lose usage")

    def keep_books(self) -> None:
        """Make the schema and what the store itself keeps in it. Call inside a transaction."""
        self.use(lambda link: link.execute(_BOOKKEEPING, prepare=False))

    def _holder(self, link: Link) -> str:
        row = link.execute(_HOLDER).fetchone()
        if row is None:
            return "of a session that has just ended"
        pid, address, database = row
        return f"of session {pid} from {address} in database {database}"

    # transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable once left. Raises StoreUnavailable, with nothing kept."""
        link, number = self._begin()
        self._inside = True
        try:
            yield
            self._commit(link, number)
        except BaseException as error:
            self._roll_back(link)
            if isinstance(error, psycopg.Error) and temporary(error):
                raise StoreUnavailable(brief(error)) from error
            raise
        finally:
            self._inside = False

    def _begin(self, *, again: bool = False) -> tuple[Link, str]:
        """Begin; once more if an idle connection was lost, and nothing else."""
        link = self._connected()
        if self._overtaken:
            self._overtaken = False
            raise StoreUnavailable("another engine has written to the database meanwhile")
        with unavailable():
            try:
                return link, _begun(link)
            except psycopg.Error as error:
                self._roll_back(link)
                if again or not (link.closed or gone(error)):
                    raise
                link.close()
        return self._begin(again=True)

    def _commit(self, link: Link, number: str) -> None:
        try:
            tag = link.execute("COMMIT", prepare=False).statusmessage
        except psycopg.OperationalError as error:
            if link.closed and self._was_committed(number):
                return
            raise StoreUnavailable(brief(error)) from error
        if tag != "COMMIT":
            raise RuntimeError("a statement failed in this transaction: nothing of it is kept")

    def _was_committed(self, number: str) -> bool:
        """Whether a transaction is durable whose connection was lost at the last moment."""
        for pause in PAUSES_S:
            time.sleep(pause)
            with suppress(psycopg.OperationalError, StoreUnavailable):
                status = _status(self._conninfo, number)
                if status in ("committed", "aborted"):
                    return bool(status == "committed")
        log.error("transaction_in_doubt", xid=number)
        return False

    def _roll_back(self, link: Link) -> None:
        try:
            if link.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                link.rollback()
        except psycopg.Error:
            link.close()
        if link.closed:
            self._link = None

    # the connection

    def use(self, act: Callable[[Link], T]) -> T:
        """Do something with the connection; again with a new one if it was idle and lost."""
        with unavailable():
            link = self._connected()
            try:
                return act(link)
            except psycopg.Error as error:
                if not (link.closed or gone(error)):
                    raise
                link.close()
                if self._inside:
                    raise
                return act(self._connected())

    def _connected(self) -> Link:
        """The connection; a new one, if it was lost while nothing was under way."""
        if self._link is not None and (self._inside or not self._link.closed):
            return self._link
        if self._inside:
            raise StoreUnavailable("the connection to PostgreSQL was lost")
        with unavailable():
            link = connect(self._conninfo, writing=True)
            try:
                self._take_again(link)
            except BaseException:
                link.close()
                raise
        self._link = link
        return link

    def _take_again(self, link: Link) -> None:
        """The lock and the epoch of an engine, on its new connection."""
        if self._epoch is None:
            return
        try:
            link.execute(f"SELECT pg_advisory_lock({ENGINE})")
        except psycopg.errors.LockNotAvailable as error:
            raise StoreUnavailable(
                f"another engine holds the database (lock {self._holder(link)})"
            ) from error
        row = link.execute("SELECT epoch FROM engine").fetchone()
        if row is None or row[0] != self._epoch:
            self._overtaken = True
            self._epoch = _next_epoch(link)
        log.warning("postgres_connected_again", overtaken=self._overtaken)

    def close(self) -> None:
        """Close the connection, and with it let go of the locks."""
        if self._link is not None:
            self._link.close()


@contextmanager
def unavailable_at_first() -> Iterator[None]:
    """As `unavailable`, where StoreUnusable is for the person who starts the engine."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreUnavailable(brief(error)) from error


def _begun(link: Link) -> str:
    """Begin, take the writer's lock, and give the transaction's number."""
    cursor = link.execute(BEGIN, prepare=False)
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def _next_epoch(link: Link) -> int:
    row = link.execute("UPDATE engine SET epoch = epoch + 1 RETURNING epoch").fetchone()
    assert row is not None
    return int(row[0])


def _status(conninfo: str, number: str) -> Any:
    """What the server says of a transaction, on a connection of its own."""
    with unavailable(), connect(conninfo, writing=False) as link:
        row = link.execute("SELECT pg_xact_status(%s::text::xid8)", [number]).fetchone()
        return row[0] if row else None
