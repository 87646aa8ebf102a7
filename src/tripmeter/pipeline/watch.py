"""WATCH: which alerts did a total reach? One comparison per event, however many alerts exist."""

from collections.abc import Callable

from tripmeter.model.alert import Alert, FiredMark
from tripmeter.model.usage import UsageEvent
from tripmeter.pipeline.tallies import Tally
from tripmeter.pipeline.tally import draw_next_line
from tripmeter.rules.alerts.usage_threshold import Line, Standing, Watch, line

Fire = Callable[[Alert, Watch, Line, Tally, UsageEvent], None]
"""Writes one firing with its event and deliveries."""


def watch(tally: Tally, event: UsageEvent, fire: Fire) -> None:
    """Fire every alert whose line the total has reached, each once per activation (C3)."""
    if tally.total < tally.next_line:
        return
    for watched in tally.meter.watches(tally.customer):
        drawn = line(watched, tally.joins, tally.marks)
        if drawn.standing is Standing.FIRED or tally.total < drawn.at:
            continue
        mark = FiredMark(watched.alert_no, drawn.activation.number, event.position)
        tally.mark(mark)
        fire(tally.meter.alerts[watched.alert_no], watched, drawn, tally, event)
    draw_next_line(tally)
