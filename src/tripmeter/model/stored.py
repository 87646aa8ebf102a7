"""What stores give and take beside the objects themselves: pages, numbers, rows of usage."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from tripmeter.model.scope import Scope
from tripmeter.model.usage import RefusalCode

T = TypeVar("T")


class Kept(NamedTuple, Generic[T]):
    """A stored value and its number: the order in which it was stored, and its key in joins."""

    no: int
    value: T


class Page(NamedTuple):
    """Which part of a list, newest first. At most one of the cursors is given."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None


class Slice(NamedTuple, Generic[T]):
    """One page of a list, newest first."""

    items: Sequence[Kept[T]]
    has_more: bool


class StoredReply(NamedTuple):
    """What was answered to an idempotency key."""

    fingerprint: bytes
    status: int
    body: bytes


class RefusalRow(NamedTuple):
    """Refusals of one kind that wait for their error report."""

    no: int
    scope: Scope
    meter_no: int | None
    code: RefusalCode
    created_ms: int
    refused: int
    samples: list[tuple[str, str]]
    """(identifier, message) of the first few."""
