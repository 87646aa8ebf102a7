"""What may be said of invoices, invoice items and payments, endpoint by endpoint.

Only the form is judged here: whether an invoice is a draft still is for the moves to say.
"""

from typing import Final

from tripmeter.wire.billing_params import (
    AUTOMATIC_TAX,
    BILLING_MODE,
    CHANGED_ITEM,
    CUSTOM_FIELDS,
    ISSUER,
    ITEMS_LIMIT,
    NO_CARDS,
    NO_CONNECT,
    NO_CUSTOMER_ACCOUNT,
    NO_REVISIONS,
    NO_SCHEDULES,
    NO_SHIPPING,
    NO_TAX_CODES,
    NO_TAX_IDS,
    NO_TEMPLATES,
    NOT_CHOSEN,
    ONCE_PRICE_DATA,
    PERIOD,
    PRORATION,
    QUANTITY_DECIMAL,
    REFUSED_PAYMENTS,
    TAX_BEHAVIOR,
    TRIAL_END,
    UNIT_AMOUNT_DECIMAL,
    CycleAnchor,
    amount,
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
    Param,
    Range,
    Refused,
    String,
    Timestamp,
)

_ADDRESS: Final = Object(
    {
        name: String(blank="unset")
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    },
    required=True,
)
_SHIPPING_DETAILS: Final = Object(
    {
        "address": _ADDRESS,
        "name": String(required=True),
        "phone": String(max_length=20, blank="unset"),
    },
    blank="unset",
)

_CREATE_OR_UPDATE: Final[dict[str, Param]] = {
    **REFUSED_PAYMENTS,
    "account_tax_ids": NO_TAX_IDS,
    "application_fee_amount": NO_CONNECT,
    "auto_advance": Boolean(),
    "automatic_tax": AUTOMATIC_TAX,
    "automatically_finalizes_at": Timestamp(),
    "collection_method": Enum("charge_automatically", "send_invoice"),
    "custom_fields": CUSTOM_FIELDS,
    "days_until_due": Integer(minimum=0, maximum=3650),
    "default_tax_rates": tax_rates(),
    "description": String(max_length=1500, blank="unset"),
    "discounts": discounts(),
    "due_date": Timestamp(),
    "effective_at": Timestamp(blank="unset"),
    "footer": String(blank="unset"),
    "issuer": ISSUER,
    "metadata": Map(),
    "number": NOT_CHOSEN,
    "payment_settings": Object(
        {
            "default_mandate": NO_CARDS,
            "payment_method_options": NO_CARDS,
            "payment_method_types": ListOf(String(max_length=40), blank="unset"),
        }
    ),
    "rendering": Object(
        {
            "amount_tax_display": Enum("exclude_tax", "include_inclusive_tax", blank="unset"),
            "pdf": Object({"page_size": Enum("a4", "auto", "letter")}),
            "template": NO_TEMPLATES,
            "template_version": NO_TEMPLATES,
        }
    ),
    "shipping_cost": NO_SHIPPING,
    "shipping_details": _SHIPPING_DETAILS,
    "statement_descriptor": String(max_length=22, blank="unset"),
}

CREATE: Final[dict[str, Param]] = {
    **_CREATE_OR_UPDATE,
    "currency": currency(),
    "customer": String(required=True),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "from_invoice": NO_REVISIONS,
    "pending_invoice_items_behavior": Enum("exclude", "include"),
    "subscription": String(),
}
UPDATE: Final = _CREATE_OR_UPDATE
DELETE: Final[dict[str, Param]] = {}

FINALIZE: Final[dict[str, Param]] = {"auto_advance": Boolean()}
PAY: Final[dict[str, Param]] = {
    "forgive": NO_CARDS,
    "mandate": NO_CARDS,
    "off_session": Boolean(),
    "paid_out_of_band": Boolean(description="It was paid elsewhere: always so, here."),
    "payment_method": NO_CARDS,
    "source": NO_CARDS,
}
VOID: Final[dict[str, Param]] = {}
MARK_UNCOLLECTIBLE: Final[dict[str, Param]] = {}
SEND: Final[dict[str, Param]] = {}

LIST: Final[dict[str, Param]] = {
    "collection_method": Enum("charge_automatically", "send_invoice"),
    "created": Range(),
    "customer": String(),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "due_date": Range(),
    "status": Enum("draft", "open", "paid", "uncollectible", "void"),
    "subscription": String(),
}
LINES: Final[dict[str, Param]] = {}

# --- what would be billed ----------------------------------------------------------------------

_PREVIEWED_ITEM: Final = Object(
    {
        "amount": amount(),
        "currency": currency(),
        "description": String(),
        "discountable": Boolean(),
        "discounts": discounts(),
        "invoiceitem": String(description="A pending item, to be changed in the preview."),
        "metadata": Map(),
        "period": PERIOD,
        "price": String(),
        "price_data": ONCE_PRICE_DATA,
        "quantity": quantity(),
        "quantity_decimal": QUANTITY_DECIMAL,
        "tax_behavior": TAX_BEHAVIOR,
        "tax_code": NO_TAX_CODES,
        "tax_rates": tax_rates(),
        "unit_amount": amount("Minor units for one unit."),
        "unit_amount_decimal": UNIT_AMOUNT_DECIMAL,
    }
)
_PREVIEWED_CHANGE: Final = Object(
    {
        "billing_cycle_anchor": CycleAnchor(with_timestamp=True),
        "billing_mode": BILLING_MODE,
        "billing_schedules": NO_SCHEDULES,
        "cancel_at": cancel_at(blank="unset"),
        "cancel_at_period_end": Boolean(),
        "cancel_now": Boolean(),
        "default_tax_rates": tax_rates(),
        "items": ListOf(Object(CHANGED_ITEM), max_items=2 * ITEMS_LIMIT),
        "metadata": Map(),
        "pause": Refused("a subscription is not paused here. Preview `cancel_now` instead."),
        "proration_behavior": PRORATION,
        "proration_date": Timestamp(),
        "resume_at": Enum("now"),
        "start_date": Timestamp(),
        "trial_end": TRIAL_END,
    }
)
CREATE_PREVIEW: Final[dict[str, Param]] = {
    "automatic_tax": AUTOMATIC_TAX,
    "currency": currency(),
    "customer": String(),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "customer_details": Refused("a preview is for someone. Give `customer` with the id of one."),
    "discounts": discounts(),
    "invoice_items": ListOf(_PREVIEWED_ITEM, max_items=250),
    "issuer": ISSUER,
    "on_behalf_of": NO_CONNECT,
    "preview_mode": Enum("next", "recurring"),
    "schedule": NO_SCHEDULES,
    "schedule_details": NO_SCHEDULES,
    "subscription": String(),
    "subscription_details": _PREVIEWED_CHANGE,
}

# --- invoice items and payments ----------------------------------------------------------------

_ITEM: Final[dict[str, Param]] = {
    "amount": amount("Minor units; below zero it is a credit."),
    "description": String(blank="unset"),
    "discountable": Boolean(),
    "discounts": discounts(),
    "metadata": Map(),
    "period": PERIOD,
    "price_data": ONCE_PRICE_DATA,
    "pricing": Object({"price": String()}),
    "quantity": quantity(),
    "quantity_decimal": QUANTITY_DECIMAL,
    "tax_behavior": TAX_BEHAVIOR,
    "tax_code": NO_TAX_CODES,
    "tax_rates": tax_rates(),
    "unit_amount_decimal": UNIT_AMOUNT_DECIMAL,
}
ITEM_CREATE: Final[dict[str, Param]] = {
    **_ITEM,
    "currency": currency(),
    "customer": String(required=True),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "invoice": String(),
    "subscription": String(),
}
ITEM_UPDATE: Final[dict[str, Param]] = {
    **_ITEM,
    "invoicing_rules": Refused("items wait for nothing but their invoice here. Leave it out."),
}
ITEM_DELETE: Final[dict[str, Param]] = {}
ITEM_LIST: Final[dict[str, Param]] = {
    "created": Range(),
    "customer": String(),
    "customer_account": NO_CUSTOMER_ACCOUNT,
    "invoice": String(),
    "pending": Boolean(),
}

PAYMENT_LIST: Final[dict[str, Param]] = {
    "created": Range(),
    "invoice": String(),
    "payment": Refused("nothing is charged here. Give `invoice` instead."),
    "status": Enum("canceled", "open", "paid"),
}
