"""Alerts, their activations, their firings, and what was told of them."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from tripmeter.model.action import AlertAction
from tripmeter.model.invoice import WindowUsage


class AlertType(StrEnum):
    """What an alert watches (Stripe)."""

    USAGE = "usage_threshold"
    SPEND = "spend_threshold"
    CREDIT_BALANCE = "credit_balance_threshold"


class AlertStatus(StrEnum):
    """`archived` is final."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"


class CountFrom(StrEnum):
    """Which usage an alert counts (our `usage_threshold[count_from]`)."""

    CREATION = "creation"
    LIFETIME = "lifetime"
    PERIOD_START = "period_start"
    """What belongs to the current period of a subscription that bills the meter."""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fires when what it watches comes to its line.

    A usage alert: when a customer's usage of its meter reaches `gte` whole units. A spend alert:
    when what a period of a subscription has cost reaches `gte` minor units of its currency. A
    credit balance alert: when a customer's credits fall to `lte` minor units.
    """

    id: str
    account: str
    livemode: bool
    created_ms: int
    title: str
    alert_type: AlertType = AlertType.USAGE
    meter: str | None = None
    gte: int = 0
    lte: int | None = None
    currency: str | None = None
    customer: str | None = None
    subscription: str | None = None
    """Of a spend alert that watches one subscription alone."""
    subscriber: str | None = None
    """The customer whose subscription that is."""
    prices: tuple[str, ...] = ()
    """Of a credit balance alert: only credits that can pay one of these count; none means all."""
    count_from: CountFrom = CountFrom.CREATION
    status: AlertStatus = AlertStatus.ACTIVE
    actions: tuple[AlertAction, ...] = ()
    """What is done each time that it is triggered, or has recovered."""

    @property
    def tallied(self) -> bool:
        """Whether a running total settles it: what has no periods, and is no money."""
        return self.alert_type is AlertType.USAGE and self.count_from is not CountFrom.PERIOD_START


class ActivationKind(StrEnum):
    """`open` counts anew for every customer; `rearm` only for those for whom the alert fired."""

    OPEN = "open"
    REARM = "rearm"


class Activation(msgspec.Struct, frozen=True):
    """A stretch of time in which an alert may fire once per customer.

    `position` is the ordinal of the last usage event before it, so that what counts is settled by
    order of arrival and never by a clock. `closed_at` is such an ordinal too; None while open.
    """

    number: int
    kind: ActivationKind
    position: int
    closed_at: int | None = None
    opened_ms: int = 0
    """For people only; what counts is settled by `position`."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """An alert fired for a customer. Unique per (alert, customer, activation): contract C3."""

    id: str
    account: str
    livemode: bool
    alert_no: int
    meter_no: int
    customer_no: int
    activation: int
    position: int
    """Ordinal of the usage event that crossed."""
    identifier: str
    """Identifier of the usage event that crossed."""
    value: int
    """Usage counted by the alert, the crossing event included; scaled."""
    fired_ms: int
    event: str
    """Id of the `billing.alert.triggered` event."""
    alert: str
    customer: str
    meter: str


class FiredMark(NamedTuple):
    """That an alert has fired for a customer: in which activation, at which position."""

    alert_no: int
    activation: int
    position: int


class Action(StrEnum):
    """What a notification tells (Stripe)."""

    TRIGGERED = "triggered"
    RECOVERED = "recovered"


class AlertNotification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That an alert on what is billed, or on credits, was triggered, or has recovered.

    Unique per (alert, subject, activation, period, turn, action): contract C3.
    """

    id: str
    account: str
    livemode: bool
    created_ms: int
    alert: str
    alert_type: AlertType
    action: Action
    customer: str
    subject: str
    """What it is about: a subscription, or a customer."""
    subscription: str | None = None
    meter: str | None = None
    currency: str | None = None
    value: int
    """Minor units, or scaled usage: what the line was compared with."""
    activation: int
    period: int = 0
    """What tells periods of the subject apart; 0 where it has none, below it for late usage."""
    period_start_ms: int = 0
    period_end_ms: int = 0
    turn: int = 0
    """Its place among the notices of a subject that has no periods."""
    is_late: bool = False
    """Whether usage crossed the line that came when the period was over."""
    position: int = 0
    """Ordinal of the last usage event that counts."""
    usages: tuple[WindowUsage, ...] = ()
    """The usage that the value was made of: `doctor` makes it anew."""
    event: str = ""
    """Id of the event that told of it."""
