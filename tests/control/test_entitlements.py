"""What customers may use follows from their subscriptions; a change of the set is told once."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from support import samples
from support.engine import SCOPE, Engine
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.model.entitlement import Entitlement
from tripmeter.model.event import Event
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status
from tripmeter.ports import Work

UPDATED = "entitlements.active_entitlement_summary.updated"


def catalogue(work: Work, _: Caller) -> None:
    """Two products with a price each: `prod_1` carries a and b, `prod_2` carries b and c."""
    session = work.session
    for name in "abc":
        session.features.insert(samples.feature(f"feat_{name}", SCOPE))
    for number, names in ((1, "ab"), (2, "bc")):
        session.products.insert(samples.product(f"prod_{number}", SCOPE))
        price = samples.price(f"price_{number}", SCOPE, product=f"prod_{number}")
        session.prices.insert(price)
        for name in names:
            carried = {"product": f"prod_{number}", "feature": f"feat_{name}"}
            session.product_features.insert(
                samples.product_feature(f"pf_{number}{name}", SCOPE, **carried)
            )


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with the customer `cus_1` and something to subscribe to."""
    with Engine() as engine:
        engine.create_customer("cus_1")
        engine.command(catalogue)
        yield engine


def subscribe(engine: Engine, number: int, **fields: Any) -> None:
    """Have `cus_1` subscribe to a product, and see to its entitlements."""

    def change(work: Work, _: Caller) -> None:
        own: dict[str, Any] = {"subscription": f"sub_{number}", "price": f"price_{number}"}
        item = samples.subscription_item(f"si_{number}", SCOPE, **own)
        work.session.subscriptions.insert(samples.subscription(f"sub_{number}", SCOPE, **fields))
        work.session.subscription_items.insert(item)
        refresh_entitlements(work, SCOPE, "cus_1")

    engine.command(change)


def become(engine: Engine, number: int, status: Status) -> None:
    """Change a subscription's status, and see to the customer's entitlements."""

    def change(work: Work, _: Caller) -> None:
        no, before = work.session.subscriptions.get(SCOPE, f"sub_{number}")
        work.session.subscriptions.replace(no, structs.replace(before, status=status))
        refresh_entitlements(work, SCOPE, "cus_1")

    engine.command(change)


def held(engine: Engine) -> list[Entitlement]:
    return engine.query(
        lambda _, session, __: [kept.value for kept in session.entitlements.every(SCOPE)]
    )


def features(engine: Engine) -> set[str]:
    return {one.feature.removeprefix("feat_") for one in held(engine)}


def told(engine: Engine) -> list[Event]:
    return [event for event in engine.events() if event.type == UPDATED]


@pytest.mark.parametrize("status", Status)
def test_a_subscription_entitles_while_it_is_in_force(engine: Engine, status: Status) -> None:
    subscribe(engine, 1, status=status)
    entitling = status in ("active", "trialing", "past_due")
    assert features(engine) == (set("ab") if entitling else set())
    assert len(told(engine)) == entitling


def test_features_of_several_subscriptions_are_one_set(engine: Engine) -> None:
    subscribe(engine, 1)
    before = {one.feature: one.id for one in held(engine)}
    subscribe(engine, 2)
    assert features(engine) == set("abc")
    assert before.items() <= {one.feature: one.id for one in held(engine)}.items()
    become(engine, 1, Status.CANCELED)
    assert features(engine) == set("bc")
    become(engine, 2, Status.UNPAID)
    assert features(engine) == set()
    become(engine, 2, Status.PAST_DUE)
    assert features(engine) == set("bc")


def test_the_set_is_told_exactly_when_it_changes(engine: Engine) -> None:
    subscribe(engine, 1)
    become(engine, 1, Status.PAST_DUE)
    engine.command(lambda work, _: refresh_entitlements(work, SCOPE, "cus_1"))
    become(engine, 1, Status.CANCELED)
    first, second = told(engine)
    assert first.data is not None
    assert second.data is not None
    assert first.data["customer"] == "cus_1"
    assert "id" not in first.data
    listed = first.data["entitlements"]
    assert {one["feature"] for one in listed["data"]} == {"feat_a", "feat_b"}
    assert listed["has_more"] is False
    assert first.previous_attributes == {"entitlements": {"data": []}}
    assert second.data["entitlements"]["data"] == []
    assert second.previous_attributes == {"entitlements": {"data": listed["data"]}}


def test_a_summary_has_no_object_that_a_thin_event_could_name(engine: Engine) -> None:
    subscribe(engine, 1)
    (thin,) = [e for e in engine.events("thin") if e.type == f"v1.{UPDATED}"]
    assert (thin.object_id, thin.object_url) == (None, None)


def test_an_item_that_was_taken_away_entitles_no_more(engine: Engine) -> None:
    subscribe(engine, 1)

    def change(work: Work, _: Caller) -> None:
        no, item = work.session.subscription_items.get(SCOPE, "si_1")
        work.session.subscription_items.replace(no, structs.replace(item, deleted=True))
        refresh_entitlements(work, SCOPE, "cus_1")

    engine.command(change)
    assert features(engine) == set()


def test_an_archived_feature_stays_with_those_who_have_it(engine: Engine) -> None:
    subscribe(engine, 1)

    def change(work: Work, _: Caller) -> None:
        no, feature = work.session.features.get(SCOPE, "feat_a")
        work.session.features.replace(no, structs.replace(feature, active=False))
        refresh_entitlements(work, SCOPE, "cus_1")

    engine.command(change)
    assert features(engine) == set("ab")


def test_a_summary_of_many_is_cut(engine: Engine) -> None:
    def change(work: Work, _: Caller) -> None:
        for number in range(101):
            id_ = f"feat_{number}"
            work.session.features.insert(samples.feature(id_, SCOPE))
            carried = samples.product_feature(f"pf_{number}", SCOPE, feature=id_)
            work.session.product_features.insert(carried)

    engine.command(change)
    subscribe(engine, 1)
    (event,) = told(engine)
    assert event.data is not None
    assert len(event.data["entitlements"]["data"]) == 100
    assert event.data["entitlements"]["has_more"] is True
    assert len(held(engine)) == 103
