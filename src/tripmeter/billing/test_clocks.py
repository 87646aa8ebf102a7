"""Test clocks: made, advanced, deleted. Advancing does what would have been due, in order.

All of an advance is one transaction: from one time to another nothing else happens, and the same
steps lead to the same events in the same order.
"""

from typing import Any, Final

from msgspec import structs

from tripmeter.billing.agenda import perform
from tripmeter.billing.contract import items_of
from tripmeter.billing.customers import delete_customer
from tripmeter.control.announcing import announce
from tripmeter.model.errors import ParameterInvalid, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.model.test_clock import TestClock
from tripmeter.ports import Session, Work
from tripmeter.rules.periods import DAY_MS, add_months, boundary
from tripmeter.wire.test_clocks import test_clock_object

URL: Final = "/v1/test_helpers/test_clocks"

KEPT_MS: Final = 30 * DAY_MS
"""After so long by the world's time a test clock is deleted (Stripe)."""

MONTHS_WITHOUT_SUBSCRIPTION: Final = 24
INTERVALS: Final = 2
"""So many intervals of its shortest subscription a clock may be advanced at once (Stripe)."""

STEPS_LIMIT: Final = 10_000
"""Tasks of one advance."""


def create_test_clock(work: Work, caller: Caller, params: dict[str, Any]) -> TestClock:
    """Make a test clock. Raises StateConflict in live mode."""
    check_test_mode(caller.scope)
    clock = TestClock(
        id=new_id("clock", work.now_ms),
        account=caller.scope.account,
        livemode=False,
        created_ms=work.now_ms,
        frozen_ms=params["frozen_time"] * 1000,
        deletes_after_ms=work.now_ms + KEPT_MS,
        name=params.get("name"),
    )
    work.session.test_clocks.insert(clock)
    announce(work, caller, "test_helpers.test_clock.created", test_clock_object(clock), URL)
    return clock


def check_test_mode(scope: Scope) -> None:
    """Raises StateConflict in live mode."""
    if scope.livemode:
        raise StateConflict(
            "This endpoint is only available in testmode. Try using your test keys instead."
        )


def delete_test_clock(work: Work, caller: Caller, id: str) -> TestClock:
    """Delete a test clock with its customers and their subscriptions."""
    check_test_mode(caller.scope)
    kept = work.session.test_clocks.get(caller.scope, id)
    for customer in list(work.session.customers.every(caller.scope, clock=id)):
        delete_customer(work, caller, customer.value.id)
    work.session.test_clocks.remove(kept.no)
    announce(work, caller, "test_helpers.test_clock.deleted", test_clock_object(kept.value), URL)
    return kept.value


def advance(work: Work, caller: Caller, id: str, frozen_time: int) -> TestClock:
    """Advance a clock: all that is due on the way is done when it is due, the earliest first.

    Raises ParameterInvalid for a time that lies behind, or too far ahead.
    """
    check_test_mode(caller.scope)
    kept = work.session.test_clocks.get(caller.scope, id)
    target_ms = frozen_time * 1000
    _check_target(work.session, caller.scope, kept.value, target_ms)
    advancing = structs.replace(kept.value, status="advancing", target_ms=target_ms)
    _show(work, caller, Kept(kept.no, advancing), "advancing")
    _do_what_is_due(work, caller.scope, Kept(kept.no, advancing), target_ms)
    ready = structs.replace(kept.value, frozen_ms=target_ms)
    _show(work, caller, Kept(kept.no, ready), "ready")
    return ready


def _do_what_is_due(work: Work, scope: Scope, kept: Kept[TestClock], target_ms: int) -> None:
    frozen_ms = kept.value.frozen_ms
    for _ in range(STEPS_LIMIT):
        due = work.session.agenda.due_on_clock(scope, kept.value.id, target_ms, 1)
        if not due:
            return
        frozen_ms = max(frozen_ms, due[0].due_ms)
        work.session.test_clocks.replace(kept.no, structs.replace(kept.value, frozen_ms=frozen_ms))
        perform(work, due[0], frozen_ms)
    raise StateConflict(
        f"More than {STEPS_LIMIT:,} things are due on the way. Advance the clock in smaller steps."
    )


def _show(work: Work, caller: Caller, kept: Kept[TestClock], what: str) -> None:
    work.session.test_clocks.replace(kept.no, kept.value)
    shown = test_clock_object(kept.value)
    announce(work, caller, f"test_helpers.test_clock.{what}", shown, URL)


def _check_target(session: Session, scope: Scope, clock: TestClock, target_ms: int) -> None:
    if target_ms <= clock.frozen_ms:
        raise ParameterInvalid(
            "frozen_time",
            "frozen_time must be later than the clock's current time, "
            f"{clock.frozen_ms // 1000}: clocks do not go backwards.",
        )
    latest_ms = _latest(session, scope, clock)
    if target_ms > latest_ms:
        raise ParameterInvalid(
            "frozen_time",
            f"frozen_time can be at most {latest_ms // 1000}: a clock is advanced by two intervals "
            "of its shortest subscription at a time, or by two years without one.",
        )


def _latest(session: Session, scope: Scope, clock: TestClock) -> int:
    """How far a clock may be advanced at once, in ms."""
    latest = [add_months(clock.frozen_ms, MONTHS_WITHOUT_SUBSCRIPTION)]
    for kept in session.subscriptions.every(scope, clock=clock.id, hide_canceled=True):
        for _, item in items_of(session, scope, kept.value.id)[:1]:
            recurring = session.prices.get(scope, item.price).value.recurring
            assert recurring is not None  # it is on an item
            latest.append(boundary(clock.frozen_ms, recurring, INTERVALS))
    return min(latest)
