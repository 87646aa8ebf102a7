"""The PostgreSQL store when its server goes away, comes back, or was lent to somebody else."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
import structlog

from support import samples
from support.postgres import database, end_sessions, execute, own_cluster, sessions
from support.samples import TEST
from tripmeter.model.errors import StoreUnavailable
from tripmeter.ports import AlreadyRunning, Store
from tripmeter.store.postgres import PostgresStore
from tripmeter.store.postgres import writing as writing_module


@pytest.fixture
def url() -> Iterator[str]:
    """A migrated database."""
    with database(migrated=True) as url, structlog.testing.capture_logs():
        yield url


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    """An engine's store on it."""
    with closing(PostgresStore(url)) as store:
        store.claim()
        yield store


def put(store: Store, value: str) -> None:
    with store.transaction():
        store.writer().set_setting("name", value)


def read(store: Store) -> str | None:
    with store.reader() as session:
        return session.setting("name")


# --- the server goes away ------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "crash"])
def test_after_a_restart_the_next_transaction_and_the_next_reader_work(
    store: PostgresStore, how: signal.Signals
) -> None:
    put(store, "before")
    assert read(store) == "before"
    own_cluster().restart(how)
    put(store, "after")
    assert read(store) == store.writer().setting("name") == "after"


def test_after_a_restart_a_look_outside_of_transactions_works(store: PostgresStore) -> None:
    put(store, "before")
    own_cluster().restart()
    assert store.writer().setting("name") == "before"


def test_while_the_server_is_down_everything_is_unavailable_at_once(store: PostgresStore) -> None:
    put(store, "before")
    own_cluster().stop()
    try:
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                put(store, "never")
            with pytest.raises(StoreUnavailable):
                read(store)
            with pytest.raises(StoreUnavailable):
                store.writer().setting("name")
    finally:
        own_cluster().start()
    assert read(store) == "before"
    put(store, "after")
    assert read(store) == "after"


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "savepoint"])
def test_a_transaction_that_loses_its_session_is_unavailable_and_leaves_nothing(
    store: PostgresStore, url: str, nested: bool
) -> None:
    with pytest.raises(StoreUnavailable), store.transaction():
        store.writer().customers.insert(samples.customer())
        end_sessions(url)
        if nested:
            with store.writer().savepoint():
                store.writer().set_setting("name", "never")
        store.writer().set_setting("name", "never")
    put(store, "after")
    assert read(store) == "after"
    assert store.writer().customers.find(TEST, "cus_1") is None


def test_a_session_lost_before_the_commit_means_that_nothing_was_kept(
    store: PostgresStore, url: str
) -> None:
    with pytest.raises(StoreUnavailable), store.transaction():
        store.writer().set_setting("name", "never")
        end_sessions(url)
    assert read(store) is None


def test_a_commit_whose_answer_is_lost_is_found_out(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_answer(monkeypatch, lambda link: link.execute("COMMIT"))
    put(store, "kept")
    monkeypatch.undo()
    assert read(store) == "kept"


def test_a_commit_that_never_arrived_is_found_out(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_answer(monkeypatch, lambda link: None)
    with pytest.raises(StoreUnavailable):
        put(store, "never")
    monkeypatch.undo()
    assert read(store) is None
    put(store, "after")


def lose_the_answer(
    monkeypatch: pytest.MonkeyPatch, first: Callable[[psycopg.Connection[Any]], Any]
) -> None:
    """The next COMMIT loses its connection, after `first` was done with it."""
    plain = psycopg.Connection.execute

    def execute_(link: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query != "COMMIT":
            return plain(link, query, *args, **kwargs)
        monkeypatch.setattr(psycopg.Connection, "execute", plain)
        first(link)
        link.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "execute", execute_)


def test_readers_of_a_lost_session_are_unavailable_and_the_next_one_works(
    store: PostgresStore, url: str
) -> None:
    put(store, "before")
    with pytest.raises(StoreUnavailable), store.reader() as session:
        assert session.setting("name") == "before"
        end_sessions(url)
        session.setting("name")
    assert read(store) == "before"


def test_many_readers_at_once_are_all_served(store: PostgresStore, url: str) -> None:
    put(store, "here")
    seen: list[str | None] = []
    threads = [threading.Thread(target=lambda: seen.append(read(store))) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["here"] * 60
    assert sessions(url) <= 21


# --- one engine ----------------------------------------------------------------------------------


def test_a_second_engine_is_told_who_has_the_database(store: PostgresStore, url: str) -> None:
    with closing(PostgresStore(url)) as second:
        with pytest.raises(AlreadyRunning, match=r"of session \d+ from .* in database tripmeter_"):
            second.claim()
        put(second, "commands beside an engine may write")
    assert read(store) == "commands beside an engine may write"


def test_an_engine_that_was_closed_makes_room(store: PostgresStore, url: str) -> None:
    store.close()
    with closing(PostgresStore(url)) as second:
        second.claim()


def test_engines_on_two_databases_do_not_meet(store: PostgresStore) -> None:
    with database(migrated=True) as other, closing(PostgresStore(other)) as second:
        second.claim()


def test_who_lost_the_lock_writes_nothing_while_another_engine_has_it(
    store: PostgresStore, url: str
) -> None:
    put(store, "first")
    with closing(taken_over(store, url)) as second:
        put(second, "second")
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="another engine holds the database"):
                put(store, "never")
        assert read(second) == "second"


def test_who_gets_the_lock_back_is_refused_once_so_that_memory_is_read_again(
    store: PostgresStore, url: str
) -> None:
    put(store, "first")
    with closing(taken_over(store, url)) as second:
        put(second, "second")
    with pytest.raises(StoreUnavailable, match="another engine has written"):
        put(store, "never")
    assert store.writer().setting("name") == "second"
    put(store, "third")
    assert read(store) == "third"


def taken_over(store: PostgresStore, url: str) -> PostgresStore:
    """Another engine, which has come while this one had no connection."""
    end_sessions(url)
    second = PostgresStore(url)
    second.claim()
    return second


# --- waiting, limits, durability -----------------------------------------------------------------


def test_a_statement_that_takes_too_long_is_unavailable(store: PostgresStore) -> None:
    with pytest.raises(StoreUnavailable, match="statement timeout"), store.transaction():
        store._writing.use(lambda link: link.execute("SET LOCAL statement_timeout TO 50"))
        store._writing.use(lambda link: link.execute("SELECT pg_sleep(5)"))
    put(store, "after")


def test_a_table_that_somebody_locked_is_unavailable_and_nothing_is_kept(
    store: PostgresStore, url: str
) -> None:
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE tripmeter.settings")
        with pytest.raises(StoreUnavailable, match="lock timeout"), store.transaction():
            store.writer().customers.insert(samples.customer())
            store.writer().set_setting("name", "never")
    assert store.writer().customers.find(TEST, "cus_1") is None
    put(store, "after")


def test_a_server_that_became_read_only_is_unavailable(store: PostgresStore, url: str) -> None:
    database_name = url.rpartition("/")[2]
    execute(f"ALTER DATABASE {database_name} SET default_transaction_read_only TO on")
    end_sessions(url)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="read-only"):
            put(store, "never")
    execute(f"ALTER DATABASE {database_name} RESET default_transaction_read_only")
    put(store, "after")
    assert read(store) == "after"


def test_a_failed_statement_without_a_savepoint_takes_the_transaction_with_it(
    store: PostgresStore,
) -> None:
    store_customer = samples.customer()
    with pytest.raises(RuntimeError, match="nothing of it is kept"), store.transaction():
        store.writer().customers.insert(store_customer)
        with pytest.raises(psycopg.IntegrityError):
            store.writer().customers.insert(store_customer)
    assert store.writer().customers.find(TEST, "cus_1") is None


def test_commits_wait_for_the_disk_whatever_the_database_is_set_to(url: str) -> None:
    execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit TO off")
    with closing(PostgresStore(url)) as store:
        shown = store._writing.use(lambda link: link.execute("SHOW synchronous_commit").fetchone())
        assert shown == ("on",)


def test_in_doubt_the_engine_says_no(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be asked: 503, and identifiers make another attempt count once."""
    monkeypatch.setattr(writing_module, "PAUSES_S", (0.0,))
    monkeypatch.setattr(writing_module, "_status", lambda *_: None)
    lose_the_answer(monkeypatch, lambda link: link.execute("COMMIT"))
    with pytest.raises(StoreUnavailable):
        put(store, "perhaps")
