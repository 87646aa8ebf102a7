"""The shapes of Stripe's objects as rendered here; `/openapi.json` is made from these."""

from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

from tripmeter.wire.catalogue import DiscountObject


class CustomerObject(TypedDict):
    """Someone whose usage is metered."""

    id: str
    object: Literal["customer"]
    address: dict[str, Any] | None
    balance: int
    business_name: str | None
    created: int
    currency: str | None
    default_source: str | None
    delinquent: bool
    description: str | None
    discount: DiscountObject | None
    email: str | None
    individual_name: str | None
    invoice_settings: dict[str, Any]
    livemode: bool
    metadata: dict[str, str]
    name: str | None
    phone: str | None
    preferred_locales: list[str]
    shipping: dict[str, Any] | None
    sources: NotRequired[dict[str, Any]]
    tax_exempt: str
    test_clock: str | None


class DeletedObject(TypedDict):
    """What is left of a deleted object."""

    id: str
    object: str
    deleted: bool


class DeletedV2Object(TypedDict):
    """What is left of a deleted object, v2."""

    id: str
    object: str


class AccountObject(TypedDict):
    """The account that the key belongs to."""

    id: str
    object: Literal["account"]
    business_profile: dict[str, Any]
    charges_enabled: bool
    country: str
    created: int
    default_currency: str
    details_submitted: bool
    email: str | None
    metadata: dict[str, str]
    payouts_enabled: bool
    settings: dict[str, Any]
    type: Literal["standard"]


class SourceObject(TypedDict):
    """A way to charge a customer, of which there is none here: nothing is charged."""

    id: str
    object: Literal["bank_account", "card", "source"]


class MeterObject(TypedDict):
    """What is counted, per customer, under which event name."""

    id: str
    object: Literal["billing.meter"]
    created: int
    customer_mapping: dict[str, str]
    default_aggregation: dict[str, str]
    dimension_payload_keys: NotRequired[list[str]]
    display_name: str
    event_name: str
    event_time_window: str | None
    livemode: bool
    status: str
    status_transitions: dict[str, int | None]
    updated: int
    value_settings: dict[str, str]


class MeterEventObject(TypedDict):
    """A reported meter event."""

    object: Literal["billing.meter_event"]
    created: int
    event_name: str
    identifier: str
    livemode: bool
    payload: dict[str, str]
    timestamp: int


class MeterEventV2Object(TypedDict):
    """A reported meter event, v2."""

    object: Literal["v2.billing.meter_event"]
    created: str
    event_name: str
    identifier: str
    livemode: bool
    payload: dict[str, str]
    timestamp: str


class AdjustmentObject(TypedDict):
    """A cancellation of a meter event."""

    object: Literal["billing.meter_event_adjustment"]
    cancel: dict[str, str]
    event_name: str
    livemode: bool
    status: Literal["pending", "complete"]
    type: Literal["cancel"]


class AdjustmentV2Object(TypedDict):
    """A cancellation of a meter event, v2."""

    id: str
    object: Literal["v2.billing.meter_event_adjustment"]
    cancel: dict[str, str]
    created: str
    event_name: str
    livemode: bool
    status: Literal["pending", "complete"]
    type: Literal["cancel"]


class MeterEventSessionObject(TypedDict):
    """Fifteen minutes of access to the meter event stream."""

    id: str
    object: Literal["v2.billing.meter_event_session"]
    authentication_token: str
    created: str
    expires_at: str
    livemode: bool


class MeterEventSummaryObject(TypedDict):
    """What a customer's events amount to in a span of time."""

    id: str
    object: Literal["billing.meter_event_summary"]
    aggregated_value: Decimal
    end_time: int
    livemode: bool
    meter: str
    start_time: int


class EventObject(TypedDict):
    """A snapshot event."""

    id: str
    object: Literal["event"]
    account: NotRequired[str]
    api_version: str
    created: int
    data: dict[str, Any]
    livemode: bool
    pending_webhooks: int
    request: dict[str, str | None]
    type: str


class EventV2Object(TypedDict):
    """A thin event."""

    id: str
    object: Literal["v2.core.event"]
    context: str | None
    created: str
    data: NotRequired[dict[str, Any]]
    livemode: bool
    reason: dict[str, Any] | None
    related_object: NotRequired[dict[str, str] | None]
    snapshot_event: str | None
    type: str


class WebhookEndpointObject(TypedDict):
    """A URL that receives snapshot events."""

    id: str
    object: Literal["webhook_endpoint"]
    api_version: str | None
    application: str | None
    created: int
    description: str | None
    enabled_events: list[str]
    livemode: bool
    metadata: dict[str, str]
    secret: NotRequired[str]
    status: str
    url: str


class EventDestinationObject(TypedDict):
    """A destination of snapshot or thin events, v2."""

    id: str
    object: Literal["v2.core.event_destination"]
    created: str
    description: str
    enabled_events: list[str]
    event_payload: str
    events_from: list[str]
    livemode: bool
    metadata: dict[str, str]
    name: str
    snapshot_api_version: str | None
    status: str
    status_details: dict[str, Any] | None
    type: Literal["webhook_endpoint"]
    updated: str
    webhook_endpoint: dict[str, str] | None


class DeliveryAttemptObject(TypedDict):
    """One attempt to deliver an event to an endpoint (ours)."""

    id: str
    object: Literal["webhook_delivery_attempt"]
    attempt: int
    created: int
    duration_ms: int
    error: str | None
    event: str
    livemode: bool
    manual: bool
    next_attempt_at: int | None
    outcome: str
    request: dict[str, str]
    response: dict[str, Any] | None
    webhook_endpoint: str
