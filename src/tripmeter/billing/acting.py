"""Does what actions on alerts change: access, credits, an invoice. Each in its transaction.

A move that cannot be made raises a Refusal, which says why.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tripmeter.billing.contract import contract
from tripmeter.billing.rate import check_rate
from tripmeter.billing.thresholds import issue
from tripmeter.billing.unbilled import amount, see
from tripmeter.control import access_changes
from tripmeter.control.clocks import now_of
from tripmeter.control.credits import create_grant
from tripmeter.model.action import ActionRun, ActionType, RunState
from tripmeter.model.errors import StateConflict
from tripmeter.model.money import format_amount
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status
from tripmeter.ports import Work
from tripmeter.rules.messages import month_start, within_cap
from tripmeter.rules.thresholds import Crossing

_BILLED: Final = (Status.ACTIVE, Status.PAST_DUE)
"""States in which usage is billed before its period ends, as by thresholds."""

_NONE_CROSSED: Final = Crossing(None, ())


def do(work: Work, run: ActionRun, caller: Caller) -> str | None:
    """Do what a run is to do; the id of what that has made, if anything.

    Raises a Refusal if it cannot be done.
    """
    return _MOVES[run.action.type](work, caller, run)


def _revoke(work: Work, caller: Caller, run: ActionRun) -> None:
    access_changes.revoke(work, caller, run.customer, _meter(run), _reason(run))


def _restore(work: Work, caller: Caller, run: ActionRun) -> None:
    access_changes.restore(work, caller, run.customer, _meter(run), _reason(run))


def _meter(run: ActionRun) -> str | None:
    return run.action.meter or run.occasion.meter


def _reason(run: ActionRun) -> str:
    return f"alert {run.alert} {run.occasion.moment} ({run.notification})"


def _top_up(work: Work, caller: Caller, run: ActionRun) -> str:
    """Grant credits, unless the cap of the calendar month would be exceeded."""
    action = run.action
    assert action.amount is not None and action.currency is not None  # a top-up has both
    given = _topped_up(work, caller, run)
    if not within_cap(given, action.amount, action.monthly_cap):
        cap = format_amount(action.monthly_cap or 0, action.currency)
        raise StateConflict(
            f"The customer has had {format_amount(given, action.currency)} by this alert in this"
            f" month, and with the top-up it would be more than the cap of {cap}."
        )
    grant = create_grant(
        work,
        caller,
        {
            "customer": run.customer,
            "amount": {"monetary": {"currency": action.currency, "value": action.amount}},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "name": run.occasion.title[:100],
            "metadata": {"alert": run.alert, "action_run": run.id},
        },
    )
    return grant.id


def _topped_up(work: Work, caller: Caller, run: ActionRun) -> int:
    """What the customer was granted by the alert in this calendar month, in minor units.

    By the customer's time: on a test clock months pass as it says.
    """
    customer = work.session.customers.get(caller.scope, run.customer).value
    start_ms = month_start(now_of(work, customer))
    earlier = work.session.action_runs.every(
        caller.scope, alert=run.alert, customer=run.customer, type=ActionType.TOP_UP.value,
        state=RunState.SUCCEEDED.value,
    )  # fmt: skip
    return sum(
        kept.value.action.amount or 0
        for kept in earlier
        if kept.value.occasion.happened_ms >= start_ms
        and kept.value.action.currency == run.action.currency
    )


def _issue_invoice(work: Work, caller: Caller, run: ActionRun) -> str:
    """Bill what was used so far, now, as a threshold does."""
    made = [
        invoice
        for subscription in _subscriptions(work, caller, run)
        if (invoice := _issued(work, caller, subscription)) is not None
    ]
    if not made:
        raise StateConflict("There is no usage that was not billed yet.")
    return ",".join(made)


def _subscriptions(work: Work, caller: Caller, run: ActionRun) -> Iterator[str]:
    """Those that the alert is about: its own, or all of the customer's that bill its meter."""
    if run.occasion.subscription is not None:
        yield run.occasion.subscription
        return
    found = work.session.subscriptions.every(caller.scope, customer=run.customer)
    for kept in found:
        items = contract(work.session, caller.scope, kept.value.id).metered
        meters = {one.item.meter for one in items}
        if run.occasion.meter in (None, *meters):
            yield kept.value.id


def _issued(work: Work, caller: Caller, subscription: str) -> str | None:
    agreed = contract(work.session, caller.scope, subscription)
    seen = see(work, agreed)
    if agreed.subscription.status not in _BILLED or amount(work.session, seen) <= 0:
        return None
    check_rate(work, caller.scope, subscription, seen.now_ms)
    after = issue(work, caller, agreed, seen.used, _NONE_CROSSED, seen.now_ms)
    work.evaluate_thresholds(caller, subscription)
    return after.subscription.latest_invoice


_MOVES: Final[dict[ActionType, Callable[[Work, Caller, ActionRun], str | None]]] = {
    ActionType.REVOKE_ACCESS: _revoke,
    ActionType.RESTORE_ACCESS: _restore,
    ActionType.TOP_UP: _top_up,
    ActionType.ISSUE_INVOICE: _issue_invoice,
}
