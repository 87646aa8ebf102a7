"""Writes into the store of a running server, beside it: what other parts of the engine make there.

write_beside(server, lambda session: session.products.insert(samples.product("prod_1", scope)))
"""

from collections.abc import Callable
from typing import Any

from support.server import Server
from tripmeter.control.access import DEFAULT_ACCOUNT
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.store.sqlite import SqliteStore


def write_beside(server: Server, change: Callable[[Session], Any]) -> Any:
    """Run a change in a transaction of its own, between those of the server."""
    store = SqliteStore(server.data / "tripmeter.db")
    try:
        with store.transaction():
            return change(store.writer())
    finally:
        store.close()


def scope_of(server: Server) -> Scope:
    """The account that the server's key belongs to, in test mode."""
    account = write_beside(server, lambda session: session.setting(DEFAULT_ACCOUNT))
    return Scope(str(account), livemode=False)
