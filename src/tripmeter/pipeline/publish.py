"""PUBLISH: writes what happened as Stripe events, with a delivery for each endpoint (C5).

Rendered now and never again: a notification is a snapshot.
"""

from collections.abc import Sequence

from tripmeter.model.event import Announcement, Endpoint, Event
from tripmeter.model.stored import Kept
from tripmeter.ports import Session
from tripmeter.wire.events import snapshot_event, thin_event


def publish(
    session: Session, endpoints: Sequence[Kept[Endpoint]], announcement: Announcement, now_ms: int
) -> tuple[list[Event], set[int]]:
    """Write the snapshot event and its thin twin; gives them, and the endpoints to be woken."""
    snapshot = snapshot_event(announcement, now_ms)
    thin = thin_event(announcement, now_ms, snapshot)
    events = [event for event in (snapshot, thin) if event is not None]
    woken: set[int] = set()
    for event in events:
        event_no = session.events.insert(event)
        for endpoint in endpoints:
            if endpoint.value.wants(event):
                session.outbox.enqueue(event_no, endpoint.no, now_ms, manual=False)
                woken.add(endpoint.no)
    return events, woken
