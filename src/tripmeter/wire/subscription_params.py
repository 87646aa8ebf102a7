"""What may be said of subscriptions and of their items, endpoint by endpoint.

Only the form is judged here: whether a price exists, or a moment has passed, is for the moves.
"""

from typing import Final

from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.wire.billing_params import (
    AUTOMATIC_TAX,
    BILLING_MODE,
    CHANGED_ITEM,
    CUSTOM_FIELDS,
    ISSUER,
    ITEM,
    ITEMS_LIMIT,
    NO_CARDS,
    NO_CONNECT,
    NO_CUSTOMER_ACCOUNT,
    NO_PLANS,
    NO_SCHEDULES,
    NO_TAX_IDS,
    ONCE_PRICE_DATA,
    PRORATION,
    REFUSED_PAYMENTS,
    TRIAL_END,
    CycleAnchor,
    cancel_at,
    currency,
    discounts,
    quantity,
    tax_rates,
)
from tripmeter.wire.params import (
    Boolean,
    Enum,
    Integer,
    ListOf,
    Map,
    Object,
    Off,
    Param,
    Range,
    Refused,
    String,
    Timestamp,
)

_FEEDBACK: Final = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
CANCELLATION_DETAILS: Final = Object(
    {
        "comment": String(blank="unset"),
        "feedback": Enum(*_FEEDBACK, blank="unset"),
        "feedback_option": Refused("the options are those of `feedback`."),
    }
)
AMOUNT_THRESHOLD: Final = Object(
    {
        "amount_gte": Integer(minimum=50, maximum=AMOUNT_LIMIT, description="Minor units."),
        "reset_billing_cycle_anchor": Boolean(),
    },
    blank="unset",
    description="An invoice is issued as soon as so much is due; blank takes it away.",
)
ADDED_INVOICE_ITEMS: Final = ListOf(
    Object(
        {
            "discountable": Boolean(),
            "discounts": discounts(),
            "metadata": Map(),
            "period": Object(
                {
                    "end": Object(
                        {
                            "type": Enum("min_item_period_end", "timestamp", required=True),
                            "timestamp": Timestamp(),
                        },
                        required=True,
                    ),
                    "start": Object(
                        {
                            "type": Enum(
                                "max_item_period_start", "now", "timestamp", required=True
                            ),
                            "timestamp": Timestamp(),
                        },
                        required=True,
                    ),
                }
            ),
            "price": String(),
            "price_data": ONCE_PRICE_DATA,
            "quantity": quantity(),
            "tax_rates": tax_rates(),
        }
    ),
    max_items=20,
)
PAYMENT_SETTINGS: Final = Object(
    {
        "payment_method_options": NO_CARDS,
        "payment_method_types": ListOf(String(max_length=40), blank="unset"),
        "save_default_payment_method": Enum("off", "on_subscription"),
    }
)
PAYMENT_BEHAVIOR: Final = Enum(
    "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
)
TRIAL_SETTINGS: Final = Object(
    {
        "end_behavior": Object(
            {
                "billing_cycle_anchor": Enum("now", "unchanged"),
                "missing_payment_method": Enum("cancel", "create_invoice", "pause", required=True),
            },
            required=True,
        )
    }
)

_CREATE_OR_UPDATE: Final[dict[str, Param]] = {
    **REFUSED_PAYMENTS,
    "add_invoice_items": ADDED_INVOICE_ITEMS,
    "application_fee_percent": NO_CONNECT,
    "automatic_tax": AUTOMATIC_TAX,
    "billing_schedules": NO_SCHEDULES,
    "billing_thresholds": AMOUNT_THRESHOLD,
    "cancel_at_period_end": Boolean(),
    "collection_method": Enum("charge_automatically", "send_invoice"),
    "days_until_due": Integer(minimum=0, maximum=3650),
    "default_tax_rates": tax_rates(),
    "description": String(max_length=500, blank="unset"),
    "discounts": discounts(),
    "invoice_settings": Object(
        {
            "account_tax_ids": NO_TAX_IDS,
            "custom_fields": CUSTOM_FIELDS,
            "description": String(max_length=1500, blank="unset"),
            "footer": String(blank="unset"),
            "issuer": ISSUER,
        }
    ),
    "metadata": Map(),
    "off_session": Boolean(),
    "payment_behavior": PAYMENT_BEHAVIOR,
    "payment_settings": PAYMENT_SETTINGS,
    "pending_invoice_item_interval": Refused(
        "invoice items wait for the next invoice of the subscription. Make an invoice when they"
        " should be billed earlier."
    ),
    "proration_behavior": PRORATION,
    "trial_end": TRIAL_END,
    "trial_from_plan": Boolean(),
    "trial_settings": TRIAL_SETTINGS,
}

CREATE: Final[dict[str, Param]] = {
    **_CREATE_OR_UPDATE,
    "backdate_start_date": Refused(
        "subscriptions begin when they are made here. Put what is due for earlier times into"
        " add_invoice_items."
    ),
    "billing_cycle_anchor": Timestamp(),
    "billing_cycle_anchor_config": Object(
        {
            "day_of_month": Integer(minimum=1, maximum=31, required=True),
            "hour": Integer(minimum=0, maximum=23),
            "minute": Integer(minimum=0, maximum=59),
            "month": Integer(minimum=1, maximum=12),
            "second": Integer(minimum=0, maximum=59),
        }
    ),
    "billing_mode": BILLING_MODE,
    "cancel_at": cancel_at(),
    "currency": currency(),
    "customer": String(required=True),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "items": ListOf(Object(ITEM), max_items=ITEMS_LIMIT, required=True),
    "trial_period_days": Integer(minimum=1, maximum=730),
}

UPDATE: Final[dict[str, Param]] = {
    **_CREATE_OR_UPDATE,
    "trial_from_plan": Off("a trial is given to a new subscription by its price. Give trial_end."),
    "billing_cycle_anchor": CycleAnchor(),
    "cancel_at": cancel_at(blank="unset"),
    "cancellation_details": CANCELLATION_DETAILS,
    "items": ListOf(Object(CHANGED_ITEM), max_items=2 * ITEMS_LIMIT),
    "pause_collection": Object(
        {
            "behavior": Enum("keep_as_draft", "mark_uncollectible", "void", required=True),
            "resumes_at": Timestamp(),
        },
        blank="unset",
    ),
    "proration_date": Timestamp(),
}

CANCEL: Final[dict[str, Param]] = {
    "cancellation_details": CANCELLATION_DETAILS,
    "invoice_now": Boolean(description="Bill the usage that was not billed, and prorations."),
    "prorate": Boolean(),
}

RESUME: Final[dict[str, Param]] = {
    "billing_cycle_anchor": CycleAnchor(),
    "payment_behavior": Enum("resume_on_payment_attempt", "resume_on_payment_success"),
    "proration_behavior": PRORATION,
    "proration_date": Timestamp(),
}

DELETE_DISCOUNT: Final[dict[str, Param]] = {}

LIST: Final[dict[str, Param]] = {
    "automatic_tax": Object(
        {"enabled": Off("no subscription has it here. Leave it out.", required=True)}
    ),
    "collection_method": Enum("charge_automatically", "send_invoice"),
    "created": Range(),
    "current_period_end": Range(),
    "current_period_start": Range(),
    "customer": String(),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "plan": NO_PLANS,
    "price": String(),
    "status": Enum(
        "active",
        "all",
        "canceled",
        "ended",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    ),
    "test_clock": String(),
}

# --- items -------------------------------------------------------------------------------------

_ITEM_MOVE: Final[dict[str, Param]] = {
    "payment_behavior": PAYMENT_BEHAVIOR,
    "proration_behavior": PRORATION,
    "proration_date": Timestamp(),
}

ITEM_CREATE: Final[dict[str, Param]] = {
    **ITEM,
    **_ITEM_MOVE,
    "subscription": String(required=True),
}
ITEM_UPDATE: Final[dict[str, Param]] = {**ITEM, **_ITEM_MOVE, "off_session": Boolean()}
ITEM_DELETE: Final[dict[str, Param]] = {
    **_ITEM_MOVE,
    "clear_usage": CHANGED_ITEM["clear_usage"],
}
ITEM_LIST: Final[dict[str, Param]] = {"subscription": String(required=True)}
