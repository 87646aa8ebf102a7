"""What those who look on ask of a store: counts by the minute, usage of everybody by the hour."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from tripmeter.model.cells import HourBlock, MeterHour
from tripmeter.model.pulse import MinuteCounts, Pending
from tripmeter.model.scope import Scope
from tripmeter.model.usage import TallyBlock


class Looking(Protocol):
    """Counts and sums that are kept so that nobody has to add them up."""

    def add_counts(self, rows: Iterable[MinuteCounts]) -> None:
        """Add counts to what is stored of their minutes."""
        ...

    def counts(self, scope: Scope, since: int) -> list[MinuteCounts]:
        """The counts of minutes from `since` on, in order; minutes without any are left out."""
        ...

    def fired(self, scope: Scope, since: int) -> int:
        """How many alerts have fired in minutes from `since` on."""
        ...

    def drop_counts(self, scope: Scope, before: int) -> None:
        """Forget minutes before one."""
        ...

    def pending(self, scope: Scope) -> Pending:
        """The deliveries of a scope that are pending."""
        ...

    def add_meter_hours(self, rows: Iterable[MeterHour]) -> None:
        """Add usage to what is stored of all customers' hours."""
        ...

    def meter_hours(self, meter_no: int, start: int, end: int) -> list[MeterHour]:
        """What all customers used in the hours [start, end), in order; empty ones are left out."""
        ...

    def hours(self, meter_no: int, start: int, end: int, limit: int) -> Iterator[list[HourBlock]]:
        """The stored hours of all blocks in [start, end), in their order, up to `limit` a time."""
        ...

    def meter_tallies(self, meter_no: int) -> list[TallyBlock]:
        """The stored tallies of all customers of a meter, in order."""
        ...

    def tally_blocks(self, meter_no: int) -> int:
        """In how many blocks of customers a meter was used, as far as it is stored."""
        ...

    def all_hours(self, limit: int) -> Iterator[list[HourBlock]]:
        """All stored hours of all meters, up to `limit` at a time."""
        ...
