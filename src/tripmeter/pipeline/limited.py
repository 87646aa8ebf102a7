"""What a tally has in memory where its usage is limited, and the total at which to look at that.

The usage of the current month is the total less a base, as that of a billing period is: an event
that is stamped in another month moves the base instead. Both are found out anew from the hours when
a month begins, and when a tally comes into use.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tripmeter.model.standing import Bound, Measured
from tripmeter.model.usage_limit import AccessState, LimitKind, LimitPeriod, StateKind
from tripmeter.pipeline.windows import AT_ONCE, EARLIEST_MS, LATEST_MS, NEVER, Billing
from tripmeter.rules.periods import Period


@dataclass(slots=True)
class Limited:
    """The part of a tally that only limits need."""

    version: int
    """That of its meter when this was made."""
    bounds: tuple[Bound, ...]
    month: Period | None = None
    """The current one, where usage is limited by the month."""
    base: int = 0
    """The part of the total that is not of that month; scaled."""
    told: frozenset[tuple[str, int]] = frozenset()
    """Limits by id, and the start of the period in which it was told that they are reached."""
    is_blocked: bool = False
    """Whether one of them has ended access: each event is looked at, for what brings it back."""

    @property
    def span(self) -> tuple[int, int]:
        """[start, end) in ms: what is stamped in it moves total and usage alike."""
        return (EARLIEST_MS, LATEST_MS) if self.month is None else self.month

    def stamp(self, timestamp_ms: int, quantity: int) -> bool:
        """Take an event that was added to the total; whether it is of another month."""
        if self.month is None or self.month.start_ms <= timestamp_ms < self.month.end_ms:
            return False
        self.base += quantity
        return True

    def learn(self, states: Sequence[AccessState], meter: str) -> None:
        """Take in what was told of a customer's access to the meter."""
        own = [one for one in states if one.meter == meter and one.limit]
        self.told = frozenset((one.limit, one.period_start_ms) for one in own)
        self.is_blocked = any(one.kind is not StateKind.WARNED for one in own)

    def line(self, billing: Billing | None) -> int:
        """The total at which to look at its limits."""
        if self.is_blocked:
            return AT_ONCE
        return min(self._lines(billing), default=NEVER)

    def _lines(self, billing: Billing | None) -> Iterator[int]:
        for one in self.bounds:
            for base, start_ms in self._bases(one, billing):
                if one.limit.kind is LimitKind.HARD or (one.limit.id, start_ms) not in self.told:
                    yield base + one.at

    def _bases(self, one: Bound, billing: Billing | None) -> Iterator[tuple[int, int]]:
        """For each period that a limit counts in: the part of the total that does not count, and
        when it began."""
        if one.limit.period is LimitPeriod.LIFETIME:
            yield 0, 0
        elif one.limit.period is LimitPeriod.MONTH:
            yield self.base, 0 if self.month is None else self.month.start_ms
        elif billing is not None:
            for window in billing.current:
                yield window.base, window.window.start_ms

    def measured(self, total: int, billing: Billing | None) -> tuple[Measured, ...]:
        """Its limits and how much of each is used; those without a period are left out."""
        found = (self._measured(one, total, billing) for one in self.bounds)
        return tuple(one for one in found if one is not None)

    def _measured(self, one: Bound, total: int, billing: Billing | None) -> Measured | None:
        if one.limit.period is LimitPeriod.LIFETIME:
            return Measured(one.limit, one.at, total)
        if one.limit.period is LimitPeriod.MONTH:
            assert self.month is not None  # it is limited by the month
            return Measured(one.limit, one.at, total - self.base, *self.month)
        current = [] if billing is None else billing.current
        if not current:
            return None
        most = max(current, key=lambda window: window.usage(total))
        window = most.window
        return Measured(one.limit, one.at, most.usage(total), window.start_ms, window.end_ms)
