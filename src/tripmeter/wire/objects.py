"""Renders facts as Stripe's objects. Ids are rendered as ids; `expand` replaces them later."""

import hashlib
from decimal import Decimal
from typing import Any

from tripmeter.model.access import Account, StreamSession
from tripmeter.model.customer import Customer
from tripmeter.model.event import DeliveryAttempt, Endpoint
from tripmeter.model.ids import base62, from_base62
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import format_quantity
from tripmeter.wire import shapes
from tripmeter.wire.catalogue import discount_object
from tripmeter.wire.times import rfc3339, unix

_SUMMARY_BYTES = 10
"""Of a summary's id: what tells it from those of others that start at the same time."""

_NO_INVOICE_SETTINGS: dict[str, Any] = {
    "custom_fields": None,
    "default_payment_method": None,
    "footer": None,
    "rendering_options": None,
}


def customer_object(customer: Customer) -> shapes.CustomerObject:
    """A customer."""
    details = customer.details
    return {
        "id": customer.id,
        "object": "customer",
        "address": details.get("address"),
        "balance": customer.balance,
        "business_name": details.get("business_name"),
        "created": unix(customer.created_ms),
        "currency": customer.currency,
        "default_source": None,
        "delinquent": False,
        "description": details.get("description"),
        "discount": discount_object(customer.discount) if customer.discount else None,
        "email": customer.email,
        "individual_name": details.get("individual_name"),
        "invoice_settings": _NO_INVOICE_SETTINGS,
        "livemode": customer.livemode,
        "metadata": customer.metadata,
        "name": details.get("name"),
        "phone": details.get("phone"),
        "preferred_locales": details.get("preferred_locales", []),
        "shipping": details.get("shipping"),
        "tax_exempt": details.get("tax_exempt", "none"),
        "test_clock": customer.clock,
    }


def no_members(url: str) -> dict[str, Any]:
    """A list of what there is none of."""
    return {"object": "list", "data": [], "has_more": False, "url": url}


def sources_path(customer: str) -> str:
    """Where a customer's payment sources are listed."""
    return f"/v1/customers/{customer}/sources"


def deleted_object(id: str, object_type: str) -> shapes.DeletedObject:
    """What is left of a deleted object."""
    return {"id": id, "object": object_type, "deleted": True}


def deleted_v2_object(id: str, object_type: str) -> shapes.DeletedV2Object:
    """What is left of a deleted object, v2."""
    return {"id": id, "object": object_type}


def account_object(account: Account) -> shapes.AccountObject:
    """The account that a key belongs to."""
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {"name": account.name},
        "charges_enabled": True,
        "country": "US",
        "created": unix(account.created_ms),
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {},
            "card_payments": {},
            "dashboard": {"display_name": account.name, "timezone": "Etc/UTC"},
            "payments": {},
        },
        "type": "standard",
    }


def meter_object(meter: Meter) -> shapes.MeterObject:
    """A meter. `dimension_payload_keys` is there only if the meter has any."""
    deactivated = unix(meter.deactivated_ms) if meter.deactivated_ms is not None else None
    rendered: shapes.MeterObject = {
        "id": meter.id,
        "object": "billing.meter",
        "created": unix(meter.created_ms),
        "customer_mapping": {"event_payload_key": meter.customer_key, "type": "by_id"},
        "default_aggregation": {"formula": meter.formula.value},
        "display_name": meter.display_name,
        "event_name": meter.event_name,
        "event_time_window": meter.window.value if meter.window else None,
        "livemode": meter.livemode,
        "status": meter.status,
        "status_transitions": {"deactivated_at": deactivated},
        "updated": unix(meter.updated_ms),
        "value_settings": {"event_payload_key": meter.value_key},
    }
    if meter.dimension_keys is not None:
        rendered["dimension_payload_keys"] = list(meter.dimension_keys)
    return rendered


def summary_object(
    meter: Meter, customer: str, start_ms: int, end_ms: int, value: int
) -> shapes.MeterEventSummaryObject:
    """A summary; its id is the same whenever the span is asked for, and says when it starts."""
    key = f"{meter.id}|{customer}|{end_ms}".encode()
    digest = int.from_bytes(hashlib.blake2b(key, digest_size=_SUMMARY_BYTES).digest())
    number = (unix(start_ms) << 8 * _SUMMARY_BYTES) | digest
    mode = "" if meter.livemode else "_test"
    return {
        "id": f"mtrusg{mode}_{base62(number, 22)}",
        "object": "billing.meter_event_summary",
        "aggregated_value": Decimal(format_quantity(value)),
        "end_time": unix(end_ms),
        "livemode": meter.livemode,
        "meter": meter.id,
        "start_time": unix(start_ms),
    }


def summary_start_ms(id: str) -> int | None:
    """The start of the span that a summary's id belongs to; None if it is no such id."""
    number = from_base62(id.rpartition("_")[2])
    return None if number is None else (number >> 8 * _SUMMARY_BYTES) * 1000


def session_object(session: StreamSession, token: str) -> shapes.MeterEventSessionObject:
    """A meter event session with its token, shown this once."""
    return {
        "id": session.id,
        "object": "v2.billing.meter_event_session",
        "authentication_token": token,
        "created": rfc3339(session.created_ms),
        "expires_at": rfc3339(session.expires_ms),
        "livemode": session.livemode,
    }


def webhook_endpoint_object(
    endpoint: Endpoint, *, with_secret: bool = False
) -> shapes.WebhookEndpointObject:
    """A webhook endpoint; the secret is shown only by the answer that creates it."""
    rendered: shapes.WebhookEndpointObject = {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "api_version": endpoint.api_version,
        "application": None,
        "created": unix(endpoint.created_ms),
        "description": endpoint.description,
        "enabled_events": list(endpoint.enabled_events),
        "livemode": endpoint.livemode,
        "metadata": endpoint.metadata,
        "status": "enabled" if endpoint.enabled else "disabled",
        "url": endpoint.url,
    }
    if with_secret:
        rendered["secret"] = endpoint.secret
    return rendered


def event_destination_object(
    endpoint: Endpoint, include: frozenset[str] = frozenset()
) -> shapes.EventDestinationObject:
    """An event destination; URL and secret only where `include` asks for them (v2)."""
    target = {}
    if "webhook_endpoint.url" in include:
        target["url"] = endpoint.url
    if "webhook_endpoint.signing_secret" in include:
        target["signing_secret"] = endpoint.secret
    details = None if endpoint.enabled else {"disabled": {"reason": "user"}}
    return {
        "id": endpoint.id,
        "object": "v2.core.event_destination",
        "created": rfc3339(endpoint.created_ms),
        "description": endpoint.description or "",
        "enabled_events": list(endpoint.enabled_events),
        "event_payload": endpoint.payload.value,
        "events_from": ["self"],
        "livemode": endpoint.livemode,
        "metadata": endpoint.metadata,
        "name": endpoint.name or "",
        "snapshot_api_version": endpoint.api_version,
        "status": "enabled" if endpoint.enabled else "disabled",
        "status_details": details,
        "type": "webhook_endpoint",
        "updated": rfc3339(endpoint.updated_ms),
        "webhook_endpoint": target or None,
    }


def attempt_object(attempt: DeliveryAttempt) -> shapes.DeliveryAttemptObject:
    """One attempt to deliver, with request and answer."""
    answered = attempt.status is not None
    next_ms = attempt.next_attempt_ms
    return {
        "id": attempt.id,
        "object": "webhook_delivery_attempt",
        "attempt": attempt.number,
        "created": unix(attempt.created_ms),
        "duration_ms": attempt.duration_ms,
        "error": attempt.error,
        "event": attempt.event,
        "livemode": attempt.livemode,
        "manual": attempt.manual,
        "next_attempt_at": unix(next_ms) if next_ms is not None else None,
        "outcome": attempt.outcome,
        "request": {"url": attempt.url, "stripe_signature": attempt.signature},
        "response": {"status": attempt.status, "body": attempt.body} if answered else None,
        "webhook_endpoint": attempt.endpoint,
    }
