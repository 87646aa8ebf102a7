"""May a customer go on? The decision, with its reason, from limits, usage and what was said."""

from collections.abc import Iterable, Sequence
from typing import Final

from tripmeter.model.quantity import of_decimal
from tripmeter.model.standing import Bound, Measured, Measures, Reason, Standing
from tripmeter.model.usage_limit import (
    AccessState,
    LimitKind,
    LimitPeriod,
    SetBy,
    StateKind,
    UsageLimit,
)
from tripmeter.rules.periods import Period, add_months, at_day


def bound(limit: UsageLimit) -> Bound:
    """A limit, ready to be compared."""
    return Bound(limit, of_decimal(limit.limit))


def applying(everyones: Iterable[Bound], own: Sequence[Bound]) -> tuple[Bound, ...]:
    """The limits that apply to a customer: one that the operator set for it takes the place of
    those for everybody over the same period, of the same kind."""
    replaced = {
        (one.limit.period, one.limit.kind) for one in own if one.limit.set_by is SetBy.OPERATOR
    }
    kept = (one for one in everyones if (one.limit.period, one.limit.kind) not in replaced)
    return (*kept, *own)


def stand(measures: Measures, states: Sequence[AccessState], meter: str) -> Standing:
    """Whether a customer may go on with a meter."""
    hard = [one for one in measures.limits if one.limit.kind is LimitKind.HARD]
    nearest = min(hard, key=lambda one: one.at - one.used, default=None)
    left = None if nearest is None else nearest.at - nearest.used - measures.reserved
    base = Standing(
        allowed=True,
        reason=Reason.NO_LIMIT if nearest is None else Reason.WITHIN_LIMIT,
        used=measures.used if nearest is None else nearest.used,
        limit=None if nearest is None else nearest.at,
        remaining=None if left is None else max(left, 0),
        reserved=measures.reserved,
        resets_ms=None if nearest is None else nearest.resets_ms,
        usage_limit=None if nearest is None else nearest.limit.id,
    )
    revoked = revocation(states, meter)
    if revoked is not None:
        return base._replace(allowed=False, reason=Reason.REVOKED, note=revoked.reason)
    if any(one.is_reached and not is_excused(one, states) for one in hard):
        return base._replace(allowed=False, reason=Reason.LIMIT_REACHED)
    if any(one.is_reached for one in hard):
        return base._replace(reason=Reason.RESTORED)
    if left is not None and left <= 0:
        return base._replace(allowed=False, reason=Reason.ALL_RESERVED)
    return base


def revocation(states: Iterable[AccessState], meter: str) -> AccessState | None:
    """What takes access to a meter away, whatever the limits say."""
    return next(
        (one for one in states if one.kind is StateKind.REVOKED and one.meter in ("", meter)), None
    )


def is_excused(reached: Measured, states: Iterable[AccessState]) -> bool:
    """Whether access was restored although this limit, where it stands, is reached."""
    return any(
        one.kind is StateKind.EXCUSED
        and one.limit == reached.limit.id
        and one.level == reached.limit.limit
        and one.period_start_ms == reached.period_start_ms
        for one in states
    )


def is_told_blocked(states: Iterable[AccessState], meter: str) -> bool:
    """Whether what was told last is that the customer may not go on with a meter."""
    return any(
        (one.kind is StateKind.REVOKED and one.meter in ("", meter))
        or (one.kind is StateKind.LIMIT and one.meter == meter)
        for one in states
    )


def room(measures: Measures) -> int | None:
    """How much can be reserved; scaled, below zero where more is used; None without a limit."""
    hard = [one for one in measures.limits if one.limit.kind is LimitKind.HARD]
    return min((one.at - one.used - measures.reserved for one in hard), default=None)


def month_of(moment_ms: int) -> Period:
    """The calendar month that a moment is in, in UTC."""
    following = at_day(moment_ms + 1, 1, hour=0, minute=0, second=0)
    return Period(add_months(following, -1), following)


PERIODS_OF_SUPERSEDING: Final = frozenset({LimitPeriod.LIFETIME})
"""What a meter whose later events supersede earlier ones can be limited by: its total alone."""
