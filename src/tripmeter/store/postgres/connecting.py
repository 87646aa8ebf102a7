"""Connections to PostgreSQL: how they are made, what is asserted of them, what errors mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8BinaryDumper

from tripmeter.model.errors import StoreUnavailable
from tripmeter.ports import StoreUnusable

Link = psycopg.Connection[tuple[Any, ...]]

OLDEST: Final = 150_000
"""The oldest server that serves: PostgreSQL 15."""

STATEMENTS_PREPARED: Final = 500
"""Prepared statements kept per connection: more than there are, so that none is prepared twice."""

_DEFAULTS: Final = {
    "application_name": "tripmeter",
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""What the URL may say otherwise: a peer that is gone is noticed within half a minute."""

_SETTINGS: Final = """
    SET search_path TO tripmeter;
    SET TimeZone TO 'UTC';
    SET lock_timeout TO 2000;
    SET statement_timeout TO 60000;
    SET tcp_keepalives_idle TO 10;
    SET tcp_keepalives_interval TO 5;
    SET tcp_keepalives_count TO 3
"""
"""Of every session. Times in ms, keepalives in s: the server, too, lets go of a peer that is gone,
and of the locks that it held."""

_WRITING: Final = "SET idle_in_transaction_session_timeout TO 60000"
_READING: Final = """
    SET idle_in_transaction_session_timeout TO 0;
    SET plan_cache_mode TO force_custom_plan
"""
"""`doctor` looks at one committed state for as long as it takes. Lists are planned for the scope
and the filters at hand: a plan for any of them walks through everybody's rows."""

_DURABLE: Final = frozenset({"on", "remote_apply"})

_UNUSABLE: Final = (
    psycopg.errors.InvalidPassword,
    psycopg.errors.InvalidAuthorizationSpecification,
    psycopg.errors.InvalidCatalogName,
    psycopg.errors.InsufficientPrivilege,
)

_REFUSED: Final = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry"
    r"|role \".*\" does not exist|database \".*\" does not exist|is not permitted to log in"
    r"|authentication failed|permission denied",
)
"""libpq gives no code for what a server says before the session has begun."""


def read_url(url: str) -> str:
    """The connection string of a database URL, with our defaults. Raises StoreUnusable.

    What cannot be read is not repeated: a part of the password may be where the host should be.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        given = {"host": "@"}
    ports = str(given.get("port") or "5432").split(",")
    if "@" in str(given.get("host") or "") or not all(port.isdecimal() for port in ports):
        raise StoreUnusable(
            "The database URL cannot be read. It looks like postgresql://user:password@host:5432/"
            "name, where special characters of the password are percent-encoded (%40 for @)."
        ) from None
    return psycopg.conninfo.make_conninfo("", **{**_DEFAULTS, **given})


def connect(conninfo: str, *, writing: bool) -> Link:
    """A connection of which is asserted what the store relies on.

    Raises StoreUnusable where another attempt cannot help, psycopg.OperationalError where it can.
    """
    try:
        link = psycopg.connect(conninfo, autocommit=True, prepare_threshold=1)
    except psycopg.OperationalError as error:
        if isinstance(error, _UNUSABLE) or _REFUSED.search(str(error)):
            raise StoreUnusable(f"PostgreSQL: {brief(error)}") from None
        raise
    try:
        _set_up(link, writing=writing)
    except BaseException:
        link.close()
        raise
    return link


def _set_up(link: Link, *, writing: bool) -> None:
    if link.info.server_version < OLDEST:
        version = link.info.server_version // 10_000
        raise StoreUnusable(f"PostgreSQL {version} is too old: {OLDEST // 10_000} or newer serves.")
    link.prepared_max = STATEMENTS_PREPARED
    link.adapters.register_dumper(int, Int8BinaryDumper)
    link.execute(f"{_SETTINGS}; {_WRITING if writing else _READING}", prepare=False)
    encoding = shown(link, "server_encoding")
    if encoding != "UTF8":
        raise StoreUnusable(f"The database is encoded in {encoding}; create one with UTF8.")
    if writing:
        _assert_durable(link)


def _assert_durable(link: Link) -> None:
    """C1: COMMIT must wait for the disk, whatever role and database are set to."""
    if shown(link, "synchronous_commit") not in _DURABLE:
        link.execute("SET synchronous_commit TO on")
    if shown(link, "synchronous_commit") not in _DURABLE:
        raise StoreUnusable("PostgreSQL does not let synchronous_commit be on: nothing is durable.")


def shown(link: Link, setting: str) -> str:
    """The value of a server setting."""
    row = link.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone()
    assert row is not None
    return str(row[0])


def gone(error: psycopg.Error) -> bool:
    """Whether an error says that the session is over, or is with a server that cannot write."""
    return isinstance(
        error,
        psycopg.errors.AdminShutdown
        | psycopg.errors.CrashShutdown
        | psycopg.errors.CannotConnectNow
        | psycopg.errors.ReadOnlySqlTransaction
        | psycopg.errors.IdleInTransactionSessionTimeout,
    )


def temporary(error: psycopg.Error) -> bool:
    """Whether an error is the server's state and not the statement's fault: 503, and come again."""
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        return False
    return gone(error) or isinstance(error, psycopg.OperationalError)


@contextmanager
def unavailable() -> Iterator[None]:
    """Turns what is not the statement's fault into StoreUnavailable."""
    try:
        yield
    except psycopg.Error as error:
        if not temporary(error):
            raise
        raise StoreUnavailable(brief(error)) from error
    except StoreUnusable as error:
        raise StoreUnavailable(str(error)) from error


def brief(error: psycopg.Error) -> str:
    """The first line of an error, without what surrounds it."""
    said = error.diag.message_primary or str(error)
    first, *rest = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason"]
    if first.startswith("connection failed: ") and "FATAL:" in first:
        first = first.partition("FATAL:")[2].strip()
    elif first.endswith("Multiple connection attempts failed. All failures were:") and rest:
        first = rest[-1]
    return first.removeprefix("connection failed: ").rstrip(".")
