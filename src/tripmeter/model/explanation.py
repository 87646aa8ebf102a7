"""Why an alert has or has not fired: contract C9, as facts."""

from enum import StrEnum

import msgspec

from tripmeter.model.alert import Activation, Alert


class Reason(StrEnum):
    """What decides whether the alert fires next."""

    OTHER_CUSTOMER = "other_customer"
    NOT_ACTIVE = "not_active"
    FIRED = "fired"
    NO_USAGE_YET = "no_usage_yet"
    BELOW = "below_threshold"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about one alert and one customer. Quantities are scaled."""

    alert: Alert
    customer: str
    reason: Reason
    total: int
    counted: int
    not_counted: int
    remaining: int | None
    activation: Activation | None
