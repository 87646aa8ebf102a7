"""Columns of quantities: exact decimals as two limbs of 64 bits each, for arithmetic on batches.

A scaled quantity (see `quantity`) is `high * 10^18 + low` with 0 <= low < 10^18, so the high limb
counts thousands of units: a total may grow to 10^21 units and no sum of a batch overflows.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.model.quantity import (
    DECIMAL_PLACES,
    MAX_DIGITS,
    NotANumber,
    TooManyDigits,
    parse,
)

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LIMB: Final = 10**18
_HALF: Final = 10**9
"""Low limbs are added up in halves, so that millions of them fit."""

_LIMB_PLACES: Final = 18
_POWERS: Final = np.array([10**n for n in range(_LIMB_PLACES + 1)], dtype=np.int64)

_WIDTH: Final = 18
"""Characters that a text read as a column may have: more digits would not fit in 64 bits."""

_FEW: Final = 16
"""So many texts are quicker read one by one."""


class Quantities(NamedTuple):
    """A column of scaled quantities."""

    high: I64
    low: I64

    def pick(self, chosen: npt.NDArray[np.intp] | Bools) -> "Quantities":
        """Those at some indexes, or where a mask is true."""
        return Quantities(self.high[chosen], self.low[chosen])

    def at(self, index: int) -> int:
        """One of them, as a scaled integer."""
        return int(self.high[index]) * LIMB + int(self.low[index])

    def put(self, index: int, scaled: int) -> None:
        """Set one of them."""
        self.high[index], self.low[index] = divmod(scaled, LIMB)

    def __neg__(self) -> "Quantities":
        borrow = (self.low > 0).astype(np.int64)
        return Quantities(-self.high - borrow, borrow * LIMB - self.low)


def of_integers(scaled: Iterable[int]) -> Quantities:
    """Scaled integers as a column. Raises OverflowError from 9.2 * 10^21 units on."""
    limbs = [divmod(value, LIMB) for value in scaled]
    table = np.array(limbs, dtype=np.int64).reshape(-1, 2)
    return Quantities(table[:, 0].copy(), table[:, 1].copy())


def plus(one: Quantities, other: Quantities) -> Quantities:
    """The sums, pair by pair."""
    low = one.low + other.low
    carry = low >= LIMB
    return Quantities(one.high + other.high + carry, np.where(carry, low - LIMB, low))


def at_least(one: Quantities, other: Quantities) -> Bools:
    """Where the first is the other or more."""
    higher = one.high > other.high
    return np.asarray(higher | ((one.high == other.high) & (one.low >= other.low)))


def first_of_each(ordered: I64) -> npt.NDArray[np.intp]:
    """Where each new value begins in a column in which equal values stand together."""
    differs = np.empty(len(ordered), dtype=np.bool_)
    differs[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=differs[1:])
    return np.flatnonzero(differs)


def group_sums(quantities: Quantities, starts: npt.NDArray[np.intp]) -> Quantities:
    """The sum of each group; groups stand one after the other and begin at `starts`."""
    upper = quantities.low // _HALF
    lower = quantities.low - upper * _HALF
    high = np.add.reduceat(quantities.high, starts)
    upper, lower = np.add.reduceat(upper, starts), np.add.reduceat(lower, starts)
    carry = lower // _HALF
    lower -= carry * _HALF
    upper += carry
    carry = upper // _HALF
    upper -= carry * _HALF
    return Quantities(high + carry, upper * _HALF + lower)


def total(quantities: Quantities) -> int:
    """The sum of all, as a scaled integer."""
    upper = quantities.low // _HALF
    lower = quantities.low - upper * _HALF
    return int(quantities.high.sum()) * LIMB + int(upper.sum()) * _HALF + int(lower.sum())


def parse_column(texts: Sequence[str]) -> tuple[Quantities, Bools]:
    """The decimals that texts hold, and where one was read.

    What is read, is read as `quantity.parse` does. Where nothing was, that function knows why; or
    it can read a text that is too long for this one.
    """
    joined = "".join(texts)
    if len(texts) <= _FEW or not joined.isascii() or "\0" in joined:
        return _parse_each(texts)
    return _parse_matrix(np.array(texts, dtype=f"S{_WIDTH + 1}"))


def _parse_each(texts: Sequence[str]) -> tuple[Quantities, Bools]:
    values, read = [0] * len(texts), np.ones(len(texts), dtype=np.bool_)
    for index, text in enumerate(texts):
        try:
            values[index] = parse(text)
        except (NotANumber, TooManyDigits):
            read[index] = False
    return of_integers(values), read


def _parse_matrix(texts: npt.NDArray[np.bytes_]) -> tuple[Quantities, Bools]:
    """ASCII texts, cut behind the first character that is too many; one row per place in them."""
    lengths = np.strings.str_len(texts)
    longest = max(1, int(lengths.max()))
    places = np.ascontiguousarray(texts.view(np.uint8).reshape(len(texts), -1)[:, :longest].T)
    digits = places - np.uint8(ord("0"))
    is_digit, is_dot = digits < 10, places == ord(".")
    minus = places[0] == ord("-")
    digit_count, dots = _count(is_digit), _count(is_dot)
    dot_at = _count(is_dot * np.arange(longest, dtype=np.uint8)[:, None])
    read = (digit_count > 0) & (dots <= 1) & (digit_count + dots + minus == lengths)
    read &= (dots == 0) | ((dot_at > minus) & (dot_at < lengths - 1))
    read &= lengths <= _WIDTH
    number = np.zeros(len(texts), dtype=np.int64)
    for digit, here in zip(digits, is_digit, strict=True):
        number = np.where(here, number * 10 + digit, number)
    fraction = np.where(dots == 1, lengths - 1 - dot_at, 0)
    read &= (number < 10**MAX_DIGITS) & (fraction <= DECIMAL_PLACES)
    return _scaled(np.where(read, number, 0), np.where(read, fraction, 0), minus), read


def _count(flags: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> I64:
    """The sum of each column, which stays below 256."""
    counts: npt.NDArray[np.uint8] = np.add.reduce(flags.view(np.uint8), axis=0, dtype=np.uint8)
    return counts.astype(np.int64)


def _scaled(number: I64, fraction: npt.NDArray[np.intp], minus: Bools) -> Quantities:
    """`number / 10^fraction`, with its sign, as limbs."""
    shift = DECIMAL_PLACES - fraction
    divisor = _POWERS[_LIMB_PLACES - shift]
    high = number // divisor
    low = (number - high * divisor) * _POWERS[shift]
    plain = Quantities(high, low)
    if not minus.any():
        return plain
    negative = -plain
    return Quantities(np.where(minus, negative.high, high), np.where(minus, negative.low, low))
