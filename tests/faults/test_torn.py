"""A disk that lied: the end of the write-ahead log is missing, zeroed or garbled after a SIGKILL.

What was cut off cannot be kept, acknowledged or not. What is left must be a beginning of the log in
which everything agrees: totals, firings with their events, identifiers. Files of identifiers derive
from the log, so theirs may be cut short, or be ahead of a log that was.

TRIPMETER_TEARS sets how many ways to tear it, and TRIPMETER_SEED which.
"""

import asyncio
import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from faults.calls import BULK, Api, event_form
from support.forking import Fork
from support.server import Server, assert_doctor_finds_nothing, running_server
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline import log
from tripmeter.store.sqlite import SqliteStore

TEARS: Final = int(os.environ.get("TRIPMETER_TEARS", "24"))
SEED: Final = int(os.environ.get("TRIPMETER_SEED", "1"))

WAL: Final = "tripmeter.db-wal"
WAL_BYTES: Final = 2_000_000
"""No more, so that nothing of it is in the database yet: SQLite moves it at 4 MB."""

STEP: Final = 40
TABLE_SIZE: Final = 16

pytestmark = pytest.mark.timeout(120 + 5 * TEARS)


class Killed(NamedTuple):
    """What lies on the disk after a SIGKILL under load."""

    data: Path
    identifiers: list[str]
    """Of every event, in the order of the log; each counts 1."""
    alerts: dict[str, int]
    """Thresholds by id."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """One customer's usage across many lines, and an end in the middle of it."""
    folder = tmp_path_factory.mktemp("torn")
    with running_server(folder, fork=Fork(TABLE_SIZE)) as server:
        alerts = asyncio.run(prepare(server))
        server.restart()  # so that the log begins anew, with usage alone
        asyncio.run(report_until(server, WAL_BYTES))
        server.kill()
    assert (server.data / WAL).stat().st_size < 2 * WAL_BYTES
    spare = folder / "spare"
    shutil.copytree(server.data, spare)
    return Killed(server.data, read_identifiers(spare), alerts)


async def prepare(server: Server) -> dict[str, int]:
    """A meter, a customer, and as many alerts as there may be."""
    async with Api(server.url) as api:
        meter = await api.meter("api_calls")
        await api.customers("acme")
        return {await api.alert(meter, n * STEP): n * STEP for n in range(1, 26)}


async def report_until(server: Server, wal_bytes: int) -> None:
    """Report with several clients until the write-ahead log is long enough."""

    async def client(number: int) -> None:
        at = 0
        while (server.data / WAL).stat().st_size < wal_bytes:
            await api.report("api_calls", "acme", 1, f"evt_{number}_{at}")
            at += 1

    async with Api(server.url) as api:
        await asyncio.gather(*(client(number) for number in range(4)))


def read_identifiers(data: Path) -> list[str]:
    """Of every event in the log, in order."""
    with closing(SqliteStore(data / "tripmeter.db")) as store, store.reader() as session:
        entries = [entry for row in session.usage.rows_after(0) for entry in log.items(row)]
    assert [position for position, *_ in entries] == list(range(1, len(entries) + 1))
    return [item.identifier for _, item, _ in entries if isinstance(item, UsageEvent)]


# --- ways to tear --------------------------------------------------------------------------------


def cut(path: Path, rng: random.Random) -> None:
    """The end is missing, from any byte on."""
    os.truncate(path, rng.randrange(path.stat().st_size))


def zeroed(path: Path, rng: random.Random) -> None:
    """The end is there, and nothing was ever written into it."""
    size = path.stat().st_size
    cut(path, rng)
    os.truncate(path, size)


def garbled(path: Path, rng: random.Random) -> None:
    """Some bytes near the end are others."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 20)):
        at = len(content) - 1 - int(rng.random() ** 3 * len(content))
        content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


TEARINGS: Final[list[Callable[[Path, random.Random], None]]] = [cut, zeroed, garbled]


def cut_runs(folder: Path, rng: random.Random) -> None:
    """Some files of identifiers are cut short, or are not there."""
    for path in folder.rglob("*.run"):
        if rng.random() < 0.3:
            cut(path, rng)
        elif rng.random() < 0.1:
            path.unlink()


# --- what must be so afterwards ------------------------------------------------------------------


@pytest.mark.parametrize("number", range(TEARS))
def test_what_is_left_is_a_beginning_in_which_everything_agrees(
    killed: Killed, tmp_path: Path, number: int
) -> None:
    rng = random.Random(f"{SEED} {number}")
    data = tmp_path / "data"
    shutil.copytree(killed.data, data, ignore=shutil.ignore_patterns("*-shm"))
    TEARINGS[number % len(TEARINGS)](data / WAL, rng)
    if rng.random() < 0.5:
        cut_runs(data / "identifiers", rng)
    with running_server(tmp_path, data=data, fork=Fork(TABLE_SIZE)) as server:
        left = read_identifiers(data)
        assert left == killed.identifiers[: len(left)]
        assert_doctor_finds_nothing(data)
        asyncio.run(check_and_report_again(server, killed, left))
        server.kill()
        assert_doctor_finds_nothing(data)


async def check_and_report_again(server: Server, killed: Killed, left: list[str]) -> None:
    """Each line that what is left has crossed has fired; what is reported again counts if it is
    lost, and not if it is left."""
    async with Api(server.url) as api:
        await check_firings(api, killed, left)
        lines = [json.dumps(event_form("api_calls", "acme", 1, n)) for n in killed.identifiers]
        answer = await api.call("POST", BULK, content="\n".join(lines).encode())
        assert answer.json["counted"] == len(killed.identifiers) - len(left), answer
        assert answer.json["repeated"] == len(left), answer
        await check_firings(api, killed, killed.identifiers)


async def check_firings(api: Api, killed: Killed, counted: list[str]) -> None:
    """Every alert that these events cross has fired once, on the very event, and no other has."""
    for alert, gte in killed.alerts.items():
        firings = [
            (f["meter_event_identifier"], f["value"]) for f in await api.firings(alert, "acme")
        ]
        assert firings == ([(counted[gte - 1], str(gte))] if gte <= len(counted) else [])


def test_the_log_was_torn_in_places_that_matter(killed: Killed) -> None:
    """Otherwise nothing was shown: some hundred commits, across some lines, in several files."""
    assert len(killed.identifiers) > 3 * STEP
    assert len(list(killed.data.rglob("*.run"))) >= 2
