"""The service that a team writes itself: one transaction per event, on SQLite.

Insert the event (its identifier is unique), advance the total, compare it with the limits. The
same web server, the same durability (WAL, synchronous=FULL), a thread per request.
"""

import sqlite3
import sys
import threading
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SCHEMA = """
CREATE TABLE events (identifier TEXT PRIMARY KEY, customer TEXT, value INTEGER, at INTEGER);
CREATE TABLE totals (customer TEXT PRIMARY KEY, total INTEGER);
CREATE TABLE limits (customer TEXT, gte INTEGER, fired INTEGER);
"""

_local = threading.local()


def _connection(path: str) -> sqlite3.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        _local.connection.execute("PRAGMA synchronous = FULL")
    connection: sqlite3.Connection = _local.connection
    return connection


def report(path: str, customer: str, value: int, identifier: str) -> int:
    """Count one event and give the customer's new total."""
    connection = _connection(path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO events VALUES (?, ?, ?, unixepoch())", (identifier, customer, value)
    )
    upsert = (
        "INSERT INTO totals VALUES (?, ?) ON CONFLICT (customer) "
        "DO UPDATE SET total = total + excluded.total RETURNING total"
    )
    total = int(connection.execute(upsert, (customer, value)).fetchone()[0])
    connection.execute(
        "UPDATE limits SET fired = 1 WHERE customer = ? AND gte <= ? AND fired = 0",
        (customer, total),
    )
    connection.execute("COMMIT")
    return total


def application(path: str) -> Starlette:
    """The service on a new database."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(SCHEMA)
    connection.close()

    async def endpoint(request: Request) -> JSONResponse:
        form = parse_qs((await request.body()).decode())
        customer = form["payload[stripe_customer_id]"][0]
        value, identifier = int(form["payload[value]"][0]), form["identifier"][0]
        total = await run_in_threadpool(report, path, customer, value, identifier)
        return JSONResponse({"identifier": identifier, "total": total})

    return Starlette(routes=[Route("/v1/billing/meter_events", endpoint, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="error")
