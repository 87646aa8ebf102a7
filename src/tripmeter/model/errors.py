"""Everything that can be refused, as values with facts. `wire/errors.py` gives each its status.

Refusal
  ├─ NotAuthenticated · KeyRevoked · SessionExpired          who are you
  ├─ SignInRequired · SignInRefused
  ├─ PermissionMissing · NotForViewers · AccountClosed       may you
  ├─ RequestForged
  ├─ ParameterMissing · ParameterUnknown · ParameterInvalid  what did you ask
  ├─ ParametersExclusive · BodyMalformed · BodyTooLarge
  ├─ HeadTooLarge · RequestTimedOut
  ├─ ResourceMissing · RouteUnknown · MethodNotAllowed       where
  ├─ NothingUpcoming
  ├─ MeterNameTaken · AlertLimitReached · LimitReached        not in this state
  │  StateConflict
  ├─ UsageNotAccepted · CancellationRefused                  usage
  ├─ IdempotencyMismatch                                     retries
  └─ RateLimited · TooManyTries · TooManyInvoices          not now; nothing was done
     StoreUnavailable · Overloaded · Draining
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tripmeter.model.access import Limit, Permission
from tripmeter.model.usage import UsageRefused


class Refusal(Exception):
    """A request that was not carried out. Nothing of it has happened."""

    def __reduce__(self) -> tuple[Callable[..., "Refusal"], tuple[Any, ...]]:
        """By its facts: an exception alone keeps what it was made with by position only."""
        return _again, (type(self), vars(self))


def _again(kind: type[Refusal], facts: Mapping[str, Any]) -> Refusal:
    refusal = kind.__new__(kind)
    vars(refusal).update(facts)
    return refusal


@dataclass(eq=False)
class NotAuthenticated(Refusal):
    """No key, or one that does not exist. `hint` shows the key without its secret."""

    hint: str | None = None


@dataclass(eq=False)
class KeyRevoked(Refusal):
    """The key existed and was revoked."""

    hint: str


@dataclass(eq=False)
class SessionExpired(Refusal):
    """The meter event session is unknown or older than 15 minutes."""


@dataclass(eq=False)
class SignInRequired(Refusal):
    """No session of the dashboard, or one that has ended."""


@dataclass(eq=False)
class SignInRefused(Refusal):
    """E-mail address and password do not belong together; nothing says which of them is wrong."""


@dataclass(eq=False)
class NotForViewers(Refusal):
    """The member may read, and not do this. `who` says who can."""

    who: str = "an admin"


@dataclass(eq=False)
class AccountClosed(Refusal):
    """The member does not belong to the account, which may not even exist."""

    account: str


@dataclass(eq=False)
class RequestForged(Refusal):
    """The request does not come from the dashboard's own page. `reason` says what shows it."""

    reason: str


@dataclass(eq=False)
class PermissionMissing(Refusal):
    """The key is restricted, and not allowed this."""

    needed: Permission


@dataclass(eq=False)
class ParameterMissing(Refusal):
    """A required parameter is absent."""

    param: str


@dataclass(eq=False)
class ParameterUnknown(Refusal):
    """Parameters that this request does not know; all of them are named at once."""

    params: tuple[str, ...]


@dataclass(eq=False)
class ParameterInvalid(Refusal):
    """A parameter whose value cannot be used. `message` says what would do."""

    param: str
    message: str
    code: str | None = None


@dataclass(eq=False)
class ParametersExclusive(Refusal):
    """Parameters that cannot be given together."""

    params: tuple[str, ...]


@dataclass(eq=False)
class BodyMalformed(Refusal):
    """The body is not what its content type says. `reason` says where it breaks."""

    reason: str


@dataclass(eq=False)
class BodyTooLarge(Refusal):
    """The body is over the limit."""

    limit_bytes: int


@dataclass(eq=False)
class HeadTooLarge(Refusal):
    """The head of the request has too many bytes or fields."""

    limit_bytes: int
    limit_fields: int


@dataclass(eq=False)
class RequestTimedOut(Refusal):
    """The head or the body did not arrive in time. `part` says which."""

    part: str
    limit_s: int


@dataclass(eq=False)
class ResourceMissing(Refusal):
    """No such object in this scope: it never existed, or belongs to someone else."""

    noun: str
    id: str
    param: str = "id"


@dataclass(eq=False)
class NothingUpcoming(Refusal):
    """There is nothing that an invoice of the customer would be for."""

    customer: str


@dataclass(eq=False)
class RouteUnknown(Refusal):
    """No such path."""

    method: str
    path: str


@dataclass(eq=False)
class MethodNotAllowed(Refusal):
    """The path exists, but not with this method."""

    method: str
    path: str
    allowed: tuple[str, ...]


@dataclass(eq=False)
class MeterNameTaken(Refusal):
    """An active meter exists for the event name."""

    event_name: str


@dataclass(eq=False)
class AlertLimitReached(Refusal):
    """One more alert than a (meter, customer) scope may have."""

    limit: int


@dataclass(eq=False)
class LimitReached(Refusal):
    """Less is left under a customer's hard limits than was to be reserved."""

    customer: str
    meter: str
    remaining: str
    """Units, as a decimal."""
    revoked: bool = False
    """Whether access was taken away, whatever is left."""


@dataclass(eq=False)
class StateConflict(Refusal):
    """The object's state does not allow the change. `message` says why and what to do."""

    message: str
    param: str | None = None
    code: str | None = None


@dataclass(eq=False)
class UsageNotAccepted(Refusal):
    """A single meter event that was refused."""

    refused: UsageRefused


@dataclass(eq=False)
class CancellationRefused(Refusal):
    """A cancellation for an event that is unknown, too old or already cancelled."""

    message: str


@dataclass(eq=False)
class IdempotencyMismatch(Refusal):
    """The idempotency key was used before with other parameters."""

    key: str


@dataclass(eq=False)
class RateLimited(Refusal):
    """The caller asks faster than its limit; there is room again after `retry_after_s`."""

    limit: Limit
    retry_after_s: int


@dataclass(eq=False)
class TooManyTries(Refusal):
    """So many passwords were tried, for an e-mail address or from a network address."""

    retry_after_s: int


@dataclass(eq=False)
class TooManyInvoices(Refusal):
    """A subscription has as many new invoices as it may have in a time; None is no limit."""

    subscription: str
    a_minute: int | None
    a_day: int | None
    retry_after_s: int
    """By the time of its customer."""


@dataclass(eq=False)
class StoreUnavailable(Refusal):
    """The store could not take the change: a full disk, a locked database. Nothing was kept."""

    reason: str
    retry_after_s: int = 1


@dataclass(eq=False)
class Overloaded(Refusal):
    """More is asked of the engine than it can do now. `reason` says what is used up."""

    reason: str
    retry_after_s: int = 1


@dataclass(eq=False)
class Draining(Refusal):
    """The engine is shutting down; another attempt will find the next one."""

    retry_after_s: int = 1
