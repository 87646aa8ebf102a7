"""A slow, obvious model of billing: what must be invoiced, given the list of accepted events.

It shares no code with the engine. Quantities and rates are fractions; every figure is computed
anew, from all events, each time that it is asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
GRACE_MS = HOUR_MS
FOREVER = 2**60
WINDOWS = {"hour": HOUR_MS, "day": DAY_MS}


def cents(amount: Fraction) -> int:
    """Rounded half up, by size."""
    whole = (abs(amount) * 2 + 1) // 2
    return int(whole if amount >= 0 else -whole)


# --- prices ------------------------------------------------------------------------------------


class Tier(NamedTuple):
    """Up to and including `up_to` units; None for the last one."""

    up_to: int | None
    unit: Fraction
    flat: Fraction


@dataclass
class Price:
    """`mode` is unit, package, graduated or volume."""

    key: str
    mode: str
    unit: Fraction = Fraction(0)
    size: int = 1
    round_up: bool = True
    tiers: tuple[Tier, ...] = ()

    def parts(self, quantity: Fraction) -> list[int]:
        """The amounts of which a price is made up; at the same places for every quantity."""
        quantity = max(quantity, Fraction(0))
        if self.mode == "unit":
            return [cents(self.unit * quantity)]
        if self.mode == "package":
            packages = quantity / self.size
            return [cents(self.unit * (-(-packages // 1) if self.round_up else packages // 1))]
        counted = self._graduated if self.mode == "graduated" else self._volume
        return [amount for pair in counted(quantity) for amount in pair]

    def _graduated(self, quantity: Fraction) -> Iterator[tuple[int, int]]:
        lower = 0
        for tier in self.tiers:
            upper = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
            is_reached = lower == 0 or quantity > lower
            yield cents(tier.unit * max(upper - lower, Fraction(0))), cents(tier.flat * is_reached)
            lower = tier.up_to or 0

    def _volume(self, quantity: Fraction) -> Iterator[tuple[int, int]]:
        found = False
        for tier in self.tiers:
            mine = not found and (tier.up_to is None or quantity <= tier.up_to)
            found = found or mine
            yield cents(tier.unit * quantity * mine), cents(tier.flat * mine)

    def cost(self, quantity: Fraction) -> int:
        """All of it."""
        return sum(self.parts(quantity))

    def lines(self, usage: Fraction, before: Fraction | None) -> list[int]:
        """The amounts of an invoice's lines for usage of which some was billed before."""
        now = self.parts(usage)
        if before is None:
            return now
        if self.mode == "volume":
            return [*now, -self.cost(before)]
        return [one - other for one, other in zip(now, self.parts(before), strict=True)]


# --- what happens ------------------------------------------------------------------------------


@dataclass
class Meter:
    """A meter by its event name."""

    key: str
    formula: str
    window: str | None = None


@dataclass
class Event:
    """An accepted event."""

    position: int
    meter: str
    customer: str
    at_ms: int
    value: Fraction
    identifier: str
    cancelled_at: int = FOREVER


@dataclass
class Item:
    """A metered item."""

    meter: str
    price: Price
    usage_gte: int | None = None


@dataclass
class Span:
    """A period as usage belongs to it; the same for all items."""

    start_ms: int
    end_ms: int
    after: int
    """Usage counts behind this position."""
    until: int = FOREVER
    """And up to this one."""
    cut_ms: int | None = None
    cut_at: int = 0
    billed: dict[int, Fraction] = field(default_factory=dict)
    """Of each item, by its place: what threshold invoices took."""

    def has(self, event: Event) -> bool:
        """Whether an event belongs to it."""
        is_cut = self.cut_ms is not None and event.position > self.cut_at
        end_ms = self.cut_ms if is_cut and self.cut_ms is not None else self.end_ms
        return self.start_ms <= event.at_ms < end_ms and self.after < event.position <= self.until


@dataclass
class Invoice:
    """What must be on an invoice."""

    sub: str
    reason: str
    created_ms: int
    status: str = "draft"
    span: Span | None = None
    closes: bool = False
    """Whether the span takes no more once it is final."""
    position: int = 0
    """Up to which usage is on it."""
    usages: list[Fraction] = field(default_factory=list)
    usage_lines: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)
    """Amounts of what is billed in advance."""
    ahead_of: Span | None = None
    """The period that it is billed for."""
    subtotal: int = 0
    total: int = 0
    finalizes_ms: int = FOREVER
    late: int = 0
    credited: int = 0


@dataclass
class Sub:
    """A subscription. `discounts` are ("percent", n) or ("amount", cents)."""

    key: str
    customer: str
    days: int
    items: list[Item]
    licensed: list[tuple[Price, int]] = field(default_factory=list)
    amount_gte: int | None = None
    reset: bool = False
    discounts: list[tuple[str, int]] = field(default_factory=list)
    current: Span = field(default_factory=lambda: Span(0, 0, 0))
    spans: list[Span] = field(default_factory=list)
    begun_ms: int = 0
    """When the period began; the current span may begin before it."""
    paid: tuple[int, int] = (1, 0)
    """What was billed of quantities last, before and after discounts."""
    active: bool = True
    held: bool = False
    retry_ms: int = FOREVER

    @property
    def watched(self) -> bool:
        """Whether it has thresholds."""
        return self.amount_gte is not None or any(one.usage_gte for one in self.items)


@dataclass
class Watch:
    """An alert on the spend of a period, or with `meter` on the usage of one."""

    key: str
    line: int
    customer: str | None = None
    sub: str | None = None
    meter: str | None = None
    told: list["Told"] = field(default_factory=list)


class Told(NamedTuple):
    """What must have been told of an alert, about a subscription."""

    sub: str
    action: str
    value: Fraction
    position: int
    late: bool = False


class Oracle:
    """Everything that there is."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self.meters = {meter.key: meter for meter in meters}
        self.events: list[Event] = []
        self.subs: dict[str, Sub] = {}
        self.invoices: list[Invoice] = []
        self.credits: dict[str, int] = {}
        self.watches: list[Watch] = []
        self._fired: dict[tuple[str, str], tuple[str, Span]] = {}
        """By alert and subscription: what was told last, and in which period."""
        self._known: set[tuple[str, str, int]] = set()
        """Alert, subscription and period that it was triggered for."""
        self.now_ms = 0
        self.position = 0

    # usage

    def usage(self, sub: Sub, item: Item, span: Span) -> Fraction:
        """What was used in a span up to now."""
        own = [
            event
            for event in self.events
            if (event.meter, event.customer) == (item.meter, sub.customer)
            and span.has(event)
            and event.cancelled_at > min(self.position, span.until)
        ]
        return self._aggregate(self.meters[item.meter], own)

    def _aggregate(self, meter: Meter, events: list[Event]) -> Fraction:
        if not events:
            return Fraction(0)
        if meter.formula == "last" and meter.window is None:
            return max(events, key=lambda one: (one.at_ms, one.position)).value
        if meter.window is None:
            return sum((one.value for one in events), Fraction(0))
        length = WINDOWS[meter.window]
        newest: dict[int, Event] = {}
        for one in sorted(events, key=lambda one: one.position):
            newest[one.at_ms // length] = one
        if meter.formula == "last":
            return newest[max(newest)].value
        return sum((one.value for one in newest.values()), Fraction(0))

    def take(self, event: Event) -> None:
        """An event is accepted."""
        concerned = [
            sub
            for sub in self.subs.values()
            if sub.customer == event.customer and event.meter in [i.meter for i in sub.items]
        ]
        self.position = event.position - 1
        for sub in concerned:
            while sub.active and sub.current.end_ms <= min(event.at_ms, self.now_ms):
                self._roll(sub)
            self._note_late(sub, event)
        self.events.append(event)
        self.position = event.position
        for sub in concerned:
            self._watch_former(sub, event)
            self._evaluate(sub)

    def cancel(self, event: Event, position: int) -> None:
        """An event is taken back."""
        event.cancelled_at = self.position = position

    def _note_late(self, sub: Sub, event: Event) -> None:
        for invoice in self.invoices:
            span = invoice.span
            if invoice.sub == sub.key and invoice.closes and invoice.status == "final":
                assert span is not None
                end_ms = span.end_ms if span.cut_ms is None else span.cut_ms
                invoice.late += span.start_ms <= event.at_ms < end_ms and not any(
                    other.start_ms <= event.at_ms and other.until == FOREVER for other in sub.spans
                )

    # subscriptions

    def subscribe(self, sub: Sub) -> None:
        """A subscription begins now."""
        length = sub.days * DAY_MS
        first = Span(self.now_ms, self.now_ms + length, self.position)
        self.subs[sub.key] = sub
        sub.current, sub.begun_ms = first, self.now_ms
        sub.spans.append(first)
        self._follow(sub)
        self._invoice(sub, "subscription_create", None, self._ahead(sub), final=True)

    def _follow(self, sub: Sub) -> None:
        length = sub.days * DAY_MS
        end_ms = sub.current.end_ms
        sub.spans.append(Span(end_ms, end_ms + length, self.position))

    def _ahead(self, sub: Sub) -> list[int]:
        return [part for price, n in sub.licensed for part in price.parts(Fraction(n))]

    def _roll(self, sub: Sub) -> None:
        former = sub.current
        sub.current = next(one for one in sub.spans if one.start_ms == former.end_ms)
        sub.begun_ms = former.end_ms
        sub.held, sub.retry_ms = False, FOREVER
        self._follow(sub)
        self._close(sub, former, former.end_ms, self._ahead(sub))

    def _close(self, sub: Sub, span: Span, end_ms: int, ahead: list[int]) -> None:
        made = self._invoice(sub, "subscription_cycle", span, ahead, final=False)
        made.closes = True
        made.finalizes_ms = end_ms + GRACE_MS

    def cancel_subscription(self, key: str, *, bill: bool) -> None:
        """It ends now."""
        sub = self.subs[key]
        sub.active = False
        sub.held, sub.retry_ms = False, FOREVER
        span = sub.current
        sub.spans = [one for one in sub.spans if one.start_ms < self.now_ms or one is span]
        span.cut_ms, span.cut_at = self.now_ms, self.position
        if not sub.items:
            return
        if bill:
            self._close(sub, span, self.now_ms, [])
        else:
            span.until = self.position

    def move_threshold(self, key: str, amount_gte: int) -> None:
        """The monetary threshold is another one, and looked at at once."""
        self.subs[key].amount_gte = amount_gte
        self._evaluate(self.subs[key], is_retry=True)

    # alerts

    def _watch(self, sub: Sub) -> None:
        for watch in self.watches:
            if watch.customer in (None, sub.customer) and watch.sub in (None, sub.key):
                for value in self._compared(watch, sub):
                    self._tell(watch, sub, value)

    def _compared(self, watch: Watch, sub: Sub) -> Iterator[Fraction]:
        if watch.meter is None:
            yield Fraction(self.spent(sub))
        for item in sub.items:
            if item.meter == watch.meter:
                yield self.usage(sub, item, sub.current)

    def _tell(self, watch: Watch, sub: Sub, value: Fraction) -> None:
        action, span = self._fired.get((watch.key, sub.key), ("recovered", None))
        if action == "triggered" and span is sub.current:
            return
        reached = value >= watch.line
        if reached or action == "triggered":
            action = "triggered" if reached else "recovered"
            self._fired[watch.key, sub.key] = action, sub.current
            if reached:
                self._known.add((watch.key, sub.key, id(sub.current)))
            watch.told.append(Told(sub.key, action, value, self.position))

    def _watch_former(self, sub: Sub, event: Event) -> None:
        """Late usage may reach a line in a period that is over."""
        for span in sub.spans:
            is_last = span is sub.current and not sub.active
            if not is_last and not (span.start_ms < sub.current.start_ms and span.has(event)):
                continue
            for watch in self.watches:
                if watch.meter != event.meter or watch.customer not in (None, sub.customer):
                    continue
                (item,) = (one for one in sub.items if one.meter == watch.meter)
                value = self.usage(sub, item, span)
                key = (watch.key, sub.key, id(span))
                if value >= watch.line and key not in self._known:
                    self._known.add(key)
                    watch.told.append(Told(sub.key, "triggered", value, self.position, late=True))

    def spent(self, sub: Sub) -> int:
        """What the current period has cost: as billed, and as it would be."""
        total = 0
        for invoice in self.invoices:
            if invoice.sub != sub.key:
                continue
            lines = self._left(sub, [*invoice.usage_lines, *invoice.ahead])
            usage, ahead = lines[: len(invoice.usage_lines)], lines[len(invoice.usage_lines) :]
            if invoice.span is sub.current:
                total += sum(usage) - invoice.credited
            if invoice.ahead_of is sub.current:
                total += sum(ahead)
        used = [self.usage(sub, item, sub.current) for item in sub.items]
        return total + self._settled(sub, self._usage_lines(sub, sub.current, used), [])[0]

    # thresholds

    def _evaluate(self, sub: Sub, *, is_retry: bool = False) -> None:
        if not sub.active:
            return
        self._watch(sub)
        made = len(self.invoices)
        self._look_at_thresholds(sub, is_retry=is_retry)
        if len(self.invoices) > made:
            self._watch(sub)

    def _look_at_thresholds(self, sub: Sub, *, is_retry: bool) -> None:
        if not sub.watched or (sub.held and not is_retry):
            return
        if self.now_ms >= sub.current.end_ms - DAY_MS:
            return
        used = [self.usage(sub, item, sub.current) for item in sub.items]
        lines = self._usage_lines(sub, sub.current, used)
        says, _ = self._settled(sub, lines, [])
        crossed = sub.amount_gte is not None and says >= sub.amount_gte
        for place, item in enumerate(sub.items):
            new = used[place] - sub.current.billed.get(place, Fraction(0))
            crossed = crossed or (item.usage_gte is not None and new >= item.usage_gte)
        sub.held = sub.held and crossed
        if not crossed:
            return
        allowed_ms = self._allowed(sub)
        if allowed_ms > self.now_ms:
            sub.held, sub.retry_ms = True, allowed_ms
            return
        sub.held, sub.retry_ms = False, FOREVER
        span = sub.current
        ahead = self._restart(sub) if sub.reset else []
        self._invoice(sub, "subscription_threshold", span, ahead, final=True)
        span.billed = dict(enumerate(used))

    def _restart(self, sub: Sub) -> list[int]:
        """Tiers begin anew; what is stamped in the former period, and comes now, is usage of the
        new one. Quantities are billed for the new period, less what was paid beyond now."""
        former = sub.current
        begun, ends, now = (ms // 1000 for ms in (sub.begun_ms, former.end_ms, self.now_ms))
        ahead = self._ahead(sub)
        rest = cents(Fraction(sum(ahead) * (ends - now), ends - begun))
        gross, net = sub.paid
        unused = -cents(Fraction(rest * net, gross))
        sub.begun_ms = self.now_ms
        former.until = self.position
        sub.spans = [one for one in sub.spans if one.start_ms < former.start_ms]
        sub.current = Span(former.start_ms, self.now_ms + sub.days * DAY_MS, self.position)
        sub.spans.append(sub.current)
        self._follow(sub)
        return [*ahead, unused] if unused else ahead

    def _allowed(self, sub: Sub) -> int:
        """10 invoices in any minute, 20 in any day."""
        made = sorted(one.created_ms for one in self.invoices if one.sub == sub.key)
        allowed_ms = self.now_ms
        for most, length in ((10, MINUTE_MS), (20, DAY_MS)):
            lately = [at for at in made if at > self.now_ms - length][-20:]
            if len(lately) >= most:
                allowed_ms = max(allowed_ms, lately[-most] + length)
        return allowed_ms

    # invoices

    def _usage_lines(self, sub: Sub, span: Span, used: list[Fraction]) -> list[int]:
        return [
            amount
            for place, item in enumerate(sub.items)
            for amount in item.price.lines(used[place], span.billed.get(place))
        ]

    def _invoice(
        self, sub: Sub, reason: str, span: Span | None, ahead: list[int], *, final: bool
    ) -> Invoice:
        made = Invoice(sub.key, reason, self.now_ms, span=span, ahead=ahead)
        made.ahead_of = sub.current
        self.invoices.append(made)
        self._compute(sub, made, final=final)
        if final:
            made.status = "final"
        return made

    def _compute(self, sub: Sub, invoice: Invoice, *, final: bool) -> None:
        usage_lines: list[int] = []
        if invoice.span is not None:
            invoice.usages = [self.usage(sub, item, invoice.span) for item in sub.items]
            usage_lines = self._usage_lines(sub, invoice.span, invoice.usages)
        invoice.usage_lines = usage_lines
        invoice.position = self.position
        invoice.subtotal = sum(usage_lines) + sum(invoice.ahead)
        left = self.credits.get(sub.customer, 0)
        invoice.total, payable = self._settled(sub, usage_lines, invoice.ahead, with_credits=False)
        if final:
            invoice.credited = min(left, payable)
            invoice.total -= invoice.credited
            self.credits[sub.customer] = left - invoice.credited

    def _settled(
        self, sub: Sub, usage: list[int], ahead: list[int], *, with_credits: bool = True
    ) -> tuple[int, int]:
        """What is left after discounts and credits, and how much credits could pay."""
        left = self._left(sub, [*usage, *ahead])
        if any(ahead):
            first = len(usage)
            paid = [pair for pair in zip(ahead, left[first:], strict=True) if pair[0] > 0]
            sub.paid = (sum(one for one, _ in paid), sum(one for _, one in paid))
        payable = sum(max(amount, 0) for amount in left[: len(usage)])
        credited = min(self.credits.get(sub.customer, 0), payable) if with_credits else 0
        return sum(left) - credited, payable

    def _left(self, sub: Sub, amounts: list[int]) -> list[int]:
        """What discounts leave of each line of an invoice."""
        left = amounts
        for kind, size in sub.discounts:
            base = [max(amount, 0) for amount in left]
            taken = (
                [cents(Fraction(amount * size, 100)) for amount in base]
                if kind == "percent"
                else spread(size, base)
            )
            left = [amount - part for amount, part in zip(left, taken, strict=True)]
        return left

    # time

    def bill(self) -> None:
        """All that is due is done, in the order of time."""
        while True:
            due: list[tuple[int, int, int, Any]] = [(FOREVER, -1, 0, None)]
            for place, invoice in enumerate(self.invoices):
                if invoice.status == "draft":
                    due.append((invoice.finalizes_ms, 0, place, invoice))
            for place, sub in enumerate(self.subs.values()):
                if sub.active:
                    due.append((sub.current.end_ms, 1, place, sub))
                due.append((sub.retry_ms, 2, place, sub))
            due_ms, kind, _, subject = min(due)
            if due_ms > self.now_ms:
                return
            if kind == 0:
                self._finalize(subject)
            elif kind == 1:
                self._roll(subject)
                self._watch(subject)
            else:
                subject.retry_ms = FOREVER
                self._evaluate(subject, is_retry=True)

    def _finalize(self, invoice: Invoice) -> None:
        sub, span = self.subs[invoice.sub], invoice.span
        assert span is not None
        self._compute(sub, invoice, final=True)
        invoice.status = "final"
        span.until = self.position


def spread(amount: int, base: list[int]) -> list[int]:
    """An amount over lines in proportion, to the cent; what is left goes to the largest rests."""
    whole = sum(base)
    amount = min(amount, whole)
    if amount <= 0:
        return [0] * len(base)
    exact = [Fraction(amount * one, whole) for one in base]
    parts = [int(one) for one in exact]
    order = sorted(range(len(base)), key=lambda at: (parts[at] - exact[at], at))
    for at in order[: amount - sum(parts)]:
        parts[at] += 1
    return parts
