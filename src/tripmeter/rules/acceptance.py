"""Whether a usage report may be counted, and if not, why and what to do."""

from typing import Final

from tripmeter.model.meter import Formula, Meter
from tripmeter.model.quantity import MAX_DIGITS, SCALE, NotANumber, TooManyDigits, parse
from tripmeter.model.usage import RefusalCode, UsageRefused

MAX_AGE_MS: Final = 35 * 86_400_000
"""How old a timestamp may be (Stripe: 35 calendar days)."""

MAX_AHEAD_MS: Final = 5 * 60_000
"""How far ahead a timestamp may be (Stripe: 5 minutes)."""

CANCEL_WITHIN_MS: Final = 24 * 3_600_000
"""How long after its receipt an event can be cancelled (Stripe: 24 hours)."""


MAX_TOTAL: Final = 10**21 * SCALE
"""A total of so many units, of either sign, takes no more usage: columns of numbers end there."""


def check_total(total: int) -> UsageRefused | None:
    """Refuses usage of a customer whose total on the meter, scaled, has come too far."""
    if abs(total) < MAX_TOTAL:
        return None
    return UsageRefused(
        RefusalCode.TOO_MANY_DIGITS,
        "The customer's total on this meter has reached 10^21 units and takes no more usage. "
        "Report in a larger unit, on a meter of its own.",
    )


def check_time(timestamp_ms: int, now_ms: int) -> UsageRefused | None:
    """Refuses timestamps that are too old or ahead of time."""
    if timestamp_ms < now_ms - MAX_AGE_MS:
        return UsageRefused(
            RefusalCode.TOO_OLD,
            "The timestamp is more than 35 days in the past. "
            "Report usage within 35 calendar days of when it happened.",
            "timestamp",
        )
    if timestamp_ms > now_ms + MAX_AHEAD_MS:
        return UsageRefused(
            RefusalCode.IN_FUTURE,
            "The timestamp is more than 5 minutes in the future. "
            "Check the clock of the machine that reports it, and that v1 timestamps are seconds.",
            "timestamp",
        )
    return None


def check_dimensions(meter: Meter, payload: dict[str, str]) -> UsageRefused | None:
    """Refuses a payload that lacks one of the meter's dimension keys."""
    missing = [key for key in meter.dimension_keys or () if not payload.get(key)]
    if not missing:
        return None
    return UsageRefused(
        RefusalCode.MISSING_DIMENSION,
        f"Dimension keys not found in payload: {', '.join(missing)}. "
        f"Each event of meter {meter.id} must carry them.",
        f"payload[{missing[0]}]",
    )


def read_quantity(meter: Meter, payload: dict[str, str]) -> int | UsageRefused:
    """The scaled quantity that an event's payload reports for a meter."""
    if meter.formula is Formula.COUNT:
        return SCALE
    key = meter.value_key
    text = payload.get(key)
    if text is None:
        return UsageRefused(
            RefusalCode.VALUE_NOT_FOUND,
            f"Value key {key} not found in payload. Add payload[{key}] with a decimal string.",
            f"payload[{key}]",
        )
    try:
        return parse(text)
    except NotANumber:
        return UsageRefused(
            RefusalCode.INVALID_VALUE,
            f"The value in the event payload must be a decimal number such as 25, -3 or 0.5. "
            f"Received {text[:40]!r}.",
            f"payload[{key}]",
        )
    except TooManyDigits:
        return UsageRefused(
            RefusalCode.TOO_MANY_DIGITS,
            f"The value in the event payload can have at most {MAX_DIGITS} digits. "
            f"Received {text[:40]}.",
            f"payload[{key}]",
        )
