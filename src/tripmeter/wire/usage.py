"""Renders meter events as their reporter gets them back."""

from typing import Protocol

from tripmeter.model.scope import Scope
from tripmeter.model.usage import UsageReport
from tripmeter.wire.shapes import MeterEventObject, MeterEventV2Object
from tripmeter.wire.times import rfc3339, unix

__all__ = ["meter_event_object", "meter_event_v2_object", "rfc3339"]


class Counted(Protocol):
    """An event that was counted, and when it was received."""

    @property
    def identifier(self) -> str:
        """Its identifier, given or made."""
        ...

    @property
    def timestamp_ms(self) -> int:
        """When it happened."""
        ...

    @property
    def received_ms(self) -> int:
        """When it was received."""
        ...


def meter_event_object(scope: Scope, report: UsageReport, counted: Counted) -> MeterEventObject:
    """A reported event, v1: whole seconds."""
    return {
        "object": "billing.meter_event",
        "created": unix(counted.received_ms),
        "event_name": report.event_name,
        "identifier": counted.identifier,
        "livemode": scope.livemode,
        "payload": report.payload,
        "timestamp": unix(counted.timestamp_ms),
    }


def meter_event_v2_object(
    scope: Scope, report: UsageReport, counted: Counted
) -> MeterEventV2Object:
    """A reported event, v2: RFC 3339."""
    return {
        "object": "v2.billing.meter_event",
        "created": rfc3339(counted.received_ms),
        "event_name": report.event_name,
        "identifier": counted.identifier,
        "livemode": scope.livemode,
        "payload": report.payload,
        "timestamp": rfc3339(counted.timestamp_ms),
    }
