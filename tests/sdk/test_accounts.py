"""Accounts, and what there never is here: connected accounts and payment sources."""

from typing import Any

import pytest
import stripe

from support.server import Key

Client = Any


def test_an_account_is_found_by_its_id(
    client: Client, other_account_key: Key, connect: Any
) -> None:
    own = client.v1.accounts.retrieve_current()
    assert client.v1.accounts.retrieve(own.id) == own
    stranger = connect(other_account_key.secret)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        stranger.v1.accounts.retrieve(own.id)
    assert missing.value.code == "resource_missing"


def test_no_accounts_are_connected(client: Client) -> None:
    listed = client.v1.accounts.list({"limit": 3})
    assert (listed.data, listed.has_more, listed.url) == ([], False, "/v1/accounts")
    with pytest.raises(stripe.InvalidRequestError, match="acct_none") as missing:
        client.v1.accounts.list({"starting_after": "acct_none"})
    assert missing.value.param == "starting_after"


def test_customers_have_no_payment_sources(client: Client, customer: stripe.Customer) -> None:
    sources = client.v1.customers.payment_sources
    listed = sources.list(customer.id, {"object": "card"})
    assert (listed.data, listed.url) == ([], f"/v1/customers/{customer.id}/sources")
    with pytest.raises(stripe.InvalidRequestError) as missing:
        sources.list("cus_none")
    assert missing.value.code == "resource_missing"


def test_sources_of_customers_expand(client: Client, customer: stripe.Customer) -> None:
    assert "sources" not in customer
    found = client.v1.customers.retrieve(customer.id, {"expand": ["sources", "default_source"]})
    assert (found.sources.data, found.default_source) == ([], None)
    (first,) = client.v1.customers.list({"limit": 1, "expand": ["data.sources"]}).data
    assert first == client.v1.customers.retrieve(first.id, {"expand": ["sources"]})
