"""BILL: has a total reached a billing threshold? Then its invoice is part of the same commit.

Most events are settled by the one comparison that alerts take, too. Where the total has come to
the point at which to look, the thresholds of the subscriptions concerned are evaluated exactly, on
this very event, and then either an invoice is issued or the next point is set.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Final

from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.drafting import as_decimal
from tripmeter.billing.thresholds import Used, amount, issue
from tripmeter.control.clocks import now_of
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Caller
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import NEVER, Tally
from tripmeter.pipeline.tally import draw_next_line
from tripmeter.ports import Work
from tripmeter.rules.thresholds import Standing, crossing, looks, standing

ROUNDS: Final = 3
"""So often one event may have invoices issued for one subscription: usage that was billed is below
its thresholds again."""


class Biller:
    """Evaluates thresholds in one unit of work."""

    def __init__(self, work: Work, state: State) -> None:
        self._work = work
        self._state = state

    def look(self, tally: Tally, event: UsageEvent) -> None:
        """Evaluate the thresholds that an event may have reached."""
        billing = tally.billing
        if billing is None or tally.total < billing.line():
            return
        concerned = {
            one.subscription
            for one in billing.current
            if one.look is None or one.usage(tally.total) >= one.look
        }
        for subscription in sorted(concerned):
            self._evaluate(Caller(tally.meter.scope), subscription, event.position)

    def evaluate(self, caller: Caller, subscription: str) -> None:
        """Evaluate a subscription's thresholds, whatever its usage has come to."""
        self._evaluate(caller, subscription, self._work.position)

    def _evaluate(self, caller: Caller, subscription: str, position: int) -> None:
        for _ in range(ROUNDS):
            agreed = contract(self._work.session, caller.scope, subscription)
            used = self._used(agreed)
            facts = [one.facts for one in used]
            now_ms = now_of(self._work, agreed.customer.value)
            if standing(agreed.subscription, facts, now_ms) is not Standing.EVALUATED:
                break
            says = amount(self._work.session, agreed, used, now_ms)
            crossed = crossing(agreed.subscription, facts, says)
            if not crossed:
                self._set_looks(agreed, looks(agreed.subscription, facts, says))
                return
            agreed = issue(self._work, caller, agreed, used, crossed, position, now_ms)
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
