"""The usage log and its derived tallies and hours, on named statements."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from tripmeter.model.cells import HourBlock
from tripmeter.model.scope import Scope
from tripmeter.model.stored import RefusalRow
from tripmeter.model.usage import LogRow, RefusalCode, TallyBlock
from tripmeter.store.records import Statements, listed

_CHUNK = 256
"""Rows read at a time; one may hold a large batch."""

_FLUSHED = "flushed_position"

_samples_decoder = msgspec.json.Decoder(list[tuple[str, str]])


class SqlUsage:
    """`ports.Usage` on SQL."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def append(self, row: LogRow) -> None:
        """Add a batch to the log; durable with the transaction."""
        self._sql.run("append_log", row._asdict())

    def last_position(self) -> int:
        """The position of the newest event; 0 for an empty log."""
        rows = self._sql.rows("last_position", {})
        return int(rows[0][0]) if rows else 0

    def rows_after(self, position: int) -> Iterator[LogRow]:
        """Batches, oldest first, that hold events beyond `position`."""
        while rows := self._sql.rows("log_after", {"position": position, "limit": _CHUNK}):
            for row in rows:
                yield LogRow(*row)
            position = rows[-1][0] + rows[-1][1] - 1

    def first_since(self, received_ms: int) -> int | None:
        """The lowest position that was received at or after a time. Looks at all of them."""
        rows = self._sql.rows("first_since", {"received_ms": received_ms})
        return rows[0][0] if rows else None

    def first_since_from(self, position: int, received_ms: int) -> int | None:
        """As `first_since`, among batches from `position` on; quick where few are older."""
        params = {"position": position, "received_ms": received_ms}
        rows = self._sql.rows("first_since_from", params)
        return rows[0][0] if rows else None

    def mark_cancelled(self, position: int, now_ms: int) -> None:
        """Note that the event at `position` was cancelled."""
        self._sql.run("mark_cancelled", {"position": position, "cancelled_ms": now_ms})

    def is_cancelled(self, position: int) -> bool:
        """Whether the event at `position` was cancelled."""
        return bool(self._sql.rows("is_cancelled", {"position": position}))

    def row_holding(self, position: int) -> LogRow | None:
        """The batch that holds the event at `position`."""
        rows = self._sql.rows("log_row_holding", {"position": position})
        return LogRow(*rows[0]) if rows else None

    def tallies(self, meter_no: int, blocks: Collection[int]) -> list[TallyBlock]:
        """The stored tallies of blocks of customers, in order; blocks without any are left out."""
        params = {"meter_no": meter_no, "blocks": listed(blocks)}
        return [TallyBlock(*row) for row in self._sql.rows("tallies_of", params)]

    def all_tallies(self) -> Iterator[TallyBlock]:
        """Every stored tally, block by block, in order."""
        after = {"meter_no": -1, "block": -1}
        while rows := self._sql.rows("all_tallies", {**after, "limit": _CHUNK}):
            for row in rows:
                yield TallyBlock(*row)
            after = {"meter_no": rows[-1][0], "block": rows[-1][1]}

    def save_tallies(self, rows: Iterable[TallyBlock]) -> None:
        """Store new states of the tallies of blocks."""
        self._sql.many("save_tallies", (row._asdict() for row in rows))

    def hours(self, meter_no: int, block: int, start: int, end: int) -> list[HourBlock]:
        """The stored hours of a block of customers in [start, end), since the epoch, in order."""
        key = {"meter_no": meter_no, "block": block, "start": start, "end": end}
        return [HourBlock(*row) for row in self._sql.rows("hours_between", key)]

    def save_hours(self, rows: Iterable[HourBlock]) -> None:
        """Store new states of hours."""
        self._sql.many("save_hour", (row._asdict() for row in rows))

    def flushed_position(self) -> int:
        """Everything up to this position is in the stored tallies and hours."""
        rows = self._sql.rows("get_setting", {"name": _FLUSHED})
        return int(rows[0][0]) if rows else 0

    def set_flushed_position(self, position: int) -> None:
        """Say that everything up to `position` is stored."""
        self._sql.run("set_setting", {"name": _FLUSHED, "value": str(position)})

    def add_refusal(
        self,
        scope: Scope,
        meter_no: int | None,
        code: RefusalCode,
        created_ms: int,
        samples: list[tuple[str, str]],
        refused: int,
    ) -> None:
        """Remember refusals until their error report."""
        row = {
            **scope._asdict(),
            "meter_no": meter_no,
            "code": code.value,
            "created_ms": created_ms,
            "samples": msgspec.json.encode(samples),
            "refused": refused,
        }
        self._sql.run("add_refusal", row)

    def refusals_outside(self, start_ms: int, end_ms: int) -> list[RefusalRow]:
        """Refusals up to a time, and those later than another."""
        rows = self._sql.rows("refusals_outside", {"start_ms": start_ms, "end_ms": end_ms})
        return [
            RefusalRow(
                no=no,
                scope=Scope(account, bool(livemode)),
                meter_no=meter_no,
                code=RefusalCode(code),
                created_ms=created,
                refused=refused,
                samples=_samples_decoder.decode(samples),
            )
            for no, account, livemode, meter_no, code, created, refused, samples in rows
        ]

    def drop_refusals(self, numbers: Sequence[int]) -> None:
        """Forget refusals whose report is written."""
        self._sql.many("drop_refusal", ({"no": no} for no in numbers))
