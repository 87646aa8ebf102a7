"""Limits on usage, what became of access by them, and room that is reserved under them."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class LimitPeriod(StrEnum):
    """Which usage a limit counts."""

    BILLING = "billing"
    """What belongs to the current period of a subscription that bills the meter."""
    LIFETIME = "lifetime"
    MONTH = "month"
    """What is stamped in the current calendar month, in UTC."""


class LimitKind(StrEnum):
    """What becomes of reaching a limit."""

    HARD = "hard"
    """Access ends."""
    WARNING = "warning"
    """It is told, and nothing else."""


class SetBy(StrEnum):
    """Whose limit it is."""

    OPERATOR = "operator"
    CUSTOMER = "customer"


class UsageLimit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much of a meter may be used."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    meter: str
    limit: Decimal
    """Units of usage; it is reached when usage has come to it."""
    customer: str | None = None
    """None: every customer for itself."""
    period: LimitPeriod = LimitPeriod.LIFETIME
    kind: LimitKind = LimitKind.HARD
    set_by: SetBy = SetBy.OPERATOR


class StateKind(StrEnum):
    """What an entry about a customer's access says."""

    REVOKED = "revoked"
    """Somebody took access away; it stays so until it is restored."""
    LIMIT = "limit"
    """A hard limit was reached, and that was told."""
    EXCUSED = "excused"
    """A hard limit was reached, and access was restored all the same, for its period."""
    WARNED = "warned"
    """A warning limit was reached, and that was told."""


class AccessState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a customer's access is not simply a matter of its limits.

    Unique per (customer, meter, kind, limit): what is told is told once.
    """

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    meter: str = ""
    """Empty: all of them."""
    kind: StateKind
    limit: str = ""
    """The limit that was reached; empty where somebody took access away."""
    level: Decimal | None = None
    """Where that limit stood."""
    period_start_ms: int = 0
    """The period in which it was reached; 0 where it has none."""
    reason: str = ""


class ReservationStatus(StrEnum):
    """Where a reservation stands. One that is not committed in time has expired."""

    RESERVED = "reserved"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"
    """Noted before its room is given to another, so that no clock that steps back revives it."""


class Reservation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Room under a limit that is kept for usage to come."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    meter: str
    quantity: Decimal
    expires_ms: int
    """By the time of the world: it is about programs that are under way."""
    status: ReservationStatus = ReservationStatus.RESERVED
    committed: Decimal | None = None
    """What was used of it."""
    ended_ms: int | None = None


class LimitChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who changed a limit, when, from what to what."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    """Empty for a limit of all customers."""
    meter: str
    usage_limit: str
    period: LimitPeriod
    kind: LimitKind
    set_by: SetBy
    before: Decimal | None = None
    """None: there was no such limit."""
    after: Decimal | None = None
    """None: it was deleted."""
    request_id: str | None = None
    portal_session: str | None = None
    """Of the customer who changed it on the page."""


class NoticeAddress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An e-mail address to which a customer wants to be told; it has to be confirmed first."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    email: str
    confirmed_ms: int | None = None
