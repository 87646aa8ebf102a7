"""Objects as JSON documents beside indexed columns: one class for every kind and every engine."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from tripmeter.model.errors import ResourceMissing
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept, Page, Slice
from tripmeter.store.kinds import NARROWING, Kind

T = TypeVar("T")
Row = tuple[Any, ...]

_END = 2**62
"""A number beyond all that are given out."""

_PAGE = 100
"""Rows read at a time where all are wanted."""


class Statements(Protocol):
    """Runs the named statements of one SQL dialect."""

    def rows(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """Run a statement and give its rows."""
        ...

    def run(self, name: str, params: Mapping[str, Any]) -> None:
        """Run a statement that gives no rows."""
        ...

    def many(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement that gives no rows, for each of many."""
        ...


class DocumentRecords(Generic[T]):
    """Records of one kind, on the statements `insert_<kind>`, `find_<kind>` and so on."""

    def __init__(self, statements: Statements, kind: Kind[T]) -> None:
        self._statements = statements
        self._kind = kind.name
        self._decoder = msgspec.json.Decoder(kind.type)
        self._noun = kind.noun
        self._columns = kind.columns
        self._no_filters = kind.filters
        self._narrowing = NARROWING.get(kind.name, ())

    def insert(self, value: T) -> int:
        """Store a new object and give its number."""
        row = self._columns(value) | {"doc": msgspec.json.encode(value)}
        return int(self._statements.rows(f"insert_{self._kind}", row)[0][0])

    def replace(self, no: int, value: T) -> None:
        """Store a new state of an object."""
        row = self._columns(value) | {"doc": msgspec.json.encode(value), "no": no}
        self._statements.run(f"replace_{self._kind}", row)

    def find(self, scope: Scope, id: str) -> Kept[T] | None:
        """The object with this id, if it is in this scope."""
        if "\0" in id:
            return None  # no id has it, and not every engine may be asked
        rows = self._statements.rows(f"find_{self._kind}", {**_scoped(scope), "id": id})
        return self._kept(rows[0]) if rows else None

    def get(self, scope: Scope, id: str, param: str = "id") -> Kept[T]:
        """As `find`; raises ResourceMissing naming `param`."""
        found = self.find(scope, id)
        if found is None:
            raise ResourceMissing(self._noun, id, param)
        return found

    def numbered(self, no: int) -> T:
        """The object with a number that this store gave out."""
        return self._decoder.decode(
            self._statements.rows(f"numbered_{self._kind}", {"no": no})[0][0]
        )

    def page(self, scope: Scope, page: Page, **filters: Any) -> Slice[T]:
        """A page of those that match. Raises ResourceMissing for an unknown cursor."""
        direction, cursor = self._cursor(scope, page)
        params = {**self._no_filters, **filters, **_scoped(scope)}
        rows = self._statements.rows(
            self._page_statement(direction, filters),
            {**params, "cursor": cursor, "limit": page.limit + 1},
        )
        kept = [self._kept(row) for row in rows[: page.limit]]
        if direction == "backward":
            kept.reverse()
        return Slice(kept, has_more=len(rows) > page.limit)

    def remove(self, no: int) -> None:
        """Forget an object for good: kinds of `objects.sql` alone."""
        self._statements.run(f"remove_{self._kind}", {"no": no})

    def every(self, scope: Scope, **filters: Any) -> Iterator[Kept[T]]:
        """All of a scope that match, newest first, read page by page."""
        wanted = {**self._no_filters, **filters, **_scoped(scope)}
        params = {**wanted, "cursor": _END, "limit": _PAGE}
        statement = self._page_statement("forward", filters)
        while rows := self._statements.rows(statement, params):
            yield from (self._kept(row) for row in rows)
            params["cursor"] = rows[-1][0]

    def _page_statement(self, direction: str, filters: Mapping[str, Any]) -> str:
        """The one for lists with these filters that reads the fewest rows."""
        for column in self._narrowing:
            if filters.get(column) is not None:
                return f"page_{self._kind}_by_{column}_{direction}"
        return f"page_{self._kind}_{direction}"

    def _cursor(self, scope: Scope, page: Page) -> tuple[str, int]:
        if page.ending_before is not None:
            return "backward", self.get(scope, page.ending_before, "ending_before").no
        if page.starting_after is not None:
            return "forward", self.get(scope, page.starting_after, "starting_after").no
        return "forward", _END

    def _kept(self, row: Row) -> Kept[T]:
        return Kept(row[0], self._decoder.decode(row[1]))


def listed(values: Collection[int] | Collection[str]) -> str:
    """Values as every dialect takes a list of them: one parameter, as JSON."""
    return msgspec.json.encode([*values]).decode()


def _scoped(scope: Scope) -> dict[str, Any]:
    return {"account": scope.account, "livemode": scope.livemode}
