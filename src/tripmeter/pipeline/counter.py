"""Adds usage up by definition, event by event: what the data plane's figures are held against."""

from tripmeter.model.cells import HOUR_MS
from tripmeter.model.meter import Meter
from tripmeter.model.usage import UsageEvent
from tripmeter.rules.aggregate import is_superseding, superseding_window


class Counter:
    """The usage of a set of events."""

    __slots__ = ("_is_additive", "_meter", "_windows", "hours", "total")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._is_additive = not is_superseding(meter.formula, meter.window)
        self._windows: dict[int, dict[int, int]] = {}
        self.total = 0
        """Scaled."""
        self.hours: dict[int, int] = {}
        """Since the epoch: the sum, or the number of events where single ones are kept."""

    def add(self, event: UsageEvent) -> None:
        """Count an event."""
        self._change(event, 1)

    def remove(self, event: UsageEvent) -> None:
        """Count it no longer."""
        self._change(event, -1)

    def _change(self, event: UsageEvent, sign: int) -> None:
        hour = event.timestamp_ms // HOUR_MS
        if self._is_additive:
            self.total += sign * event.quantity
            self.hours[hour] = self.hours.get(hour, 0) + sign * event.quantity
            return
        self.hours[hour] = self.hours.get(hour, 0) + sign
        meter = self._meter
        window = superseding_window(meter.formula, meter.window, event.timestamp_ms)
        assert window is not None  # only the latest event of one counts
        held = self._windows.setdefault(window, {})
        self.total -= held[max(held)] if held else 0
        if sign > 0:
            held[event.position] = event.quantity
        else:
            held.pop(event.position, None)
        self.total += held[max(held)] if held else 0
