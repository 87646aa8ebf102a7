"""What an engine and a door process say to each other, and how jobs and answers are packed for it.

Messages are pickled. That is safe here, and only here: both ends are this same program, and the
socket between them is a pair without a name, made by the engine and inherited by the process that
it starts, so nobody else can write into it.

Jobs travel as plain tuples, whose classes would cost more than what is in them, and the columns of
a large one as one text each. Of an answer only that travels which the asking side does not know.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from tripmeter.model.errors import Refusal
from tripmeter.model.scope import Scope
from tripmeter.model.usage import PayloadColumns, PayloadRows, Payloads, Reports
from tripmeter.pipeline.jobs import CancelJob, Outcome, Outcomes, UsageJob

MANY: Final = 64
"""From so many reports on, a column is put into one text."""

Sample = tuple[str, tuple[tuple[str, str], ...], float]
"""A figure of /metrics: name, labels, value."""


class Ready(NamedTuple):
    """A door process listens."""


class Asked(NamedTuple):
    """Jobs of one turn of a door process's loop, each with a number to answer to."""

    jobs: list[tuple[int, Any]]


class Answered(NamedTuple):
    """The answers of one commit, and how long a job would have to wait now."""

    wait_ms: int
    answers: list[tuple[int, Any]]


class Count(NamedTuple):
    """The engine asks what a door process has counted."""


class Samples(NamedTuple):
    """What a door process has counted since it started."""

    samples: list[Sample]


class Drain(NamedTuple):
    """A door process is to finish what is under way, and to end."""


class Failed(NamedTuple):
    """A job failed unforeseen; the engine's log says how, under this type of exception."""

    kind: str


Message = Ready | Asked | Answered | Count | Samples | Drain


class JobFailed(Exception):
    """What a door process raises for a job that failed in the engine."""


# --- jobs --------------------------------------------------------------------------------------


def pack_job(job: UsageJob | CancelJob) -> Any:
    """A job as it travels."""
    if isinstance(job, CancelJob):
        return job
    names, payloads, identifiers, moments = job.reports
    if len(identifiers) >= MANY:
        names, identifiers = _pack(names), _pack(identifiers)
    return (
        job.scope.account,
        job.scope.livemode,
        names,
        _pack_payloads(payloads),
        identifiers,
        moments,
        job.request,
        job.key,
        job.keep_refusals,
    )


def unpack_job(packed: Any) -> UsageJob | CancelJob:
    """A job that has travelled."""
    if isinstance(packed, CancelJob):
        return packed
    account, livemode, names, payloads, identifiers, moments, request, key, keep = packed
    reports = Reports(_unpack(names), _unpack_payloads(payloads), _unpack(identifiers), moments)
    return UsageJob(Scope(account, livemode), reports, request, key, keep)


class _Same(NamedTuple):
    """A column whose entries are all the same."""

    text: str
    size: int


class _Joined(NamedTuple):
    """A column in one text, with NUL between its entries."""

    text: str


def _pack(column: Sequence[str | None]) -> Any:
    """Thousands of texts as one; the column itself where that cannot be undone."""
    first = column[0]
    if first is not None and column.count(first) == len(column):
        return _Same(first, len(column))
    try:
        text = "\0".join(column)  # type: ignore[arg-type]
    except TypeError:  # not every report has an identifier
        return column
    return _Joined(text) if text.count("\0") == len(column) - 1 else column


def _unpack(packed: Any) -> Any:
    match packed:
        case _Same():
            return [packed.text] * packed.size
        case _Joined():
            return packed.text.split("\0")
        case _:
            return packed


def _pack_payloads(payloads: Payloads) -> Any:
    if not isinstance(payloads, PayloadColumns):
        return list(payloads) if isinstance(payloads, PayloadRows) else payloads
    columns, size = payloads.columns, len(payloads)
    if size < MANY:
        return dict(columns), size
    return {key: _pack(column) for key, column in columns.items()}, size


def _unpack_payloads(packed: Any) -> Payloads:
    if isinstance(packed, list):
        return PayloadRows(packed)
    columns, size = packed
    return PayloadColumns({key: _unpack(column) for key, column in columns.items()}, size)


# --- answers -----------------------------------------------------------------------------------


def pack_answer(job: Any, answer: Any, error: BaseException | None) -> Any:
    """What became of a job, as it travels."""
    if isinstance(error, Refusal):
        return error
    if error is not None:
        return Failed(type(error).__qualname__)
    if not isinstance(answer, Outcomes):
        return answer
    reports: Reports = job.reports
    names = list(answer.identifiers) if None in reports.identifiers else None
    return _first_position(answer), answer.received_ms, names, answer.exceptions


def unpack_answer(job: UsageJob | CancelJob, packed: Any) -> Any:
    """What became of a job. Raises what it was refused with, or JobFailed."""
    match packed:
        case Refusal():
            raise packed
        case Failed():
            raise JobFailed(packed.kind)
        case first, received_ms, names, exceptions if isinstance(job, UsageJob):
            return _outcomes(job.reports, first, received_ms, names, exceptions)
        case _:
            return packed


def _first_position(outcomes: Outcomes) -> int:
    """Where in the log what was counted begins; it stands there in one row."""
    exceptions = outcomes.exceptions
    counted = (at for at in range(len(outcomes)) if at not in exceptions)
    return next((int(outcomes.positions[at]) for at in counted), 0)


def _outcomes(
    reports: Reports,
    first: int,
    received_ms: int,
    names: Sequence[str] | None,
    exceptions: Mapping[int, Outcome],
) -> Outcomes:
    """The outcomes in full: reports without a time of their own happened when they came."""
    identifiers: Any = reports.identifiers if names is None else names
    size = len(identifiers)
    moments = reports.timestamps_ms or [None] * size
    told = [received_ms if moment is None else moment for moment in moments]
    if size == 1:
        return Outcomes((first,), identifiers, told, received_ms, exceptions)
    counts = np.ones(size, dtype=np.int64)
    counts[list(exceptions)] = 0
    positions = np.cumsum(counts) - 1 + first
    return Outcomes(positions, identifiers, told, received_ms, exceptions)
