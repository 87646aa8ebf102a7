"""N: the service that a team writes itself, with FastAPI, SQLAlchemy and PostgreSQL.

One transaction per event: insert it (its identifier is unique), advance the customer's total, look
which limits that total has reached. What it is spared: the ORM (these are Core statements), form
decoding, keys, hours, webhooks, and forgetting identifiers after a day.

The process of its own that serves it is given a database URL and a port.
"""

import sys
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

SCHEMA = """
CREATE TABLE events (
    identifier text PRIMARY KEY, customer text NOT NULL, value bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE totals (customer text PRIMARY KEY, total bigint NOT NULL);
CREATE TABLE limits (id serial PRIMARY KEY, gte bigint NOT NULL);
CREATE TABLE firings (
    limit_id int REFERENCES limits, customer text, PRIMARY KEY (limit_id, customer)
);
INSERT INTO limits (gte) SELECT 1000000000000 + n FROM generate_series(1, 25) n;
"""

INSERT = text(
    "INSERT INTO events (identifier, customer, value) VALUES (:identifier, :customer, :value)"
)
ADVANCE = text(
    "INSERT INTO totals VALUES (:customer, :value) ON CONFLICT (customer) "
    "DO UPDATE SET total = totals.total + excluded.total RETURNING total"
)
REACHED = text("SELECT id FROM limits WHERE gte <= :total")
FIRE = text("INSERT INTO firings VALUES (:limit, :customer) ON CONFLICT DO NOTHING")

CONNECTIONS = 20


@dataclass
class Event:
    """The body of a request."""

    identifier: str
    customer: str
    value: int


def application(url: str) -> Any:
    """The service, on an empty database. The threads that FastAPI runs it in share a pool."""
    database = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"),
        pool_size=CONNECTIONS,
        max_overflow=0,
    )
    with database.begin() as link:
        link.exec_driver_sql(SCHEMA)

    def report(event: Event) -> dict[str, Any]:
        try:
            with database.begin() as link:
                link.execute(INSERT, vars(event))
                total = link.execute(ADVANCE, vars(event)).scalar_one()
                for reached in link.execute(REACHED, {"total": total}):
                    link.execute(FIRE, {"limit": reached.id, "customer": event.customer})
        except IntegrityError as error:
            raise HTTPException(409, "an event with this identifier was counted before") from error
        return {"identifier": event.identifier, "total": total}

    app = FastAPI()
    app.add_api_route("/events", report, methods=["POST"])
    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="error")
