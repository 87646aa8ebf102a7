"""Access comes and goes: by limits that are reached, and by what is said. Each change is told once.

`settle` holds what was told against what is so. It is called wherever that may differ: on the very
event that reaches a limit, when a period begins, when a limit is changed.
"""

from typing import Final

from msgspec import structs

from tripmeter.control.announcing import announce
from tripmeter.control.customers import existing
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.control.portal_mail import warn
from tripmeter.failpoints import reach
from tripmeter.model.agenda import Due, Task
from tripmeter.model.alert import AlertType
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.model.standing import Measured, Measures, Standing
from tripmeter.model.stored import Kept
from tripmeter.model.usage_limit import AccessState, LimitKind, LimitPeriod, SetBy, StateKind
from tripmeter.ports import Work
from tripmeter.rules.access import is_told_blocked, stand
from tripmeter.wire.access import access_object
from tripmeter.wire.events import ACCESS_RESTORED, ACCESS_REVOKED, ACCESS_WARNING

OUT_OF_CREDITS: Final = "out_of_credits"
"""The reason of a revocation that the next credit grant lifts."""


def revoke(work: Work, caller: Caller, customer: str, meter: str | None, reason: str) -> Standing:
    """Take a customer's access to a meter away, or to all of them, until it is restored.

    Raises ResourceMissing. Where it is taken away already, nothing changes.
    """
    _check(work, caller, customer, meter)
    was_blocked = _is_told_blocked(work, caller, customer, meter)
    is_known = any(
        one.kind is StateKind.REVOKED and one.meter == (meter or "")
        for one in work.access_states(caller.scope, customer)
    )
    if not is_known:
        _drop_excuses(work, caller, customer, meter)
        _add(work, caller, customer, meter or "", StateKind.REVOKED, reason=reason)
    now = _standing(work, caller, customer, meter)
    if not was_blocked:
        _tell(work, caller, customer, meter, now, reason)
    return now


def restore(work: Work, caller: Caller, customer: str, meter: str | None, reason: str) -> Standing:
    """Give a customer's access to a meter back, or to all of them.

    A limit that is reached is excused for its period, or, if it has none, until it is changed; it
    goes for reservations all the same. What was taken away of all meters together comes back
    together: without `meter`. Raises ResourceMissing.
    """
    _check(work, caller, customer, meter)
    was_blocked = _is_told_blocked(work, caller, customer, meter)
    blocked_meters = {
        kept.value.meter: None
        for kept in _states(work, caller, customer)
        if kept.value.kind in (StateKind.LIMIT, StateKind.REVOKED)
        and meter in (None, kept.value.meter)
    }
    for kept in _states(work, caller, customer):
        if kept.value.kind is StateKind.REVOKED and meter in (None, kept.value.meter):
            work.session.access_states.remove(kept.no)
    work.access_changed(caller.scope, customer)
    for one in blocked_meters:
        if one:
            _excuse(work, caller, customer, one, reason)
    now = _standing(work, caller, customer, meter)
    if was_blocked and not _is_told_blocked(work, caller, customer, meter):
        _tell(work, caller, customer, meter, now, reason)
    if meter is None:
        for one in filter(None, blocked_meters):
            _tell(work, caller, customer, one, _standing(work, caller, customer, one), reason)
    return now


def settle(work: Work, caller: Caller, customer: str, meter: str) -> None:
    """Bring what was told of a customer's access to a meter in line with its limits."""
    was_blocked = _is_told_blocked(work, caller, customer, meter)
    found = work.measures(caller.scope, customer, meter)
    is_changed = _forget(work, caller, customer, meter, found)
    for one in found.limits:
        if one.is_reached:
            is_changed |= _note(work, caller, customer, found, one)
    if not is_changed:
        return
    work.access_changed(caller.scope, customer)
    is_blocked = _is_told_blocked(work, caller, customer, meter)
    if was_blocked != is_blocked:
        now = _standing(work, caller, customer, meter)
        _tell(work, caller, customer, meter, now)


def settle_customer(work: Work, caller: Caller, customer: str) -> None:
    """As `settle`, for all meters of which something was told: a period has begun."""
    told = work.access_states(caller.scope, customer)
    if not told or work.session.customers.get(caller.scope, customer).value.deleted:
        return
    for meter in {one.meter: None for one in told if one.limit}:
        settle(work, caller, customer, meter)


def credits_granted(work: Work, caller: Caller, customer: str) -> None:
    """Restore what was taken away because credits had run out."""
    if not work.access_states(caller.scope, customer):
        return
    for kept in _states(work, caller, customer):
        own = kept.value
        if own.kind is not StateKind.REVOKED:
            continue
        if not _is_for_want_of_credits(work, caller, own.reason):
            continue
        work.session.access_states.remove(kept.no)
        work.access_changed(caller.scope, customer)
        meter = own.meter or None
        if not _is_told_blocked(work, caller, customer, meter):
            now = _standing(work, caller, customer, meter)
            _tell(work, caller, customer, meter, now, "credits_granted")


def _is_for_want_of_credits(work: Work, caller: Caller, reason: str) -> bool:
    """Whether that is the reason, or an alert on credits is: `alert alrt_…`, and what follows."""
    if reason == OUT_OF_CREDITS:
        return True
    word, _, rest = reason.partition(" ")
    kept = work.session.alerts.find(caller.scope, rest.partition(" ")[0]) if rest else None
    is_on_credits = kept is not None and kept.value.alert_type is AlertType.CREDIT_BALANCE
    return word == "alert" and is_on_credits


def reset(work: Work, caller: Caller, state: str) -> None:
    """The month in which a limit was reached is over."""
    kept = work.session.access_states.find(caller.scope, state)
    if kept is not None:
        settle_customer(work, caller, kept.value.customer)


def _check(work: Work, caller: Caller, customer: str, meter: str | None) -> None:
    existing(work, caller, customer, "customer")
    if meter is not None:
        work.session.meters.get(caller.scope, meter, "meter")


def _states(work: Work, caller: Caller, customer: str) -> list[Kept[AccessState]]:
    return list(work.session.access_states.every(caller.scope, customer=customer))


def _is_told_blocked(work: Work, caller: Caller, customer: str, meter: str | None) -> bool:
    return is_told_blocked(work.access_states(caller.scope, customer), meter or "")


def _standing(work: Work, caller: Caller, customer: str, meter: str | None) -> Standing:
    states = work.access_states(caller.scope, customer)
    if meter is None:
        return stand(Measures(0, 0, ()), states, "")
    return stand(work.measures(caller.scope, customer, meter), states, meter)


def _forget(work: Work, caller: Caller, customer: str, meter: str, found: Measures) -> bool:
    """Drop what was told of limits that are no longer reached, or in a period that is over."""
    reached = {
        (one.limit.id, one.period_start_ms, one.limit.limit)
        for one in found.limits
        if one.is_reached
    }
    known = work.access_states(caller.scope, customer)
    if not any(one.meter == meter and one.limit for one in known):
        return False
    over = [
        kept
        for kept in _states(work, caller, customer)
        if kept.value.meter == meter
        and kept.value.limit
        and (kept.value.limit, kept.value.period_start_ms, kept.value.level) not in reached
    ]
    for kept in over:
        work.session.access_states.remove(kept.no)
        work.session.agenda.drop(caller.scope, Task.ACCESS_RESETS, kept.value.id)
    if over:
        work.access_changed(caller.scope, customer)
    return bool(over)


def _note(work: Work, caller: Caller, customer: str, found: Measures, one: Measured) -> bool:
    """Note that a limit is reached, unless that is known; whether it was not."""
    if any(told.limit == one.limit.id for told in work.access_states(caller.scope, customer)):
        return False
    is_hard = one.limit.kind is LimitKind.HARD
    kind = StateKind.LIMIT if is_hard else StateKind.WARNED
    state = _add(work, caller, customer, one.limit.meter, kind, one)
    reach("access.noted")
    if not is_hard:
        if one.limit.set_by is SetBy.CUSTOMER:
            warn(work, caller, customer, one, state.id)
        measured = Measures(found.used, found.reserved, (_as_hard(one),))
        told = stand(measured, (), one.limit.meter)._replace(
            allowed=not _is_told_blocked(work, caller, customer, one.limit.meter)
        )
        snapshot = access_object(caller.scope, customer, one.limit.meter, told)
        announce(work, caller, ACCESS_WARNING, {**snapshot, "reason": "warning_reached"}, "")
    return True


def _as_hard(one: Measured) -> Measured:
    return one._replace(limit=structs.replace(one.limit, kind=LimitKind.HARD))


def _add(
    work: Work,
    caller: Caller,
    customer: str,
    meter: str,
    kind: StateKind,
    reached: Measured | None = None,
    *,
    reason: str = "",
) -> AccessState:
    state = AccessState(
        id=new_id("acst", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        customer=customer,
        meter=meter,
        kind=kind,
        limit="" if reached is None else reached.limit.id,
        level=None if reached is None else reached.limit.limit,
        period_start_ms=0 if reached is None else reached.period_start_ms,
        reason=reason,
    )
    work.session.access_states.insert(state)
    if reached is not None and reached.limit.period is LimitPeriod.MONTH:
        assert reached.resets_ms is not None  # months end
        clock = work.session.customers.get(caller.scope, customer).value.clock
        due = Due(caller.scope, Task.ACCESS_RESETS, state.id, reached.resets_ms, clock)
        work.session.agenda.put(due)
    work.access_changed(caller.scope, customer)
    return state


def _excuse(work: Work, caller: Caller, customer: str, meter: str, reason: str) -> None:
    """Let a customer go on although limits are reached."""
    found = work.measures(caller.scope, customer, meter)
    for kept in _states(work, caller, customer):
        if kept.value.kind is StateKind.LIMIT and kept.value.meter == meter:
            work.session.access_states.remove(kept.no)
            work.session.agenda.drop(caller.scope, Task.ACCESS_RESETS, kept.value.id)
    known = {
        one.limit
        for one in work.access_states(caller.scope, customer)
        if one.kind is StateKind.EXCUSED
    }
    for one in found.limits:
        if one.is_reached and one.limit.kind is LimitKind.HARD and one.limit.id not in known:
            _add(work, caller, customer, meter, StateKind.EXCUSED, one, reason=reason)
    work.access_changed(caller.scope, customer)


def _drop_excuses(work: Work, caller: Caller, customer: str, meter: str | None) -> None:
    for kept in _states(work, caller, customer):
        if kept.value.kind is StateKind.EXCUSED and meter in (None, kept.value.meter):
            work.session.access_states.remove(kept.no)
            work.session.agenda.drop(caller.scope, Task.ACCESS_RESETS, kept.value.id)
    work.access_changed(caller.scope, customer)


def _tell(
    work: Work, caller: Caller, customer: str, meter: str | None, now: Standing, note: str = ""
) -> None:
    """Announce that access came or went, and what that does to entitlements."""
    is_blocked = _is_told_blocked(work, caller, customer, meter)
    type_ = ACCESS_REVOKED if is_blocked else ACCESS_RESTORED
    announce(work, caller, type_, access_object(caller.scope, customer, meter, now, note), "")
    reach("access.told")
    refresh_entitlements(work, caller.scope, customer, caller)
