"""Counts the usage of one commit: the reports of all its requests together.

Checks them, sifts out what was seen before, logs the rest, advances the tallies, fires alerts, and
says what became of each report.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, cast

import numpy as np

from tripmeter.failpoints import reach
from tripmeter.model.digests import Digests
from tripmeter.model.errors import IdempotencyMismatch, Refusal
from tripmeter.model.ids import new_secret
from tripmeter.model.pulse import Counts
from tripmeter.model.scope import Scope
from tripmeter.model.usage import RefusalCode, Request, UsageEntry, UsageEvent, UsageRefused
from tripmeter.pipeline.access import make_ready
from tripmeter.pipeline.counting import Events, Indexes
from tripmeter.pipeline.intake import Intake, take_in
from tripmeter.pipeline.jobs import Counted, Outcome, Outcomes, UsageJob
from tripmeter.pipeline.log import Brought, LogBuilder, Logged
from tripmeter.pipeline.state import State
from tripmeter.pipeline.tallies import Tally
from tripmeter.pipeline.tally import count
from tripmeter.pipeline.watch import Fire, watch

SAMPLES_KEPT: Final = 5
"""Sample errors kept per kind of refusal."""


class Bill(Protocol):
    """What billing does about events that are counted one by one."""

    def before(self, tally: Tally, event: UsageEvent) -> None:
        """Begin the periods that an event shows to have begun."""
        ...

    def look(self, tally: Tally, event: UsageEvent) -> None:
        """Evaluate the billing thresholds that an event may have reached, now that it counts."""
        ...

    def close(self) -> None:
        """All events of the batch are counted."""
        ...


Recall = Callable[[int], Brought]
"""What the request brought that the event at a position came with."""

Answer = Outcomes | Refusal
"""What became of a request's reports; a Refusal if the request as a whole was refused."""

Guard = Callable[[Tally], None]
"""Ends or restores access where usage has come to a limit."""


class Sifted(NamedTuple):
    """Which of the acceptable reports are new, and what the others repeat."""

    new: Indexes
    known: dict[int, int]
    """Of reports whose identifier was counted before: the position of that event."""
    within: dict[int, int]
    """Of reports that repeat one of the same batch: the index of that one."""


class UsageBatch:
    """Counts the reports of some requests. Call `run` once."""

    def __init__(
        self,
        state: State,
        log: LogBuilder,
        now_ms: int,
        jobs: Sequence[UsageJob],
    ) -> None:
        self._state = state
        self._log = log
        self._now_ms = now_ms
        self._jobs = jobs
        self._scopes = {job.scope for job in jobs}
        self._sizes = np.array([len(job.reports.identifiers) for job in jobs], dtype=np.int64)
        self._names = [name for job in jobs for name in _names(job)]
        self._before = log.position
        self.counted = 0
        self.refused: Counter[RefusalCode] = Counter()
        self._counted_of: Counter[Scope] = Counter()
        self._refused_of: Counter[Scope] = Counter()

    @property
    def counts(self) -> dict[Scope, Counts]:
        """What was counted and refused, by account and mode."""
        counted, refused = self._counted_of, self._refused_of
        return {scope: Counts(counted[scope], refused[scope]) for scope in {*counted, *refused}}

    def run(self, fire: Fire, guard: Guard, bill: Bill, recall: Recall) -> list[Answer]:
        """Log and count what is new; say what became of each request's reports."""
        state = self._state
        intake = take_in(state.catalogue, state.tallies, self._jobs, self._now_ms)
        digests = self._digests()
        sifted = sift(state, intake, digests)
        if len(sifted.new):
            self._count(intake, digests, sifted.new, fire, guard, bill)
        return self._answers(intake, sifted, recall)

    def _digests(self) -> Digests:
        identity = self._state.identity
        scopes = [job.scope for job in self._jobs]
        if len(self._scopes) == 1:
            return identity.digests(identity.origin(scopes[0]), self._names)
        origins = np.array([identity.origin(scope) for scope in scopes])
        return identity.digests(np.repeat(origins, self._sizes, axis=0), self._names)

    def _count(
        self,
        intake: Intake,
        digests: Digests,
        new: Indexes,
        fire: Fire,
        guard: Guard,
        bill: Bill,
    ) -> None:
        self.counted = len(new)
        positions = np.arange(1, len(new) + 1, dtype=np.int64) + self._before
        events = Events(
            intake.rows[new], intake.moments_ms[new], intake.quantities.pick(new), positions
        )
        self._write(intake, events, new, digests)
        if self._state.catalogue.limited:
            make_ready(self._state, events.rows, self._now_ms)
        for index in self._state.add(events, self._before).tolist():
            tally = Tally(self._state.tallies, int(events.rows[index]))
            event = events.event(tally, index, self._names[new[index]])
            bill.before(tally, event)
            count(tally, event)
            watch(tally, event, fire)
            if tally.meter.limited:
                guard(tally)
            bill.look(tally, event)
        bill.close()

    def _write(self, intake: Intake, events: Events, new: Indexes, digests: Digests) -> None:
        """Put the new events into the log, and remember their identifiers and requests."""
        job_of = np.repeat(np.arange(len(self._jobs)), self._sizes)
        counted = np.bincount(job_of[new], minlength=len(self._jobs)).tolist()
        own = [(job, size) for job, size in zip(self._jobs, counted, strict=True) if size]
        scopes = [job.scope for job, _ in own]
        self._note_scopes(own)
        requests = self._state.with_earlier(
            [Request(job.request, size, len(job.reports.identifiers)) for job, size in own],
            scopes,
            self._before + 1,
        )
        chosen = new.tolist()
        extras = intake.extras
        entry = UsageEntry(
            requests,
            self._state.tallies.meter_no[events.rows].astype("<i4").tobytes(),
            self._state.tallies.customer_no[events.rows].astype("<i8").tobytes(),
            events.moments_ms.astype("<i8").tobytes(),
            [intake.texts[index] for index in chosen],
            [self._names[index] for index in chosen],
            {at: extras[index] for at, index in enumerate(chosen) if index in extras}
            if extras
            else {},
        )
        self._log.append(entry)
        keys = digests if len(new) == len(self._names) else digests.pick(new)
        self._state.remember(keys, events.positions, requests, scopes, self._now_ms)

    def _note_scopes(self, counted: Sequence[tuple[UsageJob, int]]) -> None:
        """Whose events were counted; most commits are of one account and mode."""
        if len(self._scopes) == 1:
            self._counted_of[self._jobs[0].scope] += self.counted
            return
        for job, size in counted:
            self._counted_of[job.scope] += size

    def _answers(self, intake: Intake, sifted: Sifted, recall: Recall) -> list[Answer]:
        known = dict(sifted.known)
        for index, first in sifted.within.items():
            known[index] = self._before + 1 + int(np.searchsorted(sifted.new, first))
        positions = np.zeros(len(self._names), dtype=np.int64)
        positions[sifted.new] = np.arange(1, len(sifted.new) + 1) + self._before
        odd = sorted([*intake.refused, *known])
        answers: list[Answer] = []
        begin = at = 0
        for job, size in zip(self._jobs, self._sizes.tolist(), strict=True):
            end, past = begin + size, bisect_left(odd, begin + size, at)
            exceptions: dict[int, Outcome] | IdempotencyMismatch = {}
            if past > at:
                exceptions = self._exceptions(job, begin, odd[at:past], intake, known, recall)
            if isinstance(exceptions, IdempotencyMismatch):
                answers.append(exceptions)
            else:
                names, moments = self._names[begin:end], intake.moments_ms[begin:end]
                answers.append(
                    Outcomes(positions[begin:end], names, moments, self._now_ms, exceptions)
                )
            begin, at = end, past
        return answers

    def _exceptions(
        self,
        job: UsageJob,
        begin: int,
        odd: Sequence[int],
        intake: Intake,
        known: Mapping[int, int],
        recall: Recall,
    ) -> dict[int, Outcome] | IdempotencyMismatch:
        """What became of the reports of a job that were refused, or counted before."""
        repeats = _Repeats(self._state, job, recall)
        exceptions: dict[int, Outcome] = {}
        meters = self._state.tallies.meter_no[intake.rows[odd]].tolist()
        try:
            for index, meter_no in zip(odd, meters, strict=True):
                outcome: Outcome
                if index not in known:
                    outcome = intake.refused[index]
                elif (logged := repeats.find(self._names[index], known[index])) is None:
                    outcome = _duplicate(self._names[index], meter_no)
                else:
                    reported = self._reported(intake, index)
                    outcome = repeats.outcome(index - begin, logged, reported)
                exceptions[index - begin] = outcome
        except IdempotencyMismatch as mismatch:
            return mismatch
        self._note(job, exceptions)
        return exceptions

    def _reported(self, intake: Intake, index: int) -> UsageEvent:
        """What a report says, as if it were an event."""
        tally = Tally(self._state.tallies, int(intake.rows[index]))
        return UsageEvent(
            0,
            tally.meter.no,
            tally.customer_no,
            int(intake.moments_ms[index]),
            intake.quantities.at(index),
            self._names[index],
            intake.extras.get(index),
        )

    def _note(self, job: UsageJob, exceptions: Mapping[int, Outcome]) -> None:
        """Count refusals; those of the stream wait in the store for their error report (C10)."""
        kinds: dict[tuple[int | None, RefusalCode], list[tuple[str, str]]] = {}
        duplicates = 0
        for index, outcome in exceptions.items():
            if not isinstance(outcome, UsageRefused):
                continue
            if outcome.code is RefusalCode.DUPLICATE:
                duplicates += 1
                continue
            self.refused[outcome.code] += 1
            self._refused_of[job.scope] += 1
            if job.keep_refusals:
                sample = (job.reports.identifiers[index] or "", outcome.message)
                kinds.setdefault((outcome.meter_no, outcome.code), []).append(sample)
        if duplicates:
            self.refused[RefusalCode.DUPLICATE] += duplicates
        for (meter_no, code), samples in kinds.items():
            self._state.session.usage.add_refusal(
                job.scope, meter_no, code, self._now_ms, samples[:SAMPLES_KEPT], len(samples)
            )
            reach("batch.refused")


def sift(state: State, intake: Intake, digests: Digests) -> Sifted:
    """Tell acceptable reports that are new from those whose identifier was counted in 24 h."""
    sound = np.flatnonzero(intake.rows >= 0)
    keys = digests if len(sound) == len(intake.rows) else digests.pick(sound)
    found = state.known(keys)
    seen = np.flatnonzero(found >= 0)
    known = dict(zip(sound[seen].tolist(), found[seen].tolist(), strict=True))
    within = {int(sound[at]): int(sound[first]) for at, first in _repeated(keys) if found[at] < 0}
    if not known and not within:
        return Sifted(sound, known, within)
    is_new = np.zeros(len(intake.rows), dtype=np.bool_)
    is_new[sound] = True
    is_new[[*known, *within]] = False
    return Sifted(np.flatnonzero(is_new), known, within)


def _repeated(keys: Digests) -> Iterator[tuple[int, int]]:
    """Which keys stand in the batch before, and where for the first time."""
    ordered = np.sort(keys.high)
    if not (ordered[1:] == ordered[:-1]).any():
        return
    firsts: dict[tuple[int, int], int] = {}
    for at, key in enumerate(zip(keys.high.tolist(), keys.low.tolist(), strict=True)):
        first = firsts.setdefault(key, at)
        if first != at:
            yield at, first


class _Repeats:
    """The reports of one request whose identifiers were counted before."""

    def __init__(self, state: State, job: UsageJob, recall: Recall) -> None:
        self._state = state
        self._job = job
        self._recall = recall
        self._logged: dict[str, Logged] | None = None

    def find(self, identifier: str, position: int) -> Logged | None:
        """The event that the same request brought before under this identifier, which stands at a
        position; None if another one did."""
        if self._logged is None:
            self._logged = self._of_this_request(position)
        return self._logged.get(identifier)

    def outcome(self, index: int, logged: Logged, reported: UsageEvent) -> Outcome:
        """A retry that says the same is answered as before; anything else is a duplicate."""
        event, moments = logged.event, self._job.reports.timestamps_ms
        told = event.timestamp_ms if moments is None or moments[index] is None else moments[index]
        if reported._replace(position=event.position, timestamp_ms=told or 0) == event:
            return Counted(
                event.position,
                event.identifier,
                event.timestamp_ms,
                logged.received_ms,
                replayed=True,
            )
        if len(self._job.reports.identifiers) == 1:
            raise IdempotencyMismatch(self._job.key)
        return _duplicate(reported.identifier, reported.meter_no)

    def _of_this_request(self, position: int) -> dict[str, Logged]:
        """What was counted of the same request before, by identifier."""
        logged: dict[str, Logged] = {}
        at = self._position(position)
        while at:
            brought = self._recall(at)
            for name, one in brought.events.items():
                if one.request == self._job.request:
                    logged.setdefault(name, one)
            at = brought.earlier
        return logged

    def _position(self, repeated: int) -> int:
        """The position of an event that the same request brought; 0 if there is none.

        Requests of several reports are remembered by digests of their own, so that a storm of
        duplicates does not have the log read for each of them.
        """
        if self._job.request is None:
            return 0
        if len(self._job.reports.identifiers) == 1:
            return repeated
        return self._state.positions_of_requests([(self._job.scope, self._job.request)])[0]


def _names(job: UsageJob) -> Sequence[str]:
    """The identifiers of a job's reports; one that came without gets one.

    It derives from the request, so that a retry finds it.
    """
    given = job.reports.identifiers
    if None not in given:
        return cast(Sequence[str], given)
    if job.request is None:
        return [name or new_secret("idmp_") for name in given]
    return [name or f"idmp_{job.request}_{index}" for index, name in enumerate(given)]


def _duplicate(identifier: str, meter_no: int) -> UsageRefused:
    message = f"An event already exists with identifier {identifier}."
    return UsageRefused(RefusalCode.DUPLICATE, message, "identifier", meter_no)
