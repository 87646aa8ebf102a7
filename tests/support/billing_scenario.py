"""Plays one made-up life of some subscriptions, on an engine and on the oracle alike."""

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from support.billing_oracle import (
    DAY_MS,
    FOREVER,
    HOUR_MS,
    MINUTE_MS,
    Event,
    Invoice,
    Item,
    Meter,
    Oracle,
    Price,
    Sub,
    Tier,
    Told,
    Watch,
)
from support.clock import SettableClock
from support.engine import Engine
from tripmeter.billing.changes import update_subscription
from tripmeter.billing.creation import cancel_subscription, create_subscription
from tripmeter.control.alerts import create_alert
from tripmeter.control.coupons import create_coupon
from tripmeter.control.credits import create_grant
from tripmeter.control.offers import create_price, create_product
from tripmeter.model.alert import AlertNotification
from tripmeter.model.errors import StoreUnavailable
from tripmeter.model.invoice import Invoice as EngineInvoice
from tripmeter.model.invoice import InvoiceStatus
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import UsageReport, as_reports
from tripmeter.pipeline.flush import Pace
from tripmeter.pipeline.jobs import CancelJob, CommandJob, Counted, UsageJob
from tripmeter.pipeline.roll import bill

KINDS: Final = (
    ("sum", None), ("sum", None), ("sum", None), ("count", None), ("sum", "hour"), ("last", None),
    ("last", "day"),
)  # fmt: skip
RATES: Final = (
    *("1", "2", "5", "10", "100", "0", "0.5", "0.25", "0.1", "0.333333333333"),
    *("1.499999999999", "0.000000000001", "0.0125", "33.3", "7.77"),
)
FLATS: Final = ("0", "0", "0", "10", "99.5", "0.4", "500")
VALUES: Final = (
    *("1", "1", "2", "5", "10", "0.5", "0.25", "0.001", "33.3", "100", "-1", "-5", "-20", "0"),
    *("0.333333333333333", "1000", "7.77"),
)
STEPS: Final = (
    *(0, 1, 40, 1_000, 20_000, MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS),
    *(6 * HOUR_MS, 11 * HOUR_MS, DAY_MS, DAY_MS, 2 * DAY_MS, 3 * DAY_MS),
)


class Play:
    """One seed is one life."""

    def __init__(self, seed: int, url: str | None) -> None:
        self.seed = seed
        self.rng = rng = random.Random(seed)
        self.clock = SettableClock()
        self.clock.advance(rng.randrange(DAY_MS))
        self.story: list[str] = [f"Life {seed}"]
        pace = Pace(
            slice=rng.choice((1, 2, 5, 500)),
            lag=rng.choice((1, 5, 50, 50_000)),
            lag_per_tally=0,
            tallies_kept=rng.choice((0, 1, 1_000_000)),
        )
        self.engine = Engine(self.clock, pace, url=url)
        self.meters = [
            Meter(f"meter{n}", *KINDS[(seed + n * 3) % len(KINDS)] if n else ("sum", None))
            for n in range(rng.randint(1, 3))
        ]
        self.oracle = Oracle(self.meters)
        self.customers = [f"cus_{n}" for n in range(rng.randint(1, 4))]
        self.ids: dict[str, str] = {}
        """The engine's ids of meters, products, prices and subscriptions."""
        self.most = rng.choice((1, 3, 8, 60, 200))
        self.calm = rng.random() < 0.5
        """Whether the agenda is worked on whenever time passes, as it is in real life."""
        self._made = 0

    # what there is

    def open(self) -> None:
        """Meters, customers, credits and the first subscriptions."""
        made = self.engine.command(create_product, {"name": "Thing"})
        self.ids["product"] = made.id
        for meter in self.meters:
            window = {"event_time_window": meter.window} if meter.window else {}
            self.ids[meter.key] = self.engine.create_meter(meter.key, meter.formula, **window).id
        for customer in self.customers:
            self.engine.create_customer(customer)
            for _ in range(self.rng.choice((1, 1, 1, 2))):
                self.subscribe(customer)
            subs = [one for one in self.oracle.subs.values() if one.customer == customer]
            if len(subs) == 1 and self.rng.random() < 0.35:
                self.grant(customer)
        for _ in range(self.rng.choice((0, 1, 2, 3))):
            self.watch()

    def watch(self) -> None:
        """An alert on the spend, or on the usage, of periods."""
        rng = self.rng
        self.clock.advance(1)
        watch = Watch(f"alert{len(self.oracle.watches)}", rng.choice((1, 20, 100, 250, 1_000)))
        if rng.random() < 0.6:
            watch.customer = rng.choice(self.customers)
        params: dict[str, Any] = {"title": "Line"}
        if rng.random() < 0.6:
            amount = {"currency": "usd", "value": watch.line}
            of = {} if watch.customer is None else {"customer": watch.customer}
            subs = [one for one in self.oracle.subs.values() if one.active]
            if subs and rng.random() < 0.3:
                watch.sub, watch.customer = rng.choice(subs).key, None
                of = {"subscription": self.ids[watch.sub]}
            params |= {
                "alert_type": "spend_threshold",
                "spend_threshold": {"gte": {"type": "amount", "amount": amount}, "filters": of},
            }
        else:
            watch.meter = rng.choice(self.meters).key
            filters = [{"type": "customer", "customer": watch.customer}] if watch.customer else []
            params |= {
                "alert_type": "usage_threshold",
                "usage_threshold": {
                    "gte": watch.line,
                    "meter": self.ids[watch.meter],
                    "filters": filters,
                    "count_from": "period_start",
                },
            }
        self.ids[watch.key] = self.engine.command(create_alert, params).id
        self.oracle.watches.append(watch)
        self.tell(f"{watch}")

    def grant(self, customer: str) -> None:
        """Credits for the customer's usage."""
        cents = self.rng.choice((1, 99, 500, 2_000))
        self.engine.command(
            create_grant,
            {
                "customer": customer,
                "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": cents}},
                "applicability_config": {"scope": {"price_type": "metered"}},
                "category": "paid",
                "effective_at": self.clock.now_ms() // 1000 - 1,
            },
        )
        self.oracle.credits[customer] = self.oracle.credits.get(customer, 0) + cents
        self.tell(f"{customer} has credits of {cents}")

    def price(self, meter: str | None, days: int) -> Price:
        """A price of any scheme."""
        self._made += 1
        mode = self.rng.choice(("unit", "unit", "graduated", "graduated", "volume", "package"))
        price = Price(f"price{self._made}", mode, unit=Fraction(self.rng.choice(RATES)))
        params: dict[str, Any] = {"currency": "usd", "product": self.ids["product"]}
        if mode in ("unit", "package"):
            params["unit_amount_decimal"] = _decimal(price.unit)
        if mode == "package":
            price.size, price.round_up = self.rng.choice((2, 10, 100)), self.rng.random() < 0.5
            rounding = "up" if price.round_up else "down"
            params["transform_quantity"] = {"divide_by": price.size, "round": rounding}
        if mode in ("graduated", "volume"):
            ends = sorted(self.rng.sample((1, 3, 10, 25, 100, 500), self.rng.randint(1, 3)))
            price.tiers = tuple(
                Tier(end, Fraction(self.rng.choice(RATES)), Fraction(self.rng.choice(FLATS)))
                for end in (*ends, None)
            )
            params |= {
                "billing_scheme": "tiered",
                "tiers_mode": mode,
                "tiers": [
                    {
                        "up_to": tier.up_to or "inf",
                        "unit_amount_decimal": _decimal(tier.unit),
                        "flat_amount_decimal": _decimal(tier.flat),
                    }
                    for tier in price.tiers
                ],
            }
        params["recurring"] = {"interval": "day", "interval_count": days}
        if meter is not None:
            params["recurring"] |= {"usage_type": "metered", "meter": self.ids[meter]}
        self.ids[price.key] = self.engine.command(create_price, params).id
        return price

    def subscribe(self, customer: str) -> None:
        """A subscription of any kind."""
        rng = self.rng
        self.clock.advance(1)
        self.oracle.now_ms = self.clock.now_ms()
        days = rng.choice((1, 2, 2, 3, 4, 7))
        chosen = rng.sample(self.meters, min(len(self.meters), rng.choice((1, 1, 2))))
        sub = Sub(f"sub{len(self.oracle.subs)}", customer, days, [])
        sub.items = [Item(meter.key, self.price(meter.key, days)) for meter in chosen]
        if rng.random() < 0.3:
            sub.licensed = [(self.price(None, days), rng.randint(1, 5))]
        self._set_thresholds(sub)
        if rng.random() < 0.25:
            kinds = (("percent", rng.choice((10, 33, 50))), ("amount", rng.choice((7, 100, 999))))
            sub.discounts = rng.sample(kinds, rng.choice((1, 1, 2)))
        made = self.engine.command(create_subscription, self._params(sub))
        self.ids[sub.key] = made.subscription.id
        self.oracle.subscribe(sub)
        self.tell(f"{sub}")

    def _set_thresholds(self, sub: Sub) -> None:
        rng = self.rng
        if any(item.price.mode == "package" for item in sub.items):
            return
        if rng.random() < 0.6:
            fees = sum(item.price.cost(Fraction(0)) for item in sub.items)
            sub.amount_gte = max(50, fees + rng.choice((1, 60, 100, 250, 1_000, 20_000)))
        for item in sub.items:
            if rng.random() < 0.3:
                item.usage_gte = rng.choice((1, 5, 10, 50, 300))
        sub.reset = sub.amount_gte is not None and rng.random() < 0.4

    def _params(self, sub: Sub) -> dict[str, Any]:
        items: list[dict[str, Any]] = []
        for item in sub.items:
            own: dict[str, Any] = {"price": self.ids[item.price.key]}
            if item.usage_gte is not None:
                own["billing_thresholds"] = {"usage_gte": item.usage_gte}
            items.append(own)
        items += [{"price": self.ids[price.key], "quantity": n} for price, n in sub.licensed]
        params: dict[str, Any] = {"customer": sub.customer, "items": items}
        if sub.amount_gte is not None:
            params["billing_thresholds"] = {
                "amount_gte": sub.amount_gte,
                "reset_billing_cycle_anchor": sub.reset,
            }
        params["discounts"] = [{"coupon": self._coupon(*one)} for one in sub.discounts]
        return params

    def _coupon(self, kind: str, size: int) -> str:
        terms: dict[str, Any] = (
            {"percent_off": Decimal(size)}
            if kind == "percent"
            else {"amount_off": size, "currency": "usd"}
        )
        made = self.engine.command(create_coupon, {**terms, "duration": "forever"})
        return str(made.id)

    # what happens

    def tell(self, line: str) -> None:
        """Add to the story."""
        self.story.append(f"{self.clock.now_ms()}  after {self.oracle.position}: {line}")

    def happen(self) -> None:
        """One more thing."""
        chance = self.rng.random()
        if chance < 0.58:
            self.report()
        elif chance < 0.80:
            self.pass_time()
        elif chance < 0.86:
            self.take_back()
        elif chance < 0.92:
            how = self.rng.choice(("restart", "crash", "crash"))
            self.tell(how)
            getattr(self.engine, how)()
        elif chance < 0.94:
            self.tell("the next commit fails")
            self.engine.fail_next_commit(StoreUnavailable("disk full"))
            self.report()
        elif chance < 0.965:
            self.subscribe(self.rng.choice(self._lonely() or self.customers))
        elif chance < 0.975:
            self.unsubscribe()
        elif chance < 0.98:
            self.watch()
        elif chance < 0.99:
            self.move_threshold()
        else:
            self.work()

    def _lonely(self) -> list[str]:
        """Customers without credits: with them the order of two invoices would matter."""
        return [one for one in self.customers if one not in self.oracle.credits]

    def pass_time(self) -> None:
        """Time moves on, mostly with a look at the agenda."""
        ends = [one.current.end_ms for one in self.oracle.subs.values() if one.active]
        ends += [one.finalizes_ms for one in self.oracle.invoices if one.status == "draft"]
        ahead = [end for end in ends if end > self.clock.now_ms()]
        if ahead and self.rng.random() < 0.35:
            to_ms = min(ahead) + self.rng.choice((-1, 0, 1, MINUTE_MS, 20 * MINUTE_MS))
            self.clock.set(max(to_ms, self.clock.now_ms()))
        else:
            self.clock.advance(self.rng.choice(STEPS))
        self.oracle.now_ms = self.clock.now_ms()
        self.tell("time has passed")
        if self.calm or self.rng.random() < 0.7:
            self.work()

    def work(self) -> None:
        """The agenda is worked on."""
        while self.engine.ask(CommandJob(bill)):
            pass
        self.oracle.now_ms = self.clock.now_ms()
        self.oracle.bill()
        self.tell("what is due is done")

    def report(self) -> None:
        """One request, or some in one commit."""
        jobs = []
        for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
            size = self.rng.choice((1, 1, 2, self.rng.randint(1, self.most)))
            jobs.append([self._report() for _ in range(size)])
        self._send(jobs)

    def _send(self, jobs: Sequence[list[UsageReport]]) -> None:
        self.oracle.now_ms = self.clock.now_ms()
        asked = [UsageJob(self.engine.scope, as_reports(job)) for job in jobs]
        answers = self.engine.ask_together(asked)
        if any(isinstance(answer, StoreUnavailable) for answer in answers):
            answers = self.engine.ask_together(asked)
        accepted = []
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            for report, outcome in zip(job, answer, strict=True):
                if isinstance(outcome, Counted) and not outcome.replayed:
                    accepted.append(self._event(report, outcome))
        for event in sorted(accepted, key=lambda one: one.position):
            self.oracle.take(event)
            self.tell(f"{event}")

    def _event(self, report: UsageReport, counted: Counted) -> Event:
        is_count = self.oracle.meters[report.event_name].formula == "count"
        value = Fraction(1) if is_count else Fraction(report.payload["value"])
        customer = report.payload["stripe_customer_id"]
        moment = counted.timestamp_ms
        return Event(
            counted.position, report.event_name, customer, moment, value, counted.identifier
        )

    def _report(self) -> UsageReport:
        rng = self.rng
        self._made += 1
        known = [event.identifier for event in self.oracle.events[-20:]]
        repeated = known and rng.random() < 0.05
        identifier = rng.choice(known) if repeated else f"evt{self._made}"
        payload = {"stripe_customer_id": rng.choice(self.customers), "value": rng.choice(VALUES)}
        return UsageReport(rng.choice(self.meters).key, payload, identifier, self._when())

    def _when(self) -> int | None:
        """Now, a little ahead, or late, most of all around the borders of periods."""
        rng, now = self.rng, self.clock.now_ms()
        spans = [span for sub in self.oracle.subs.values() for span in sub.spans]
        borders = [one.start_ms for one in spans] + [one.end_ms for one in spans]
        near = [at for at in borders if now - 20 * DAY_MS < at <= now + 5 * MINUTE_MS]
        if near and rng.random() < 0.25:
            return min(rng.choice(near) + rng.choice((-1, 0, 1, -HOUR_MS)), now + 5 * MINUTE_MS)
        return rng.choice(
            (None, None, None, now, now + 5 * MINUTE_MS, now - rng.randrange(HOUR_MS),
             now - rng.randrange(10 * DAY_MS))
        )  # fmt: skip

    def take_back(self) -> None:
        """An event is cancelled, if it can be."""
        newest = {event.identifier: event for event in self.oracle.events}
        sound = [event for event in [*newest.values()][-30:] if event.cancelled_at == FOREVER]
        if not sound:
            return
        event = self.rng.choice(sound)
        try:
            self.engine.ask(CancelJob(self.engine.scope, event.meter, event.identifier))
        except Exception as refused:
            self.tell(f"not cancelled: {refused}")
            return
        self.oracle.cancel(event, self.oracle.position + 1)
        self.tell(f"cancelled: {event.identifier}")

    def unsubscribe(self) -> None:
        """A subscription is cancelled."""
        active = [one for one in self.oracle.subs.values() if one.active]
        if not active:
            return
        self.work()  # what is due is done before
        sub, bills = self.rng.choice(active), self.rng.random() < 0.8
        self.engine.command(cancel_subscription, self.ids[sub.key], {"invoice_now": bills})
        self.oracle.cancel_subscription(sub.key, bill=bills)
        self.tell(f"{sub.key} is cancelled, {'billed' if bills else 'not billed'}")

    def move_threshold(self) -> None:
        """A monetary threshold is moved, below what is owed already perhaps."""
        active = [one for one in self.oracle.subs.values() if one.active and one.amount_gte]
        if not active:
            return
        self.work()
        sub = self.rng.choice(active)
        fees = sum(item.price.cost(Fraction(0)) for item in sub.items)
        gte = max(50, fees + self.rng.choice((1, 60, 500, 5_000)))
        thresholds = {"amount_gte": gte, "reset_billing_cycle_anchor": sub.reset}
        params = {"billing_thresholds": thresholds}
        self.engine.command(update_subscription, self.ids[sub.key], params)
        self.oracle.move_threshold(sub.key, gte)
        self.tell(f"{sub.key} has a threshold of {gte}")

    # what came of it

    def compare(self) -> None:
        """Every invoice of every subscription must be what the oracle says."""
        made = [kept.value for kept in self.engine.query(_all_invoices(self.engine.scope))]
        for key in self.oracle.subs:
            found = [_shown(one) for one in made if one.subscription == self.ids[key]]
            wanted = [_wanted(one) for one in self.oracle.invoices if one.sub == key]
            for at, (one, other) in enumerate(zip(found, wanted, strict=False)):
                assert one == other, f"{key}, invoice {at}: {one}, not {other}"
            assert len(found) == len(wanted), (
                f"{key}: {found[len(wanted) :] or wanted[len(found) :]}"
            )
        for one in made:
            assert one.subtotal == sum(line.amount for line in one.lines)
        self._compare_alerts()

    def _compare_alerts(self) -> None:
        """Alerts must have told what the oracle says, about each subscription, in this order."""
        told = [kept.value for kept in self.engine.query(_all_notifications(self.engine.scope))]
        names = {id: key for key, id in self.ids.items()}
        for watch in self.oracle.watches:
            own = [one for one in told if one.alert == self.ids[watch.key]]
            found = sorted((_told(one, names) for one in own), key=_about)
            wanted = sorted(watch.told, key=_about)
            assert found == wanted, f"{watch.key}: {found}, not {wanted}"


def _all_invoices(scope: Any) -> Any:
    return lambda _, session, __: list(session.invoices.every(scope))[::-1]


def _all_notifications(scope: Any) -> Any:
    return lambda _, session, __: list(session.alert_notifications.every(scope))[::-1]


def _told(one: AlertNotification, names: dict[str, str]) -> Told:
    """A notification as the oracle has it."""
    value = Fraction(one.value, SCALE if one.meter else 1)
    assert one.subscription is not None
    return Told(names[one.subscription], one.action.value, value, one.position, one.is_late)


def _about(told: Told) -> str:
    """Notifications about different subscriptions have no order."""
    return told.sub


def _shown(invoice: EngineInvoice) -> tuple[Any, ...]:
    usages = [Fraction(one.usage) for one in invoice.usages]
    position = invoice.usages[0].window.closed_at if usages else None
    return (
        invoice.reason.value,
        "draft" if invoice.status is InvoiceStatus.DRAFT else "final",
        position,
        usages,
        invoice.subtotal,
        invoice.total,
        invoice.late_usage,
    )


def _wanted(invoice: Invoice) -> tuple[Any, ...]:
    return (
        invoice.reason,
        invoice.status,
        invoice.position if invoice.usages else None,
        invoice.usages,
        invoice.subtotal,
        invoice.total,
        invoice.late,
    )


def _decimal(rate: Fraction) -> Any:
    """As the reader gives it to a command."""
    return Decimal(rate.numerator) / Decimal(rate.denominator)
