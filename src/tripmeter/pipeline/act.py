"""ACT: what follows an alert, in the transaction that triggered it.

Runs of messages are written, to be sent after the commit (`send.py`). What changes something is
done, at the end of the usage or the command at hand: until then, whoever told of the alert is in
the midst of its own change. A change that is refused leaves a failed run, and the firing stands.
"""

from typing import Final, NamedTuple

import structlog
from msgspec import structs

from tripmeter.billing.acting import do
from tripmeter.control.actions import GONE, NOBODY, occasion_of, resend, runs_of
from tripmeter.failpoints import reach
from tripmeter.model.action import ActionRun, ActionType, RunAttempt, RunState
from tripmeter.model.alert import Alert, AlertNotification, Firing
from tripmeter.model.errors import Refusal, StoreUnavailable
from tripmeter.model.scope import Caller, Scope
from tripmeter.ports import Work
from tripmeter.wire.errors import render

ROUNDS_LIMIT: Final = 1_000
"""Firings followed in one go. An action may trigger an alert, whose action may trigger another."""

HISTORY_LIMIT: Final = 50
"""Attempts that a run remembers."""

log = structlog.get_logger()


class Followed(NamedTuple):
    """An alert, and what was told of it."""

    alert: Alert
    told: Firing | AlertNotification


class Follower:
    """What is to follow in one unit of work."""

    def __init__(self) -> None:
        self.waiting: list[Followed] = []
        self.is_message_due = False
        """Whether there is a message to be sent after the commit."""

    def follow(self, work: Work) -> None:
        """Do all that waits, and what that leads to."""
        for _ in range(ROUNDS_LIMIT):
            if not self.waiting:
                return
            self._follow_one(work, self.waiting.pop(0))
        log.error("too_many_actions", left=len(self.waiting))
        self.waiting.clear()

    def _follow_one(self, work: Work, followed: Followed) -> None:
        occasion = occasion_of(work.session, followed.alert, followed.told)
        for run in runs_of(work, followed.alert, occasion):
            if run.action.type.is_message:
                work.session.action_runs.insert(_sendable(work, run))
                self.is_message_due = True
            else:
                work.session.action_runs.insert(done(work, run))
            reach("action.written")


def done(work: Work, run: ActionRun) -> ActionRun:
    """The run, once its change is made, or was refused: in which case nothing has changed."""
    caller = Caller(Scope.of(run))
    result, error = None, None
    try:
        with work.all_or_nothing():
            result = do(work, run, caller)
            reach("action.done")
    except StoreUnavailable:
        raise
    except Refusal as refusal:
        error = str(render(refusal, version=1)[1]["error"]["message"])
    except Exception:
        log.exception("action_failed", run=run.id, type=run.action.type.value)
        error = "It failed for a reason of our own; the log of the server has the details."
    return attempted(run, work.now_ms, error, result)


def attempted(
    run: ActionRun, now_ms: int, error: str | None, result: str | None = None
) -> ActionRun:
    """A run after an attempt that was its last."""
    number = run.attempts + 1
    attempt = RunAttempt(
        number=number,
        created_ms=now_ms,
        outcome="succeeded" if error is None else "failed",
        error=error,
    )
    return structs.replace(
        run,
        state=RunState.SUCCEEDED if error is None else RunState.FAILED,
        attempts=number,
        history=(*run.history, attempt)[-HISTORY_LIMIT:],
        last_error=error,
        result=result,
    )


def _sendable(work: Work, run: ActionRun) -> ActionRun:
    """A message as it waits, or failed if there is nobody whom it could go to."""
    error = None
    if run.action.target is not None:
        scope = Scope.of(run)
        gone = work.session.alert_targets.get(scope, run.action.target).value.deleted
        error = GONE if gone else None
    elif run.action.type is ActionType.EMAIL and not run.recipients:
        error = NOBODY
    return run if error is None else attempted(run, work.now_ms, error)


def again(work: Work, caller: Caller, id: str) -> ActionRun:
    """Do a change again that had failed, or have a message sent again."""
    no, run = resend(work, caller, id)
    if run.action.type.is_message:
        run = _sendable(work, run)
        work.act()
    else:
        run = done(work, run)
    work.session.action_runs.replace(no, run)
    return run
