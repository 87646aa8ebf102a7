"""Quantities of usage: exact decimals, held as integers scaled by 10^15.

A quantity never is a float. `parse` and `format_quantity` are the only doors between
the decimal strings of the wire and the scaled integers of the engine.
"""

import re
from decimal import Decimal, localcontext
from typing import Final

DECIMAL_PLACES: Final = 15
"""Decimal places kept. With 15 significant digits, every value down to 0.000000000000001 fits."""

SCALE: Final = 10**DECIMAL_PLACES
"""What one whole unit is as a scaled integer."""

MAX_DIGITS: Final = 15
"""Significant digits that a value may have (Stripe, since 2026-04-22.dahlia)."""

_POWERS: Final[tuple[int, ...]] = tuple(10**n for n in range(DECIMAL_PLACES + 1))

_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


class NotANumber(ValueError):
    """The text is no plain decimal number."""


class TooManyDigits(ValueError):
    """The number has more than `MAX_DIGITS` significant digits or `DECIMAL_PLACES` places."""


def parse(text: str) -> int:
    """The scaled integer of a decimal string such as `25`, `-3.5` or `0.001`.

    Leading zeros, and zeros that end a fraction, are not significant.
    Raises NotANumber for `1e3`, `NaN`, `+1`, `.5`, an empty text; TooManyDigits beyond the limits.
    """
    if not _DECIMAL.fullmatch(text):
        raise NotANumber(text)
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    digits = len((whole.lstrip("-") + fraction).lstrip("0"))
    if digits > MAX_DIGITS or len(fraction) > DECIMAL_PLACES:
        raise TooManyDigits(text)
    return int(whole + fraction) * _POWERS[DECIMAL_PLACES - len(fraction)]


def format_quantity(scaled: int) -> str:
    """The shortest decimal string of a scaled integer: `25`, `-3.5`, `0`."""
    whole, fraction = divmod(abs(scaled), SCALE)
    sign = "-" if scaled < 0 else ""
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:0{DECIMAL_PLACES}d}".rstrip("0")


def as_decimal(scaled: int) -> Decimal:
    """A scaled integer as a decimal number of units."""
    with localcontext(prec=60):
        return Decimal(scaled).scaleb(-DECIMAL_PLACES).normalize() + 0


def of_decimal(quantity: Decimal) -> int:
    """The scaled integer of a number of units that has at most 15 places."""
    with localcontext(prec=60):
        return int(quantity * SCALE)


def whole_units(scaled: int) -> int:
    """The whole units in a quantity, rounded down (towards minus infinity)."""
    return scaled // SCALE
