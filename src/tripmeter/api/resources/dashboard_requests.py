"""`/v1/dashboard/requests`: the last requests of an account and mode."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, listing
from tripmeter.api.logbook import Entry
from tripmeter.ports import Session
from tripmeter.wire.looking import RequestObject
from tripmeter.wire.params import Enum, String
from tripmeter.wire.times import unix

_PATH: Final = "/v1/dashboard/requests"


def list_(_: Session, call: Call) -> Any:
    """The last ones, the newest first."""
    wanted = (call.params.get(name) for name in ("method", "outcome", "path"))
    found, has_more = call.desk.logbook.page(call.scope, call.page, *wanted)
    data = [request_object(entry) for entry in found]
    return {"object": "list", "url": _PATH, "has_more": has_more, "data": data}


def retrieve(_: Session, call: Call) -> Any:
    """One of them."""
    return request_object(call.desk.logbook.find(call.scope, call.id))


def request_object(entry: Entry) -> RequestObject:
    """A request."""
    return {
        "id": entry.id,
        "object": "dashboard.request",
        "account": entry.scope.account,
        "created": unix(entry.created_ms),
        "duration_ms": entry.duration_ms,
        "key": entry.key,
        "livemode": entry.scope.livemode,
        "member": entry.member,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "request_body": entry.request_body,
        "response_body": entry.response_body,
        "status": entry.status,
    }


ROUTES: Final = (
    Route(
        "GET",
        _PATH,
        "List the last requests",
        RequestObject,
        listing(
            method=Enum("GET", "POST", "DELETE"),
            outcome=Enum("succeeded", "failed"),
            path=String(max_length=500, description="What the path begins with."),
        ),
        read=list_,
        is_list=True,
    ),
    Route("GET", f"{_PATH}/{{id}}", "Retrieve a request", RequestObject, fields(), read=retrieve),
)
