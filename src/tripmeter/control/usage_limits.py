"""Limits on usage: the operator's, and those that customers set for themselves. All is noted."""

from decimal import Decimal
from typing import Any, Final

from msgspec import structs

from tripmeter.control.access_changes import settle
from tripmeter.control.customers import existing
from tripmeter.model.errors import ParameterInvalid, ParameterMissing
from tripmeter.model.ids import new_id
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import (
    MAX_DIGITS,
    NotANumber,
    TooManyDigits,
    format_quantity,
    of_decimal,
    parse,
)
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.model.usage_limit import (
    LimitChange,
    LimitKind,
    LimitPeriod,
    SetBy,
    UsageLimit,
)
from tripmeter.ports import Work
from tripmeter.rules.access import PERIODS_OF_SUPERSEDING, applying, bound
from tripmeter.rules.aggregate import is_superseding

WARNINGS: Final = 25
"""Warning limits that a customer and a meter may have over one period."""


def create_limit(
    work: Work, caller: Caller, params: dict[str, Any], portal_session: str | None = None
) -> UsageLimit:
    """Set a limit. For a single customer that has used so much already, it holds at once; for
    everybody, access ends with each customer's next usage event, and the answer says so before.

    Raises ResourceMissing, ParameterInvalid and its kin, naming the parameter.
    """
    meter = work.session.meters.get(caller.scope, params["meter"], "meter").value
    customer = params.get("customer")
    if customer is not None:
        customer = existing(work, caller, customer, "customer").value.id
    limit = UsageLimit(
        id=new_id("ulim", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        meter=meter.id,
        limit=params["limit"],
        customer=customer,
        period=LimitPeriod(params.get("period", LimitPeriod.LIFETIME)),
        kind=LimitKind(params.get("kind", LimitKind.HARD)),
        set_by=SetBy(params.get("set_by", SetBy.OPERATOR)),
    )
    check_quantity(limit.limit, "limit")
    _check(work, caller, limit, meter)
    work.session.usage_limits.insert(limit)
    _changed(work, caller, None, limit, portal_session)
    return limit


def update_limit(
    work: Work,
    caller: Caller,
    id: str,
    level: Decimal,
    portal_session: str | None = None,
) -> UsageLimit:
    """Raise or lower a limit."""
    check_quantity(level, "limit")
    kept = work.session.usage_limits.get(caller.scope, id)
    after = structs.replace(kept.value, limit=level)
    if after.limit == kept.value.limit:
        return after
    _check_own(work, caller, after)
    work.session.usage_limits.replace(kept.no, after)
    _changed(work, caller, kept.value, after, portal_session)
    return after


def delete_limit(
    work: Work, caller: Caller, id: str, portal_session: str | None = None
) -> UsageLimit:
    """Lift a limit for good."""
    kept = work.session.usage_limits.get(caller.scope, id)
    work.session.usage_limits.remove(kept.no)
    _changed(work, caller, kept.value, None, portal_session)
    return kept.value


def limits_of(work: Work, caller: Caller, customer: str, meter: str) -> list[Kept[UsageLimit]]:
    """The limits that apply to a customer and a meter."""
    found = work.session.usage_limits.every(caller.scope, meter=meter)
    mine = [kept for kept in found if kept.value.customer in (None, customer)]
    everyones = [bound(kept.value) for kept in mine if kept.value.customer is None]
    own = [bound(kept.value) for kept in mine if kept.value.customer is not None]
    kept_ids = {one.limit.id for one in applying(everyones, own)}
    return [kept for kept in mine if kept.value.id in kept_ids]


def operators_most(
    work: Work, caller: Caller, customer: str, meter: str, period: LimitPeriod
) -> Decimal | None:
    """The most that a customer may set as its own hard limit; None: anything."""
    return min(
        (
            kept.value.limit
            for kept in limits_of(work, caller, customer, meter)
            if kept.value.set_by is SetBy.OPERATOR
            and kept.value.kind is LimitKind.HARD
            and kept.value.period is period
        ),
        default=None,
    )


def check_quantity(quantity: Decimal, param: str) -> None:
    """That a number of units is above zero, and one that a usage event could have."""
    try:
        scaled = parse(f"{quantity:f}")
    except (NotANumber, TooManyDigits):
        message = f"It can have at most {MAX_DIGITS} digits."
        raise ParameterInvalid(param, message) from None
    if scaled <= 0:
        raise ParameterInvalid(param, "It must be more than zero.")


def _check(work: Work, caller: Caller, limit: UsageLimit, meter: Meter) -> None:
    if is_superseding(meter.formula, meter.window) and limit.period not in PERIODS_OF_SUPERSEDING:
        message = (
            "Later events of this meter supersede earlier ones, so only its total can be limited:"
            " give period=lifetime."
        )
        raise ParameterInvalid("period", message)
    if limit.set_by is SetBy.CUSTOMER and limit.customer is None:
        raise ParameterMissing("customer")
    _check_own(work, caller, limit)
    others = [
        kept.value
        for kept in work.session.usage_limits.every(caller.scope, meter=limit.meter)
        if _place(kept.value) == _place(limit)
    ]
    if limit.kind is LimitKind.HARD and others:
        message = f"There is such a limit already: {others[0].id}. Update or delete that one."
        raise ParameterInvalid("kind", message, "resource_already_exists")
    if any(one.limit == limit.limit for one in others):
        raise ParameterInvalid("limit", "There is such a warning already.")
    if len(others) >= WARNINGS:
        message = f"There are {WARNINGS} such warnings already. Delete one that is not needed."
        raise ParameterInvalid("kind", message)


def _place(limit: UsageLimit) -> tuple[str | None, LimitPeriod, LimitKind, SetBy]:
    return limit.customer, limit.period, limit.kind, limit.set_by


def _check_own(work: Work, caller: Caller, limit: UsageLimit) -> None:
    """That a customer's own hard limit is no higher than the operator's."""
    if limit.set_by is not SetBy.CUSTOMER or limit.kind is not LimitKind.HARD:
        return
    assert limit.customer is not None  # it was checked before
    most = operators_most(work, caller, limit.customer, limit.meter, limit.period)
    if most is not None and limit.limit > most:
        shown = format_quantity(of_decimal(most))
        message = f"The highest possible limit is {shown}. Choose {shown} or less."
        raise ParameterInvalid("limit", message, "limit_too_high")


def _changed(
    work: Work,
    caller: Caller,
    before: UsageLimit | None,
    after: UsageLimit | None,
    portal_session: str | None,
) -> None:
    """Note a change, have it hold, and settle what follows from it."""
    limit = after or before
    assert limit is not None  # one of the two is given
    change = LimitChange(
        id=new_id("lmch", work.now_ms),
        account=limit.account,
        livemode=limit.livemode,
        created_ms=work.now_ms,
        customer=limit.customer or "",
        meter=limit.meter,
        usage_limit=limit.id,
        period=limit.period,
        kind=limit.kind,
        set_by=limit.set_by if portal_session is None else SetBy.CUSTOMER,
        before=None if before is None else before.limit,
        after=None if after is None else after.limit,
        request_id=caller.request_id,
        portal_session=portal_session,
    )
    work.session.limit_changes.insert(change)
    work.limits_changed(caller.scope, limit.meter)
    for customer in _concerned(work, caller, limit):
        settle(work, caller, customer, limit.meter)


def _concerned(work: Work, caller: Caller, limit: UsageLimit) -> list[str]:
    """Customers for whom something may be different at once."""
    if limit.customer is not None:
        kept = work.session.customers.get(caller.scope, limit.customer)
        return [] if kept.value.deleted else [limit.customer]
    told = work.session.access_states.every(caller.scope, usage_limit=limit.id)
    return list({kept.value.customer: None for kept in told})
