"""`/v1/dashboard/overview` and `/v1/dashboard/stream`: how things are, and what happens."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields
from tripmeter.api.encoding import encode
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.event import EventPayload
from tripmeter.model.pulse import Told
from tripmeter.model.stored import Page
from tripmeter.rules.permissions import needed_for_event, permits
from tripmeter.wire.events import event_object
from tripmeter.wire.looking import (
    OverviewObject,
    customer_in,
    stream_event,
    told_object,
)
from tripmeter.wire.params import Enum, String

EVERY_S: Final = 1
"""How often an overview is sent."""

PING_EVERY: Final = 15
"""After so many overviews the stream says that it is there, and looks whether it still may be."""

MISSED: Final = 500
"""Events that are made up for after an interruption; a page that missed more loads anew."""

_PAGE: Final = 100


async def overview(call: Call) -> Reply:
    """Events, alerts, deliveries and errors, as they are."""
    return Reply(encode(await asyncio.to_thread(call.desk.overviews.now, call.scope)))


async def stream(call: Call) -> Reply:
    """Overviews once a second, and word of each event when it is durable."""
    call.desk.live.check_room()
    headers = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    return Reply(b"", headers=headers, pieces=_pieces(call))


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    """The stream, for as long as the engine runs, the session lasts and somebody listens."""
    with call.desk.live.listening(call.scope) as listener:
        yield b"retry: 2000\n\n"
        missed = await asyncio.to_thread(_missed, call)
        for one in missed:
            yield _told(one)
        heard = {one.id for one in missed}
        sent = 0
        while not listener.is_over and (sent % PING_EVERY or await _may_go_on(call)):
            if sent % PING_EVERY == 0:
                yield stream_event("ping", b"{}")
            shown = await asyncio.to_thread(call.desk.overviews.of, call.scope)
            yield stream_event("overview", encode(shown))
            sent += 1
            async for one in _until_the_next(call, listener):
                if one.id not in heard:
                    yield _told(one)


async def _until_the_next(call: Call, listener: Any) -> AsyncIterator[Told]:
    """What happens until another overview is due."""
    clock = call.services.clock
    until_ms = clock.elapsed_ms() + EVERY_S * 1000
    while not listener.is_over and (left_ms := until_ms - clock.elapsed_ms()) > 0:
        for told in await listener.wait(left_ms / 1000):
            if _may_hear(call, told.type):
                yield told


def _told(told: Told) -> bytes:
    return stream_event("event", encode(told_object(told)), told.id)


def _may_hear(call: Call, type_: str) -> bool:
    """Whether a restricted key may read the object that an event tells of."""
    if call.caller.permissions is None:
        return True
    needed = needed_for_event(type_)
    return needed is not None and permits(call.caller.permissions, needed)


async def _may_go_on(call: Call) -> bool:
    """Whether who listens may still do so: sessions end, and keys are revoked."""
    return await asyncio.to_thread(call.still_authentic)


def _missed(call: Call) -> list[Told]:
    """What was written since the last event that a page has heard of, the oldest first."""
    last = call.last_event_id
    found: list[Told] = []
    with call.services.store.reader() as session:
        while last and len(found) < MISSED:
            page = Page(_PAGE, ending_before=last)
            try:
                events = session.events.page(call.scope, page, payload=EventPayload.SNAPSHOT)
            except ResourceMissing:
                break
            for kept in reversed(events.items):
                event = kept.value
                shown: Any = event_object(event, 0)["data"]["object"]
                told = Told(
                    call.scope,
                    event.id,
                    event.type,
                    event.created_ms,
                    event.object_id,
                    customer_in(shown),
                )
                found += [told] * _may_hear(call, event.type)
            last = events.items[0].value.id if events.has_more else None
    return found


_ACCOUNT: Final = {
    "account": String(description="In place of Tripmeter-Account, which an EventSource sends not."),
    "mode": Enum("test", "live", description="In place of Tripmeter-Mode."),
}

ROUTES: Final = (
    Route(
        "GET",
        "/v1/dashboard/overview",
        "Retrieve the overview",
        OverviewObject,
        fields(),
        handle=overview,
    ),
    Route(
        "GET",
        "/v1/dashboard/stream",
        "Listen to what happens (text/event-stream)",
        str,
        fields(**_ACCOUNT),
        handle=stream,
        streams=True,
    ),
)
