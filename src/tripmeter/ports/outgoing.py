"""What actions on alerts ask of a store, and of those who send mail and messages."""

from typing import Protocol

from tripmeter.model.action import (
    ActionRun,
    AlertTarget,
    MailTemplate,
    Unsubscribed,
)
from tripmeter.model.alert import Alert, AlertNotification, Firing
from tripmeter.model.delivery import Answer
from tripmeter.model.mail import Mail, MailAnswer
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.ports.records import Records


class Mailer(Protocol):
    """Hands mails over, one address at a time."""

    async def send(self, mail: Mail) -> MailAnswer:
        """Send once and say what came of it. Never raises for what network and server do."""
        ...


class Notifier(Protocol):
    """Writes to services that have a library of their own: the extra `apprise`."""

    def fault(self, url: str) -> str | None:
        """What is wrong with an address and what to do, as a sentence; None if it may be stored."""
        ...

    async def notify(self, url: str, title: str, body: str) -> Answer:
        """Send once and say what came of it; status 200 if it was taken. Never raises."""
        ...


class ActionWork(Protocol):
    """The part of a unit of work that actions need."""

    def follow(self, alert: Alert, told: Firing | AlertNotification) -> None:
        """Have the actions of an alert follow what was told of it, at the end of the command or
        of the usage at hand: in the same transaction."""
        ...

    def act(self) -> None:
        """Say that a message is due now."""
        ...


class ActionRecords(Protocol):
    """Messages: where they go, what they say, and what became of each, and of other actions."""

    @property
    def alert_targets(self) -> Records[AlertTarget]: ...
    @property
    def action_runs(self) -> Records[ActionRun]: ...
    @property
    def mail_templates(self) -> Records[MailTemplate]: ...

    def due_lanes(self) -> dict[str, int]:
        """For each lane with pending runs, when the first is due."""
        ...

    def due_runs(self, lane: str, now_ms: int, limit: int) -> list[Kept[ActionRun]]:
        """Pending runs of a lane that are due, those due first in front."""
        ...

    def pending_runs(self) -> int:
        """How many runs are pending in the whole store."""
        ...

    def unsubscribed(self, scope: Scope, address: str) -> bool:
        """Whether an address wants no more mails about its usage."""
        ...

    def unsubscribe(self, wish: Unsubscribed) -> None:
        """Remember that; nothing happens if it is known."""
        ...

    def subscribe(self, scope: Scope, address: str) -> None:
        """Forget that."""
        ...
