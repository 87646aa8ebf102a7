"""What travels between an engine and its door processes arrives as it was sent."""

import dataclasses
import pickle
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.fleet.messages import (
    MANY,
    JobFailed,
    pack_answer,
    pack_job,
    unpack_answer,
    unpack_job,
)
from tripmeter.model import errors
from tripmeter.model.errors import Overloaded, ParameterInvalid, Refusal, UsageNotAccepted
from tripmeter.model.scope import Scope
from tripmeter.model.usage import (
    PayloadColumns,
    RefusalCode,
    Reports,
    UsageRefused,
    UsageReport,
    as_reports,
)
from tripmeter.pipeline.jobs import CancelJob, Counted, Outcome, Outcomes, UsageJob

SCOPE = Scope("acct_1", False)
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
]
texts = st.text(max_size=5)


def travelled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_keeps_all_its_facts(kind: type[Refusal]) -> None:
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    refusal = kind(**{name: f"fact {name}" for name in names})
    arrived = travelled(refusal)
    assert type(arrived) is kind
    assert vars(arrived) == vars(refusal)
    assert len(names) == len(vars(arrived))


def repeated(entries: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[list[Any]]:
    """So many entries, of which few are drawn: many take long."""
    drawn = st.lists(entries, min_size=1, max_size=4)
    return drawn.map(lambda few: [few[at % len(few)] for at in range(size)])


def rows(size: int) -> st.SearchStrategy[Reports]:
    report = st.builds(
        UsageReport,
        texts,
        st.dictionaries(texts, texts, max_size=3),
        st.none() | texts,
        st.none() | st.integers(0, 10**13),
    )
    return repeated(report, size).map(as_reports)


def columns(size: int) -> st.SearchStrategy[Reports]:
    def column(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        same = entries.map(lambda entry: [entry] * size)
        return same | repeated(entries, size)

    payload = st.dictionaries(texts, column(texts), min_size=1, max_size=2)
    return st.builds(
        Reports,
        column(texts),
        payload.map(lambda given: PayloadColumns(given, size)),
        column(texts) | column(st.none() | texts),
        st.none() | column(st.none() | st.integers(0, 10**13)),
    )


sizes = st.sampled_from([1, 2, MANY - 1, MANY, MANY + 7])
reports = sizes.flatmap(lambda size: rows(size) | columns(size))


@given(st.builds(UsageJob, st.just(SCOPE), reports, st.none() | texts, texts, st.booleans()))
def test_a_job_arrives_as_it_was_asked(job: UsageJob) -> None:
    arrived = unpack_job(travelled(pack_job(job)))
    assert isinstance(arrived, UsageJob)
    assert arrived._replace(reports=job.reports) == job
    size = len(job.reports.identifiers)
    assert len(arrived.reports.identifiers) == size
    told = [arrived.reports.report(index) for index in range(size)]
    assert told == [job.reports.report(index) for index in range(size)]


def test_a_cancellation_arrives_as_it_was_asked() -> None:
    job = CancelJob(SCOPE, "tokens", "evt_1")
    assert unpack_job(travelled(pack_job(job))) == job


@given(reports, st.data())
def test_outcomes_arrive_as_they_were_given(asked: Reports, data: st.DataObject) -> None:
    """As the writer gives them: names where there were none, positions one after the other."""
    job = UsageJob(SCOPE, asked)
    size = len(asked.identifiers)
    refused = UsageRefused(RefusalCode.DUPLICATE, "twice", "identifier", 1)
    replayed = Counted(3, "evt", 4, 5, replayed=True)
    odd = data.draw(st.sets(st.integers(0, size - 1)))
    exceptions: dict[int, Outcome] = {
        at: refused if data.draw(st.booleans()) else replayed for at in sorted(odd)
    }
    is_new = np.array([at not in exceptions for at in range(size)])
    names = [
        name if name is not None else f"made_{at}" for at, name in enumerate(asked.identifiers)
    ]
    moments = [99 if at is None else at for at in asked.timestamps_ms or [None] * size]
    given = Outcomes(
        np.where(is_new, np.cumsum(is_new) + 41, 0), names, np.array(moments), 99, exceptions
    )
    arrived = unpack_answer(job, travelled(pack_answer(job, given, None)))
    assert list(arrived) == list(given)
    assert arrived.exceptions == exceptions


def test_the_answer_to_ten_thousand_is_small() -> None:
    size = 10_000
    asked = Reports(["a"] * size, PayloadColumns({}, size), [f"id_{n}" for n in range(size)], None)
    job = UsageJob(SCOPE, asked)
    given = Outcomes(np.arange(size) + 1, asked.identifiers, np.full(size, 9), 9, {})  # type: ignore[arg-type]
    assert len(pickle.dumps(pack_answer(job, given, None))) < 100
    assert len(pickle.dumps(pack_job(job))) < 150_000


@pytest.mark.parametrize(
    "refusal",
    [
        Overloaded("full", 7),
        ParameterInvalid("value", message="no", code="x"),
        UsageNotAccepted(UsageRefused(RefusalCode.TOO_OLD, "old")),
    ],
)
def test_what_a_job_was_refused_with_is_raised(refusal: Refusal) -> None:
    packed = travelled(pack_answer(None, None, refusal))
    with pytest.raises(type(refusal)) as raised:
        unpack_answer(CancelJob(SCOPE, "a", "b"), packed)
    assert vars(raised.value) == vars(refusal)


def test_a_failure_says_no_more_than_its_kind() -> None:
    packed = travelled(pack_answer(None, None, ValueError("a secret")))
    with pytest.raises(JobFailed, match=r"^ValueError$"):
        unpack_answer(CancelJob(SCOPE, "a", "b"), packed)


def test_every_refusal_is_covered() -> None:
    assert len(KINDS) > 20
    assert not get_args(KINDS)
