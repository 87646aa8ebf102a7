"""When a usage alert fires for a customer.

An alert watches one line: the running total at which the customer's usage since the alert's
activation reaches `gte`. Usage since the activation is the total less the *baseline*, which is the
total at the moment when the alert joined the customer's tally: on the first event after it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tripmeter.model.alert import Activation, ActivationKind, CountFrom, FiredMark
from tripmeter.model.quantity import SCALE
from tripmeter.model.usage import Join

ALERT_LIMIT: Final = 25
"""Alerts that one (meter, customer) scope may have, archived ones aside (Stripe)."""


class Watch(msgspec.Struct, frozen=True):
    """An active alert, as far as a crossing is concerned."""

    alert_no: int
    gte: int
    """Whole units."""
    count_from: CountFrom
    activations: tuple[Activation, ...]
    """Those that are open, oldest first; the first is of kind `open`."""


class Standing(StrEnum):
    """Where an alert stands for a customer; the named reason of `line`."""

    WAITING = "waiting"
    FIRED = "fired"


class Line(msgspec.Struct, frozen=True):
    """The decision about one alert and one customer."""

    standing: Standing
    activation: Activation
    baseline: int
    """Total that does not count; scaled."""
    at: int
    """The total at which it fires, or fired; scaled."""


def current_activation(
    activations: Sequence[Activation], marks: Sequence[FiredMark]
) -> tuple[Activation, Standing]:
    """The activation that applies to a customer, given when the alert fired for them.

    `rearm` takes effect only for customers for whom the alert had fired before it.
    """
    fired_at = {mark.activation: mark.position for mark in marks}
    current = activations[0]
    for later in activations[1:]:
        fired = fired_at.get(current.number)
        is_new = later.kind is ActivationKind.OPEN
        if is_new or (fired is not None and fired <= later.position):
            current = later
    return current, Standing.FIRED if current.number in fired_at else Standing.WAITING


def baseline(count_from: CountFrom, activation: Activation, joins: Sequence[Join]) -> int:
    """The total that an activation does not count: what stood there when it joined."""
    if count_from is CountFrom.LIFETIME:
        return 0
    for join in joins:
        if join.position >= activation.position:
            return join.baseline
    raise LookupError(f"activation at {activation.position} has not joined {joins}")


def line(watch: Watch, joins: Sequence[Join], marks: Sequence[FiredMark]) -> Line:
    """At which total an alert fires for a customer, or that it already has."""
    mine = [mark for mark in marks if mark.alert_no == watch.alert_no]
    activation, standing = current_activation(watch.activations, mine)
    base = baseline(watch.count_from, activation, joins)
    return Line(standing, activation, base, base + watch.gte * SCALE)
