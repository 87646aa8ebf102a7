"""PUBLISH: writes what happened as Stripe events, with a delivery for each endpoint (C5).

Rendered now and never again: a notification is a snapshot.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tripmeter.model.event import Announcement, Delivery, Endpoint, Event
from tripmeter.model.stored import Kept
from tripmeter.ports import Session
from tripmeter.wire.events import snapshot_event, thin_event


class Parcel(NamedTuple):
    """One delivery with all that an attempt needs."""

    delivery: Delivery
    event: Event
    endpoint: Endpoint
    pending_webhooks: int


def publish(
    session: Session, endpoints: Sequence[Kept[Endpoint]], announcement: Announcement, now_ms: int
) -> tuple[list[Event], list[Parcel]]:
    """Write the snapshot event and its thin twin; gives them, and what is to be sent."""
    snapshot = snapshot_event(announcement, now_ms)
    thin = thin_event(announcement, now_ms, snapshot)
    events = [event for event in (snapshot, thin) if event is not None]
    parcels: list[Parcel] = []
    for event in events:
        event_no = session.events.insert(event)
        wanting = [endpoint for endpoint in endpoints if endpoint.value.wants(event)]
        for no, endpoint in wanting:
            delivery = session.outbox.enqueue(event_no, no, now_ms, manual=False)
            parcels.append(Parcel(delivery, event, endpoint, len(wanting)))
    return events, parcels
