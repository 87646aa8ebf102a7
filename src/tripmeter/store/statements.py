"""Reads the named statements of a dialect, and those that all kinds of objects have in common.

`queries.sql` of a dialect has one statement under each name; `paged` ones stand for two, one for
each direction. `objects.sql` has kinds of objects, in a dialect that every engine understands: each
stands for the statements that `records.DocumentRecords` runs.
"""

import re
from collections.abc import Iterator
from importlib import resources
from typing import Final

from tripmeter.store.kinds import NARROWING

_HEADER: Final = re.compile(r"^-- name: (\w+)( paged)?$", re.MULTILINE)

_OBJECTS: Final = re.compile(r"^-- objects: (\w+) (\w+) \(([\w, ]*)\)$", re.MULTILINE)

_CREATED: Final = "".join(
    f"  AND (CAST(:created_{name} AS bigint) IS NULL OR created_ms {sign} :created_{name})\n"
    for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
)
"""In place of `{created}`: bounds of the time of creation."""


def load_statements(package: str) -> dict[str, str]:
    """The statements of the dialect in `package`, by name."""
    return {**dict(_named(_text(package, "queries.sql"))), **dict(_objects())}


def _text(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text("utf-8")


def _named(text: str) -> Iterator[tuple[str, str]]:
    parts = _HEADER.split(text)[1:]
    for name, paged, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if paged:
            yield from _both_directions(name, body.strip())
        else:
            yield name, body.strip()


def _objects() -> Iterator[tuple[str, str]]:
    """What records of a kind need: to insert, replace, remove, find by id or number, and page."""
    parts = _OBJECTS.split(_text("tripmeter.store", "objects.sql"))[1:]
    groups = zip(parts[::4], parts[1::4], parts[2::4], parts[3::4], strict=True)
    for name, table, listed, filters in groups:
        columns = [column for column in re.split(r", *", listed) if column]
        all_columns = ("id", "account", "livemode", "created_ms", *columns, "doc")
        values = ", ".join(f":{column}" for column in all_columns)
        changed = ", ".join(f"{column} = :{column}" for column in (*columns, "doc"))
        scope = "account = :account AND livemode = :livemode"
        yield (
            f"insert_{name}",
            f"INSERT INTO {table} ({', '.join(all_columns)}) VALUES ({values}) RETURNING no",
        )
        yield f"replace_{name}", f"UPDATE {table} SET {changed} WHERE no = :no"
        yield f"remove_{name}", f"DELETE FROM {table} WHERE no = :no"
        yield f"find_{name}", f"SELECT no, doc FROM {table} WHERE {scope} AND id = :id"
        yield f"numbered_{name}", f"SELECT doc FROM {table} WHERE no = :no"
        own = filters.replace("{created}\n", _CREATED).strip()
        page = f"SELECT no, doc FROM {table} WHERE {scope} {own}"
        page += " AND {cursor} ORDER BY {order} LIMIT :limit"
        yield from _both_directions(f"page_{name}", page)
        for column in NARROWING.get(name, ()):
            optional = f"(CAST(:{column} AS text) IS NULL OR {column} = :{column})"
            narrow = page.replace(optional, f"{column} = :{column}")
            yield from _both_directions(f"page_{name}_by_{column}", narrow)


def _both_directions(name: str, statement: str) -> Iterator[tuple[str, str]]:
    forward = statement.replace("{cursor}", "no < :cursor").replace("{order}", "no DESC")
    backward = statement.replace("{cursor}", "no > :cursor").replace("{order}", "no ASC")
    yield f"{name}_forward", forward
    yield f"{name}_backward", backward


def load_migrations(package: str) -> list[tuple[str, str]]:
    """(name, SQL) of the numbered migrations in `package`, in order."""
    files = (resources.files(package) / "migrations").iterdir()
    return sorted((f.name, f.read_text("utf-8")) for f in files if f.name.endswith(".sql"))
