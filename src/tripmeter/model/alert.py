"""Alerts, their activations and their firings."""

from enum import StrEnum
from typing import NamedTuple

import msgspec


class AlertStatus(StrEnum):
    """`archived` is final."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"


class CountFrom(StrEnum):
    """Which usage an alert counts (our `usage_threshold[count_from]`)."""

    CREATION = "creation"
    LIFETIME = "lifetime"


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A usage alert: fires when a customer's usage of a meter reaches `gte` whole units."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    title: str
    meter: str
    gte: int
    customer: str | None = None
    count_from: CountFrom = CountFrom.CREATION
    status: AlertStatus = AlertStatus.ACTIVE
    alert_type: str = "usage_threshold"


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
