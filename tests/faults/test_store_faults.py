"""The store says no: locked, full, taken, unwritable. Refused loudly (C10), nothing by halves."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import apsw
import msgspec
import pytest

from faults.calls import BULK, Answer, Api, event_form, until_delivered
from support.forking import Fork
from support.inbox import FINE, Behaviour, Decide, Delivery, open_inbox
from support.server import (
    PATIENCE_S,
    Server,
    assert_doctor_finds_nothing,
    locked,
    run,
    running_server,
)


def assert_unavailable(answer: Answer) -> None:
    """503 in Stripe's shape, with the advice to come again."""
    assert answer.status == 503, answer
    assert answer.error["type"] == "api_error"
    assert answer.error["message"].startswith("The change could not be stored: ")
    assert answer.error["message"].endswith(" Nothing of it was kept. Try again.")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["stripe-should-retry"] == "true"


# --- locked --------------------------------------------------------------------------------------


async def test_a_locked_database_refuses_with_503_and_counts_nothing_by_halves(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server:
        async with Api(server.url) as api:
            meter = await api.meter("api_calls")
            await api.customers("acme")
            alert = await api.alert(meter, 10)
            await api.report("api_calls", "acme", 9, "before")
            with locked(server.data):
                refused = await asyncio.gather(
                    api.report("api_calls", "acme", 1, "during"),
                    api.report("api_calls", "acme", 1, "during_with_key", key="key"),
                    api.call("POST", "/v1/customers", {"id": "birch"}),
                    bulk(api, "acme", ["bulk_1", "bulk_2"]),
                )
                for answer in refused:
                    assert_unavailable(answer)
                assert (await api.call("GET", "/v1/customers/birch")).status == 404
                assert await api.used(meter, "acme") == 9, "reading goes on"
            assert not await api.firings(alert, "acme")
            assert (await api.report("api_calls", "acme", 1, "during")).status == 200
            (firing,) = await api.firings(alert, "acme")
            assert (firing["value"], firing["meter_event_identifier"]) == ("10", "during")
            assert (await bulk(api, "acme", ["bulk_1", "bulk_2"])).json["counted"] == 2
            assert await api.used(meter, "acme") == 12
            await api.customers("birch")
        server.stop()
        assert_doctor_finds_nothing(server.data)


async def bulk(api: Api, customer: str, identifiers: list[str]) -> Answer:
    """Report one unit for each identifier."""
    lines = [json.dumps(event_form("api_calls", customer, 1, name)) for name in identifiers]
    return await api.call("POST", BULK, content="\n".join(lines).encode())


async def test_c5_a_delivery_whose_outcome_could_not_be_stored_is_not_forgotten(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server, open_inbox() as inbox:
        async with Api(server.url) as api:
            await api.endpoint(inbox.url, "customer.created")
            other = apsw.Connection(str(server.data / "tripmeter.db"))
            inbox.decide = lock_first(other)
            await api.customers("acme")
            while "delivery_not_recorded" not in server.log:
                await asyncio.sleep(0.05)
            other.execute("ROLLBACK")
            other.close()
            (event,) = await api.every("/v1/events", type="customer.created")
            await asyncio.to_thread(inbox.wait_for_number, 2)
            await until_delivered(api, event["id"])
            assert inbox.times() == {event["id"]: 2}, "twice is the price of not forgetting it"
            assert len(await api.every(f"/v1/events/{event['id']}/delivery_attempts")) == 1


def lock_first(other: apsw.Connection) -> Decide:
    """Take the lock before the first answer, so that the attempt cannot be recorded."""

    other.set_busy_timeout(PATIENCE_S * 1000)
    came: list[Delivery] = []

    def decide(delivery: Delivery) -> Behaviour:
        if not came:
            other.execute("BEGIN IMMEDIATE")
        came.append(delivery)
        return FINE

    return decide


# --- full ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_c1_a_full_disk_refuses_with_503_and_goes_on_when_there_is_space_again(
    tmp_path: Path, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    with running_server(tmp_path, data=small_disk / "data") as server:
        async with Api(server.url) as api:
            meter = await prepare(api)
            ballast.write_bytes(bytes(free_bytes(small_disk) - 200_000))
            acknowledged = await report_until_unavailable(api)
            assert acknowledged > 0
            ballast.unlink()
            acknowledged += await report_more(api, acknowledged)
            await assert_whole(api, meter, acknowledged)
        server.kill()
        server.restart()
        async with Api(server.url) as api:
            await assert_whole(api, meter, acknowledged)
        server.stop()
        assert_doctor_finds_nothing(server.data)


async def test_an_identifier_folder_that_is_full_stops_nothing(
    tmp_path: Path, small_disk: Path
) -> None:
    """It derives from the log: what cannot be written there stays in memory."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "identifiers").symlink_to(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(free_bytes(small_disk) - 40_000))
    with running_server(tmp_path, fork=Fork(table_size=16)) as server:
        async with Api(server.url) as api:
            meter = await prepare(api)
            for n in range(400):
                assert (await api.report("api_calls", "acme", 1, f"evt_{n}")).status == 200
            assert "identifiers_not_written" in server.log
            for n in range(0, 400, 10):
                assert (await api.report("api_calls", "acme", 1, f"evt_{n}")).status == 400
            ballast.unlink()
            await report_more(api, 400)
            await assert_whole(api, meter, 450)
        server.kill()
        server.restart()
        async with Api(server.url) as api:
            for n in range(0, 450, 10):
                assert (await api.report("api_calls", "acme", 1, f"evt_{n}")).status == 400
            await assert_whole(api, meter, 450)
        server.stop()
        assert_doctor_finds_nothing(server.data)


def free_bytes(folder: Path) -> int:
    """How much can still be written there."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_bsize


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
async def test_c1_a_file_that_cannot_grow_refuses_with_503_and_goes_on_after_a_restart(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server:
        async with Api(server.url) as api:
            meter = await prepare(api)
            wal = server.data / "tripmeter.db-wal"
            server.limit_files(wal.stat().st_size + 100_000)
            acknowledged = await report_until_unavailable(api)
            assert acknowledged > 0
            assert await api.used(meter, "acme") == acknowledged
        server.kill()
        server.restart()
        async with Api(server.url) as api:
            await assert_whole(api, meter, acknowledged)
            acknowledged += await report_more(api, acknowledged)
            await assert_whole(api, meter, acknowledged)
        server.stop()
        assert_doctor_finds_nothing(server.data)


async def prepare(api: Api) -> str:
    """A meter, a customer, and alerts that are crossed all along."""
    meter = await api.meter("api_calls")
    await api.customers("acme")
    for step in range(1, 26):
        await api.alert(meter, step * 20)
    return meter


async def report_until_unavailable(api: Api) -> int:
    """Report one unit at a time until the server cannot store any more; how many it took.

    Every refused report is sent again in the end, by `report_more`.
    """
    for taken in range(20_000):
        answer = await api.report("api_calls", "acme", 1, f"evt_{taken}")
        if answer.status != 200:
            assert_unavailable(answer)
            return taken
    raise AssertionError("the disk was never full")


async def report_more(api: Api, taken: int) -> int:
    """Report 50 more, beginning with the one that was refused; how many."""
    for n in range(taken, taken + 50):
        answer = await api.report("api_calls", "acme", 1, f"evt_{n}")
        assert answer.status == 200, answer
    return 50


async def assert_whole(api: Api, meter: str, acknowledged: int) -> None:
    """What was acknowledged counts, and every line it crossed has fired once, at its value."""
    assert await api.used(meter, "acme") == acknowledged
    for alert in await api.every("/v1/billing/alerts"):
        gte = alert["usage_threshold"]["gte"]
        firings = await api.firings(alert["id"], "acme")
        expected = [Decimal(gte)] if gte <= acknowledged else []
        assert [Decimal(firing["value"]) for firing in firings] == expected


# --- tampered with -------------------------------------------------------------------------------

TAMPERINGS = [
    ("total", "UPDATE tallies SET body = with_other_totals(body)"),
    ("total", "DELETE FROM tallies"),
    ("hour", "DELETE FROM hours"),
    ("firing", "DELETE FROM firings WHERE no = (SELECT min(no) FROM firings)"),
    ("firing", "DELETE FROM usage_log WHERE first = 1"),
    (
        "counted twice",
        "INSERT INTO usage_log SELECT (SELECT max(first + size) FROM usage_log), size, "
        "received_ms, body FROM usage_log WHERE first = 1",
    ),
]
"""What doctor must name, and what was done to the store."""


def with_other_totals(body: bytes) -> bytes:
    """The tallies of a block, each with the lower limb of its total changed."""
    customers, columns, special = msgspec.msgpack.decode(body)
    columns[3] = (7).to_bytes(8, "little")
    return msgspec.msgpack.encode([customers, columns, special])


async def test_c8_doctor_finds_what_was_tampered_with(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        async with Api(server.url) as api:
            await prepare(api)
            await api.report("api_calls", "acme", 20, "first")
            await api.report("api_calls", "acme", 80, "second")
        server.stop()
        assert_doctor_finds_nothing(server.data)
        for at, (what, statement) in enumerate(TAMPERINGS):
            folder = tmp_path / str(at)
            shutil.copytree(server.data, folder)
            with contextlib.closing(apsw.Connection(str(folder / "tripmeter.db"))) as store:
                store.create_scalar_function("with_other_totals", with_other_totals)  # type: ignore[arg-type]
                store.execute(statement)
            ended = run("doctor", "--data", str(folder))
            assert ended.code == 1, statement
            assert f" {what} " in ended.out, statement


# --- not to be had -------------------------------------------------------------------------------


@pytest.fixture
async def occupied(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that runs."""
    with running_server(tmp_path) as server:
        yield server


async def test_a_second_engine_on_the_same_data_is_refused(occupied: Server) -> None:
    ended = run("serve", "--data", str(occupied.data), "--port", "0")
    assert ended.code == 1
    assert ended.err.startswith("tripmeter: Another engine has this store open")
    assert "Traceback" not in ended.err
    async with Api(occupied.url) as api:
        await api.customers("still_alive")


async def test_a_taken_port_is_refused(occupied: Server, tmp_path: Path) -> None:
    data = tmp_path / "other"
    ended = run("serve", "--data", str(data), "--port", str(occupied.port))
    assert ended.code == 1
    message = (
        f"tripmeter: Cannot listen on 127.0.0.1:{occupied.port}: the port is taken, or the address "
        "is not one of this machine. Choose others with --port and --host.\n"
    )
    assert ended.err.endswith(message)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("key", ["secret", "pk_test_0123456789", "sk_test_short"])
def test_an_odd_api_key_is_refused(tmp_path: Path, key: str) -> None:
    ended = run("serve", "--data", str(tmp_path / "data"), changes={"TRIPMETER_API_KEY": key})
    assert ended.code == 1
    assert "An API key begins with sk_test_ or sk_live_" in ended.err
    assert "Traceback" not in ended.err
    assert key not in ended.err


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    assert_folder_refused(tmp_path / "data")


def test_a_data_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert_folder_refused(tmp_path / "file" / "data")


def test_a_data_folder_that_is_read_only_is_refused(tmp_path: Path, small_disk: Path) -> None:
    (small_disk / "data").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert_folder_refused(small_disk / "data")
    assert_folder_refused(small_disk / "new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    assert_folder_refused(tmp_path / "data")


def assert_folder_refused(data: Path) -> None:
    """`serve` must say that the folder is of no use, and end."""
    ended = run("serve", "--data", str(data), "--port", "0")
    assert ended.code == 1
    assert ended.err.startswith("tripmeter: ")
    assert "Choose a folder that can be written with --data DIR." in ended.err
    assert "Traceback" not in ended.err
