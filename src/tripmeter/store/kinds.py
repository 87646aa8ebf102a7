"""The kinds of object a store keeps: which attributes are columns, which filters lists take."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec

from tripmeter.model.access import Account, ApiKey
from tripmeter.model.action import ActionRun, AlertTarget, MailTemplate
from tripmeter.model.alert import Alert, AlertNotification, Firing
from tripmeter.model.catalogue import (
    Coupon,
    GivenDiscount,
    Price,
    Product,
    PromotionCode,
    TaxRate,
)
from tripmeter.model.credit import CreditGrant, CreditTransaction
from tripmeter.model.customer import Customer
from tripmeter.model.entitlement import Entitlement, Feature, ProductFeature
from tripmeter.model.event import DeliveryAttempt, Endpoint, Event
from tripmeter.model.invoice import BalanceTransaction, Invoice, InvoiceItem, InvoicePayment
from tripmeter.model.member import Member
from tripmeter.model.meter import Meter
from tripmeter.model.subscription import Subscription, SubscriptionItem
from tripmeter.model.test_clock import TestClock
from tripmeter.model.usage_limit import (
    AccessState,
    LimitChange,
    NoticeAddress,
    Reservation,
    UsageLimit,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of object: the statements named after it, and how its rows are made."""

    name: str
    type: type[T]
    noun: str
    """What an error calls it."""
    columns: Callable[[T], dict[str, Any]]
    filters: Mapping[str, None] = field(default_factory=dict)
    """Filters of its lists; absent ones are NULL."""


def _columns(*names: str) -> Callable[[Any], dict[str, Any]]:
    picked = ("id", "account", "livemode", "created_ms", *names)
    getter = operator.attrgetter(*picked)
    return lambda value: dict(zip(picked, getter(value), strict=True))


def _account_columns(account: Account) -> dict[str, Any]:
    own = {"account": account.id, "livemode": True}
    return {"id": account.id, "created_ms": account.created_ms, **own}


_CREATED: Final = dict.fromkeys(("created_gt", "created_gte", "created_lt", "created_lte"))

ACCOUNT: Final = Kind("account", Account, "account", _account_columns)
KEY: Final = Kind("key", ApiKey, "api_key", _columns("digest"))
CUSTOMER: Final = Kind(
    "customer",
    Customer,
    "customer",
    _columns("email", "deleted", "clock"),
    {"email": None, "clock": None, **_CREATED},
)
METER: Final = Kind("meter", Meter, "meter", _columns("event_name", "status"), {"status": None})
ALERT: Final = Kind(
    "alert",
    Alert,
    "alert",
    lambda alert: {
        **_columns("alert_type", "meter", "subscription", "status", "tallied")(alert),
        "customer": alert.customer or alert.subscriber,
    },
    dict.fromkeys(("alert_type", "meter", "customer", "subscription")),
)
FIRING: Final = Kind(
    "firing",
    Firing,
    "notification",
    msgspec.structs.asdict,
    {"alert": None, "customer": None, **_CREATED},
)
ALERT_NOTIFICATION: Final = Kind(
    "alert_notification",
    AlertNotification,
    "notification",
    _columns(*"alert subject action customer subscription activation period turn".split()),
    dict.fromkeys("alert subject action customer subscription".split()) | _CREATED,
)
EVENT: Final = Kind(
    "event",
    Event,
    "event",
    _columns("payload", "type", "object_id"),
    dict.fromkeys(("types", "type_prefix", "object_id", "delivered", *_CREATED)),
)
ERROR_REPORT: Final = Kind(
    "error_report",
    Event,
    "error report",
    _columns("payload", "type", "object_id"),
    {"object_id": None},
)
"""Events of one type, which have an index of their own."""
ENDPOINT: Final = Kind("endpoint", Endpoint, "webhook endpoint", _columns("kind"))
ATTEMPT: Final = Kind(
    "attempt",
    DeliveryAttempt,
    "delivery attempt",
    _columns("event", "endpoint"),
    dict.fromkeys(("event", "endpoint")),
)


def _kind(name: str, type_: type[T], noun: str, columns: str = "", filters: str = "") -> Kind[T]:
    """A kind of `objects.sql`; its lists are filtered by the time of creation as well."""
    return Kind(
        name, type_, noun, _columns(*columns.split()), dict.fromkeys(filters.split()) | _CREATED
    )


PRODUCT: Final = Kind(
    "product",
    Product,
    "product",
    lambda product: {
        **_columns("active", "deleted", "type")(product),
        "shippable": product.details.get("shippable"),
        "url": product.details.get("url"),
    },
    dict.fromkeys(("active", "type", "shippable", "url")) | _CREATED,
)
PRICE: Final = Kind(
    "price",
    Price,
    "price",
    lambda price: {
        **_columns("active", "product", "currency", "lookup_key", "meter")(price),
        "type": "recurring" if price.recurring else "one_time",
        "interval_unit": price.recurring.interval.value if price.recurring else None,
        "usage_type": price.recurring.usage_type if price.recurring else None,
    },
    dict.fromkeys("active product currency lookup_key meter type interval_unit usage_type".split())
    | _CREATED,
)
COUPON: Final = _kind("coupon", Coupon, "coupon", "deleted")
PROMOTION_CODE: Final = Kind(
    "promotion_code",
    PromotionCode,
    "promotion code",
    lambda code: {
        **_columns("coupon", "customer", "active", "expires_at")(code),
        "code": code.code.upper(),
    },
    dict.fromkeys("code coupon customer active now".split()) | _CREATED,
)
"""Codes are found in capitals, whatever their case; `active` asks for a `now` in seconds."""
DISCOUNT: Final = _kind("discount", GivenDiscount, "discount")
TAX_RATE: Final = _kind("tax_rate", TaxRate, "tax rate", "active inclusive", "active inclusive")
SUBSCRIPTION: Final = _kind(
    "subscription",
    Subscription,
    "subscription",
    "customer status collection_method clock",
    "customer status collection_method clock hide_canceled ended price",
)
SUBSCRIPTION_ITEM: Final = _kind(
    "subscription_item",
    SubscriptionItem,
    "subscription item",
    "subscription customer price meter deleted",
    "subscription customer meter",
)
INVOICE: Final = _kind(
    "invoice",
    Invoice,
    "invoice",
    "customer subscription status collection_method period_start_ms ordinal due_ms token deleted",
    "customer subscription status collection_method due_gt due_gte due_lt due_lte",
)
INVOICE_ITEM: Final = _kind(
    "invoice_item",
    InvoiceItem,
    "invoice item",
    "customer subscription invoice deleted",
    "customer subscription invoice pending",
)
INVOICE_PAYMENT: Final = _kind(
    "invoice_payment", InvoicePayment, "invoice payment", "invoice", "invoice"
)
BALANCE_TRANSACTION: Final = _kind(
    "balance_transaction",
    BalanceTransaction,
    "customer balance transaction",
    "customer invoice",
    "customer invoice",
)
CREDIT_GRANT: Final = _kind("credit_grant", CreditGrant, "credit grant", "customer", "customer")
CREDIT_TRANSACTION: Final = _kind(
    "credit_transaction",
    CreditTransaction,
    "credit balance transaction",
    "customer credit_grant invoice",
    "customer credit_grant invoice",
)
FEATURE: Final = _kind("feature", Feature, "feature", "lookup_key active", "lookup_key active")
PRODUCT_FEATURE: Final = _kind(
    "product_feature", ProductFeature, "product feature", "product feature", "product feature"
)
ENTITLEMENT: Final = _kind(
    "entitlement", Entitlement, "active entitlement", "customer feature", "customer feature"
)
TEST_CLOCK: Final = _kind("test_clock", TestClock, "test clock")
MEMBER: Final = Kind(
    "member",
    Member,
    "member",
    lambda member: {
        "id": member.id,
        "account": "",
        "livemode": True,
        "created_ms": member.created_ms,
        "email": member.email.lower(),
        "invitation": member.invitation,
    },
    dict.fromkeys(("email", "invitation")) | _CREATED,
)
"""In no account, and found by an e-mail address in lower case."""
ALERT_TARGET: Final = _kind("alert_target", AlertTarget, "alert target", "kind deleted", "kind")
ACTION_RUN: Final = _kind(
    "action_run",
    ActionRun,
    "action run",
    "alert customer notification place type state lane due_ms",
    "alert customer type state",
)
MAIL_TEMPLATE: Final = _kind("mail_template", MailTemplate, "mail template", "deleted")

USAGE_LIMIT: Final = _kind(
    "usage_limit",
    UsageLimit,
    "usage limit",
    "customer meter set_by",
    "customer meter set_by for_all",
)
ACCESS_STATE: Final = Kind(
    "access_state",
    AccessState,
    "access state",
    lambda state: {
        **_columns("customer", "meter", "kind")(state),
        "usage_limit": state.limit,
    },
    dict.fromkeys("customer usage_limit".split()),
)
RESERVATION: Final = _kind(
    "reservation",
    Reservation,
    "reservation",
    "customer meter status expires_ms",
    "customer is_open",
)
LIMIT_CHANGE: Final = _kind("limit_change", LimitChange, "limit change", "customer", "customer")
NOTICE_ADDRESS: Final = _kind(
    "notice_address", NoticeAddress, "address", "customer email", "customer"
)

NARROWING: Final[Mapping[str, tuple[str, ...]]] = {
    "access_state": ("usage_limit", "customer"),
    "action_run": ("alert", "customer"),
    "alert_notification": ("alert",),
    "limit_change": ("customer",),
    "notice_address": ("customer",),
    "price": ("lookup_key", "product"),
    "promotion_code": ("code",),
    "subscription": ("customer",),
    "subscription_item": ("subscription", "customer"),
    "invoice": ("subscription", "customer"),
    "invoice_item": ("invoice", "customer"),
    "invoice_payment": ("invoice",),
    "balance_transaction": ("customer",),
    "credit_grant": ("customer",),
    "credit_transaction": ("credit_grant", "customer"),
    "feature": ("lookup_key",),
    "product_feature": ("product",),
    "entitlement": ("customer",),
    "member": ("invitation", "email"),
    "reservation": ("customer",),
    "usage_limit": ("customer", "meter"),
}
"""By kind, the filters that have an index, those that leave fewer rows first.

A list that is filtered by one of them has a statement of its own: where a filter may be absent,
SQLite reads all rows of the scope.
"""
