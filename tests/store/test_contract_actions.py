"""What every store guarantees of actions on alerts: lanes, uniqueness, who wants no mails."""

import pytest

from support import samples
from support.samples import LIVE, STRANGER, TEST
from tripmeter.model.action import RunState, Unsubscribed
from tripmeter.ports import Session


def test_an_action_of_a_firing_runs_once(session: Session, conflict: type[Exception]) -> None:
    first = samples.action_run("alrun_1", notification="alrtn_1")
    session.action_runs.insert(first)
    with pytest.raises(conflict), session.savepoint():
        session.action_runs.insert(samples.action_run("alrun_2", notification="alrtn_1"))
    session.action_runs.insert(samples.action_run("alrun_3", notification="alrtn_1", place=1))
    session.action_runs.insert(samples.action_run("alrun_4", LIVE, notification="alrtn_1"))


def test_lanes_are_those_with_pending_runs_and_give_what_is_due_first(session: Session) -> None:
    for id_, lane, due_ms in (("a", "one", 30), ("b", "one", 10), ("c", "two", 20)):
        session.action_runs.insert(samples.action_run(id_, lane=lane, due_ms=due_ms))
    over = samples.action_run("d", STRANGER, lane="one", due_ms=5, state=RunState.FAILED)
    session.action_runs.insert(over)
    assert session.due_lanes() == {"one": 10, "two": 20}
    assert [run.value.id for run in session.due_runs("one", 30, 5)] == ["b", "a"]
    assert [run.value.id for run in session.due_runs("one", 29, 5)] == ["b"]
    assert [run.value.id for run in session.due_runs("one", 30, 1)] == ["b"]
    assert session.pending_runs() == 3


def test_runs_are_listed_by_alert_customer_type_and_state(session: Session) -> None:
    session.action_runs.insert(samples.action_run("a"))
    session.action_runs.insert(samples.action_run("b", customer="cus_2"))
    session.action_runs.insert(samples.action_run("c", alert="alrt_2", state=RunState.FAILED))

    def ids(**filters: str) -> list[str]:
        return [run.value.id for run in session.action_runs.every(TEST, **filters)]

    assert ids(alert="alrt_1") == ["b", "a"]
    assert ids(customer="cus_1") == ["c", "a"]
    assert ids(alert="alrt_1", customer="cus_1", type="email") == ["a"]
    assert ids(state="failed") == ["c"]


def test_who_wants_no_mails_is_known_in_the_scope(session: Session) -> None:
    wish = Unsubscribed(
        account=TEST.account, livemode=TEST.livemode, address="a@example.com", created_ms=1
    )
    session.unsubscribe(wish)
    session.unsubscribe(wish)
    assert session.unsubscribed(TEST, "a@example.com")
    assert not session.unsubscribed(LIVE, "a@example.com")
    assert not session.unsubscribed(TEST, "b@example.com")
    session.subscribe(TEST, "a@example.com")
    assert not session.unsubscribed(TEST, "a@example.com")
