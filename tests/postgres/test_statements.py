"""The statements of both dialects: the same names, the same tables, and lists that use indexes."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import apsw
import pytest

from support.postgres import database, execute
from tripmeter.store import kinds
from tripmeter.store.postgres.connecting import connect
from tripmeter.store.postgres.statements import translated
from tripmeter.store.statements import load_migrations, load_statements

SQLITE: Final = load_statements("tripmeter.store.sqlite")
POSTGRES: Final = load_statements("tripmeter.store.postgres")

LISTS: Final = {
    "customer": ("customers", "id, created_ms, deleted", "'id' || n, n, false"),
    "meter": ("meters", "id, created_ms, event_name, status", "'id' || n, n, 'e' || n, 'active'"),
    "alert": (
        "alerts",
        "id, created_ms, alert_type, meter, status",
        "'id' || n, n, 'usage_threshold', 'mtr_' || n % 9, 'active'",
    ),
    "event": (
        "events",
        "id, created_ms, payload, type",
        "'id' || n, n, (ARRAY['snapshot', 'thin'])[1 + n % 2], 't' || n % 9",
    ),
    "key": ("keys", "id, created_ms, digest", "'id' || n, n, n::text::bytea"),
    "attempt": (
        "attempts",
        "id, created_ms, event, endpoint",
        "'id' || n, n, 'evt_' || n % 1000, 'we_' || n % 20",
    ),
}
"""Table, columns and values of the lists that may be long."""

ROWS: Final = 20_000


def test_both_dialects_have_the_same_statements() -> None:
    assert list(SQLITE) == list(POSTGRES)


@pytest.mark.parametrize("name", SQLITE)
def test_a_statement_takes_the_same_parameters_in_both(name: str) -> None:
    parameter = re.compile(r"(?<!:):(\w+)")
    assert set(parameter.findall(SQLITE[name])) == set(parameter.findall(POSTGRES[name]))


def test_both_dialects_have_the_same_tables_and_columns(migrated: str) -> None:
    """Through the catalogues of both engines, after all migrations."""
    embedded = apsw.Connection(":memory:")
    for _, script in load_migrations("tripmeter.store.sqlite"):
        embedded.execute(script)
    expected = set(
        embedded.execute(
            "SELECT m.name, c.name, c.'notnull' OR c.pk FROM sqlite_schema m, "
            "pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
        )
    )
    found = execute(
        "SELECT table_name, column_name, (is_nullable = 'NO')::int FROM information_schema.columns "
        "WHERE table_schema = 'tripmeter' AND table_name NOT IN ('migrations', 'engine')",
        migrated,
    )
    assert set(found) == expected


@pytest.fixture(scope="module")
def migrated() -> Iterator[str]:
    """A database with long lists in two scopes, one of them rare."""
    with database(migrated=True) as url:
        for table, columns, values in LISTS.values():
            execute(
                f"INSERT INTO tripmeter.{table} (account, livemode, doc, {columns}) SELECT "
                f"CASE WHEN n % 500 = 0 THEN 'rare' ELSE 'acct' END, false, 'x', {values} "
                f"FROM generate_series(1, {ROWS}) AS n",
                url,
            )
        execute("ANALYZE", url)
        yield url


def plan(url: str, name: str, params: dict[str, Any], seqscan: str = "on") -> str:
    """How a statement is carried out."""
    with closing(connect(url, writing=False)) as link:
        link.execute(f"SET enable_seqscan TO {seqscan}")
        query = "EXPLAIN " + translated(POSTGRES)[name]
        return "\n".join(row[0] for row in link.execute(query, params))


@pytest.mark.parametrize("name", POSTGRES)
def test_every_statement_is_understood(migrated: str, name: str) -> None:
    params = dict.fromkeys(re.findall(r"%\((\w+)\)s", translated(POSTGRES)[name]))
    assert plan(migrated, name, params)


@pytest.mark.parametrize("account", ["acct", "rare"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_page_reads_an_index_in_its_order(
    migrated: str, kind: str, direction: str, account: str
) -> None:
    """That of the scope; or that of all rows, where most of them are of the scope anyway."""
    filters = {**getattr(kinds, kind.upper()).filters, "cursor": ROWS // 2, "limit": 11}
    if kind == "event":
        filters["payload"] = "snapshot"
    scope = {"account": account, "livemode": False}
    shown = plan(migrated, f"page_{kind}_{direction}", {**scope, **filters})
    assert "Seq Scan" not in shown.replace("Seq Scan on deliveries", ""), shown
    assert "Sort" not in shown, shown
    expected = "_of_scope" if account == "rare" else "(_of_scope|_pkey)"
    assert re.search(rf"Index Scan .*using \w+{expected}", shown), shown


@pytest.mark.parametrize(
    ("name", "params", "index"),
    [
        ("find_customer", {"account": "acct", "livemode": False, "id": "id7"}, "customers_account"),
        ("page_attempt_forward", {"event": "evt_7"}, "attempts_of_event"),
        ("pending_count", {"event_no": 7}, "deliveries_"),
        ("due_deliveries", {"endpoint_no": 1, "now_ms": 5, "limit": 9}, "deliveries_pending"),
        ("log_row_holding", {"position": 7}, "usage_log_pkey"),
        ("is_cancelled", {"position": 7}, "cancelled_pkey"),
    ],
)
def test_what_is_looked_up_often_has_an_index(
    migrated: str, name: str, params: dict[str, Any], index: str
) -> None:
    if name.startswith("page_"):
        scope = {"account": "acct", "livemode": False, "cursor": 2**62, "limit": 11}
        params = {**dict.fromkeys(("event", "endpoint")), **scope, **params}
    shown = plan(migrated, name, params, seqscan="off")
    assert index in shown, shown


@pytest.mark.parametrize("kind", LISTS)
def test_a_page_of_the_embedded_store_reads_an_index_in_its_order(kind: str) -> None:
    with closing(apsw.Connection(":memory:")) as embedded:
        for _, script in load_migrations("tripmeter.store.sqlite"):
            embedded.execute(script)
        params = dict.fromkeys(re.findall(r":(\w+)", SQLITE[f"page_{kind}_forward"]), 1)
        plan = embedded.execute("EXPLAIN QUERY PLAN " + SQLITE[f"page_{kind}_forward"], params)
        shown = "\n".join(row[3] for row in plan)
    assert "TEMP B-TREE" not in shown, shown
    assert "of_scope" in shown, shown


NARROW: Final = [(kind, column) for kind, columns in kinds.NARROWING.items() for column in columns]


@pytest.mark.parametrize(("kind", "column"), NARROW)
def test_a_list_that_is_narrowed_reads_an_index_by_the_filter(kind: str, column: str) -> None:
    """In the embedded store, which plans a statement before it knows what is absent."""
    name = f"page_{kind}_by_{column}_forward"
    with closing(apsw.Connection(":memory:")) as embedded:
        for _, script in load_migrations("tripmeter.store.sqlite"):
            embedded.execute(script)
        params = dict.fromkeys(re.findall(r":(\w+)", SQLITE[name]), 1)
        first, *_ = (
            row[3] for row in embedded.execute(f"EXPLAIN QUERY PLAN {SQLITE[name]}", params)
        )
    assert re.search(rf"USING INDEX .*\b{column}=\?", first), first
