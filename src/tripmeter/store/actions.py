"""Actions on alerts, on named statements: what is due, and who wants no mails."""

import msgspec

from tripmeter.model.action import ActionRun, Unsubscribed
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.store import kinds
from tripmeter.store.records import DocumentRecords, Statements


class SqlActions:
    """`ports.ActionRecords` on SQL."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.alert_targets = DocumentRecords(statements, kinds.ALERT_TARGET)
        self.action_runs = DocumentRecords(statements, kinds.ACTION_RUN)
        self.mail_templates = DocumentRecords(statements, kinds.MAIL_TEMPLATE)

    def due_lanes(self) -> dict[str, int]:
        """For each lane with pending runs, when the first is due."""
        return dict(self._statements.rows("due_lanes", {}))

    def due_runs(self, lane: str, now_ms: int, limit: int) -> list[Kept[ActionRun]]:
        """Pending runs of a lane that are due, those due first in front."""
        params = {"lane": lane, "now_ms": now_ms, "limit": limit}
        rows = self._statements.rows("due_runs", params)
        return [Kept(no, msgspec.json.decode(doc, type=ActionRun)) for no, doc in rows]

    def pending_runs(self) -> int:
        """How many runs are pending in the whole store."""
        return int(self._statements.rows("pending_runs", {})[0][0])

    def unsubscribed(self, scope: Scope, address: str) -> bool:
        """Whether an address wants no more mails about its usage."""
        params = {**scope._asdict(), "address": address}
        return bool(self._statements.rows("unsubscribed", params))

    def unsubscribe(self, wish: Unsubscribed) -> None:
        """Remember that; nothing happens if it is known."""
        self._statements.run("unsubscribe", msgspec.structs.asdict(wish))

    def subscribe(self, scope: Scope, address: str) -> None:
        """Forget that."""
        self._statements.run("subscribe", {**scope._asdict(), "address": address})
