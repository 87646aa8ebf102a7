"""What is due at a time: the ends of periods and trials, drafts to finalize, credits to expire."""

from enum import StrEnum
from typing import NamedTuple

from tripmeter.model.scope import Scope


class Task(StrEnum):
    """What is to be done when its time has come."""

    PERIOD_END = "period_end"
    """A subscription's period ends."""
    TRIAL_END = "trial_end"
    TRIAL_WILL_END = "trial_will_end"
    CANCEL = "cancel"
    """A subscription ends at a time of its own."""
    RESUME_COLLECTION = "resume_collection"
    """A subscription's invoices are collected again."""
    FINALIZE = "finalize"
    """A draft becomes an open invoice."""
    OVERDUE = "overdue"
    """An open invoice should have been paid."""
    RETRY_THRESHOLD = "retry_threshold"
    """A threshold invoice that the rate rule held back may be issued."""
    CREDIT_EXPIRES = "credit_expires"
    ACCESS_RESETS = "access_resets"
    """The month in which a limit on usage was reached is over."""


class Due(NamedTuple):
    """One entry of the agenda. There is at most one of a task for a subject."""

    scope: Scope
    task: Task
    subject: str
    """The id of what it is about: a subscription, an invoice, a grant."""
    due_ms: int
    clock: str | None = None
    """The test clock that decides when it is due; None for the time of the world."""
