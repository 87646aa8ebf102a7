"""The connections that read: as many as are needed at once, kept for the next reader.

No pool of the driver's: it finds out by waiting that a server is gone, and a reader may be the
event loop. Here a new connection is tried at once, and the answer is 503.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Final, TypeVar

import psycopg

from tripmeter.model.errors import StoreUnavailable
from tripmeter.store.postgres.connecting import Link, connect, gone, unavailable

T = TypeVar("T")

READERS: Final = 20
"""Readers at a time; others wait."""

PATIENCE_S: Final = 5
"""How long they wait before they are refused with 503."""

BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Reader:
    """One connection with a transaction open: one committed state, from the first look on."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def use(self, act: Callable[[Link], T]) -> T:
        """Do something with the connection. Raises StoreUnavailable."""
        with unavailable():
            return act(self._link)


class Readers:
    """Lends connections; safe in any thread."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._idle: LifoQueue[Link] = LifoQueue()
        self._places = threading.BoundedSemaphore(READERS)
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Reader]:
        """A reader with a transaction of its own. Raises StoreUnavailable."""
        if not self._places.acquire(timeout=PATIENCE_S):
            raise StoreUnavailable("too many readers at once")
        try:
            link = self._begun()
            try:
                yield Reader(link)
            finally:
                self._give_back(link)
        finally:
            self._places.release()

    def _begun(self) -> Link:
        """A connection in a new transaction; those that have died while idle are let go."""
        with unavailable():
            while (link := self._kept()) is not None:
                try:
                    link.execute(BEGIN, prepare=False)
                    return link
                except psycopg.Error as error:
                    link.close()
                    if not (link.closed or gone(error)):
                        raise
            link = connect(self._conninfo, writing=False)
            link.execute(BEGIN, prepare=False)
            return link

    def _kept(self) -> Link | None:
        try:
            return self._idle.get_nowait()
        except Empty:
            return None

    def _give_back(self, link: Link) -> None:
        try:
            link.rollback()
        except psycopg.Error:
            link.close()
        if self._closed:
            link.close()
        elif not link.closed:
            self._idle.put(link)

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it comes back."""
        self._closed = True
        while (link := self._kept()) is not None:
            link.close()
