"""Places at which this process can be told to die, as by `kill -9`, to test what survives that.

Owns the names and the one thing that can happen there. Nothing happens unless TRIPMETER_FAILPOINT
was set when the process started; `docs/failpoints.md` tells how.
"""

import os
import re
import signal
from typing import Final

POINTS: Final = {
    "action.done": "an action has changed something, which its run does not say yet",
    "action.written": "the run of an action is written",
    "action.sending": "a message is about to be sent",
    "action.sent": "a message was sent, which is recorded nowhere",
    "action.recorded": "an attempt at a message is recorded",
    "access.noted": "that a limit is reached is noted, and not told yet",
    "access.told": "that access has ended or is back is announced, entitlements are as before",
    "access.reserved": "a reservation is written, memory does not know of it",
    "access.committed": "a reservation is committed, its usage event is not counted",
    "batch.taken": "jobs were taken from the queue; no transaction yet",
    "batch.begun": "the transaction is open, and nothing is in it",
    "batch.logged": "a row of the usage log is written",
    "batch.announced": "a firing's events and deliveries are written, the firing is not",
    "batch.fired": "a firing is written",
    "batch.cancelled": "an event is marked as cancelled",
    "batch.refused": "refusals of the stream are kept for their error report",
    "batch.written": "all is written, just before the commit",
    "batch.committed": "the commit is through, identifiers are not settled",
    "batch.settled": "identifiers are settled, nobody has an answer",
    "bill.rolled": "a subscription is in its next period, whose invoice there is not yet",
    "bill.drafted": "an invoice is a draft, and its subscription does not know of it",
    "bill.issued": "a threshold invoice is issued, its usage is not noted as billed",
    "bill.told": "an alert on what is billed was announced, which is noted nowhere",
    "bill.finalized": "an invoice is final, its windows are still open",
    "command.performed": "a change is made, its idempotency key has no answer yet",
    "command.kept": "the answer to an idempotency key is kept",
    "command.replayed": "a stored answer was found for an idempotency key",
    "delivery.sending": "an attempt is about to be sent",
    "delivery.sent": "an attempt was answered, which is recorded nowhere",
    "delivery.settled": "what an attempt led to is written, the attempt is not",
    "delivery.recorded": "an attempt is recorded",
    "flush.begun": "a slice of memory is about to be written",
    "flush.hours": "the slice's hours are written, its totals are not",
    "flush.tallies": "hours and totals are written, the position is not",
    "flush.committed": "the slice is committed",
    "identifiers.begun": "a file of identifiers is there and empty",
    "identifiers.filled": "a file of identifiers is full and not synced",
    "identifiers.synced": "a file of identifiers is synced, without its name",
    "identifiers.named": "a file of identifiers has its name, the folder is not synced",
    "identifiers.placed": "a file of identifiers and its folder are synced",
    "identifiers.merged": "files were merged into one and are all still there",
    "identifiers.dropped": "one of the files that were merged is deleted",
    "identifiers.swept": "at start, a file that is of no use is deleted",
    "migration.run": "the script of a migration ran, its number is not noted",
    "migration.noted": "the number of a migration is noted, just before the commit",
    "migration.done": "migrations are committed",
    "roll.reported": "refusals are in error reports and still waiting as well",
    "roll.dropped": "refusals are in error reports and nowhere else",
    "stop.drained": "at the stop, all jobs are answered and memory is not flushed",
    "stop.flushed": "at the stop, memory is flushed and nothing is closed",
}
"""Every point, and where in its work the process is then."""

_ORDER: Final = re.compile(r"([a-z.]+)(?::([1-9][0-9]{0,8}))?")


class FailpointUnknown(ValueError):
    """TRIPMETER_FAILPOINT that names no point; the text says which there are."""


class _Armed:
    """The point at which to die, and how often it must still be reached."""

    point: str | None = None
    left: int = 0


def arm(order: str | None) -> None:
    """Die at a point: `name`, or `name:n` for the n-th time that it is reached; None disarms.

    Raises FailpointUnknown.
    """
    if order is None:
        _Armed.point = None
        return
    found = _ORDER.fullmatch(order)
    if found is None or found[1] not in POINTS:
        raise FailpointUnknown(
            f"TRIPMETER_FAILPOINT must be one of these, with :n for the n-th time, not {order!r}: "
            + ", ".join(POINTS)
        )
    _Armed.point, _Armed.left = found[1], int(found[2] or 1)


def reach(point: str) -> None:
    """Say that the work has come to a point. Does not return if this process was to die there."""
    if point != _Armed.point:
        return
    _Armed.left -= 1
    if _Armed.left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
