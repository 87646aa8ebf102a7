"""Object ids: Stripe's prefix, then base 62 of the time and of randomness.

Ids sort by creation time to the millisecond; 80 random bits keep them apart.
"""

import itertools
import os
import secrets
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_LENGTH: Final = 22
_RANDOM_BITS: Final = 80
_RANDOM_BYTES: Final = _RANDOM_BITS // 8
_REQUEST_RANDOM: Final = 14
"""Digits in base 62 that hold the random bits."""

_WORD_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the letters and digits that look like others."""

_WORD_LENGTH: Final = 8

_drawn: list[int] = []
"""Randomness for the next ids: a system call for each would cost more than all the rest."""

os.register_at_fork(after_in_child=_drawn.clear)

_MODE_MARKED: Final = frozenset(
    "mtr alrt ed credgr cbtxn mtrusg mes mtr_event_adj feat prodft ent".split()
)
"""Prefixes that carry `_test` in test mode, as Stripe's newer objects do."""


def new_id(prefix: str, now_ms: int, *, livemode: bool = True) -> str:
    """A fresh id such as `cus_0Abc…`, or `mtr_test_0Abc…` for the newer objects in test mode."""
    number = (now_ms << _RANDOM_BITS) | _random()
    mode = "_test" if not livemode and prefix in _MODE_MARKED else ""
    return f"{prefix}{mode}_{base62(number, _LENGTH)}"


def new_thin_event_id(now_ms: int, *, livemode: bool) -> str:
    """The id of a v2 event; `evt_test_…` in test mode, which v1 events never are."""
    return new_id("evt" if livemode else "evt_test", now_ms)


def new_word() -> str:
    """A short word for people to type, in capitals and digits: a coupon's id, a promotion code."""
    return "".join(secrets.choice(_WORD_ALPHABET) for _ in range(_WORD_LENGTH))


class RequestIds:
    """Ids of requests, `req_…`: the randomness of one engine's life, and a count."""

    def __init__(self) -> None:
        self._prefix = f"req_{base62(secrets.randbits(_RANDOM_BITS), _REQUEST_RANDOM)}"
        self._count = itertools.count(1)

    def next(self) -> str:
        """A fresh one."""
        return self._prefix + base62(next(self._count), _LENGTH - _REQUEST_RANDOM)


def new_secret(prefix: str) -> str:
    """A secret with 190 bits of randomness: API keys, signing secrets, session tokens."""
    return f"{prefix}{base62(secrets.randbits(190), 32)}"


def base62(number: int, length: int) -> str:
    """`number` >= 0 in base 62, padded with zeros to `length` digits."""
    pairs = []
    while number:
        number, pair = divmod(number, 62 * 62)
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs)).lstrip("0").rjust(length, "0")


def _random() -> int:
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            block = os.urandom(_RANDOM_BYTES * 256)
            _drawn.extend(
                int.from_bytes(block[at : at + _RANDOM_BYTES])
                for at in range(0, len(block), _RANDOM_BYTES)
            )


def from_base62(text: str) -> int | None:
    """The number that `text` is in base 62; None if it is none."""
    number = 0
    for character in text:
        digit = _ALPHABET.find(character)
        if digit < 0:
            return None
        number = number * 62 + digit
    return number if text else None
