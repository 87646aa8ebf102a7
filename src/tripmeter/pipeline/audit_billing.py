"""Makes billed usage anew from the log, and amounts from prices; tells every difference (C8).

Every invoice says which usage it bills: whose, in which window, up to which position. All of these
claims, and those of the windows that are open, are added up in the one pass over the log.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import structs

from tripmeter.model.alert import AlertNotification
from tripmeter.model.catalogue import Price
from tripmeter.model.invoice import Invoice, WindowUsage
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import format_quantity, of_decimal
from tripmeter.model.scope import Scope
from tripmeter.model.subscription import SubscriptionItem, Window
from tripmeter.model.usage import MinuteEvent, TallyRow, UsageEvent
from tripmeter.pipeline.windows import takes
from tripmeter.ports import Session
from tripmeter.rules.aggregate import aggregate, is_superseding
from tripmeter.rules.invoicing import summed, usage_lines

Slot = tuple[int, int]
"""Numbers of a meter and a customer."""

_FOREVER: Final = 2**62


class Fault(NamedTuple):
    """Something that is stored, and what it should be, in words."""

    what: str
    where: str
    stored: str
    expected: str


class _Claim:
    """The usage that something stored says a window had, and what the log says of it."""

    def __init__(self, where: str, meter: Meter, window: Window, told: str) -> None:
        self.where = where
        self.window = window
        self.told = told
        self.until = _FOREVER if window.closed_at is None else window.closed_at
        self._meter = meter
        self._events: dict[int, MinuteEvent] | None = (
            {} if is_superseding(meter.formula, meter.window) else None
        )
        self._sum = 0

    def change(self, event: UsageEvent, sign: int) -> None:
        """Take an event in, or back, if it belongs to the window."""
        if not takes(self.window, event.position, event.timestamp_ms):
            return
        if self._events is None:
            self._sum += sign * event.quantity
        elif sign > 0:
            one = MinuteEvent(event.position, event.timestamp_ms, event.quantity)
            self._events[event.position] = one
        else:
            self._events.pop(event.position, None)

    @property
    def usage(self) -> int:
        """Scaled."""
        if self._events is None:
            return self._sum
        return aggregate(self._meter.formula, self._meter.window, self._events.values())


class _Claims:
    """The claims of one slot: those that are open at the position that was read last, and the
    later ones; so that an event is held against a few, whatever was billed over the years."""

    def __init__(self, claims: Iterable[_Claim]) -> None:
        self._later = sorted(claims, key=lambda one: -one.window.opened_at)
        self._open: list[_Claim] = []
        self.over: list[_Claim] = []

    def at(self, position: int) -> list[_Claim]:
        """Those that what stands at a position may belong to."""
        while self._later and self._later[-1].window.opened_at < position:
            self._open.append(self._later.pop())
        if any(one.until < position for one in self._open):
            self.over += [one for one in self._open if one.until < position]
            self._open = [one for one in self._open if one.until >= position]
        return self._open

    def all(self) -> Iterator[_Claim]:
        """Every one."""
        yield from (*self.over, *self._open, *self._later)


class BillingAudit:
    """Reads what is claimed, then sees the log go by."""

    def __init__(self, session: Session, stored: Mapping[Slot, TallyRow]) -> None:
        self._session = session
        self._stored = stored
        self._slots: dict[tuple[Scope, str, str], tuple[Slot, Meter]] = {}
        self._prices: dict[tuple[Scope, str], Price] = {}
        self._billed: dict[int, list[WindowUsage]] = defaultdict(list)
        """What was billed of each window, in the order of invoices: they are read newest first."""
        self._closed: dict[int, str] = {}
        self.invoices = 0
        self.faults: list[Fault] = []
        claims: dict[Slot, list[_Claim]] = defaultdict(list)
        for scope in session.scopes():
            for kept in session.invoices.every(scope):
                self._read_invoice(scope, kept.value, claims)
            for item in session.subscription_items.every(scope):
                self._read_item(scope, item.value, claims)
            for told in session.alert_notifications.every(scope):
                self._read_notification(scope, told.value, claims)
        self._claims = {slot: _Claims(own) for slot, own in claims.items()}

    def count(self, event: UsageEvent) -> None:
        """An event of the log."""
        self._change(event, event.position, 1)

    def cancel(self, position: int, event: UsageEvent) -> None:
        """A cancellation of the log."""
        self._change(event, position, -1)

    def _change(self, event: UsageEvent, position: int, sign: int) -> None:
        own = self._claims.get((event.meter_no, event.customer_no))
        if own is not None:
            for claim in own.at(position):
                claim.change(event, sign)

    def finish(self) -> list[Fault]:
        """All that is wrong."""
        for own in self._claims.values():
            for claim in own.all():
                counted = format_quantity(claim.usage)
                if counted != claim.told:
                    self.faults.append(Fault("billed usage", claim.where, claim.told, counted))
        self._check_chains()
        return self.faults

    def _read_invoice(
        self, scope: Scope, invoice: Invoice, claims: dict[Slot, list[_Claim]]
    ) -> None:
        self.invoices += 1
        for number in invoice.details.get("windows", ()):
            other = self._closed.setdefault(number, invoice.id)
            if other != invoice.id:
                where = f"window {number} of subscription {invoice.subscription}"
                self.faults.append(
                    Fault("billed twice", where, f"by {other} and {invoice.id}", "by one invoice")
                )
        for one in invoice.usages:
            slot, meter = self._slot(scope, one.meter, invoice.customer)
            where = f"invoice {invoice.id}, item {one.item}"
            told = format_quantity(of_decimal(one.usage))
            claims[slot].append(_Claim(where, meter, one.window, told))
            self._billed[one.window.no].insert(0, one)
        self.faults += self._wrong_lines(scope, invoice)
        self.faults += _wrong_sums(invoice)

    def _read_item(
        self, scope: Scope, item: SubscriptionItem, claims: dict[Slot, list[_Claim]]
    ) -> None:
        """Open windows: what a stored tally says of them, it says of its own position."""
        if item.meter is None:
            return
        slot, meter = self._slot(scope, item.meter, item.customer)
        stored = self._stored.get(slot)
        if stored is None or is_superseding(meter.formula, meter.window):
            return
        for window in item.windows:
            seen = structs.replace(window, closed_at=stored.position)
            told = format_quantity(stored.usages.get(window.no, 0))
            where = f"item {item.id}, open window {window.no}"
            claims[slot].append(_Claim(where, meter, seen, told))

    def _read_notification(
        self, scope: Scope, told: AlertNotification, claims: dict[Slot, list[_Claim]]
    ) -> None:
        """The usage that a value was made of, as it was on the event that was told of."""
        for one in told.usages:
            slot, meter = self._slot(scope, one.meter, told.customer)
            where = f"notification {told.id} of {told.alert}, item {one.item}"
            shown = format_quantity(of_decimal(one.usage))
            claims[slot].append(_Claim(where, meter, one.window, shown))

    def _wrong_lines(self, scope: Scope, invoice: Invoice) -> Iterator[Fault]:
        """Lines of usage that are not what the price makes of it."""
        for one in invoice.usages:
            price = self._price(scope, one.price)
            wanted = sorted(
                (billed.charge, billed.quantity, billed.amount)
                for billed in usage_lines(price, one.usage, one.window.billed_usage)
            )
            found = sorted(
                (line.charge or 0, line.quantity, line.amount)
                for line in invoice.lines
                if line.window == one.window.no and line.subscription_item == one.item
            )
            if found != wanted:
                where = f"invoice {invoice.id}, lines of item {one.item}"
                yield Fault("lines", where, _shown(found), _shown(wanted))
        known = {one.window.no for one in invoice.usages}
        for line in invoice.lines:
            if line.window is not None and line.window not in known:
                where = f"invoice {invoice.id}, line {line.id}"
                yield Fault("lines", where, f"of window {line.window}", "of usage that it billed")

    def _check_chains(self) -> None:
        """What an invoice says was billed of a window before is what the one before it billed."""
        for number, billed in self._billed.items():
            before = None
            for one in sorted(billed, key=lambda one: one.window.closed_at or 0):
                if one.window.billed_usage != before:
                    where = f"window {number} of item {one.item}, billed before"
                    told, wanted = str(one.window.billed_usage), str(before)
                    self.faults.append(Fault("billed usage", where, told, wanted))
                before = one.usage

    def _slot(self, scope: Scope, meter: str, customer: str) -> tuple[Slot, Meter]:
        key = (scope, meter, customer)
        if key not in self._slots:
            kept = self._session.meters.get(scope, meter)
            customer_no = self._session.customers.get(scope, customer).no
            self._slots[key] = ((kept.no, customer_no), kept.value)
        return self._slots[key]

    def _price(self, scope: Scope, id: str) -> Price:
        if (scope, id) not in self._prices:
            self._prices[scope, id] = self._session.prices.get(scope, id).value
        return self._prices[scope, id]


def _wrong_sums(invoice: Invoice) -> Iterator[Fault]:
    """Totals that are not those of the lines."""
    fresh = summed(invoice)
    for name in ("subtotal", "total_excluding_tax", "total"):
        told, wanted = getattr(invoice, name), getattr(fresh, name)
        if told != wanted:
            yield Fault(name, f"invoice {invoice.id}", str(told), str(wanted))


def _shown(lines: Iterable[tuple[int, object, int]]) -> str:
    return "; ".join(f"{quantity} for {amount}" for _, quantity, amount in lines) or "none"
