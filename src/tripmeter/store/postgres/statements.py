"""The named statements of the PostgreSQL dialect, run on one connection."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from tripmeter.model.errors import StoreUnavailable
from tripmeter.store.postgres.connecting import Link
from tripmeter.store.records import Row

T = TypeVar("T")

_PARAMETER = re.compile(r"(?<!:):(\w+)")


class Runner(Protocol):
    """Where statements run: it knows the connection, and what its errors mean."""

    def use(self, act: Callable[[Link], T]) -> T:
        """Do something with the connection. Raises StoreUnavailable."""
        ...


def translated(statements: Mapping[str, str]) -> dict[str, str]:
    """Statements with `:name` parameters as the driver wants them: `%(name)s`."""
    return {
        name: _PARAMETER.sub(r"%(\1)s", text.replace("%", "%%"))
        for name, text in statements.items()
    }


class PostgresStatements:
    """The named statements, wherever the runner has them run."""

    def __init__(self, runner: Runner, statements: Mapping[str, str]) -> None:
        self._runner = runner
        self._statements = statements
        self._depth = 0

    def rows(self, name: str, params: Mapping[str, Any]) -> list[Row]:
        """Run a statement and give its rows."""
        query = self._statements[name]
        return self._runner.use(lambda link: link.execute(query, params, binary=True).fetchall())

    def run(self, name: str, params: Mapping[str, Any]) -> None:
        """Run a statement that gives no rows."""
        query = self._statements[name]
        self._runner.use(lambda link: link.execute(query, params))

    def many(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each of many rows, without waiting for one before the next."""
        query, given = self._statements[name], list(rows)
        if given:
            self._runner.use(lambda link: link.cursor().executemany(query, given))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside if it raises."""
        self._depth += 1
        name = f"nested_{self._depth}"
        try:
            self._execute(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                with suppress(StoreUnavailable):  # the transaction is lost as a whole, then
                    self._execute(f"ROLLBACK TO {name}; RELEASE {name}")
                raise
            self._execute(f"RELEASE {name}")
        finally:
            self._depth -= 1

    def _execute(self, text: str) -> None:
        self._runner.use(lambda link: link.execute(text, prepare=False))
