"""Access by the official SDK: the portal's call, and our own paths by its raw requests."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from support.inbox import Inbox


def ask(client: stripe.StripeClient, method: str, path: str, **params: Any) -> Any:
    """A path that the SDK does not know."""
    answer: Any = client.raw_request(method, path, **params)
    return client.deserialize(answer, api_mode="V1")


def use(client: stripe.StripeClient, event_name: str, customer: str, value: str) -> None:
    payload = {"stripe_customer_id": customer, "value": value}
    client.v1.billing.meter_events.create({"event_name": event_name, "payload": payload})


def test_a_portal_session(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    session = client.v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "https://example.com/account", "locale": "de"}
    )
    assert session.object == "billing_portal.session"
    assert "/p/" in session.url
    assert (session.customer, session.locale) == (customer.id, "de")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing_portal.sessions.create(
            {"customer": customer.id, "configuration": "bpc_123"}
        )
    assert refused.value.param == "configuration"


def test_access_ends_and_the_endpoint_hears_of_it(
    client: stripe.StripeClient,
    customer: stripe.Customer,
    meter: stripe.billing.Meter,
    event_name: str,
    inbox: Inbox,
) -> None:
    types: Any = ["billing.access.revoked", "billing.access.restored"]
    client.v1.webhook_endpoints.create({"url": inbox.url, "enabled_events": types})
    limits = "/v1/billing/usage_limits"
    limit = ask(client, "post", limits, meter=meter.id, limit="10", customer=customer.id)
    use(client, event_name, customer.id, "12")
    revoked = inbox.wait_for(lambda body: body["type"] == "billing.access.revoked").json
    assert revoked["data"]["object"]["used"] == "12"
    path = f"/v1/customers/{customer.id}/access"
    assert ask(client, "get", path, meter=meter.id)["allowed"] is False
    with pytest.raises(stripe.CardError) as refused:  # what the SDK makes of 402
        ask(client, "post", f"{path}/reserve", meter=meter.id, quantity="1")
    assert refused.value.code == "limit_reached"
    ask(client, "post", f"{limits}/{limit['id']}", limit="20")
    restored = inbox.wait_for(lambda body: body["type"] == "billing.access.restored").json
    assert restored["data"]["object"]["remaining"] == "8"
    made = ask(client, "post", f"{path}/reserve", meter=meter.id, quantity="8")
    done = ask(client, "post", f"/v1/access/reservations/{made['id']}/commit", quantity="5")
    assert done["status"] == "committed"
    assert ask(client, "get", path, meter=meter.id)["used"] == "17"


def test_a_key_needs_permission(
    connect: Callable[..., stripe.StripeClient], customer: stripe.Customer, server: Any
) -> None:
    restricted = connect(server.create_key(allow=["customers:write"]).secret)
    with pytest.raises(stripe.PermissionError):
        restricted.v1.billing_portal.sessions.create({"customer": customer.id})
    with pytest.raises(stripe.PermissionError):
        ask(restricted, "get", f"/v1/customers/{customer.id}/access")
