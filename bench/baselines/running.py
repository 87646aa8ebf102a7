"""Starts the baselines that are servers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg

from baselines import batch
from bodies import CUSTOMER, IDENTIFIER, JSON, VALUE, Door, Single
from setting import Run, Setting, measure
from support.server import free_port

PATIENCE_S = 120
_RECORD = b'{"identifier":"%s","customer":"cus_%s","value":%s}' % (IDENTIFIER, CUSTOMER, VALUE)


def new_database(setting: Setting, name: str, schema: str = "") -> str:
    """The URL of a new database with a schema."""
    server = setting.cluster.url
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        link.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    url = server.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(url, autocommit=True) as link:
        if schema:
            link.execute(schema.encode())
    return url


class Naive:
    """N, running."""

    def __init__(self, setting: Setting, port: int, pid: int) -> None:
        self._setting = setting
        self._port = port
        self._pid = pid

    def run(self) -> Run:
        """One event a request, on 64 connections."""
        setting = self._setting
        source = Single(Door("/events", "", JSON), setting.events(), _RECORD)
        pids = (self._pid, setting.cluster.pid)
        run = measure(setting, self._port, pids, 64, source)
        if run.load.good != run.load.statuses.total():
            raise RuntimeError(f"N refused requests: {run.load.statuses}")
        return run


@contextmanager
def naive(setting: Setting) -> Iterator[Naive]:
    """N on a database of its own."""
    script = Path(__file__).with_name("naive.py")
    url, port = new_database(setting, "naive"), free_port()
    running = subprocess.Popen([sys.executable, str(script), url, str(port)])
    try:
        _wait(port, running)
        yield Naive(setting, port, running.pid)
    finally:
        running.terminate()
        running.wait()


def _wait(port: int, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and running.poll() is None:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/openapi.json", timeout=5)
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise RuntimeError("N did not start")


BATCHERS = 2 * (os.cpu_count() or 1)
"""Connections of P."""


def batches(setting: Setting, url: str, size: int) -> tuple[float, float]:
    """Events a second of P, and how much of one core its client took, in percent."""
    events = setting.events()
    rate, cpu_s, _ = setting.apart(
        batch.batch_statements,
        url,
        BATCHERS,
        setting.seconds,
        size,
        events.customers,
        events.seed,
    )
    return rate, 100 * cpu_s / setting.seconds
