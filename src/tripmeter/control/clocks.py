"""What time it is for a customer: that of the test clock it is on, or that of the world."""

from tripmeter.model.customer import Customer
from tripmeter.model.scope import Scope
from tripmeter.ports import Session, Work


def now_of(work: Work, customer: Customer) -> int:
    """The customer's time, in milliseconds."""
    return time_on(work.session, Scope.of(customer), customer.clock, work.now_ms)


def time_on(session: Session, scope: Scope, clock: str | None, now_ms: int) -> int:
    """What a test clock shows, in milliseconds; `now_ms` where there is none, or none any more."""
    kept = None if clock is None else session.test_clocks.find(scope, clock)
    return now_ms if kept is None else kept.value.frozen_ms
