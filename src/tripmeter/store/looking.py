"""What those who look on ask for, on named statements."""

from collections.abc import Iterable, Iterator

from tripmeter.model.cells import HourBlock, MeterHour
from tripmeter.model.pulse import Counts, MinuteCounts, Pending
from tripmeter.model.quantities import LIMB
from tripmeter.model.scope import Scope
from tripmeter.model.usage import TallyBlock
from tripmeter.store.records import Statements


class SqlLooking:
    """`ports.Looking` on SQL."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def add_counts(self, rows: Iterable[MinuteCounts]) -> None:
        """Add counts to what is stored of their minutes."""
        self._sql.many(
            "add_counts",
            ({**row.scope._asdict(), **row.counts._asdict(), "minute": row.minute} for row in rows),
        )

    def counts(self, scope: Scope, since: int) -> list[MinuteCounts]:
        """The counts of minutes from `since` on, in order; minutes without any are left out."""
        rows = self._sql.rows("counts_since", {**scope._asdict(), "since": since})
        return [MinuteCounts(scope, minute, Counts(*counts)) for minute, *counts in rows]

    def fired(self, scope: Scope, since: int) -> int:
        """How many alerts have fired in minutes from `since` on."""
        return int(self._sql.rows("fired_since", {**scope._asdict(), "since": since})[0][0])

    def drop_counts(self, scope: Scope, before: int) -> None:
        """Forget minutes before one."""
        self._sql.run("drop_counts", {**scope._asdict(), "before": before})

    def pending(self, scope: Scope) -> Pending:
        """The deliveries of a scope that are pending."""
        return Pending(*self._sql.rows("pending_of_scope", scope._asdict())[0])

    def add_meter_hours(self, rows: Iterable[MeterHour]) -> None:
        """Add usage to what is stored of all customers' hours."""
        self._sql.many("add_meter_hours", map(_limbs, rows))

    def meter_hours(self, meter_no: int, start: int, end: int) -> list[MeterHour]:
        """What all customers used in the hours [start, end), in order; empty ones are left out."""
        span = {"meter_no": meter_no, "start": start, "end": end}
        return [
            MeterHour(meter_no, hour, events, high * LIMB + low)
            for hour, events, high, low in self._sql.rows("meter_hours", span)
        ]

    def hours(self, meter_no: int, start: int, end: int, limit: int) -> Iterator[list[HourBlock]]:
        """The stored hours of all blocks in [start, end), in their order, up to `limit` a time."""
        params = {"meter_no": meter_no, "start": start, "end": end, "limit": limit}
        after = {"block": -1, "hour": -1}
        while rows := self._sql.rows("hours_of_meter", {**params, **after}):
            found = [HourBlock(*row) for row in rows]
            yield found
            after = {"block": found[-1].block, "hour": found[-1].hour}

    def meter_tallies(self, meter_no: int) -> list[TallyBlock]:
        """The stored tallies of all customers of a meter, in order."""
        rows = self._sql.rows("tallies_of_meter", {"meter_no": meter_no})
        return [TallyBlock(*row) for row in rows]

    def tally_blocks(self, meter_no: int) -> int:
        """In how many blocks of customers a meter was used, as far as it is stored."""
        return int(self._sql.rows("count_tally_blocks", {"meter_no": meter_no})[0][0])

    def all_hours(self, limit: int) -> Iterator[list[HourBlock]]:
        """All stored hours of all meters, up to `limit` at a time."""
        after = {"meter_no": -1, "block": -1, "hour": -1}
        while rows := self._sql.rows("all_hours", {**after, "limit": limit}):
            found = [HourBlock(*row) for row in rows]
            yield found
            after = {name: getattr(found[-1], name) for name in after}


def _limbs(row: MeterHour) -> dict[str, int]:
    high, low = divmod(row.quantity, LIMB)
    return {
        "meter_no": row.meter_no,
        "hour": row.hour,
        "events": row.events,
        "high": high,
        "low": low,
    }
