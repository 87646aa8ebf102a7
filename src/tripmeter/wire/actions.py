"""Actions on alerts, the targets of their messages, their runs and templates, as objects of ours.

They are named as Stripe could have named them. What is a secret is shown redacted.
"""

from typing import Any, Final, Literal, NotRequired, TypedDict
from urllib.parse import urlsplit

from tripmeter.model.action import (
    ActionRun,
    AlertAction,
    AlertTarget,
    MailTemplate,
    Recipient,
    RunAttempt,
    RunState,
)
from tripmeter.wire.params import Boolean, Enum, Integer, ListOf, Object, String
from tripmeter.wire.times import unix, unix_or_none

_SHOWN: Final = 4
"""Characters of a secret address that are shown: so many of its end."""


class QuietHoursShape(TypedDict):
    """A part of every day in which nothing is sent."""

    start: str
    end: str
    time_zone: str


class AlertTargetObject(TypedDict):
    """A place that messages of alerts may go to."""

    id: str
    object: Literal["billing.alert_target"]
    addresses: list[str]
    created: int
    digest: Literal["hourly"] | None
    kind: str
    livemode: bool
    name: str
    quiet_hours: QuietHoursShape | None
    url: str | None
    secret: NotRequired[str]


class RecipientShape(TypedDict):
    """One addressee of a mail."""

    address: str
    status: str
    error: str | None


class RunAttemptShape(TypedDict):
    """One attempt at an action."""

    number: int
    created: int
    outcome: Literal["succeeded", "failed"]
    status: int | None
    error: str | None
    duration_ms: int


class ActionRunObject(TypedDict):
    """One action of one firing of an alert, or a mail of a customer's page, and what became of
    it."""

    id: str
    object: Literal["billing.alert_action_run"]
    about: str
    action: dict[str, Any]
    action_index: int
    alert: str | None
    attempt_count: int
    attempts: list[RunAttemptShape]
    created: int
    customer: str
    last_error: str | None
    livemode: bool
    moment: Literal["triggered", "recovered"]
    next_attempt: int | None
    notification: str
    recipients: list[RecipientShape]
    result: str | None
    status: Literal["pending", "succeeded", "failed"]
    type: str


class MailContentShape(TypedDict):
    """The sources of a mail in one language."""

    subject: str
    text: str
    html: str | None


class MailTemplateObject(TypedDict):
    """A mail as its operator has written it."""

    id: str
    object: Literal["billing.mail_template"]
    content: dict[str, MailContentShape]
    created: int
    livemode: bool
    name: str
    updated: int


class MailPreviewObject(TypedDict):
    """A mail as it would be sent."""

    object: Literal["billing.mail_preview"]
    html: str
    language: str
    subject: str
    text: str


ACTIONS: Final = ListOf(
    Object(
        {
            "type": Enum(
                "email", "slack", "teams", "discord", "webhook", "apprise",
                "revoke_access", "restore_access", "top_up", "issue_invoice",
                required=True,
            ),
            "on": Enum(
                "triggered", "recovered", description="What it follows; triggered unless given."
            ),
            "to": ListOf(
                String(max_length=254),
                max_items=20,
                description="Of a mail: addresses, and `customer` for the customer's own.",
            ),
            "target": String(description="Of a message: the id of an alert target of its kind."),
            "template": String(description="Of a mail: a template; a built-in one unless given."),
            "language": Enum("en", "de", description="Of a mail; the reader's unless given."),
            "meter": String(description="Of a change of access: a meter; the alert's if absent."),
            "amount": Integer(minimum=1, maximum=99_999_999, description="In minor units."),
            "currency": String(max_length=3),
            "monthly_cap": Integer(
                minimum=1,
                maximum=10**12,
                description="The most that a customer gets by the alert in a calendar month.",
            ),
        }
    ),
    max_items=10,
    blank="unset",
    description="What is done each time that the alert is triggered (extension).",
)  # fmt: skip
"""The parameter `actions` of an alert."""

TARGET: Final = {
    "kind": Enum("email", "slack", "teams", "discord", "webhook", "apprise", required=True),
    "name": String(required=True, max_length=100),
    "url": String(max_length=2048, description="A secret; shown redacted."),
    "addresses": ListOf(String(max_length=254), max_items=20),
    "quiet_hours": Object(
        {
            "start": String(required=True, max_length=5, description="Such as 22:00."),
            "end": String(required=True, max_length=5, description="Such as 07:30."),
            "time_zone": String(required=True, max_length=64),
        },
        description="Messages wait until they are over.",
    ),
    "digest": Enum("hourly", description="One message an hour at most, with all there is."),
}
"""The parameters of an alert target."""

_CONTENT: Final = Object(
    {
        "subject": String(required=True, max_length=500),
        "text": String(required=True, max_length=50_000),
        "html": String(max_length=200_000),
    }
)

CONTENT: Final = Object({"en": _CONTENT, "de": _CONTENT})
"""The sources of a template by language."""

CONTENT_OF_NEW: Final = Object(CONTENT.fields, required=True)

PREVIEW: Final = {
    "alert": String(
        description="The alert that the mail is about, with `customer`; else an example."
    ),
    "customer": String(description="The customer concerned, with `alert`."),
    "language": Enum("en", "de"),
    "audience": Enum("customer", "team"),
    "recovered": Boolean(),
}
"""The parameters of a preview."""


def action_object(action: AlertAction) -> dict[str, Any]:
    """An action as it was given."""
    fields: dict[str, Any] = {
        "type": action.type.value,
        "on": action.on,
        "to": list(action.to) or None,
        "target": action.target,
        "template": action.template,
        "language": action.language,
        "meter": action.meter,
        "amount": action.amount,
        "currency": action.currency,
        "monthly_cap": action.monthly_cap,
    }
    return {name: value for name, value in fields.items() if value is not None}


def target_object(target: AlertTarget, *, with_secret: bool = False) -> AlertTargetObject:
    """A target. The secret that its messages are signed with is shown once."""
    quiet = target.quiet_hours
    rendered: AlertTargetObject = {
        "id": target.id,
        "object": "billing.alert_target",
        "addresses": list(target.addresses),
        "created": unix(target.created_ms),
        "digest": target.digest,
        "kind": target.kind.value,
        "livemode": target.livemode,
        "name": target.name,
        "quiet_hours": None
        if quiet is None
        else {
            "start": _clock(quiet.start_minute),
            "end": _clock(quiet.end_minute),
            "time_zone": quiet.time_zone,
        },
        "url": None if target.url is None else redacted(target.url),
    }
    if with_secret and target.secret is not None:
        rendered["secret"] = target.secret
    return rendered


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def redacted(url: str) -> str:
    """An address of which only scheme, host and the last characters are shown."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    end = url[-_SHOWN:] if len(parts.path) > 2 * _SHOWN else ""
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}://…"  # elsewhere the host may be the secret
    return f"{parts.scheme}://{host}/…{end}"


def run_object(run: ActionRun) -> ActionRunObject:
    """A run, with its attempts and, of a mail, its addressees."""
    is_pending = run.state is RunState.PENDING
    return {
        "id": run.id,
        "object": "billing.alert_action_run",
        "about": run.occasion.alert_type,
        "action": action_object(run.action),
        "action_index": run.place,
        "alert": run.alert or None,
        "attempt_count": run.attempts,
        "attempts": [_attempt(one) for one in run.history],
        "created": unix(run.created_ms),
        "customer": run.customer,
        "last_error": run.last_error,
        "livemode": run.livemode,
        "moment": run.occasion.moment,
        "next_attempt": unix_or_none(run.due_ms if is_pending else None),
        "notification": run.notification,
        "recipients": [_recipient(one) for one in run.recipients],
        "result": run.result,
        "status": run.state.value,
        "type": run.action.type.value,
    }


def _attempt(attempt: RunAttempt) -> RunAttemptShape:
    return {
        "number": attempt.number,
        "created": unix(attempt.created_ms),
        "outcome": attempt.outcome,
        "status": attempt.status,
        "error": attempt.error,
        "duration_ms": attempt.duration_ms,
    }


def _recipient(recipient: Recipient) -> RecipientShape:
    return {
        "address": recipient.address,
        "status": recipient.state,
        "error": recipient.error,
    }


def template_object(template: MailTemplate) -> MailTemplateObject:
    """A template, with its sources."""
    return {
        "id": template.id,
        "object": "billing.mail_template",
        "content": {
            language: {"subject": one.subject, "text": one.text, "html": one.html}
            for language, one in template.content.items()
        },
        "created": unix(template.created_ms),
        "livemode": template.livemode,
        "name": template.name,
        "updated": unix(template.updated_ms),
    }
