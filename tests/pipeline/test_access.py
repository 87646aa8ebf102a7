"""Limits end access on the very event, in its commit; what comes back, comes back once; and what is
reserved and used never comes to more than the limit."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.clock import DAY_MS, HOUR_MS, MINUTE_MS
from support.engine import Engine
from support.postgres import database
from tripmeter.billing.creation import cancel_subscription, create_subscription
from tripmeter.control.access_changes import OUT_OF_CREDITS, restore, revoke
from tripmeter.control.alerts import create_alert
from tripmeter.control.credits import create_grant
from tripmeter.control.entitlements import attach_feature, create_feature
from tripmeter.control.offers import create_price, create_product
from tripmeter.control.reservations import commit, release, reserve
from tripmeter.control.usage_limits import create_limit, delete_limit, update_limit
from tripmeter.model.errors import LimitReached, ParameterInvalid, StateConflict
from tripmeter.model.event import Event
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import SCALE
from tripmeter.model.standing import Reason, Standing
from tripmeter.model.usage import UsageReport
from tripmeter.model.usage_limit import Reservation, ReservationStatus, UsageLimit
from tripmeter.pipeline.access import standing
from tripmeter.pipeline.flush import Pace
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.pipeline.roll import bill, roll
from tripmeter.pipeline.state import State
from tripmeter.ports import Session

CUSTOMER: Final = "cus_1"
REVOKED, RESTORED, WARNING = (
    f"billing.access.{what}" for what in ("revoked", "restored", "warning")
)
SUMMARY: Final = "entitlements.active_entitlement_summary.updated"

_names = count(1)


class Place:
    """An engine with a meter and a customer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.meter = engine.create_meter("calls")
        engine.create_customer(CUSTOMER)

    def limit(self, level: int | str, customer: str | None = CUSTOMER, **params: Any) -> UsageLimit:
        given = {"meter": self.meter.id, "limit": Decimal(level), **params}
        if customer is not None:
            given["customer"] = customer
        made: UsageLimit = self.engine.command(create_limit, given)
        return made

    def use(self, *values: int, customer: str = CUSTOMER, at: int | None = None) -> None:
        """Usage in one request."""
        self.engine.report(
            [
                UsageReport(
                    "calls",
                    {"stripe_customer_id": customer, "value": str(value)},
                    f"e{next(_names)}",
                    at,
                )
                for value in values
            ]
        )

    def now(self, customer: str = CUSTOMER, meter: Meter | None = None) -> Standing:
        """Where the customer stands."""
        wanted = (meter or self.meter).id

        def run(state: State, _: Session, now_ms: int) -> Standing:
            known = state.catalogue.of_id(self.engine.scope, wanted)
            return standing(state, self.engine.scope, customer, known, now_ms)

        return self.engine.query(run)

    def told(self) -> list[str]:
        """What was told of access, without its prefix, oldest first."""
        return [one.type.rpartition(".")[2] for one in self.events()]

    def events(self) -> list[Event]:
        found = self.engine.events()
        return [one for one in found if one.type.startswith("billing.access.")]

    def roll(self) -> None:
        """What is due is done."""
        self.engine.ask(CommandJob(roll))
        while self.engine.ask(CommandJob(bill)):
            pass

    def reserve(self, quantity: int | str, **params: Any) -> Reservation:
        given = {"meter": self.meter.id, "quantity": Decimal(quantity), **params}
        made: Reservation = self.engine.command(reserve, CUSTOMER, given)
        return made

    def subscribe(self) -> str:
        """To calls at 10 cents, by periods of four days."""
        product = self.engine.command(create_product, {"name": "Calls"}).id
        feature = self.engine.command(create_feature, {"name": "Calls", "lookup_key": "calls"})
        self.engine.command(attach_feature, product, feature.id)
        recurring = {
            "interval": "day", "interval_count": 4, "usage_type": "metered",
            "meter": self.meter.id,
        }  # fmt: skip
        price = {
            "currency": "usd", "product": product, "recurring": recurring,
            "unit_amount_decimal": Decimal(10),
        }  # fmt: skip
        items = [{"price": self.engine.command(create_price, price).id}]
        params = {"customer": CUSTOMER, "items": items}
        return str(self.engine.command(create_subscription, params).subscription.id)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "sqlite":
        with Engine() as engine:
            yield Place(engine)
            engine.assert_sound()
        return
    with database(migrated=True) as url, Engine(url=url) as engine:
        yield Place(engine)
        engine.assert_sound()


# --- lines ---------------------------------------------------------------------------------------


def test_the_event_that_reaches_the_limit_ends_access_once(place: Place) -> None:
    limit = place.limit(10)
    place.use(4, 5)
    assert place.now().remaining == SCALE
    assert place.told() == []
    place.use(1, 7)
    now = place.now()
    assert (now.allowed, now.reason, now.used) == (False, Reason.LIMIT_REACHED, 17 * SCALE)
    (event,) = place.events()
    assert event.type == REVOKED
    assert event.data is not None
    told = {
        name: event.data[name] for name in ("customer", "used", "limit", "allowed", "usage_limit")
    }
    assert told == {
        "customer": CUSTOMER, "used": "10", "limit": "10", "allowed": False,
        "usage_limit": limit.id,
    }  # fmt: skip
    place.use(1)
    assert place.told() == ["revoked"]


def test_a_batch_in_columns_ends_access_on_the_very_event(place: Place) -> None:
    place.limit(1_000, customer=None)
    place.use(*[10] * 300)
    (event,) = place.events()
    assert event.data is not None
    assert event.data["used"] == "1000"
    assert place.now().used == 3_000 * SCALE


def test_each_customer_has_a_limit_for_all_to_itself(place: Place) -> None:
    place.limit(5, customer=None)
    place.engine.create_customer("cus_2")
    place.use(5)
    place.use(4, customer="cus_2")
    assert not place.now().allowed
    assert place.now("cus_2").allowed


def test_a_warning_is_told_once_and_stops_nobody(place: Place) -> None:
    place.limit(5, kind="warning")
    place.use(3)
    place.use(4, 5)
    assert place.told() == ["warning"]
    assert place.now().allowed


def test_access_comes_back_when_usage_is_taken_back(place: Place) -> None:
    place.limit(10)
    place.use(9)
    place.engine.report_one(place.meter, CUSTOMER, "5", "gone")
    place.engine.cancel("calls", "gone")
    assert place.told() == ["revoked", "restored"]
    place.use(1)
    assert place.told() == ["revoked", "restored", "revoked"]
    place.use(-5)
    assert place.told() == ["revoked", "restored", "revoked", "restored"]
    assert place.now().allowed


def test_a_raised_limit_brings_access_back_and_a_lowered_one_ends_it(place: Place) -> None:
    limit = place.limit(10)
    place.use(12)
    place.engine.command(update_limit, limit.id, Decimal(20))
    assert place.told() == ["revoked", "restored"]
    place.engine.command(update_limit, limit.id, Decimal(12))
    assert place.told() == ["revoked", "restored", "revoked"]
    place.engine.command(delete_limit, limit.id)
    assert place.told()[-1] == "restored"
    assert place.now().reason is Reason.NO_LIMIT


def test_a_limit_that_is_set_below_usage_holds_at_once(place: Place) -> None:
    place.use(12)
    place.limit(10)
    assert place.told() == ["revoked"]


def test_what_was_told_is_known_after_a_restart_and_a_crash(place: Place) -> None:
    place.limit(10)
    place.limit(100, period="month")
    place.use(4)
    place.use(8)
    for again in (place.engine.restart, place.engine.crash):
        again()
        assert place.now().used == 12 * SCALE
        place.use(0)
        assert place.told() == ["revoked"]


def test_a_commit_that_fails_ends_no_access(place: Place) -> None:
    place.limit(10)
    place.use(4)
    place.engine.fail_next_commit(StateConflict("no"))
    with pytest.raises(StateConflict):
        place.use(8)
    assert place.now().allowed
    assert place.told() == []
    place.use(8)
    assert place.told() == ["revoked"]


# --- periods -------------------------------------------------------------------------------------


def test_a_month_begins_anew_and_access_is_back_with_it(place: Place) -> None:
    place.limit(10, period="month")  # in March
    place.use(12, at=place.engine.clock.now_ms() - 5 * DAY_MS)  # February's
    assert place.now().used == 0
    place.use(9)
    place.use(1)
    now = place.now()
    assert not now.allowed and now.resets_ms is not None
    place.use(-20, at=place.engine.clock.now_ms() - 3 * DAY_MS)  # February's
    assert not place.now().allowed
    place.engine.clock.set(now.resets_ms - 1)
    place.roll()
    assert place.told() == ["revoked"]
    place.engine.clock.set(now.resets_ms)
    assert place.now().allowed
    place.roll()
    assert place.told() == ["revoked", "restored"]
    place.use(3)
    place.use(2, at=now.resets_ms - HOUR_MS)
    assert place.now().used == 3 * SCALE
    place.engine.restart()
    assert place.now().used == 3 * SCALE
    place.use(7)
    assert place.told()[-1] == "revoked"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(-3, 9), st.integers(-40, 3), st.booleans()), min_size=1, max_size=40
    )
)
def test_the_usage_of_a_month_is_what_the_summaries_say(steps: list[tuple[int, int, bool]]) -> None:
    """However it comes: in batches or singly, late or ahead, across a restart."""
    with Engine(pace=Pace(slice=1, lag=1)) as engine:
        place = Place(engine)
        place.limit(10**9, period="month")
        for value, hours, restarts in steps:
            day = HOUR_MS * 17
            at = min(engine.clock.now_ms() + hours * day, engine.clock.now_ms() + 4 * MINUTE_MS)
            place.use(*[value] * (12 if value % 2 else 1), at=max(at, 1_770_000_000_000))
            if restarts:
                engine.restart()
            now = place.now()
            assert now.resets_ms is not None
            start_ms = 1_772_323_200_000  # the first of March
            (said,) = engine.summaries(place.meter.id, CUSTOMER, [(start_ms, now.resets_ms)])
            assert now.used == said


def test_a_billing_period_begins_anew_and_access_is_back_with_it(place: Place) -> None:
    place.limit(10, period="billing")
    place.use(50)
    assert place.now().limit is None  # there is no period yet
    place.subscribe()
    place.use(9)
    assert place.now().used == 9 * SCALE
    place.use(2)
    assert place.told() == ["revoked"]
    summaries = [one for one in place.engine.events() if one.type == SUMMARY]
    assert summaries[-1].data is not None
    assert summaries[-1].data["entitlements"]["data"] == []
    place.engine.clock.advance(4 * DAY_MS)
    place.roll()
    assert place.told() == ["revoked", "restored"]
    summaries = [one for one in place.engine.events() if one.type == SUMMARY]
    assert summaries[-1].data is not None
    assert len(summaries[-1].data["entitlements"]["data"]) == 1
    assert place.now().used == 0


def test_usage_of_the_next_period_brings_access_back_before_the_agenda(place: Place) -> None:
    place.limit(10, period="billing")
    place.subscribe()
    place.use(12)
    place.engine.clock.advance(4 * DAY_MS)
    place.use(1)
    assert place.told() == ["revoked", "restored"]
    assert place.now().used == SCALE


def test_a_subscription_that_ends_takes_its_limit_with_it(place: Place) -> None:
    place.limit(10, period="billing")
    subscription = place.subscribe()
    place.use(12)
    place.engine.command(cancel_subscription, subscription, {})
    assert place.now().limit is None
    assert place.told() == ["revoked", "restored"]


# --- what is said --------------------------------------------------------------------------------


def test_access_is_taken_away_and_given_back(place: Place) -> None:
    place.subscribe()
    place.engine.command(revoke, CUSTOMER, None, "unpaid")
    now = place.now()
    assert (now.allowed, now.reason, now.note) == (False, Reason.REVOKED, "unpaid")
    place.engine.command(revoke, CUSTOMER, None, "unpaid")
    place.engine.command(revoke, CUSTOMER, place.meter.id, "again")
    assert place.told() == ["revoked"]
    place.engine.command(restore, CUSTOMER, place.meter.id, "")
    assert not place.now().allowed
    place.engine.command(restore, CUSTOMER, None, "paid")
    assert place.now().allowed
    assert place.told() == ["revoked", "restored"]
    summaries = [one.data for one in place.engine.events() if one.type == SUMMARY]
    assert [len((one or {})["entitlements"]["data"]) for one in summaries] == [1, 0, 1]


def test_a_limit_is_excused_until_it_is_changed(place: Place) -> None:
    limit = place.limit(10)
    place.use(12)
    place.engine.command(restore, CUSTOMER, place.meter.id, "trusted")
    now = place.now()
    assert (now.allowed, now.reason) == (True, Reason.RESTORED)
    place.use(5)
    place.engine.restart()
    place.use(5)
    assert place.told() == ["revoked", "restored"]
    with pytest.raises(LimitReached):
        place.reserve(1)
    place.engine.command(update_limit, limit.id, Decimal(11))
    assert place.told() == ["revoked", "restored", "revoked"]


@pytest.mark.parametrize("is_by_alert", [False, True])
def test_a_credit_grant_brings_back_who_had_run_out(place: Place, is_by_alert: bool) -> None:
    line = {"balance_type": "monetary", "monetary": {"currency": "usd", "value": 0}}
    threshold = {"lte": line, "filters": [{"type": "customer", "customer": CUSTOMER}]}
    alert = {
        "alert_type": "credit_balance_threshold",
        "title": "out",
        "credit_balance_threshold": threshold,
    }
    by_alert = f"alert {place.engine.command(create_alert, alert).id} triggered"
    place.engine.command(revoke, CUSTOMER, None, by_alert if is_by_alert else OUT_OF_CREDITS)
    place.engine.command(revoke, CUSTOMER, place.meter.id, "fraud")
    grant = {
        "customer": CUSTOMER,
        "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 500}},
        "applicability_config": {"scope": {"price_type": "metered"}},
    }
    place.engine.command(create_grant, grant)
    assert place.told() == ["revoked", "restored"]
    assert place.now().note == "fraud"


# --- reservations --------------------------------------------------------------------------------


def test_what_is_reserved_is_kept_committed_and_given_back(place: Place) -> None:
    place.limit(10)
    place.use(3)
    one = place.reserve(5)
    now = place.now()
    assert (now.remaining, now.reserved, now.used) == (2 * SCALE, 5 * SCALE, 3 * SCALE)
    with pytest.raises(LimitReached) as refused:
        place.reserve("2.5")
    assert refused.value.remaining == "2"
    other = place.reserve(2)
    assert place.now().reason is Reason.ALL_RESERVED
    committed = place.engine.command(commit, one.id, {"quantity": Decimal(4)})
    assert committed.status is ReservationStatus.COMMITTED
    assert place.engine.command(commit, one.id, {"quantity": Decimal(4)}) == committed
    with pytest.raises(StateConflict):
        place.engine.command(commit, one.id, {"quantity": Decimal(3)})
    place.engine.command(release, other.id)
    place.engine.command(release, other.id)
    with pytest.raises(StateConflict):
        place.engine.command(commit, other.id, {})
    now = place.now()
    assert (now.used, now.reserved, now.remaining) == (7 * SCALE, 0, 3 * SCALE)
    assert place.engine.total(place.meter.id, CUSTOMER) == 7 * SCALE


def test_a_reservation_outlives_a_crash_and_expires(place: Place) -> None:
    place.limit(10)
    kept = place.reserve(4, expires_in=120)
    place.reserve(5, expires_in=60)
    place.engine.crash()
    assert place.now().remaining == SCALE
    place.engine.clock.advance(60_000)
    assert place.now().remaining == 6 * SCALE
    place.engine.command(commit, kept.id, {})
    late = place.reserve(2)
    place.engine.clock.advance(60_000)
    with pytest.raises(StateConflict) as refused:
        place.engine.command(commit, late.id, {})
    assert refused.value.code == "reservation_expired"
    place.engine.clock.advance(25 * HOUR_MS)
    place.roll()
    assert place.now().used == 4 * SCALE


def test_a_commit_that_reaches_the_limit_ends_access(place: Place) -> None:
    place.limit(10)
    one = place.reserve(10)
    assert place.told() == []
    place.engine.command(commit, one.id, {})
    assert place.told() == ["revoked"]


@pytest.mark.parametrize("quantity", ["0", "-1", "0.0000000000001234567"])
def test_odd_quantities_are_refused(place: Place, quantity: str) -> None:
    with pytest.raises(ParameterInvalid):
        place.reserve(quantity)
    with pytest.raises(ParameterInvalid):
        place.limit(quantity)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_reserved_and_used_never_comes_to_more_than_the_limit(data: st.DataObject) -> None:
    """Whatever is reserved, committed, released, forgotten, or lost in a crash."""
    period = data.draw(st.sampled_from(["lifetime", "month"]))
    with Engine() as engine:
        place = Place(engine)
        place.limit(20, period=period)
        opened: list[Reservation] = []
        ahead: list[int] = []
        for _ in range(data.draw(st.integers(1, 25))):
            step = data.draw(
                st.sampled_from("reserve reserve commit release wait crash leap back".split())
            )
            if step == "reserve":
                try:
                    seconds = data.draw(st.sampled_from([1, 60, 3600]))
                    opened.append(place.reserve(data.draw(st.integers(1, 9)), expires_in=seconds))
                except LimitReached:
                    assert place.now().remaining != 20 * SCALE
            elif step in ("commit", "release") and opened:
                one = opened.pop(data.draw(st.integers(0, len(opened) - 1)))
                try:
                    if step == "release":
                        engine.command(release, one.id)
                    else:
                        part = data.draw(st.integers(1, int(one.quantity)))
                        engine.command(commit, one.id, {"quantity": Decimal(part)})
                except StateConflict as refused:
                    assert refused.code == "reservation_expired"
            elif step == "wait":
                engine.clock.advance(data.draw(st.sampled_from([1_000, 60_000, 20 * DAY_MS])))
            elif step == "leap":  # ahead, something may look, and back
                engine.clock.advance(HOUR_MS)
                place.now()
                ahead.append(HOUR_MS)
            elif step == "back" and ahead:
                engine.clock.advance(-ahead.pop())
            elif step == "crash":
                engine.crash()
            now = place.now()
            assert now.used + now.reserved <= 20 * SCALE
            assert now.remaining == 20 * SCALE - now.used - now.reserved
        engine.assert_sound()
