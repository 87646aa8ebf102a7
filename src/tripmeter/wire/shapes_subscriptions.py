"""The shapes of subscriptions, their items and plans, and of test clocks, as rendered here."""

from typing import Any, Literal, NotRequired, TypedDict

from tripmeter.wire.catalogue import PriceObject, TaxRateObject


class PlanObject(TypedDict):
    """A recurring price as it was called before there were prices (Stripe)."""

    id: str
    object: Literal["plan"]
    active: bool
    amount: int | None
    amount_decimal: str | None
    billing_scheme: Literal["per_unit", "tiered"]
    created: int
    currency: str
    interval: str
    interval_count: int
    livemode: bool
    metadata: dict[str, str]
    meter: str | None
    nickname: str | None
    product: str
    tiers_mode: str | None
    transform_usage: dict[str, Any] | None
    trial_period_days: int | None
    usage_type: str


class SubscriptionItemObject(TypedDict):
    """One price of a subscription, and the period that is billed next."""

    id: str
    object: Literal["subscription_item"]
    billed_until: int | None
    billing_thresholds: dict[str, int] | None
    created: int
    current_period_end: int
    current_period_start: int
    current_trial: dict[str, Any] | None
    discounts: list[str]
    metadata: dict[str, str]
    plan: PlanObject
    price: PriceObject
    quantity: int | None
    subscription: str
    tax_rates: list[TaxRateObject]


class SubscriptionItemList(TypedDict):
    """The items of a subscription; the whole of them, as there are never many."""

    object: Literal["list"]
    data: list[SubscriptionItemObject]
    has_more: bool
    url: str


class SubscriptionObject(TypedDict):
    """What a customer is billed for, again and again."""

    id: str
    object: Literal["subscription"]
    application: str | None
    application_fee_percent: int | None
    automatic_tax: dict[str, Any]
    billing_cycle_anchor: int
    billing_cycle_anchor_config: dict[str, int | None] | None
    billing_mode: dict[str, Any]
    billing_schedules: list[dict[str, Any]]
    billing_thresholds: dict[str, Any] | None
    cancel_at: int | None
    cancel_at_period_end: bool
    canceled_at: int | None
    cancellation_details: dict[str, Any] | None
    collection_method: str
    created: int
    currency: str
    customer: str
    customer_account: str | None
    days_until_due: int | None
    default_payment_method: str | None
    default_source: str | None
    default_tax_rates: list[TaxRateObject]
    description: str | None
    discounts: list[str]
    ended_at: int | None
    invoice_settings: dict[str, Any]
    items: SubscriptionItemList
    latest_invoice: str | None
    livemode: bool
    managed_payments: dict[str, Any] | None
    metadata: dict[str, str]
    next_pending_invoice_item_invoice: int | None
    on_behalf_of: str | None
    pause_collection: dict[str, Any] | None
    payment_settings: dict[str, Any]
    pending_invoice_item_interval: dict[str, Any] | None
    pending_setup_intent: str | None
    pending_update: dict[str, Any] | None
    presentment_details: dict[str, Any] | None
    schedule: str | None
    start_date: int
    status: str
    status_details: dict[str, Any] | None
    test_clock: str | None
    threshold_invoice_held_until: NotRequired[int]
    transfer_data: dict[str, Any] | None
    trial_end: int | None
    trial_settings: dict[str, Any]
    trial_start: int | None


class TestClockObject(TypedDict):
    """A time of its own for some customers of a test mode."""

    id: str
    object: Literal["test_helpers.test_clock"]
    created: int
    deletes_after: int
    frozen_time: int
    livemode: bool
    name: str | None
    status: str
    status_details: dict[str, Any]
