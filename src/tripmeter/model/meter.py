"""Meters: what is counted, per customer, under which event name."""

from enum import StrEnum

import msgspec


class Formula(StrEnum):
    """How the events of a period become one number (Stripe's `default_aggregation.formula`)."""

    SUM = "sum"
    COUNT = "count"
    LAST = "last"


class Window(StrEnum):
    """Within one such UTC window only the event received last counts (`event_time_window`)."""

    HOUR = "hour"
    DAY = "day"


class Meter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One meter. At most one *active* meter exists per (scope, event_name)."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    updated_ms: int
    display_name: str
    event_name: str
    formula: Formula
    window: Window | None = None
    customer_key: str = "stripe_customer_id"
    value_key: str = "value"
    dimension_keys: tuple[str, ...] | None = None
    active: bool = True
    deactivated_ms: int | None = None

    @property
    def status(self) -> str:
        """Stripe's word for it."""
        return "active" if self.active else "inactive"
