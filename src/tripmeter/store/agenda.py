"""The agenda on named statements."""

from typing import Any

from tripmeter.model.agenda import Due, Task
from tripmeter.model.scope import Scope
from tripmeter.store.records import Row, Statements


class SqlAgenda:
    """`ports.Agenda` on SQL."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def put(self, due: Due) -> None:
        """Add an entry, in place of the one for the same task and subject."""
        own = {"due_ms": due.due_ms, "clock": due.clock}
        self._sql.run("put_due", {**_key(due.scope, due.task, due.subject), **own})

    def drop(self, scope: Scope, task: Task, subject: str) -> None:
        """Forget an entry, if there is one."""
        self._sql.run("drop_due", _key(scope, task, subject))

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Entries that follow the time of the world and are due, the earliest first."""
        rows = self._sql.rows("due_in_the_world", {"now_ms": now_ms, "limit": limit})
        return [_due(row) for row in rows]

    def due_on_clock(self, scope: Scope, clock: str, now_ms: int, limit: int) -> list[Due]:
        """Entries that follow a test clock and are due, the earliest first."""
        params = {**scope._asdict(), "clock": clock, "now_ms": now_ms, "limit": limit}
        return [_due(row) for row in self._sql.rows("due_on_clock", params)]


def _key(scope: Scope, task: Task, subject: str) -> dict[str, Any]:
    return {**scope._asdict(), "task": task.value, "subject": subject}


def _due(row: Row) -> Due:
    account, livemode, task, subject, due_ms, clock = row
    return Due(Scope(account, bool(livemode)), Task(task), subject, due_ms, clock)
