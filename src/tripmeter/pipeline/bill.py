"""BILL: has a total reached a line of what is billed? What follows is part of the same commit.

Most events are settled by the one comparison that alerts take, too. Where the total has come to
the point at which to look, the alerts and the thresholds of the subscriptions concerned are
evaluated exactly, on this very event: alerts fire, an invoice is issued, the next point is set.
"""

from collections.abc import Sequence, Set
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from tripmeter.billing.alerts import Looks, watch_former, watch_period
from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.late_usage import Late, report_late_usage
from tripmeter.billing.periods import roll
from tripmeter.billing.thresholds import issue, let_through
from tripmeter.billing.unbilled import Seen, amount, see
from tripmeter.control.clocks import now_of
from tripmeter.model.quantity import of_decimal
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


class _Billed(NamedTuple):
    """What became of a subscription's thresholds."""

    agreed: Contract
    looks: Looks
    is_issued: bool = False
    """Whether there is an invoice, so that they are to be evaluated again."""


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
        """Evaluate the alerts and thresholds that an event may have reached."""
        billing = tally.billing
        if billing is None:
            return
        caller = Caller(tally.meter.scope)
        for former in billing.closing(event.position, event.timestamp_ms):
            with self._work.counting_at(event.position):
                agreed = contract(self._work.session, caller.scope, former.subscription)
                watch_former(self._work, caller, agreed, former.item, former.window)
        if tally.total < billing.line():
            return
        done: set[str] = set()
        with self._work.counting_at(event.position):
            while (subscription := self._concerned(tally, done)) is not None:
                done.add(subscription)
                self.evaluate(caller, subscription, is_retry=False)

    def _concerned(self, tally: Tally, done: Set[str]) -> str | None:
        """The next subscription to evaluate: an invoice that uses up credits concerns others."""
        concerned = tally.billing.concerned(tally.total) if tally.billing else []
        return next((one for one in concerned if one not in done), None)

    def evaluate(self, caller: Caller, subscription: str, *, is_retry: bool = True) -> None:
        """Evaluate a subscription's alerts and thresholds, whatever its usage has come to.

        Alerts come first: an invoice may begin a new period, and the event belongs to this one.
        """
        for _ in range(ROUNDS):
            seen = self._see(caller, subscription)
            lines = watch_period(self._work, caller, seen)
            billed = self._bill(caller, seen, is_retry=is_retry)
            if not billed.is_issued:
                self._set_looks(billed.agreed, [*lines, billed.looks])
                return
        seen = self._see(caller, subscription)
        self._set_looks(seen.agreed, watch_period(self._work, caller, seen))

    def _see(self, caller: Caller, subscription: str) -> Seen:
        return see(self._work, contract(self._work.session, caller.scope, subscription))

    def _bill(self, caller: Caller, seen: Seen, *, is_retry: bool) -> _Billed:
        """Issue the invoice for a threshold that is crossed.

        While one is held back by the rate rule, only its retry does.
        """
        agreed, used, now_ms = seen
        facts = seen.facts
        if agreed.subscription.held_back and not is_retry:
            return _Billed(agreed, {})
        if standing(agreed.subscription, facts, now_ms) is not Standing.EVALUATED:
            return _Billed(agreed, {})
        says = amount(self._work.session, seen)
        crossed = crossing(agreed.subscription, facts, says)
        if not crossed:
            agreed = let_through(self._work, caller, agreed)
            return _Billed(agreed, looks(agreed.subscription, facts, says))
        agreed = issue(self._work, caller, agreed, used, crossed, now_ms)
        return _Billed(agreed, {}, is_issued=not agreed.subscription.held_back)

    def _set_looks(self, agreed: Contract, lines: Sequence[Looks]) -> None:
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
            known = [looks[one.item.id] for looks in lines if one.item.id in looks]
            at = min((at for at in known if at is not None), default=None)
            found.look = NEVER if at is None else of_decimal(at)
            if at is not None and tally.meter.superseding:
                found.look = None
            draw_next_line(tally)
