"""What access asks: of a store its records, of the unit of work what the data plane knows."""

from typing import Protocol

from tripmeter.model.scope import Scope
from tripmeter.model.standing import Measures
from tripmeter.model.usage import UsageRefused, UsageReport
from tripmeter.model.usage_limit import (
    AccessState,
    LimitChange,
    NoticeAddress,
    Reservation,
    UsageLimit,
)
from tripmeter.ports.records import Records


class AccessRecords(Protocol):
    """Limits, what became of them, and what is reserved."""

    @property
    def usage_limits(self) -> Records[UsageLimit]: ...
    @property
    def access_states(self) -> Records[AccessState]: ...
    @property
    def reservations(self) -> Records[Reservation]: ...
    @property
    def limit_changes(self) -> Records[LimitChange]: ...
    @property
    def notice_addresses(self) -> Records[NoticeAddress]: ...

    def purge_reservations(self, before_ms: int) -> None:
        """Forget reservations that expired before a time, whatever became of them."""
        ...


class AccessWork(Protocol):
    """The part of a unit of work that access needs."""

    def measures(self, scope: Scope, customer: str, meter: str) -> Measures:
        """What the data plane knows of a customer's usage of a meter, limit by limit."""
        ...

    def access_states(self, scope: Scope, customer: str) -> tuple[AccessState, ...]:
        """What is known of a customer's access, newest first."""
        ...

    def access_changed(self, scope: Scope, customer: str) -> None:
        """Say that those states are not as they were."""
        ...

    def limits_changed(self, scope: Scope, meter: str) -> None:
        """Say that the limits of a meter are not as they were."""
        ...

    def reservation_changed(self, reservation: Reservation) -> None:
        """Say that a reservation is new, or has ended."""
        ...

    def expired_reservations(self, scope: Scope, customer: str) -> list[str]:
        """The ids of a customer's reservations whose room is free again because their time is
        over, each told once."""
        ...

    def count_one(self, scope: Scope, report: UsageReport) -> UsageRefused | None:
        """Count one usage event here and now; gives why it was refused, if it was.

        It must be the last thing that a change does: there is no way back but that of the whole
        transaction. One that is refused has changed nothing.
        """
        ...
