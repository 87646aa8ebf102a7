"""One object of each kind, for tests that need just any."""

from typing import Any

from msgspec import structs

from tripmeter.model.access import Account, ApiKey, StreamSession
from tripmeter.model.alert import Alert, AlertStatus, CountFrom, Firing
from tripmeter.model.customer import Customer
from tripmeter.model.event import DeliveryAttempt, Endpoint, EndpointKind, Event, EventPayload
from tripmeter.model.meter import Formula, Meter, Window
from tripmeter.model.scope import Scope

TEST = Scope("acct_a", livemode=False)
LIVE = Scope("acct_a", livemode=True)
STRANGER = Scope("acct_b", livemode=False)


def _given(scope: Scope, fields: dict[str, Any]) -> dict[str, Any]:
    return {"account": scope.account, "livemode": scope.livemode, "created_ms": 1_000, **fields}


def account(id: str = "acct_a") -> Account:
    """An account, which is in a scope of its own."""
    return Account(id=id, created_ms=1_000, name="Ärger & Co")


def api_key(id: str = "key_1", scope: Scope = TEST, **fields: Any) -> ApiKey:
    """An API key whose digest is its id."""
    base = {"name": "ci", "digest": id.encode(), "hint": "sk_test_...abcd"}
    return ApiKey(id=id, **_given(scope, base | fields))


def stream(id: str = "mes_1", scope: Scope = TEST, **fields: Any) -> StreamSession:
    """A meter event session whose digest is its id."""
    return StreamSession(
        id=id, **_given(scope, {"expires_ms": 2_000, "digest": id.encode()} | fields)
    )


def customer(id: str = "cus_1", scope: Scope = TEST, **fields: Any) -> Customer:
    """A customer."""
    base = {"email": "a@example.com", "metadata": {"k": "v"}, "details": {"name": "Zoë"}}
    return Customer(id=id, **_given(scope, base | fields))


def meter(id: str = "mtr_1", scope: Scope = TEST, **fields: Any) -> Meter:
    """An active meter."""
    base = {"updated_ms": 1_000, "display_name": "Tokens", "event_name": "tokens"}
    more = {"formula": Formula.SUM, "window": Window.DAY, "dimension_keys": ("region",)}
    return Meter(id=id, **_given(scope, base | more | fields))


def alert(id: str = "alrt_1", scope: Scope = TEST, **fields: Any) -> Alert:
    """An active alert on `mtr_1` for everyone."""
    base = {"title": "a lot", "meter": "mtr_1", "gte": 100, "count_from": CountFrom.LIFETIME}
    return Alert(id=id, **_given(scope, base | fields))


def firing(id: str = "alrtn_1", scope: Scope = TEST, **fields: Any) -> Firing:
    """The firing of alert number 1 for customer number 1 in activation 1."""
    base: dict[str, Any] = {
        "account": scope.account,
        "livemode": scope.livemode,
        "alert_no": 1,
        "meter_no": 1,
        "customer_no": 1,
        "activation": 1,
        "position": 7,
        "identifier": "evt7",
        "value": -(10**33),
        "fired_ms": 1_000,
        "event": "evt_1",
        "alert": "alrt_1",
        "customer": "cus_1",
        "meter": "mtr_1",
    }
    return Firing(id=id, **(base | fields))


def event(id: str = "evt_1", scope: Scope = TEST, **fields: Any) -> Event:
    """A snapshot event about a customer."""
    base = {"type": "customer.created", "payload": EventPayload.SNAPSHOT, "object_id": "cus_1"}
    more = {"api_version": "2026-10-28.endive", "data": {"id": "cus_1", "n": 1, "none": None}}
    return Event(id=id, **_given(scope, base | more | fields))


def endpoint(id: str = "we_1", scope: Scope = TEST, **fields: Any) -> Endpoint:
    """A webhook endpoint for everything."""
    base = {"updated_ms": 1_000, "kind": EndpointKind.WEBHOOK_ENDPOINT, "secret": "whsec_x"}
    more = {
        "payload": EventPayload.SNAPSHOT,
        "url": "https://example.com",
        "enabled_events": ("*",),
    }
    return Endpoint(id=id, **_given(scope, base | more | fields))


def attempt(id: str = "wa_1", scope: Scope = TEST, **fields: Any) -> DeliveryAttempt:
    """A first attempt to deliver `evt_1` to `we_1`."""
    base = {"event": "evt_1", "endpoint": "we_1", "number": 1, "url": "https://example.com"}
    more = {"outcome": "failed", "signature": "t=1,v1=x", "status": 500, "body": "no \u2603"}
    return DeliveryAttempt(id=id, **_given(scope, base | more | fields))


def archived(value: Alert) -> Alert:
    """The same alert, archived."""
    return structs.replace(value, status=AlertStatus.ARCHIVED)


def deleted(value: Customer) -> Customer:
    """The same customer, deleted."""
    return structs.replace(value, deleted=True)
