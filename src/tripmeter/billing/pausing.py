"""Subscriptions that are paused go on, and so does the collection of their invoices."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.prorating import Prorating, charge_all
from tripmeter.billing.restarting import Start, restart
from tripmeter.billing.subscriptions import OVER, changed, plan, tell
from tripmeter.control.clocks import now_of
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.model.errors import ParameterInvalid, StateConflict
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status
from tripmeter.ports import Work
from tripmeter.rules.periods import Period, period_at


def resume(work: Work, caller: Caller, id: str, params: Mapping[str, Any]) -> Contract:
    """Have a subscription that is paused go on: with a period that begins now, unless the anchor
    is to be `unchanged`. Then the rest of the period is prorated.

    Raises StateConflict unless it is paused; ParameterInvalid.
    """
    before = contract(work.session, caller.scope, id)
    now = before.subscription
    if now.status is not Status.PAUSED:
        raise StateConflict(f"The subscription {id} is {now.status}. Only paused ones are resumed.")
    now_ms = now_of(work, before.customer.value)
    is_new = params.get("billing_cycle_anchor", "now") == "now"
    anchor_ms = now_ms if is_new else now.anchor_ms
    whole = period_at(anchor_ms, before.recurring, now_ms)
    start = Start(Status.ACTIVE, anchor_ms, Period(now_ms, whole.end_ms), charges=is_new)
    details = {name: one for name, one in now.details.items() if name != "status_details"}
    after = before._replace(subscription=structs.replace(now, details=details))
    if not is_new:
        behavior = params.get("proration_behavior", "create_prorations")
        how = Prorating(behavior, proration_moment(params, whole, now_ms), now_ms)
        active = structs.replace(now, status=Status.ACTIVE)
        charge_all(work, caller, before._replace(subscription=active), how)
    after = restart(work, caller, before, after, start, now_ms)
    tell(work, caller, "updated", after, before)
    tell(work, caller, "resumed", after)
    refresh_entitlements(work, caller.scope, now.customer)
    return after


def proration_moment(params: Mapping[str, Any], period: Period, now_ms: int) -> int:
    """As of when prorations are reckoned. Raises ParameterInvalid for one outside of the period."""
    given = params.get("proration_date")
    if given is None:
        return now_ms
    if not period.start_ms // 1000 <= given <= period.end_ms // 1000:
        raise ParameterInvalid(
            "proration_date",
            "proration_date must lie in the current period, which is from "
            f"{period.start_ms // 1000} to {period.end_ms // 1000}.",
        )
    return int(given) * 1000


def resume_collection(work: Work, caller: Caller, id: str) -> None:
    """Collect a subscription's invoices again: the time for which that was paused is over."""
    before = contract(work.session, caller.scope, id)
    now = before.subscription
    if now.status in OVER or not now.details.get("pause_collection"):
        return
    details = {name: one for name, one in now.details.items() if name != "pause_collection"}
    subscription = structs.replace(now, details=details)
    after = changed(work, before, subscription, before.items)
    plan(work, after, before)
    tell(work, caller, "updated", after, before)
