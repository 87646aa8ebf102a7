"""Does what is due: the one place that knows which move belongs to which task.

A task is taken off the agenda and done in one transaction; what it leads to may put it there again.
"""

from collections.abc import Callable
from typing import Final

from tripmeter.billing.alerts import watch_new_period
from tripmeter.billing.contract import contract
from tripmeter.billing.invoices import finalize, overdue
from tripmeter.billing.pausing import resume_collection
from tripmeter.billing.periods import end, roll
from tripmeter.billing.subscriptions import OVER, tell
from tripmeter.control.access_changes import reset
from tripmeter.control.credits import expire_grant
from tripmeter.model.agenda import Due, Task
from tripmeter.model.invoice import InvoiceStatus
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status
from tripmeter.ports import Work

AT_ONCE: Final = 200
"""Tasks done in one transaction: usage waits no longer than that."""


def do_what_is_due(work: Work, limit: int = AT_ONCE) -> int:
    """Do what is due in the world, the earliest first; gives how much that was.

    What a task leads to may be due before the next one: an invoice is final before a later period
    takes what is left of a credit.
    """
    for done in range(limit):
        due = work.session.agenda.due(work.now_ms, 1)
        if not due:
            return done
        perform(work, due[0], work.now_ms)
    return limit


def perform(work: Work, due: Due, now_ms: int) -> None:
    """Do one task, whose time has come by `now_ms`."""
    work.session.agenda.drop(due.scope, due.task, due.subject)
    _MOVES[due.task](work, Caller(due.scope), due, now_ms)


def _period_end(work: Work, caller: Caller, due: Due, now_ms: int) -> None:
    roll(work, caller, due.subject, now_ms)
    watch_new_period(work, caller, due.subject)


def _cancel(work: Work, caller: Caller, due: Due, _: int) -> None:
    agreed = contract(work.session, caller.scope, due.subject)
    if agreed.subscription.status not in OVER:
        prorates = agreed.subscription.details.get("cancel_prorates", True)
        end(work, caller, agreed, due.due_ms, prorates=bool(prorates))


def _trial_will_end(work: Work, caller: Caller, due: Due, _: int) -> None:
    agreed = contract(work.session, caller.scope, due.subject)
    if agreed.subscription.status is Status.TRIALING:
        tell(work, caller, "trial_will_end", agreed)


def _resume_collection(work: Work, caller: Caller, due: Due, _: int) -> None:
    resume_collection(work, caller, due.subject)


def _finalize(work: Work, caller: Caller, due: Due, _: int) -> None:
    kept = work.session.invoices.get(caller.scope, due.subject)
    if kept.value.status is InvoiceStatus.DRAFT and not kept.value.deleted:
        finalize(work, caller, kept)


def _overdue(work: Work, caller: Caller, due: Due, _: int) -> None:
    overdue(work, caller, work.session.invoices.get(caller.scope, due.subject))


def _retry_threshold(work: Work, caller: Caller, due: Due, _: int) -> None:
    work.evaluate_thresholds(caller, due.subject)


def _credit_expires(work: Work, caller: Caller, due: Due, _: int) -> None:
    expire_grant(work, work.session.credit_grants.get(caller.scope, due.subject).value)


def _access_resets(work: Work, caller: Caller, due: Due, _: int) -> None:
    reset(work, caller, due.subject)


_MOVES: Final[dict[Task, Callable[[Work, Caller, Due, int], None]]] = {
    Task.PERIOD_END: _period_end,
    Task.CANCEL: _cancel,
    Task.TRIAL_WILL_END: _trial_will_end,
    Task.RESUME_COLLECTION: _resume_collection,
    Task.FINALIZE: _finalize,
    Task.OVERDUE: _overdue,
    Task.RETRY_THRESHOLD: _retry_threshold,
    Task.CREDIT_EXPIRES: _credit_expires,
    Task.ACCESS_RESETS: _access_resets,
}
