"""The kinds of object a store keeps: which attributes are columns, which filters lists take."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec

from tripmeter.model.access import Account, ApiKey
from tripmeter.model.alert import Alert, Firing
from tripmeter.model.customer import Customer
from tripmeter.model.event import DeliveryAttempt, Endpoint, Event
from tripmeter.model.meter import Meter

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
    "customer", Customer, "customer", _columns("email", "deleted"), {"email": None, **_CREATED}
)
METER: Final = Kind("meter", Meter, "meter", _columns("event_name", "status"), {"status": None})
ALERT: Final = Kind(
    "alert",
    Alert,
    "alert",
    _columns("alert_type", "meter", "customer", "status"),
    dict.fromkeys(("alert_type", "meter", "customer")),
)
FIRING: Final = Kind(
    "firing",
    Firing,
    "notification",
    msgspec.structs.asdict,
    {"alert": None, "customer": None, **_CREATED},
)
EVENT: Final = Kind(
    "event",
    Event,
    "event",
    _columns("payload", "type", "object_id"),
    dict.fromkeys(("types", "type_prefix", "object_id", "delivered", *_CREATED)),
)
ENDPOINT: Final = Kind("endpoint", Endpoint, "webhook endpoint", _columns("kind"))
ATTEMPT: Final = Kind(
    "attempt",
    DeliveryAttempt,
    "delivery attempt",
    _columns("event", "endpoint"),
    dict.fromkeys(("event", "endpoint")),
)
