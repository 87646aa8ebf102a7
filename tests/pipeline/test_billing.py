"""What the data plane bills: late usage, clocks, changes that are rolled back, and what doctor
finds. Whole lives are played in `tests/sim/test_billing_oracle.py`."""

import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any, Final

import pytest
from msgspec import structs

from support.clock import DAY_MS, HOUR_MS, MINUTE_MS
from support.engine import Engine
from tripmeter.billing.creation import cancel_subscription, create_subscription
from tripmeter.billing.invoices import Draft, draft, pay
from tripmeter.billing.test_clocks import advance, create_test_clock
from tripmeter.control.credits import create_grant, end_grant
from tripmeter.control.customers import create_customer
from tripmeter.control.offers import create_price, create_product
from tripmeter.model.errors import StateConflict
from tripmeter.model.event import EventPayload
from tripmeter.model.invoice import BillingReason, Invoice, InvoiceStatus
from tripmeter.model.meter import Meter
from tripmeter.model.scope import Caller
from tripmeter.model.usage import RefusalCode, UsageRefused, UsageReport
from tripmeter.pipeline import tally_blocks
from tripmeter.pipeline.audit import Difference, audit
from tripmeter.pipeline.jobs import CommandJob, Counted
from tripmeter.pipeline.roll import bill, roll
from tripmeter.ports import Session, Work
from tripmeter.ports.payments import Outcome
from tripmeter.rules.periods import Period
from tripmeter.wire.events import ERROR_REPORT

DAYS: Final = 4
_names = count(1)


class Shop:
    """An engine that sells calls at 10 cents, by periods of four days."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.meter = engine.create_meter("calls")
        self.product = engine.command(create_product, {"name": "Calls"}).id
        self.price = self.sold(self.meter)
        engine.create_customer("cus_1")

    def sold(self, meter: Meter, cents: str = "10") -> str:
        """A price of a meter's usage."""
        recurring = {
            "interval": "day", "interval_count": DAYS, "usage_type": "metered", "meter": meter.id,
        }  # fmt: skip
        terms = {"currency": "usd", "product": self.product, "recurring": recurring}
        price = {**terms, "unit_amount_decimal": Decimal(cents)}
        return str(self.engine.command(create_price, price).id)

    def subscribe(self, *prices: str, customer: str = "cus_1", **params: Any) -> str:
        """A subscription of a customer."""
        items = [{"price": price} for price in prices or (self.price,)]
        params = {"customer": customer, "items": items, **params}
        return str(self.engine.command(create_subscription, params).subscription.id)

    def use(
        self, *values: int, customer: str = "cus_1", at: int | None = None, on: str = "calls"
    ) -> Any:
        """Usage in one request; what became of it."""
        return self.engine.report(
            [
                UsageReport(
                    on,
                    {"stripe_customer_id": customer, "value": str(value)},
                    f"e{next(_names)}",
                    at,
                )
                for value in values
            ]
        )

    def pass_time(self, ms: int) -> None:
        """Time passes, and what is due is done."""
        self.engine.clock.advance(ms)
        self.work()

    def work(self) -> None:
        """What is due is done."""
        self.engine.ask(CommandJob(bill))
        self.engine.ask(CommandJob(roll))

    def invoices(self, reason: str | None = None) -> list[Invoice]:
        """All of them, oldest first."""
        scope = self.engine.scope
        found = self.engine.query(lambda _, session, __: list(session.invoices.every(scope)))
        made = [kept.value for kept in found[::-1]]
        return [one for one in made if reason is None or one.reason == reason]

    def differences(self) -> list[Difference]:
        """What doctor says."""
        return self.engine.query(lambda _, session, __: audit(session).differences)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """On SQLite."""
    with Engine() as engine:
        yield Shop(engine)


# --- late usage --------------------------------------------------------------------------------


def test_usage_is_billed_up_to_the_end_of_grace_and_later_usage_is_reported(shop: Shop) -> None:
    shop.subscribe()
    began_ms = shop.engine.clock.now_ms()
    alert = shop.engine.create_alert(shop.meter, 100, "cus_1")
    shop.use(50)
    shop.pass_time(DAYS * DAY_MS + 30 * MINUTE_MS)
    shop.use(20, at=began_ms + DAY_MS)  # late, and within grace
    shop.pass_time(HOUR_MS)
    late = shop.use(25, 5, at=began_ms + DAY_MS)
    assert all(isinstance(one, Counted) for one in late), "it counts"
    (billed,) = shop.invoices("subscription_cycle")
    assert (billed.status, billed.total, billed.late_usage) == (InvoiceStatus.PAID, 700, 2)
    assert [firing.alert for firing in shop.engine.firings()] == [alert.id]
    shop.engine.clock.advance(MINUTE_MS)
    shop.work()
    thin = shop.engine.events(EventPayload.THIN)
    (report,) = [one for one in thin if one.type == ERROR_REPORT]
    assert report.object_id == shop.meter.id
    (reason,) = (report.data or {})["reason"]["error_types"]
    assert (reason["code"], reason["error_count"]) == (RefusalCode.LATE, 2)
    assert billed.id in reason["sample_errors"][0]["error_message"]


def test_late_usage_is_not_reported_again_when_the_log_is_read_again(shop: Shop) -> None:
    shop.subscribe()
    began_ms = shop.engine.clock.now_ms()
    shop.pass_time(DAYS * DAY_MS + 2 * HOUR_MS)
    shop.use(1, at=began_ms)
    shop.engine.crash()
    shop.use(1, at=began_ms)
    assert shop.invoices("subscription_cycle")[0].late_usage == 2


def test_usage_that_nobody_would_have_billed_is_not_late(shop: Shop) -> None:
    shop.use(1)
    began_ms = shop.engine.clock.now_ms()
    shop.engine.clock.advance(DAY_MS)
    id_ = shop.subscribe()
    shop.engine.command(cancel_subscription, id_, {"invoice_now": False})
    shop.pass_time(DAY_MS)
    shop.use(1, at=began_ms)
    shop.use(1, at=began_ms + DAY_MS)
    shop.use(1)
    assert sum(one.late_usage for one in shop.invoices()) == 0


def test_what_comes_after_the_last_invoice_of_a_subscription_is_late(shop: Shop) -> None:
    id_ = shop.subscribe()
    shop.engine.clock.advance(DAY_MS)
    shop.engine.command(cancel_subscription, id_, {"invoice_now": True})
    ended_ms = shop.engine.clock.now_ms()
    shop.pass_time(2 * HOUR_MS)
    shop.use(*[1] * 40)
    assert shop.invoices()[-1].late_usage == 0
    shop.use(*[1] * 40, at=ended_ms - 1)
    assert shop.invoices()[-1].late_usage == 40


# --- which usage is whose ----------------------------------------------------------------------


def test_usage_after_a_long_downtime_finds_its_period(shop: Shop) -> None:
    shop.subscribe()
    shop.engine.clock.advance(11 * DAY_MS)  # nobody looked at the agenda
    shop.use(3)
    shop.pass_time(2 * DAY_MS)
    assert [one.total for one in shop.invoices("subscription_cycle")] == [0, 0, 30]


def test_a_threshold_is_crossed_in_a_period_that_the_agenda_did_not_begin(shop: Shop) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 100})
    shop.engine.clock.advance(DAYS * DAY_MS)
    crossed = shop.use(4, 4, 4)[2]
    (issued,) = shop.invoices("subscription_threshold")
    assert (issued.total, issued.usages[0].window.closed_at) == (120, crossed.position)


def test_a_period_ends_for_those_who_were_not_heard_of_since_the_start(shop: Shop) -> None:
    shop.subscribe()
    shop.use(3)
    shop.engine.crash()
    shop.pass_time(DAYS * DAY_MS)
    shop.use(5)
    shop.pass_time(DAYS * DAY_MS)
    assert [one.total for one in shop.invoices("subscription_cycle")] == [30, 50]


def test_usage_before_a_window_is_not_its_own_when_the_log_is_read_again(shop: Shop) -> None:
    ahead_ms = shop.engine.clock.now_ms() + 4 * MINUTE_MS
    shop.use(*[1] * 40, at=ahead_ms)
    shop.subscribe()
    shop.use(*[1] * 20, at=ahead_ms)
    shop.engine.crash()
    shop.pass_time(DAYS * DAY_MS)
    assert shop.invoices("subscription_cycle")[0].total == 200


def test_usage_of_a_paused_subscription_is_counted(shop: Shop) -> None:
    pauses = {"end_behavior": {"missing_payment_method": "pause"}}
    shop.subscribe(trial_period_days=1, trial_settings=pauses)
    shop.pass_time(2 * DAY_MS)
    assert isinstance(shop.use(1)[0], Counted)


def test_superseding_usage_is_looked_at_up_to_the_very_event(shop: Shop) -> None:
    seats = shop.engine.create_meter("seats", "last")
    shop.subscribe(shop.sold(seats, "50"), billing_thresholds={"amount_gte": 200})
    used = shop.use(1, 2, 4, 6, 1, on="seats")
    (issued,) = shop.invoices("subscription_threshold")
    assert (issued.total, issued.usages[0].window.closed_at) == (200, used[2].position)


def test_a_subscription_that_ends_with_its_period_bills_nothing_of_the_next_one(shop: Shop) -> None:
    ends_s = shop.engine.clock.now_ms() // 1000 + 2 * DAYS * 86_400
    shop.subscribe(billing_cycle_anchor=ends_s - DAYS * 86_400, cancel_at=ends_s)
    shop.use(1)
    for _ in range(3):
        shop.pass_time(DAYS * DAY_MS)
    periods = [(one.period_start_ms, one.period_end_ms) for one in shop.invoices()]
    assert len(periods) == 3, periods
    assert periods[-1][1] == ends_s * 1000


def test_a_change_that_is_refused_is_forgotten_by_the_data_plane(shop: Shop) -> None:
    shop.subscribe()
    shop.use(3)

    def fails(work: Work, caller: Caller) -> None:
        (kept,) = work.session.subscriptions.every(caller.scope)
        cancel_subscription(work, caller, kept.value.id, {"invoice_now": False})
        raise StateConflict("no")

    with pytest.raises(StateConflict):
        shop.engine.command(fails)
    shop.use(4)
    shop.pass_time(DAYS * DAY_MS)
    assert shop.invoices("subscription_cycle")[0].total == 70


def test_credits_that_are_gone_bring_a_threshold_nearer(shop: Shop) -> None:
    grant = shop.engine.command(
        create_grant,
        {
            "customer": "cus_1",
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 1_000}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        },
    )
    shop.subscribe(billing_thresholds={"amount_gte": 100})
    shop.use(50)
    assert not shop.invoices("subscription_threshold")
    shop.engine.command(end_grant, grant.id)
    shop.use(1)
    assert [one.total for one in shop.invoices("subscription_threshold")] == [510]


def _granted(shop: Shop, cents: int, **terms: Any) -> None:
    money = {"type": "monetary", "monetary": {"currency": "usd", "value": cents}}
    scope = {"scope": {"price_type": "metered"}}
    given = {"customer": "cus_1", "amount": money, "applicability_config": scope, **terms}
    shop.engine.command(create_grant, given)


def test_credits_to_come_pay_no_threshold_invoice(shop: Shop) -> None:
    _granted(shop, 500, effective_at=shop.engine.clock.now_ms() // 1000 + 86_400)
    shop.subscribe(billing_thresholds={"amount_gte": 1_000})
    shop.use(100)
    assert [one.total for one in shop.invoices("subscription_threshold")] == [1_000]


def test_credits_that_expire_in_the_period_pay_what_thresholds_bill_before(shop: Shop) -> None:
    _granted(shop, 500, expires_at=shop.engine.clock.now_ms() // 1000 + 86_400)
    shop.subscribe(billing_thresholds={"amount_gte": 1_000})
    shop.use(100)
    assert not shop.invoices("subscription_threshold")
    shop.use(50)
    (issued,) = shop.invoices("subscription_threshold")
    assert (issued.total, issued.subtotal) == (1_000, 1_500)
    assert issued.period_end_ms == issued.created_ms


def test_credits_that_have_expired_pay_nothing(shop: Shop) -> None:
    _granted(shop, 500, expires_at=shop.engine.clock.now_ms() // 1000 + 86_400)
    shop.subscribe(billing_thresholds={"amount_gte": 1_000})
    shop.use(120)
    shop.pass_time(DAY_MS)
    shop.use(1)
    assert [one.total for one in shop.invoices("subscription_threshold")] == [1_210]


def _dear_at_first(shop: Shop) -> str:
    """Up to ten calls at a dollar each, or all of them at 10 cents."""
    recurring = {
        "interval": "day", "interval_count": DAYS, "usage_type": "metered", "meter": shop.meter.id,
    }  # fmt: skip
    tiers = [
        {"up_to": 10, "unit_amount_decimal": Decimal(100)},
        {"up_to": "inf", "unit_amount_decimal": Decimal(10)},
    ]
    terms = {"currency": "usd", "product": shop.product, "recurring": recurring}
    volume = {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}
    return str(shop.engine.command(create_price, {**terms, **volume}).id)


def test_less_usage_that_costs_more_crosses_a_threshold(shop: Shop) -> None:
    shop.subscribe(_dear_at_first(shop), billing_thresholds={"amount_gte": 500})
    shop.use(20)
    shop.use(-12)
    assert [one.total for one in shop.invoices("subscription_threshold")] == [800]


def test_what_a_cancellation_made_dearer_crosses_a_threshold_with_the_next_event(
    shop: Shop,
) -> None:
    seconds = shop.engine.create_meter("seconds")
    prices = (_dear_at_first(shop), shop.sold(seconds, "1"))
    shop.subscribe(*prices, billing_thresholds={"amount_gte": 700})
    taken = shop.use(14, 8)[0]
    shop.use(1, on="seconds")
    shop.engine.cancel("calls", taken.identifier)
    assert not shop.invoices("subscription_threshold")
    shop.use(1, on="seconds")
    assert [one.total for one in shop.invoices("subscription_threshold")] == [802]


# --- payments ----------------------------------------------------------------------------------


class Purse:
    """Pays, declines or puts off what is asked for, as it is told to."""

    def __init__(self) -> None:
        self.outcome = Outcome.PAID
        self.asked: list[int] = []

    def collect(self, invoice: Invoice) -> Outcome:
        self.asked.append(invoice.amount_due)
        return self.outcome


@pytest.fixture
def purse() -> Purse:
    return Purse()


@pytest.fixture
def owing(purse: Purse) -> Iterator[Shop]:
    """With a subscription whose first threshold invoice is not collected."""
    with Engine(payments=purse) as engine:
        shop = Shop(engine)
        shop.subscribe(billing_thresholds={"amount_gte": 100})
        purse.outcome = Outcome.DECLINED
        shop.use(10)
        yield shop


def _standing(shop: Shop) -> tuple[str, str]:
    """Where the subscription and its newest invoice stand."""
    scope = shop.engine.scope
    found = shop.engine.query(lambda _, session, __: [*session.subscriptions.every(scope)])
    return found[0].value.status.value, shop.invoices()[-1].status.value


def _pay(shop: Shop, *, out_of_band: bool = False) -> None:
    id_ = shop.invoices()[-1].id

    def run(work: Work, caller: Caller) -> None:
        pay(work, caller, work.session.invoices.get(caller.scope, id_), out_of_band=out_of_band)

    shop.engine.command(run)


def test_a_payment_that_is_declined_leaves_its_subscription_past_due(
    owing: Shop, purse: Purse
) -> None:
    assert (_standing(owing), purse.asked) == (("past_due", "open"), [100])
    types = [event.type for event in owing.engine.events()]
    assert types.count("invoice.payment_failed") == 1
    with pytest.raises(StateConflict, match="was declined"):
        _pay(owing)
    purse.outcome = Outcome.PAID
    _pay(owing)
    assert (_standing(owing), purse.asked) == (("active", "paid"), [100, 100, 100])


def test_usage_of_who_is_past_due_is_billed_on(owing: Shop, purse: Purse) -> None:
    purse.outcome = Outcome.PAID
    owing.use(10)
    assert _standing(owing) == ("past_due", "paid"), "the first one is still open"
    assert [one.total for one in owing.invoices("subscription_threshold")] == [100, 100]


def test_a_payment_may_be_told_of_later(owing: Shop, purse: Purse) -> None:
    _pay(owing, out_of_band=True)
    purse.outcome = Outcome.LATER
    owing.use(10)
    assert _standing(owing) == ("active", "open")
    _pay(owing)
    assert _standing(owing) == ("active", "open"), "asked for once more"
    _pay(owing, out_of_band=True)
    assert _standing(owing) == ("active", "paid")


def test_nobody_is_asked_for_nothing(owing: Shop, purse: Purse) -> None:
    owing.pass_time(DAYS * DAY_MS + 2 * HOUR_MS)
    assert (owing.invoices()[-1].total, purse.asked) == (0, [100])


# --- once --------------------------------------------------------------------------------------


def test_a_period_has_one_invoice_of_an_ordinal(shop: Shop) -> None:
    id_ = shop.subscribe()
    (first,) = shop.invoices()

    def again(work: Work, caller: Caller) -> None:
        customer = work.session.customers.get(caller.scope, "cus_1").value
        period = Period(first.period_start_ms, first.period_end_ms)
        reason = BillingReason.CREATE
        wanted = Draft(customer, "usd", reason, period, subscription=id_, ordinal=first.ordinal)
        draft(work, caller, wanted)

    with pytest.raises(Exception, match=r"(?i)unique"):
        shop.engine.command(again)
    assert shop.invoices() == [first]


@pytest.mark.parametrize("how", ["one event", "singly", "bulk", "two bulks"])
def test_a_period_costs_the_same_however_its_usage_was_split(shop: Shop, how: str) -> None:
    shop.subscribe(shop.sold(shop.meter, "0.333333333333"), billing_thresholds={"amount_gte": 50})
    values = [7] * 90
    if how == "one event":
        shop.use(sum(values))
    elif how == "singly":
        for value in values:
            shop.use(value)
    else:
        for part in (values[:30], values[30:]) if how == "two bulks" else (values,):
            shop.use(*part)
    shop.pass_time(DAYS * DAY_MS)
    assert sum(one.subtotal for one in shop.invoices()) == 210


# --- doctor ------------------------------------------------------------------------------------


def _tamper(shop: Shop, change: Any) -> list[str]:
    """What doctor finds once an invoice was changed behind the engine's back."""

    def run(work: Work, caller: Caller) -> None:
        kept = next(iter(work.session.invoices.every(caller.scope)))
        work.session.invoices.replace(kept.no, change(kept.value))

    shop.engine.command(run)
    return [one.what for one in shop.differences()]


@pytest.fixture
def billed(shop: Shop) -> Shop:
    """With a threshold invoice, and the one of a whole period as the newest."""
    shop.subscribe(billing_thresholds={"amount_gte": 100})
    shop.use(5, 5, 5)
    shop.use(2)
    shop.pass_time(DAYS * DAY_MS + 2 * HOUR_MS)
    assert [one.total for one in shop.invoices()] == [0, 100, 70]
    assert not shop.differences()
    return shop


def test_doctor_finds_a_line_that_was_changed(billed: Shop) -> None:
    def change(invoice: Invoice) -> Invoice:
        (line,) = invoice.lines
        return structs.replace(invoice, lines=(structs.replace(line, amount=7),))

    assert set(_tamper(billed, change)) == {"lines", "subtotal", "total_excluding_tax", "total"}


def test_doctor_finds_a_total_that_was_changed(billed: Shop) -> None:
    assert _tamper(billed, lambda one: structs.replace(one, total=1)) == ["total"]


def test_doctor_finds_usage_that_was_changed(billed: Shop) -> None:
    def change(invoice: Invoice) -> Invoice:
        (usage,) = invoice.usages
        return structs.replace(invoice, usages=(structs.replace(usage, usage=Decimal(1)),))

    assert set(_tamper(billed, change)) == {"billed usage", "lines"}


def test_doctor_finds_what_was_billed_twice(billed: Shop) -> None:
    def change(invoice: Invoice) -> Invoice:
        (usage,) = invoice.usages
        window = structs.replace(usage.window, billed_usage=None)
        return structs.replace(invoice, usages=(structs.replace(usage, window=window),))

    assert set(_tamper(billed, change)) == {"billed usage", "lines"}


def test_doctor_finds_an_open_window_whose_usage_was_changed(shop: Shop) -> None:
    shop.subscribe()
    shop.use(5)
    shop.engine.restart()
    shop.engine.query(lambda _, session, __: _change_stored_usage(session))
    assert {one.what for one in shop.differences()} == {"billed usage"}


def _change_stored_usage(session: Session) -> None:
    (block,) = session.usage.all_tallies()
    tallied = tally_blocks._decoded([block])
    for number, special in tallied.special.items():
        usages = {window: usage + 1 for window, usage in special.usages.items()}
        tallied.special[number] = special._replace(usages=usages)
    body = tally_blocks._Columns(tallied).encoded(0, len(tallied.customers))
    session.usage.save_tallies([block._replace(body=body)])


# --- clocks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 40])
def test_usage_of_a_customer_on_a_clock_follows_that_clock(shop: Shop, size: int) -> None:
    frozen_s = shop.engine.clock.now_ms() // 1000 - 400 * 86_400
    clock = shop.engine.command(create_test_clock, {"frozen_time": frozen_s})
    shop.engine.command(create_customer, {"id": "cus_past", "test_clock": clock.id})
    shop.use(1, customer="cus_past")
    here = shop.use(*[1] * size)
    there = shop.use(*[1] * size, customer="cus_past")
    assert {one.timestamp_ms for one in there} == {frozen_s * 1000}
    assert {one.timestamp_ms for one in here} == {shop.engine.clock.now_ms()}
    for at_ms, code in (
        (frozen_s * 1000 - 36 * DAY_MS, RefusalCode.TOO_OLD),
        (shop.engine.clock.now_ms(), RefusalCode.IN_FUTURE),
    ):
        refused = shop.use(*[1] * size, customer="cus_past", at=at_ms)
        assert {one.code for one in refused if isinstance(one, UsageRefused)} == {code}
    (old,) = shop.use(1, at=frozen_s * 1000)
    assert isinstance(old, UsageRefused)


def test_a_clock_that_is_advanced_bills_and_watches_by_its_own_time(shop: Shop) -> None:
    frozen_s = 1_700_000_000
    clock = shop.engine.command(create_test_clock, {"frozen_time": frozen_s})
    shop.engine.command(create_customer, {"id": "cus_past", "test_clock": clock.id})
    alert = shop.engine.create_alert(shop.meter, 10, "cus_past")
    shop.subscribe(customer="cus_past", billing_thresholds={"amount_gte": 100})
    shop.use(4, 4, customer="cus_past")
    shop.engine.command(advance, clock.id, frozen_s + 86_400)
    shop.use(4, customer="cus_past")
    shop.engine.command(advance, clock.id, frozen_s + (DAYS + 1) * 86_400)
    told = [(one.reason.value, one.total, one.created_ms) for one in shop.invoices()]
    assert told == [
        ("subscription_create", 0, frozen_s * 1000),
        ("subscription_threshold", 120, (frozen_s + 86_400) * 1000),
        ("subscription_cycle", 0, (frozen_s + DAYS * 86_400) * 1000),
    ]
    assert [firing.alert for firing in shop.engine.firings()] == [alert.id]
    assert not shop.differences()


def test_a_year_of_months_passes_in_under_a_second(shop: Shop) -> None:
    frozen_s = 1_798_761_600  # 2027-01-01
    clock = shop.engine.command(create_test_clock, {"frozen_time": frozen_s})
    shop.engine.command(create_customer, {"id": "cus_year", "test_clock": clock.id})
    recurring = {"interval": "month", "usage_type": "metered", "meter": shop.meter.id}
    terms = {"currency": "usd", "product": shop.product, "recurring": recurring}
    price = shop.engine.command(create_price, {**terms, "unit_amount_decimal": Decimal(10)}).id
    shop.subscribe(price, customer="cus_year")
    shop.use(*[1] * 100, customer="cus_year")
    began_s = time.process_time()
    for days in (59, 120, 181, 243, 304, 365):  # two intervals at a time, at most
        shop.engine.command(advance, clock.id, frozen_s + days * 86_400)
    assert time.process_time() - began_s < 1
    assert [one.total for one in shop.invoices("subscription_cycle")] == [1_000, *[0] * 11]
