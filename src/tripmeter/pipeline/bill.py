"""BILL: has a total reached a billing threshold? Then its invoice is part of the same commit.

Most events are settled by the one comparison that alerts take, too. Where the total has come to
the point at which to look, the thresholds of the subscriptions concerned are evaluated exactly, on
this very event, and then either an invoice is issued or the next point is set.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from decimal import Decimal, localcontext
from typing import Final, Protocol

from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.drafting import as_decimal
from tripmeter.billing.late_usage import Late, report_late_usage
from tripmeter.billing.periods import roll
from tripmeter.billing.thresholds import Used, amount, issue, let_through
from tripmeter.control.clocks import now_of
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Caller
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import NEVER, Tally
from tripmeter.pipeline.tally import draw_next_line
from tripmeter.pipeline.windows import LATEST_MS
from tripmeter.ports import Work
from tripmeter.rules.thresholds import Standing, crossing, looks, standing

ROUNDS: Final = 3
"""So often one event may have invoices issued for one subscription: usage that was billed is below
its thresholds again."""


class Counting(Work, Protocol):
    """Work in the midst of counting."""

    def counting_at(self, position: int) -> AbstractContextManager[None]:
        """What is done in the context is done when counting has come to a position."""
        ...


class Biller:
    """Evaluates thresholds in one unit of work."""

    def __init__(self, work: Counting, state: State) -> None:
        self._work = work
        self._state = state
        self._late: list[Late] = []

    def before(self, tally: Tally, event: UsageEvent) -> None:
        """Begin the periods that an event shows to have begun, and note it if it is late."""
        billing = tally.billing
        if billing is None:
            return
        if billing.over(event.timestamp_ms, LATEST_MS):
            self._begin_periods(tally, event)
        for subscription in billing.late(event.timestamp_ms):
            self._late.append(Late(tally.meter.scope, subscription, event))

    def _begin_periods(self, tally: Tally, event: UsageEvent) -> None:
        """Periods that are over end before what is stamped in the next one counts, however late
        the agenda is: there is a window for each event, and its thresholds are watched."""
        caller = Caller(tally.meter.scope)
        now_ms = now_of(self._work, self._work.session.customers.numbered(tally.customer_no))
        with self._work.counting_at(event.position - 1):
            over, before = self._over(tally, event, now_ms), None
            while over and over != before:  # the period of one that is paused does not end
                for subscription, _ in over:
                    roll(self._work, caller, subscription, now_ms)
                over, before = self._over(tally, event, now_ms), over

    def _over(self, tally: Tally, event: UsageEvent, now_ms: int) -> list[tuple[str, int]]:
        return tally.billing.over(event.timestamp_ms, now_ms) if tally.billing else []

    def taken_back(self, tally: Tally) -> None:
        """An event was cancelled. No threshold is crossed by that; but where less usage costs more,
        as with volume tiers, or an earlier event counts again, the next event may cross one."""
        scope = tally.meter.scope
        for subscription in tally.billing.watched if tally.billing else ():
            agreed = contract(self._work.session, scope, subscription)
            for one in agreed.metered:
                other = self._state.billed_tally(one.item)
                if other.billing is not None:
                    other.billing.look_again()
                    draw_next_line(other)

    def close(self) -> None:
        """Report the usage of the batch that came too late for its invoice."""
        if self._late:
            report_late_usage(self._work, self._late)
            self._late.clear()

    def look(self, tally: Tally, event: UsageEvent) -> None:
        """Evaluate the thresholds that an event may have reached."""
        billing = tally.billing
        if billing is None or tally.total < billing.line():
            return
        with self._work.counting_at(event.position):
            for subscription in billing.concerned(tally.total):
                self.evaluate(Caller(tally.meter.scope), subscription, is_retry=False)

    def evaluate(self, caller: Caller, subscription: str, *, is_retry: bool = True) -> None:
        """Evaluate a subscription's thresholds, whatever its usage has come to.

        While an invoice is held back by the rate rule, only its retry does.
        """
        for _ in range(ROUNDS):
            agreed = contract(self._work.session, caller.scope, subscription)
            if agreed.subscription.held_back and not is_retry:
                break
            used = self._used(agreed)
            facts = [one.facts for one in used]
            now_ms = now_of(self._work, agreed.customer.value)
            if standing(agreed.subscription, facts, now_ms) is not Standing.EVALUATED:
                break
            says = amount(self._work.session, agreed, used, now_ms)
            crossed = crossing(agreed.subscription, facts, says)
            if not crossed:
                agreed = let_through(self._work, caller, agreed)
                self._set_looks(agreed, looks(agreed.subscription, facts, says))
                return
            agreed = issue(self._work, caller, agreed, used, crossed, now_ms)
            if agreed.subscription.held_back:
                break
        self._set_looks(agreed, {})

    def _used(self, agreed: Contract) -> list[Used]:
        """The metered items, with what their usage has come to by this very event."""
        return [
            Used(one, as_decimal(self._work.usage(one.item, one.current)))
            for one in agreed.metered
            if one.takes_usage
        ]

    def _set_looks(self, agreed: Contract, looks: Mapping[str, Decimal | None]) -> None:
        """Set the usage of each item at which to look again; for none that is named, never.

        A superseding meter's usage follows no total, so each of its events is looked at.
        """
        for one in agreed.metered:
            if not one.takes_usage:
                continue
            tally = self._state.billed_tally(one.item)
            found = tally.billing.find(one.current.no) if tally.billing else None
            if found is None:
                continue
            at = looks.get(one.item.id)
            found.look = NEVER if at is None else scaled(at)
            if at is not None and tally.meter.superseding:
                found.look = None
            draw_next_line(tally)


def scaled(quantity: Decimal) -> int:
    """A quantity of at most 15 places as the data plane has it."""
    with localcontext(prec=60):
        return int(quantity * SCALE)
