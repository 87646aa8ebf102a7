"""Renders subscriptions and their items. Discounts are ids; prices and tax rates are shown whole.

Does not own prices, tax rates and discounts themselves: `catalogue` renders those.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from tripmeter.model.catalogue import Price, Recurring, TaxRate
from tripmeter.model.subscription import Subscription, SubscriptionItem
from tripmeter.wire.catalogue import price_object
from tripmeter.wire.parts import (
    BY_US,
    NO_AUTOMATIC_TAX,
    discount_ids,
    in_order,
    members,
    rates_shown,
)
from tripmeter.wire.shapes_subscriptions import (
    PlanObject,
    SubscriptionItemObject,
    SubscriptionObject,
)
from tripmeter.wire.times import unix, unix_or_none

_CANCELLATION: Final = ("comment", "feedback", "feedback_option", "reason")
_ANCHOR: Final = ("day_of_month", "hour", "minute", "month", "second")
_TRIAL_END: Final = ("billing_cycle_anchor", "missing_payment_method")

_ABSENT: Final[dict[str, Any]] = {
    "application": None,
    "application_fee_percent": None,
    "billing_schedules": [],
    "customer_account": None,
    "default_payment_method": None,
    "default_source": None,
    "managed_payments": None,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "presentment_details": None,
    "schedule": None,
    "transfer_data": None,
}
"""Fields of Stripe's for what there is not here."""


def subscription_object(
    subscription: Subscription,
    items: Sequence[SubscriptionItem],
    prices: Mapping[str, Price],
    tax_rates: Mapping[str, TaxRate],
) -> SubscriptionObject:
    """A subscription with all of its items; the mappings hold every price and tax rate of it."""
    rendered = [
        subscription_item_object(item, prices[item.price], tax_rates)
        for item in items
        if not item.deleted
    ]
    whole: Any = {
        "id": subscription.id,
        "object": "subscription",
        **_ABSENT,
        **_terms(subscription),
        **_moments(subscription),
        **_settings(subscription.details),
        "default_tax_rates": rates_shown(subscription.default_tax_rates, tax_rates),
        "items": {
            "object": "list",
            "data": rendered,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={subscription.id}",
        },
    }
    return cast(SubscriptionObject, in_order(whole))


def subscription_item_object(
    item: SubscriptionItem, price: Price, tax_rates: Mapping[str, TaxRate]
) -> SubscriptionItemObject:
    """An item with its price. Raises ValueError for a price that does not recur."""
    return {
        "id": item.id,
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None if item.usage_gte is None else {"usage_gte": item.usage_gte},
        "created": unix(item.created_ms),
        "current_period_end": unix(item.period_end_ms),
        "current_period_start": unix(item.period_start_ms),
        "current_trial": None,
        "discounts": discount_ids(item.discounts),
        "metadata": item.metadata,
        "plan": plan_object(price),
        "price": price_object(price),
        "quantity": item.quantity,
        "subscription": item.subscription,
        "tax_rates": rates_shown(item.tax_rates, tax_rates),
    }


def plan_object(price: Price) -> PlanObject:
    """A recurring price as a plan (Stripe). Raises ValueError for one that does not recur."""
    recurring = _recurring(price)
    own = price_object(price)
    return {
        "id": price.id,
        "object": "plan",
        "active": price.active,
        "amount": own["unit_amount"],
        "amount_decimal": own["unit_amount_decimal"],
        "billing_scheme": own["billing_scheme"],
        "created": own["created"],
        "currency": price.currency,
        "interval": recurring.interval.value,
        "interval_count": recurring.interval_count,
        "livemode": price.livemode,
        "metadata": price.metadata,
        "meter": recurring.meter,
        "nickname": price.nickname,
        "product": price.product,
        "tiers_mode": price.tiers_mode,
        "transform_usage": own["transform_quantity"],
        "trial_period_days": recurring.trial_period_days,
        "usage_type": recurring.usage_type,
    }


def _terms(subscription: Subscription) -> dict[str, Any]:
    return {
        "billing_mode": {"flexible": None, "type": "flexible", "updated_at": None},
        "billing_thresholds": _thresholds(subscription),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "collection_method": subscription.collection_method,
        "currency": subscription.currency,
        "customer": subscription.customer,
        "days_until_due": subscription.days_until_due,
        "description": subscription.description,
        "discounts": discount_ids(subscription.discounts),
        "latest_invoice": subscription.latest_invoice,
        "livemode": subscription.livemode,
        "metadata": subscription.metadata,
        "status": subscription.status.value,
        "test_clock": subscription.clock,
        **_held(subscription),
    }


def _held(subscription: Subscription) -> dict[str, Any]:
    """That a threshold invoice is put off, while it is (ours)."""
    if not subscription.held_back or subscription.held_until_ms is None:
        return {}
    return {"threshold_invoice_held_until": unix(subscription.held_until_ms)}


def _thresholds(subscription: Subscription) -> dict[str, Any] | None:
    if subscription.amount_gte is None:
        return None
    return {
        "amount_gte": subscription.amount_gte,
        "reset_billing_cycle_anchor": subscription.reset_billing_cycle_anchor,
    }


def _moments(subscription: Subscription) -> dict[str, Any]:
    return {
        "billing_cycle_anchor": unix(subscription.anchor_ms),
        "cancel_at": unix_or_none(_cancel_at_ms(subscription)),
        "canceled_at": unix_or_none(subscription.canceled_ms),
        "created": unix(subscription.created_ms),
        "ended_at": unix_or_none(subscription.ended_ms),
        "start_date": unix(subscription.start_ms),
        "trial_end": unix_or_none(subscription.trial_end_ms),
        "trial_start": unix_or_none(subscription.trial_start_ms),
    }


def _cancel_at_ms(subscription: Subscription) -> int | None:
    """`cancel_at_period_end` shows as the moment that it stands for (Stripe)."""
    if subscription.cancel_at_ms is None and subscription.cancel_at_period_end:
        return subscription.period_end_ms
    return subscription.cancel_at_ms


def _settings(details: Mapping[str, Any]) -> dict[str, Any]:
    anchor = details.get("billing_cycle_anchor_config")
    invoicing = details.get("invoice_settings") or {}
    paying = details.get("payment_settings") or {}
    trial = (details.get("trial_settings") or {}).get("end_behavior") or {}
    pause = details.get("pause_collection")
    return {
        "automatic_tax": NO_AUTOMATIC_TAX,
        "billing_cycle_anchor_config": members(anchor, _ANCHOR) if anchor else None,
        "cancellation_details": members(details.get("cancellation_details") or {}, _CANCELLATION),
        "invoice_settings": {
            **members(invoicing, ("account_tax_ids", "custom_fields", "description", "footer")),
            "issuer": BY_US,
        },
        "pause_collection": members(pause, ("behavior", "resumes_at")) if pause else None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": paying.get("payment_method_types"),
            "save_default_payment_method": paying.get("save_default_payment_method", "off"),
        },
        "status_details": details.get("status_details"),
        "trial_settings": {
            "end_behavior": {
                **members(trial, _TRIAL_END),
                "missing_payment_method": trial.get("missing_payment_method", "create_invoice"),
            }
        },
    }


def _recurring(price: Price) -> Recurring:
    if price.recurring is None:
        raise ValueError(f"{price.id} does not recur: it is no plan")
    return price.recurring
