"""`/v1/account`, and `/v1/accounts` as far as there is one account: its own.

Stripe's accounts are connected to each other. Those here are not: a key knows the one that it
belongs to, and the list of accounts that are connected to it is empty.
"""

from typing import Any, Final

from tripmeter.api.call import Call, Route, empty_list, fields, listing
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.wire.objects import account_object
from tripmeter.wire.params import Range
from tripmeter.wire.shapes import AccountObject

_PATH: Final = "/v1/accounts"


def own(session: Session, call: Call) -> Any:
    """The account of the key."""
    owner = call.scope.account
    return account_object(session.accounts.get(Scope(owner, True), owner).value)


def retrieve(session: Session, call: Call) -> Any:
    """The account of the key, by its id. Raises ResourceMissing for any other."""
    if call.id != call.scope.account:
        raise ResourceMissing("account", call.id)
    return own(session, call)


def connected(_: Session, call: Call) -> Any:
    """The accounts that are connected to that of the key: none."""
    return empty_list(_PATH, call.page, "account")


ROUTES: Final = (
    Route("GET", "/v1/account", "The account of the key", AccountObject, fields(), read=own),
    Route(
        "GET",
        _PATH,
        "List connected accounts, of which there are none",
        AccountObject,
        listing(created=Range()),
        read=connected,
        is_list=True,
    ),
    Route(
        "GET",
        f"{_PATH}/{{id}}",
        "The account of the key, by its id",
        AccountObject,
        fields(),
        read=retrieve,
    ),
)
