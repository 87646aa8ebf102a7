"""P: PostgreSQL as well as it goes: one statement per batch dedupes, adds up and returns totals.

Spared: HTTP, decoding, decimals (its values are integers), hours, forgetting identifiers after a
day, a log that keeps payloads, and everything that follows a crossing; the limits are looked at by
the caller. Several connections work at the same time, each in a thread of one process.
"""

import threading
import time
from typing import Final

import numpy as np
import psycopg

SCHEMA: Final = """
CREATE TABLE events (
    identifier text PRIMARY KEY, customer int NOT NULL, value bigint NOT NULL,
    received timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE totals (customer int PRIMARY KEY, total bigint NOT NULL) WITH (fillfactor = 50);
"""

BATCH: Final = """
WITH fresh AS (
    INSERT INTO events (identifier, customer, value)
    SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[])
    ON CONFLICT DO NOTHING RETURNING customer, value
)
INSERT INTO totals
SELECT customer, sum(value) FROM fresh GROUP BY customer ORDER BY customer
ON CONFLICT (customer) DO UPDATE SET total = totals.total + excluded.total
RETURNING customer, total
"""
"""Totals are locked in the order of customers, so that two batches cannot wait for each other."""


def batch_statements(
    url: str, connections: int, seconds: float, size: int, customers: int, seed: int
) -> tuple[float, float, float]:
    """Events a second, the CPU seconds of this client, and events in all.

    The first fifth of the time, at most a second, does not count.
    """
    begin = time.monotonic()
    warm, end = begin + min(1.0, seconds / 5), begin + seconds
    done = [(0, 0)] * connections
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            done[number] = _work(url, warm, end, size, customers, seed * 1000 + number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
    began = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    counted, every = (sum(each) for each in zip(*done, strict=True))
    return counted / (end - warm), time.process_time() - began, every


def _work(
    url: str, warm: float, end: float, size: int, customers: int, seed: int
) -> tuple[int, int]:
    random = np.random.default_rng(seed)
    counted = every = 0
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as link:
        while time.monotonic() < end:
            text = random.bytes(16 * size).hex()
            identifiers = [text[at : at + 32] for at in range(0, 32 * size, 32)]
            who = random.integers(0, customers, size).tolist()
            values = random.integers(100, 1000, size).tolist()
            totals = link.execute(BATCH, (identifiers, who, values), binary=True).fetchall()
            if any(total >= 10**12 for _, total in totals):
                raise RuntimeError("a limit was reached that should not be")
            every += size
            counted += size if warm <= time.monotonic() < end else 0
    return counted, every
