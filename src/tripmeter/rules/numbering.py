"""Numbers of invoices: a prefix of the customer's own, and a count."""

import hashlib
from typing import Final

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that are taken for one another."""

_LENGTH: Final = 8


def new_prefix(customer: str) -> str:
    """The prefix of a customer's invoices: from its id, so that it is the same if asked again."""
    digest = int.from_bytes(hashlib.blake2b(customer.encode(), digest_size=16).digest())
    letters = []
    for _ in range(_LENGTH):
        digest, place = divmod(digest, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)


def invoice_number(prefix: str, count: int) -> str:
    """The number of a customer's invoice: `ABCD2345-0001`."""
    return f"{prefix}-{count:04d}"
