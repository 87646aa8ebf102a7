"""Why an alert has or has not fired: contract C9, as facts."""

from enum import StrEnum

import msgspec

from tripmeter.model.alert import Activation, Alert, AlertNotification


class Reason(StrEnum):
    """What decides whether the alert fires next."""

    OTHER_CUSTOMER = "other_customer"
    NOT_ACTIVE = "not_active"
    FIRED = "fired"
    NO_USAGE_YET = "no_usage_yet"
    BELOW = "below_threshold"
    REACHED = "reached"
    """The line is reached already: it fires on what comes next."""
    NO_PERIOD = "no_billing_period"


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


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert on what is billed, or on credits, is compared with for one subject."""

    value: int
    """Minor units, or scaled usage."""
    reason: Reason
    subscription: str | None = None
    period_start_ms: int = 0
    period_end_ms: int = 0
    told: AlertNotification | None = None
    """What was told last."""


class BilledExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about one alert on what is billed, or on credits, and one customer."""

    alert: Alert
    customer: str
    reason: Reason
    compared: tuple[Compared, ...] = ()
    """One for each subscription, or item of one, that it watches."""
