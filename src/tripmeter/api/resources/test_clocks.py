"""`/v1/test_helpers/test_clocks`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, list_object, listing
from tripmeter.billing import test_clocks
from tripmeter.ports import Session, Work
from tripmeter.wire import test_clocks as params
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.shapes import DeletedObject
from tripmeter.wire.shapes_subscriptions import TestClockObject
from tripmeter.wire.test_clocks import test_clock_object

_PATH: Final = "/v1/test_helpers/test_clocks"
_ONE: Final = f"{_PATH}/{{id}}"


def create(work: Work, call: Call) -> Any:
    """Make a test clock."""
    return test_clock_object(test_clocks.create_test_clock(work, call.caller, call.own_params))


def advance(work: Work, call: Call) -> Any:
    """Advance a test clock."""
    frozen_time = call.params["frozen_time"]
    return test_clock_object(test_clocks.advance(work, call.caller, call.id, frozen_time))


def delete(work: Work, call: Call) -> Any:
    """Delete a test clock with its customers."""
    clock = test_clocks.delete_test_clock(work, call.caller, call.id)
    return deleted_object(clock.id, "test_helpers.test_clock")


def retrieve(session: Session, call: Call) -> Any:
    """One test clock."""
    return test_clock_object(session.test_clocks.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Test clocks, newest first."""
    return list_object(_PATH, session.test_clocks.page(call.scope, call.page), test_clock_object)


ROUTES: Final = (
    Route(
        "POST", _PATH, "Create a test clock", TestClockObject, fields(**params.CREATE),
        change=create,
    ),
    Route(
        "GET", _PATH, "List test clocks", TestClockObject, listing(), read=list_, is_list=True
    ),
    Route("GET", _ONE, "Retrieve a test clock", TestClockObject, fields(), read=retrieve),
    Route("DELETE", _ONE, "Delete a test clock", DeletedObject, fields(), change=delete),
    Route(
        "POST", f"{_ONE}/advance", "Advance a test clock", TestClockObject,
        fields(**params.ADVANCE), change=advance,
    ),
)  # fmt: skip
