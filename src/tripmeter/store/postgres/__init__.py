"""PostgreSQL through psycopg: one writing connection under a lock, readers on snapshots."""

from tripmeter.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
