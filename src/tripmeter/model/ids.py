"""Object ids: Stripe's prefix, then base 62 of the time and of randomness.

Ids sort by creation time to the millisecond; 80 random bits keep them apart.
"""

import secrets
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 22
_RANDOM_BITS: Final = 80

_MODE_MARKED: Final = frozenset({"mtr", "alrt", "ed", "credgr", "mtrusg", "mes", "mtr_event_adj"})
"""Prefixes that carry `_test` in test mode, as Stripe's newer objects do."""


def new_id(prefix: str, now_ms: int, *, livemode: bool = True) -> str:
    """A fresh id such as `cus_0Abc…`, or `mtr_test_0Abc…` for the newer objects in test mode."""
    number = (now_ms << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    mode = "_test" if not livemode and prefix in _MODE_MARKED else ""
    return f"{prefix}{mode}_{base62(number, _LENGTH)}"


def new_thin_event_id(now_ms: int, *, livemode: bool) -> str:
    """The id of a v2 event; `evt_test_…` in test mode, which v1 events never are."""
    return new_id("evt" if livemode else "evt_test", now_ms)


def new_secret(prefix: str) -> str:
    """A secret with 190 bits of randomness: API keys, signing secrets, session tokens."""
    return f"{prefix}{base62(secrets.randbits(190), 32)}"


def base62(number: int, length: int) -> str:
    """`number` >= 0 in base 62, padded with zeros to `length` digits."""
    digits = []
    while number:
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits)).rjust(length, "0")


def from_base62(text: str) -> int | None:
    """The number that `text` is in base 62; None if it is none."""
    number = 0
    for character in text:
        digit = _ALPHABET.find(character)
        if digit < 0:
            return None
        number = number * 62 + digit
    return number if text else None
