"""Deliveries on named statements."""

import msgspec

from tripmeter.model.event import Delivery, DeliveryState, Endpoint
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.store.records import Statements


class SqlOutbox:
    """`ports.Outbox` on SQL."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def endpoints(self, scope: Scope) -> list[Kept[Endpoint]]:
        """Every endpoint of a scope that is not deleted."""
        rows = self._sql.rows("endpoints_of_scope", scope._asdict())
        return [Kept(no, msgspec.json.decode(doc, type=Endpoint)) for no, doc in rows]

    def delete_endpoint(self, no: int) -> None:
        """Forget an endpoint; its attempts stay readable, its pending deliveries are cancelled."""
        self._sql.run("delete_endpoint", {"no": no})
        self.cancel_pending(no)

    def cancel_pending(self, endpoint_no: int) -> None:
        """Cancel what is still on its way to an endpoint."""
        self._sql.run("cancel_pending", {"endpoint_no": endpoint_no})

    def enqueue(self, event_no: int, endpoint_no: int, due_ms: int, *, manual: bool) -> Delivery:
        """Add a pending delivery."""
        row = {"event_no": event_no, "endpoint_no": endpoint_no, "due_ms": due_ms, "manual": manual}
        return _delivery(*self._sql.rows("enqueue_delivery", row)[0])

    def due(self, endpoint_no: int, now_ms: int, limit: int) -> list[Delivery]:
        """Pending deliveries of an endpoint that are due, those due first in front."""
        params = {"endpoint_no": endpoint_no, "now_ms": now_ms, "limit": limit}
        return [_delivery(*row) for row in self._sql.rows("due_deliveries", params)]

    def next_due(self) -> dict[int, int]:
        """For each endpoint with pending deliveries, when the first is due."""
        return dict(self._sql.rows("next_due", {}))

    def settle(self, no: int, state: DeliveryState, attempts: int, due_ms: int) -> None:
        """Store what an attempt led to."""
        params = {"no": no, "state": state.value, "attempts": attempts, "due_ms": due_ms}
        self._sql.run("settle_delivery", params)

    def bring_forward(self, after_ms: int, by_ms: int, now_ms: int) -> None:
        """Make pending deliveries that are due after a time due earlier, though not before now."""
        params = {"after_ms": after_ms, "by_ms": by_ms, "now_ms": now_ms}
        self._sql.run("bring_forward", params)

    def pending_count(self, event_no: int) -> int:
        """How many endpoints an event still waits for."""
        return int(self._sql.rows("pending_count", {"event_no": event_no})[0][0])

    def depth(self) -> int:
        """How many deliveries are pending in the whole store."""
        return int(self._sql.rows("outbox_depth", {})[0][0])


def _delivery(
    no: int,
    event_no: int,
    endpoint_no: int,
    state: str,
    attempts: int,
    created_ms: int,
    due_ms: int,
    manual: int,
) -> Delivery:
    return Delivery(
        no=no,
        event_no=event_no,
        endpoint_no=endpoint_no,
        state=DeliveryState(state),
        attempts=attempts,
        created_ms=created_ms,
        due_ms=due_ms,
        manual=bool(manual),
    )
