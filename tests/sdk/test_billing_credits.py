"""Credit grants, balances and ledgers with the official SDK."""

from typing import Any

import pytest
import stripe

from sdk.catalogue import metered_price
from support.server import Server

GrantOf = stripe.billing.CreditGrant


def create_grant(
    client: stripe.StripeClient, customer: str, value: int = 1_000, **params: Any
) -> Any:
    """Give a customer dollars for all metered prices."""
    given: Any = {
        "customer": customer,
        "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": value}},
        "applicability_config": {"scope": {"price_type": "metered"}},
        **params,
    }
    return client.v1.billing.credit_grants.create(given)


def entries(client: stripe.StripeClient, **filters: Any) -> list[Any]:
    return client.v1.billing.credit_balance_transactions.list(filters).data  # type: ignore[arg-type]


def balances(client: stripe.StripeClient, customer: str, **filters: Any) -> list[tuple[Any, ...]]:
    """(currency, available, ledger) of each balance."""
    scope: Any = filters or {
        "type": "applicability_scope",
        "applicability_scope": {"price_type": "metered"},
    }
    found = client.v1.billing.credit_balance_summary.retrieve(
        {"customer": customer, "filter": scope}
    )
    rows: list[Any] = [(one.available_balance, one.ledger_balance) for one in found.balances]
    return [
        (available.monetary.currency, available.monetary.value, ledger.monetary.value)
        for available, ledger in rows
    ]


def test_a_grant_has_stripes_defaults(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    grant = create_grant(client, customer.id)
    assert grant.id.startswith("credgr_test_")
    assert (grant.category, grant.priority, grant.expires_at) == ("paid", 50, None)
    assert grant.effective_at == grant.created == grant.updated
    assert grant.applicability_config.scope.price_type == "metered"
    assert client.v1.billing.credit_grants.retrieve(grant.id) == grant


def test_a_grant_keeps_what_it_was_made_with(
    client: stripe.StripeClient, customer: stripe.Customer, server: Server
) -> None:
    price = metered_price(server, "price_credits_kept")
    own: dict[str, Any] = {
        "applicability_config": {"scope": {"prices": [{"id": price}]}},
        "category": "promotional",
        "priority": 0,
        "effective_at": 4_000_000_000,
        "expires_at": 4_100_000_000,
        "name": "Welcome",
        "metadata": {"campaign": "spring"},
    }
    grant = create_grant(client, customer.id, **own)
    assert [one.id for one in grant.applicability_config.scope.prices] == [price]
    for name in ("category", "priority", "effective_at", "expires_at", "name"):
        assert getattr(grant, name) == own[name]
    assert grant.metadata.to_dict() == own["metadata"]


def test_a_currency_may_be_written_in_capitals(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    money = {"type": "monetary", "monetary": {"currency": "EUR", "value": 5}}
    grant = create_grant(client, customer.id, amount=money)
    assert grant.amount.monetary.currency == "eur"


def test_expiry_and_metadata_of_a_grant_change(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    grants = client.v1.billing.credit_grants
    grant = create_grant(client, customer.id, metadata={"a": "1"})
    assert grants.update(grant.id, {"expires_at": 4_000_000_000}).expires_at == 4_000_000_000
    changed = grants.update(grant.id, {"metadata": {"b": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    assert changed.expires_at == 4_000_000_000
    assert grants.update(grant.id, {"expires_at": ""}).expires_at is None
    (event, *_) = client.v1.events.list({"type": "billing.credit_grant.updated"}).data
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["expires_at"] == 4_000_000_000


def test_a_ledger_tells_what_became_of_a_grant(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    grants = client.v1.billing.credit_grants
    expired, voided = (create_grant(client, customer.id, value) for value in (100, 200))
    assert balances(client, customer.id) == [("usd", 300, 300)]
    assert grants.expire(expired.id).expires_at is not None
    assert balances(client, customer.id) == [("usd", 200, 200)]
    assert grants.void_grant(voided.id).voided_at is not None
    assert balances(client, customer.id) == [("usd", 0, 0)]
    debit, credit = entries(client, credit_grant=expired.id)
    assert (credit.type, credit.credit.type, credit.debit) == ("credit", "credits_granted", None)
    assert (debit.type, debit.debit.type, debit.credit) == ("debit", "credits_expired", None)
    assert debit.debit.amount.monetary.value == 100
    assert [one.id for one in entries(client, customer=customer.id)][1] == debit.id
    assert entries(client, customer=customer.id)[0].debit.type == "credits_voided"
    one = client.v1.billing.credit_balance_transactions.retrieve(debit.id)
    assert one == debit


def test_what_is_pending_is_no_balance_yet(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    grant = create_grant(client, customer.id, effective_at=4_000_000_000)
    assert balances(client, customer.id) == [("usd", 0, 0)]
    (entry,) = entries(client, credit_grant=grant.id)
    assert entry.effective_at == 4_000_000_000


def test_balances_are_by_currency_grant_and_scope(
    client: stripe.StripeClient, customer: stripe.Customer, server: Server
) -> None:
    one, other = (metered_price(server, f"price_credits_{name}") for name in ("one", "other"))
    euros = {"type": "monetary", "monetary": {"currency": "eur", "value": 7}}
    create_grant(client, customer.id, amount=euros)
    create_grant(client, customer.id, 100)
    bound = create_grant(
        client, customer.id, 20, applicability_config={"scope": {"prices": [{"id": one}]}}
    )
    assert balances(client, customer.id) == [("eur", 7, 7), ("usd", 120, 120)]
    for price, dollars in ((one, 120), (other, 100)):
        scope = {"type": "applicability_scope", "applicability_scope": {"prices": [{"id": price}]}}
        assert balances(client, customer.id, **scope) == [("eur", 7, 7), ("usd", dollars, dollars)]
    by_grant = {"type": "credit_grant", "credit_grant": bound.id}
    assert balances(client, customer.id, **by_grant) == [("usd", 20, 20)]


def test_grants_and_transactions_are_listed_by_customer(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    nobody = client.v1.customers.create({})
    made = [create_grant(client, customer.id, at + 1).id for at in range(3)]
    create_grant(client, nobody.id)
    page = client.v1.billing.credit_grants.list({"customer": customer.id, "limit": 2})
    assert [one.id for one in page.auto_paging_iter()] == made[::-1]
    found = client.v1.billing.credit_balance_transactions.list(
        {"customer": customer.id, "limit": 1}
    )
    assert [one.credit_grant for one in found.auto_paging_iter()] == made[::-1]
    assert entries(client, customer=nobody.id, credit_grant=made[0]) == []


def test_customer_and_grant_expand(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    grant = create_grant(client, customer.id, expand=["customer"])
    assert grant.customer.name == customer.name
    inside = ["data.credit_grant.customer"]
    (entry,) = entries(client, customer=customer.id, expand=inside)
    assert entry.credit_grant.customer.id == customer.id
    scope: Any = {"type": "credit_grant", "credit_grant": grant.id}
    summary: Any = client.v1.billing.credit_balance_summary.retrieve(
        {"filter": scope, "expand": ["customer"]}
    )
    assert summary.customer.id == customer.id


def test_a_grant_is_told_with_its_first_transaction(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    grant = create_grant(client, customer.id)
    types: Any = ["billing.credit_grant.created", "billing.credit_balance_transaction.created"]
    moved, created = client.v1.events.list({"types": types, "limit": 2}).data
    assert created.data.object["id"] == grant.id
    assert moved.data.object["credit_grant"] == grant.id
    assert moved.request is not None
    assert created.request is not None
    assert moved.request.id == created.request.id
    (thin,) = client.v2.core.events.list({"object_id": grant.id}).data
    assert thin.type == "v1.billing.credit_grant.created"


def test_a_grant_is_made_once_however_often_it_is_sent(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    given: Any = {
        "customer": customer.id,
        "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 5}},
        "applicability_config": {"scope": {"price_type": "metered"}},
    }
    options: Any = {"idempotency_key": f"grant for {customer.id}"}
    create = client.v1.billing.credit_grants.create
    assert create(given, options).id == create(given, options).id
    assert balances(client, customer.id) == [("usd", 5, 5)]


def test_restricted_keys(
    connect: Any, server: Server, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    grant = create_grant(client, customer.id)
    reading = connect(server.create_key(allow=["credits:read"]).secret)
    assert reading.v1.billing.credit_grants.retrieve(grant.id) == grant
    assert balances(reading, customer.id) == [("usd", 1_000, 1_000)]
    with pytest.raises(stripe.PermissionError, match="credits:write"):
        reading.v1.billing.credit_grants.expire(grant.id)
    with pytest.raises(stripe.PermissionError, match="customers:read"):
        reading.v1.billing.credit_grants.retrieve(grant.id, {"expand": ["customer"]})
