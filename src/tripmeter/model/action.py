"""What follows when an alert is triggered: actions, the targets of messages, and each run."""

from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

import msgspec


class ActionType(StrEnum):
    """What an action does."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    WEBHOOK = "webhook"
    APPRISE = "apprise"
    """Whatever else apprise can reach; an extra."""
    REVOKE_ACCESS = "revoke_access"
    RESTORE_ACCESS = "restore_access"
    TOP_UP = "top_up"
    ISSUE_INVOICE = "issue_invoice"

    @property
    def is_message(self) -> bool:
        """Whether it goes out, after the commit; the others change what is stored, in it."""
        return self in MESSAGES


MESSAGES: Final = frozenset(
    {
        ActionType.EMAIL,
        ActionType.SLACK,
        ActionType.TEAMS,
        ActionType.DISCORD,
        ActionType.WEBHOOK,
        ActionType.APPRISE,
    }
)

CUSTOMER: Final = "customer"
"""Among the addressees of a mail: the customer concerned."""

Moment = Literal["triggered", "recovered"]
"""What of an alert an action follows."""

USAGE_LIMIT: Final = "usage_limit"
"""What a mail is about that no alert leads to: a customer has come to a warning of its own."""

NOTICE_ADDRESS: Final = "notice_address"
"""Or somebody named an address for such warnings, whose owner is to agree."""


class AlertAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is done each time that an alert is triggered, or has recovered."""

    type: ActionType
    on: Moment = "triggered"
    target: str | None = None
    """Of a message: the id of an alert target."""
    to: tuple[str, ...] = ()
    """Of a mail without a target: addresses, and `customer` for that one's."""
    template: str | None = None
    language: str | None = None
    """Of a mail; None for the reader's own."""
    meter: str | None = None
    """Of a change of access: the meter concerned; None for the alert's, or for all."""
    amount: int | None = None
    """Of a top-up: minor units."""
    currency: str | None = None
    monthly_cap: int | None = None
    """Of a top-up: minor units that a customer may get by the alert in a calendar month."""


class TargetKind(StrEnum):
    """Where messages of a target go."""

    EMAIL = "email"
    """A list of addresses."""
    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


class QuietHours(msgspec.Struct, frozen=True):
    """A part of every day in which a target is left in peace; it may span midnight."""

    start_minute: int
    """Of the day, 0 to 1439, by the clocks of the time zone."""
    end_minute: int
    time_zone: str
    """A name of the IANA database, such as Europe/Berlin."""


class AlertTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place that the operator lets messages of alerts go to."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    kind: TargetKind
    name: str
    url: str | None = None
    """It is a secret: whoever knows it can write there."""
    secret: str | None = None
    """What messages to a webhook are signed with."""
    addresses: tuple[str, ...] = ()
    quiet_hours: QuietHours | None = None
    digest: Literal["hourly"] | None = None
    deleted: bool = False


class RunState(StrEnum):
    """`pending` while something is still to be done; the others are final until resent."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Recipient(msgspec.Struct, frozen=True, omit_defaults=True):
    """One addressee of a mail, and what became of it."""

    address: str
    state: Literal["pending", "accepted", "rejected", "unsubscribed"] = "pending"
    error: str | None = None
    is_customer: bool = False


class RunAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at an action, as it happened."""

    number: int
    created_ms: int
    outcome: Literal["succeeded", "failed"]
    status: int | None = None
    """The code of an answer by HTTP or SMTP."""
    error: str | None = None
    duration_ms: int = 0


class Occasion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message tells: an alert that was triggered or has recovered, as things were then.

    Or what customers' pages lead to: see USAGE_LIMIT and NOTICE_ADDRESS.
    """

    notification: str
    alert: str
    """Empty where none leads to it."""
    title: str
    alert_type: str
    """The alert's, or one of the two above."""
    moment: Moment
    customer: str
    value: int
    """Minor units, or scaled usage."""
    limit: int
    """Minor units, or whole units."""
    level: Decimal | None = None
    """Of a limit on usage, in place of `limit`: units, which need not be whole."""
    happened_ms: int
    """The customer's time."""
    currency: str | None = None
    meter: str | None = None
    meter_name: str | None = None
    subscription: str | None = None
    period_start_ms: int = 0
    period_end_ms: int = 0
    event: str | None = None
    """Id of the event that told of it."""
    customer_name: str | None = None
    customer_email: str | None = None
    locales: tuple[str, ...] = ()
    is_late: bool = False
    address: str | None = None
    """Of one that is to be confirmed: the id of the address."""


class ActionRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action of one firing, or a mail of a customer's page. Unique per (notification, place):
    it is done once."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    alert: str
    """Empty for a mail of a customer's page."""
    notification: str
    place: int
    """Among the alert's actions, from 0."""
    customer: str
    action: AlertAction
    occasion: Occasion
    state: RunState
    due_ms: int
    """When the next attempt is due; of one that is over, when the last was."""
    lane: str
    """What must not be kept waiting by others: a target, or the alert or customer that mails."""
    first_due_ms: int
    """From when on it is retried for three days."""
    attempts: int = 0
    history: tuple[RunAttempt, ...] = ()
    """The attempts, oldest first; of very many the last ones."""
    recipients: tuple[Recipient, ...] = ()
    last_error: str | None = None
    result: str | None = None
    """The id of what it has made: a credit grant, an invoice."""
    resends: int = 0

    @property
    def type(self) -> str:
        """The action's type."""
        return self.action.type.value


class MailContent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The sources of a mail in one language; without `html`, it is made of `text`."""

    subject: str
    text: str
    html: str | None = None


class MailTemplate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mail as an operator writes it: in one or more languages."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    updated_ms: int
    name: str
    content: dict[str, MailContent]
    """By language, `en` or `de`."""
    deleted: bool = False


class Unsubscribed(msgspec.Struct, frozen=True, kw_only=True):
    """An address that wants no mails about its own usage any more."""

    account: str
    livemode: bool
    address: str
    created_ms: int
