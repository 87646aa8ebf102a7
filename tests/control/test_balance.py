"""A customer's balance is what its transactions add up to, in one currency."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import samples
from support.engine import SCOPE, Engine
from tripmeter.control.balance import change_balance
from tripmeter.control.customers import create_customer, existing, update_customer
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.invoice import BalanceTransaction
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.model.scope import Caller
from tripmeter.ports import Work


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with the customer `cus_1`."""
    with Engine() as engine:
        engine.create_customer("cus_1")
        yield engine


def change(engine: Engine, amount: int, currency: str = "usd", **more: Any) -> BalanceTransaction:
    def run(work: Work, caller: Caller) -> BalanceTransaction:
        kept = existing(work, caller, "cus_1")
        return change_balance(work, caller, kept, amount, currency, "applied_to_invoice", **more)

    made: BalanceTransaction = engine.command(run)
    return made


def customer(engine: Engine) -> Customer:
    return engine.query(lambda _, session, __: session.customers.get(SCOPE, "cus_1").value)


def entries(engine: Engine) -> list[BalanceTransaction]:
    """All transactions, the oldest first."""

    def run(_: Any, session: Any, __: int) -> list[BalanceTransaction]:
        found = session.balance_transactions.every(SCOPE, customer="cus_1")
        return [kept.value for kept in found][::-1]

    return engine.query(run)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(st.integers(-50, 50), st.tuples(st.integers(-50, 50))), max_size=8))
def test_the_balance_is_the_sum_of_its_transactions(steps: list[Any]) -> None:
    """However it was changed: by an amount, or set by an update of the customer (a tuple here)."""
    with Engine() as engine:
        engine.create_customer("cus_1")
        for step in steps:
            if isinstance(step, tuple):
                engine.command(update_customer, "cus_1", {"balance": step[0]})
            else:
                change(engine, step)
        running = 0
        for entry in entries(engine):
            running += entry.amount
            assert entry.ending_balance == running
        assert customer(engine).balance == running


def test_a_change_is_told_with_what_was_before(engine: Engine) -> None:
    made = change(engine, -500, invoice="in_1")
    assert (made.ending_balance, made.invoice) == (-500, "in_1")
    event = engine.events()[-1]
    assert (event.type, event.object_id) == ("customer.updated", "cus_1")
    assert event.data is not None
    assert (event.data["balance"], event.data["currency"]) == (-500, "usd")
    assert event.previous_attributes == {"balance": 0, "currency": None}


def test_a_balance_is_in_one_currency(engine: Engine) -> None:
    change(engine, -500)
    with pytest.raises(ParameterInvalid, match=r"has a balance of -5\.00 USD.*currency usd"):
        change(engine, -500, "eur")
    change(engine, 500)
    change(engine, 700, "jpy")
    assert (customer(engine).currency, customer(engine).balance) == ("jpy", 700)


def test_who_is_subscribed_is_billed_in_one_currency(engine: Engine) -> None:
    change(engine, -500)
    change(engine, 500)
    engine.command(
        lambda work, _: work.session.subscriptions.insert(samples.subscription("sub_1", SCOPE))
    )
    with pytest.raises(ParameterInvalid, match="is billed in USD"):
        change(engine, 500, "eur")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_balance_has_a_limit(engine: Engine, sign: int) -> None:
    change(engine, sign * AMOUNT_LIMIT)
    with pytest.raises(ParameterInvalid, match="change it by less"):
        change(engine, sign)
    assert customer(engine).balance == sign * AMOUNT_LIMIT
    assert len(entries(engine)) == 1


def test_a_customer_may_begin_with_a_balance(engine: Engine) -> None:
    made = engine.command(create_customer, {"id": "cus_2", "balance": -250})
    assert (made.balance, made.currency) == (-250, "usd")
    (event,) = [e for e in engine.events() if e.object_id == "cus_2"]
    assert event.data is not None
    assert event.data["balance"] == -250
    assert made.details == {}
