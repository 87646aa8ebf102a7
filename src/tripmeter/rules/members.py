"""What members may become, what a password must be, and how often one may be tried.

A bucket of tries is one integer: when it is full again. What is full need not be remembered.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from tripmeter.model.member import Member
from tripmeter.rules.rate_limit import NoRoom

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 256
"""Characters; a limit, because every one of them costs the hash its time."""

_EMAIL: Final = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,189}")


class Tries(NamedTuple):
    """So many at once, and one more each time that `again_ms` have passed."""

    at_once: int
    again_ms: int


BY_EMAIL: Final = Tries(5, 30_000)
"""Passwords that may be tried for one member, known or not."""

BY_ADDRESS: Final = Tries(20, 6_000)
"""Passwords that may be tried from one network address; behind a proxy, that is everybody's."""


def tried(full_at_ms: int, tries: Tries, now_ms: int) -> int | NoRoom:
    """One try more: when the bucket will be full again, or that it is empty."""
    taken = max(full_at_ms, now_ms) + tries.again_ms
    over_ms = taken - now_ms - tries.at_once * tries.again_ms
    return NoRoom(over_ms) if over_ms > 0 else taken


def is_email(text: str) -> bool:
    """Whether a text looks like an e-mail address; whether somebody reads it is not known."""
    return _EMAIL.fullmatch(text) is not None and "\0" not in text


def what_is_wrong_with(password: str, email: str) -> str | None:
    """Why a password will not do; None if it will."""
    if len(password) < SHORTEST_PASSWORD:
        return f"The password must have at least {SHORTEST_PASSWORD} characters."
    if len(password) > LONGEST_PASSWORD:
        return f"The password can have at most {LONGEST_PASSWORD} characters."
    if password.lower() == email.lower():
        return "The password must not be the e-mail address."
    if len(set(password)) < 4:
        return "The password must have at least 4 different characters."
    return None


def is_last_admin(members: Iterable[Member], one: Member) -> bool:
    """Whether nobody else could see to members and accounts if this one did not."""
    others = (member for member in members if member.id != one.id)
    can = any(member.manages and member.password is not None for member in others)
    return one.manages and one.password is not None and not can
