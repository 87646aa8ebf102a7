"""A customer's invoice balance with the official SDK."""

from typing import Any

import stripe


def adjust(client: stripe.StripeClient, customer: str, amount: int, **params: Any) -> Any:
    given: Any = {"amount": amount, "currency": "usd", **params}
    return client.v1.customers.balance_transactions.create(customer, given)


def test_adjustments_add_up(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    assert (customer.balance, customer.currency) == (0, None)
    first = adjust(client, customer.id, -500, description="sorry", metadata={"ticket": "7"})
    second = adjust(client, customer.id, 200)
    assert (first.ending_balance, second.ending_balance) == (-500, -300)
    assert (first.type, first.invoice, first.description) == ("adjustment", None, "sorry")
    assert first.id.startswith("cbtxn_")
    after = client.v1.customers.retrieve(customer.id)
    assert (after.balance, after.currency) == (-300, "usd")
    transactions = client.v1.customers.balance_transactions
    assert transactions.retrieve(customer.id, first.id) == first
    page = transactions.list(customer.id, {"limit": 1})
    assert [one.id for one in page.auto_paging_iter()] == [second.id, first.id]
    assert transactions.list(customer.id, {"created": {"gt": second.created}}).data == []
    assert transactions.list(customer.id, {"invoice": "in_no"}).data == []


def test_what_is_noted_beside_an_adjustment_changes_and_nothing_else(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    made = adjust(client, customer.id, -500, metadata={"a": "1"})
    update = client.v1.customers.balance_transactions.update
    changed = update(customer.id, made.id, {"description": "why", "metadata": {"b": "2"}})
    assert changed.description == "why"
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    assert (changed.amount, changed.ending_balance) == (-500, -500)
    assert update(customer.id, made.id, {"description": ""}).description is None


def test_a_change_of_the_balance_is_an_update_of_the_customer(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    adjust(client, customer.id, -500)
    (event,) = client.v1.events.list({"type": "customer.updated", "limit": 1}).data
    assert (event.data.object["id"], event.data.object["balance"]) == (customer.id, -500)
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"balance": 0, "currency": None}


def test_a_balance_may_be_set_with_the_customer(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"balance": -700})
    assert (customer.balance, customer.currency) == (-700, "usd")
    assert client.v1.customers.update(customer.id, {"balance": 100}).balance == 100
    assert client.v1.customers.update(customer.id, {"balance": 100}).balance == 100
    found = client.v1.customers.balance_transactions.list(customer.id).data
    assert [(one.type, one.amount, one.ending_balance) for one in found] == [
        ("adjustment", 800, 100),
        ("initial", -700, -700),
    ]


def test_the_customer_expands(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    made = adjust(client, customer.id, -500, expand=["customer"])
    assert made.customer.balance == -500
