"""SQLite through apsw: WAL, synchronous=FULL, one writer, readers that never wait for it."""

from tripmeter.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
