"""`tripmeter` on PostgreSQL as an operator runs it: killed, restarted under load, started twice."""

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from faults.calls import FIRED, Api
from faults.load import EVENT_NAME, Load, Request, draw_requests, totals
from support.postgres import cluster, database, database_url, execute, own_cluster
from support.server import (
    Ended,
    Environment,
    Server,
    assert_doctor_finds_nothing,
    run,
    running_server,
)
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline import log
from tripmeter.settings import Settings, read_settings
from tripmeter.store.postgres import PostgresStore

CUSTOMERS: Final = ["acme", "birch", "cedar"]
REQUESTS: Final = 600
WORKERS: Final = 8
ALERTS: Final = 20

pytestmark = pytest.mark.xdist_group("postgres_engine")


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database: the engine migrates it."""
    with database(migrated=False) as url:
        yield url


def on(url: str) -> Environment:
    """The environment of an engine on this database."""
    return {"TRIPMETER_DATABASE": url}


# --- under load ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acknowledged_is_lost_when_the_server_or_the_engine_dies(
    tmp_path: Path, url: str, seed: int
) -> None:
    """C1, C2, C3, C5 and C8, while PostgreSQL is restarted or crashes, and engines are killed."""
    own_cluster()
    rng = random.Random(seed)
    requests = draw_requests(rng, CUSTOMERS, REQUESTS)
    with running_server(tmp_path, environment=on(url)) as server:
        starts = asyncio.run(campaign(server, rng, requests))
        server.stop()
    assert starts > 5
    assert_doctor_finds_nothing(tmp_path, url)
    check_log(url, requests)


async def campaign(server: Server, rng: random.Random, requests: list[Request]) -> int:
    """Report everything while things die, then look at what the API tells."""
    async with Api(server.url) as api:
        meter = await api.meter(EVENT_NAME)
        await api.customers(*CUSTOMERS)
        lowest = min(totals(requests).values())
        lines = [int(lowest * step / ALERTS) for step in range(1, ALERTS + 1)]
        alerts = {await api.alert(meter, gte): gte for gte in lines}
        load = Load(api, rng, requests)
        workers = [asyncio.create_task(load.work()) for _ in range(WORKERS)]
        disasters = 0
        while not all(worker.done() for worker in workers):
            load.release(80)
            await asyncio.sleep(0.2 + rng.random() * 0.3)
            await asyncio.to_thread(strike, server, rng.choice(("fast", "crash", "kill")))
            disasters += 1
        await asyncio.gather(*workers)
        await check_answers(api, meter, alerts, requests)
        return disasters


def strike(server: Server, what: str) -> None:
    """The server stops in order, or crashes; or the engine is killed."""
    if what == "kill":
        server.kill()
        server.restart()
    else:
        cluster().restart(signal.SIGINT if what == "fast" else signal.SIGQUIT)


async def check_answers(
    api: Api, meter: str, alerts: dict[str, int], requests: list[Request]
) -> None:
    """Every event counted once; every alert fired once for everybody, and has its one event."""
    sums = totals(requests)
    assert {c: await api.used(meter, c) for c in CUSTOMERS} == sums
    events = await api.every("/v1/events", type=FIRED)
    told = [
        (event["data"]["object"]["alert"]["id"], event["data"]["object"]["customer"])
        for event in events
    ]
    expected = {(id_, c) for id_, gte in alerts.items() for c in CUSTOMERS if sums[c] >= gte}
    assert Counter(told) == Counter(expected)


def check_log(url: str, requests: list[Request]) -> None:
    """The log holds what was reported, and no identifier twice."""
    with closing(PostgresStore(url)) as store, store.reader() as session:
        events = [
            item
            for row in session.usage.rows_after(0)
            for _, item, _ in log.items(row)
            if isinstance(item, UsageEvent)
        ]
    uses = [use for request in requests for use in request.uses]
    assert len(events) == len({event.identifier for event in events}) == len(uses)
    assert Decimal(sum(event.quantity for event in events)) / SCALE == sum(
        use.value for use in uses
    )


async def test_an_engine_says_503_while_the_server_is_down_and_recovers_by_itself(
    tmp_path: Path, url: str
) -> None:
    own_cluster()
    with running_server(tmp_path, environment=on(url)) as server:
        async with Api(server.url) as api:
            meter = await api.meter(EVENT_NAME)
            await api.customers("acme")
            await api.report(EVENT_NAME, "acme", 1, "before")
            await asyncio.to_thread(cluster().stop, signal.SIGQUIT)
            try:
                for n in range(3):
                    refused = await api.report(EVENT_NAME, "acme", 1, f"during_{n}")
                    assert refused.status == 503, refused
                    assert refused.headers["stripe-should-retry"] == "true"
                assert (await api.call("GET", "/v1/customers/acme")).status == 503
            finally:
                await asyncio.to_thread(cluster().start)
            assert (await api.report(EVENT_NAME, "acme", 1, "during_0")).status == 200
            assert await api.used(meter, "acme") == 2
        server.stop()


# --- commands ------------------------------------------------------------------------------------


def test_commands_work_beside_an_engine(tmp_path: Path, url: str) -> None:
    with running_server(tmp_path, environment=on(url)) as server:
        assert "nothing to do" in run("migrate", "--database", url).out
        created = run("keys", "create", "second", "--database", url)
        id_, secret = created.out.split()
        assert secret.startswith("sk_test_")
        assert "second" in run("keys", "list", "--database", url).out
        assert run("keys", "revoke", id_, "--database", url).out == f"revoked {id_}\n"
        assert run("doctor", "--database", url).code == 0
        server.stop()


def test_migrate_makes_the_schema_once(url: str) -> None:
    topics = ["first", "billing", "alerts", "dashboard", "actions", "access"]
    names = [f"{number:04}_{topic}.sql" for number, topic in enumerate(topics, 1)]
    assert run("migrate", "--database", url).out.split() == names
    assert "nothing to do" in run("migrate", "--database", url).out


def test_a_second_engine_is_refused(tmp_path: Path, url: str) -> None:
    with running_server(tmp_path, environment=on(url)):
        other = str(tmp_path / "other")
        ended = run("serve", "--data", other, "--port", "0", "--database", url)
    assert ended.code == 1
    assert ended.err.startswith("tripmeter: Another engine has this store open (lock of session ")
    assert "Traceback" not in ended.err


def test_odd_ids_are_not_found_and_break_nothing(tmp_path: Path, url: str) -> None:
    """A NUL, which no text of PostgreSQL can hold; a number that no column can hold."""

    async def ask(server: Server) -> None:
        async with Api(server.url) as api:
            for path in ("/v1/customers/a%00b", "/v1/events/%00", "/v1/customers/%F0%9F%98%80"):
                assert (await api.call("GET", path)).status == 404, path
            after = await api.call("GET", "/v1/customers", {"starting_after": "\0"})
            assert after.status == 400, after
            late = await api.call("GET", "/v1/customers", {"created": {"gt": 2**53 - 1}})
            assert late.status in (200, 400), late

    with running_server(tmp_path, environment=on(url)) as server:
        asyncio.run(ask(server))


# --- what is said when it cannot be used ---------------------------------------------------------

PASSWORD: Final = "s3cr3t"


@pytest.fixture
def guarded(url: str) -> Iterator[str]:
    """The database's URL, for a user with a password, on a server that asks for it."""
    name = url.rpartition("/")[2]
    execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
    execute(f"GRANT CREATE ON DATABASE {name} TO guarded")
    own_cluster().trust("scram-sha-256")
    try:
        yield url.replace("postgres@", f"guarded:{PASSWORD}@")
    finally:
        own_cluster().trust("trust")
        execute("DROP OWNED BY guarded CASCADE", url)
        execute("DROP ROLE guarded")


def assert_no_secret(ended: Ended) -> None:
    assert ended.code == 1
    assert ended.err.startswith("tripmeter: ")
    assert "Traceback" not in ended.err
    assert PASSWORD not in ended.out + ended.err


def test_a_password_works_and_is_shown_nowhere(tmp_path: Path, guarded: str) -> None:
    with running_server(tmp_path, environment=on(guarded)) as server:
        assert f"  store    {guarded.replace(f':{PASSWORD}', '')}\n" in server.log
        server.stop()
        assert PASSWORD not in server.log


def test_a_wrong_password_is_named_but_not_shown(guarded: str) -> None:
    wrong = guarded.replace(PASSWORD, f"x{PASSWORD}")
    ended = run("migrate", "--database", wrong)
    assert_no_secret(ended)
    assert 'password authentication failed for user "guarded"' in ended.err


def test_an_unknown_database_is_named(url: str) -> None:
    ended = run("serve", "--port", "0", "--database", database_url("no_such_database", url))
    assert_no_secret(ended)
    assert 'database "no_such_database" does not exist' in ended.err


def test_a_server_that_does_not_answer_is_named() -> None:
    ended = run("migrate", "--database", f"postgresql://u:{PASSWORD}@127.0.0.1:1/x")
    assert_no_secret(ended)
    assert "Connection refused" in ended.err


@pytest.mark.parametrize(
    "broken",
    [
        f"postgresql://u:a@{PASSWORD}@host/x",
        f"postgresql://u:{PASSWORD}/b@host/x",
        f"postgresql://u:{PASSWORD}@host:port/x",
        f"postgresql://u:%zz{PASSWORD}@host/x",
        f"postgresql://u:{PASSWORD}@host/x?nonsense=1",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(broken: str) -> None:
    ended = run("migrate", "--database", broken)
    assert_no_secret(ended)
    assert "The database URL cannot be read." in ended.err


def test_another_kind_of_database_is_refused() -> None:
    ended = run("migrate", "--database", f"mysql://u:{PASSWORD}@host/x")
    assert_no_secret(ended)
    assert "must begin with sqlite:/// or postgresql://" in ended.err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:s3cr3t@h:1/x", "postgresql://u@h:1/x"),
        ("postgresql://u:s3cr3t@s3cr3t:s3cr3t@h/x", "postgresql://u@h/x"),
        ("postgresql://u:s3/cr3t@h/x", "postgresql://u@h/x"),
        ("postgresql://h/x?user=u&password=s3cr3t", "postgresql://h/x"),
        ("postgresql://u:s3cr3t@a:1,b:2/x?target_session_attrs=any", "postgresql://u@a:1,b:2/x"),
        ("postgresql:///x", "postgresql:///x"),
        ("postgres://u@h:1/x", "postgres://u@h:1/x"),
    ],
)
def test_settings_show_where_the_data_are_and_no_password(url: str, shown: str) -> None:
    settings = read_settings({}, database=url, api_key="sk_test_s3cr3t")
    assert settings.store_name == shown
    assert "cr3t" not in repr(settings) + settings.store_name
    assert settings.store_path.parent == Settings.data


def test_logs_hold_no_password(tmp_path: Path, guarded: str) -> None:
    """Not even those of an engine that loses its database."""
    environment = {**on(guarded), "TRIPMETER_LOG": "json"}
    with running_server(tmp_path, environment=environment) as server:

        async def report() -> None:
            async with Api(server.url) as api:
                await api.customers("known")  # and now the key is, too
                await asyncio.to_thread(cluster().stop)
                assert (await api.call("POST", "/v1/customers", {"id": "a"})).status == 503
                await asyncio.to_thread(cluster().start)
                await api.customers("a")

        asyncio.run(report())
        server.stop()
        lines = [line for line in server.log.splitlines() if line.startswith("{")]
        logged = {json.loads(line)["event"] for line in lines}
        assert logged >= {"store_unavailable", "postgres_connected_again"}
        assert PASSWORD not in server.log
