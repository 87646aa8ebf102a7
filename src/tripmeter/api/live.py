"""Those who listen at `/v1/dashboard/stream`: what they are told, and when they have to go.

The writer's thread hands over word of events once they are durable, and only where somebody
listens. A listener that falls behind is let go: it comes again, and says what it has heard.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tripmeter.model.errors import Overloaded
from tripmeter.model.pulse import Told
from tripmeter.model.scope import Scope

LISTENERS: Final = 200
"""Streams that may be open at once."""

BEHIND: Final = 1_000
"""Events that may wait for a listener."""


class Listener:
    """One stream, as far as what waits for it is concerned."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.is_over = False
        """Whether the stream has to end: the engine stops, or the listener is too far behind."""
        self._waiting: list[Told] = []
        self._bell = asyncio.Event()

    def tell(self, told: Told) -> None:
        """One more event."""
        if len(self._waiting) >= BEHIND:
            self.end()
        elif not self.is_over:
            self._waiting.append(told)
            self._bell.set()

    def end(self) -> None:
        """Have the stream end."""
        self.is_over = True
        self._waiting.clear()
        self._bell.set()

    async def wait(self, seconds: float) -> list[Told]:
        """What there is to tell: at once if there is anything, else after some time."""
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return []
        self._bell.clear()
        told, self._waiting = self._waiting, []
        return told


class Live:
    """All listeners of an engine. The event loop's, but for `tell`."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = False

    def tell(self, told: Sequence[Told]) -> None:
        """Hand events over; from any thread."""
        loop = self._loop
        if self._listeners and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._spread, told)

    def check_room(self) -> None:
        """Raises Overloaded if too many listen."""
        if len(self._listeners) >= LISTENERS:
            raise Overloaded("too many dashboards are open")

    @contextmanager
    def listening(self, scope: Scope) -> Iterator[Listener]:
        """Listen to what happens in an account and mode."""
        self._loop = asyncio.get_running_loop()
        listener = Listener(scope)
        self._listeners.add(listener)
        if self._is_over:
            listener.end()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def end(self) -> None:
        """Have all streams end, and new ones at once: the engine is about to stop."""
        self._is_over = True
        for listener in self._listeners:
            listener.end()

    def _spread(self, told: Sequence[Told]) -> None:
        for listener in self._listeners:
            for one in told:
                if one.scope == listener.scope:
                    listener.tell(one)
