"""Renders test clocks, and declares what may be said of them."""

from typing import Any, Final

from tripmeter.model.test_clock import TestClock
from tripmeter.wire.params import Param, String, Timestamp
from tripmeter.wire.shapes_subscriptions import TestClockObject
from tripmeter.wire.times import unix

CREATE: Final[dict[str, Param]] = {
    "frozen_time": Timestamp(required=True, description="What the clock shows at first."),
    "customer": String(description="A customer to bind to the clock, for good."),
    "name": String(max_length=300),
}
ADVANCE: Final[dict[str, Param]] = {
    "frozen_time": Timestamp(required=True, description="What the clock shows in the end."),
}
LIST: Final[dict[str, Param]] = {}


def test_clock_object(clock: TestClock) -> TestClockObject:
    """A test clock; while it is advancing, with the time that it is on its way to."""
    advancing: dict[str, Any] | None = None
    if clock.status == "advancing" and clock.target_ms is not None:
        advancing = {"target_frozen_time": unix(clock.target_ms)}
    return {
        "id": clock.id,
        "object": "test_helpers.test_clock",
        "created": unix(clock.created_ms),
        "deletes_after": unix(clock.deletes_after_ms),
        "frozen_time": unix(clock.frozen_ms),
        "livemode": clock.livemode,
        "name": clock.name,
        "status": clock.status,
        "status_details": {"advancing": advancing},
    }
