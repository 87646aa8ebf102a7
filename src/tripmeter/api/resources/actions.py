"""`/v1/billing/alert_targets`, `…/action_runs`, `…/mail_templates`: what follows an alert."""

import asyncio
from typing import Any, Final

from msgspec import structs

from tripmeter.api.call import (
    Call,
    Change,
    Reply,
    Route,
    fields,
    filters_of,
    list_object,
    listing,
)
from tripmeter.api.encoding import encode
from tripmeter.api.idempotency import Done, once
from tripmeter.control import alert_targets, mail_templates
from tripmeter.control.access import account_name, require
from tripmeter.control.actions import existing_target, occasion_in
from tripmeter.control.mail_templates import BUILT_IN, checked_content, existing_template
from tripmeter.model.access import Access, Permission, Resource
from tripmeter.model.action import Occasion
from tripmeter.model.errors import ParameterInvalid, ParameterMissing
from tripmeter.pipeline.act import again
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Session, Work
from tripmeter.wire.actions import (
    CONTENT,
    CONTENT_OF_NEW,
    PREVIEW,
    TARGET,
    ActionRunObject,
    AlertTargetObject,
    MailPreviewObject,
    MailTemplateObject,
    run_object,
    target_object,
    template_object,
)
from tripmeter.wire.alert_message import Surroundings, message_of
from tripmeter.wire.alert_words import Audience
from tripmeter.wire.invoice_words import Language, language_of
from tripmeter.wire.mail import EXAMPLE, letter
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.params import Enum, Range, String
from tripmeter.wire.shapes import DeletedObject

_TARGETS: Final = "/v1/billing/alert_targets"
_RUNS: Final = "/v1/billing/action_runs"
_TEMPLATES: Final = "/v1/billing/mail_templates"
_OF_ALERT: Final = "/v1/billing/alerts/{id}/action_runs"

_FILTERS: Final = {
    "customer": String(),
    "status": Enum("pending", "succeeded", "failed"),
    "type": String(max_length=20),
    "created": Range(),
}


# --- targets -----------------------------------------------------------------------------------


def create_target(work: Work, call: Call) -> Any:
    """Make a target; the secret of a webhook is shown this once."""
    made = alert_targets.create_target(
        work,
        call.caller,
        call.own_params,
        allow_private=call.services.allow_private,
        notifier=call.services.notifier,
    )
    return target_object(made, with_secret=True)


def delete_target(work: Work, call: Call) -> Any:
    """Delete a target."""
    gone = alert_targets.delete_target(work, call.caller, call.id)
    return deleted_object(gone.id, "billing.alert_target")


def retrieve_target(session: Session, call: Call) -> Any:
    """One target."""
    return target_object(existing_target(session, call.scope, call.id).value)


def list_targets(session: Session, call: Call) -> Any:
    """Targets, newest first."""
    found = session.alert_targets.page(call.scope, call.page, **filters_of(call.params, "kind"))
    return list_object(_TARGETS, found, target_object)


# --- runs --------------------------------------------------------------------------------------


def list_runs(session: Session, call: Call) -> Any:
    """Runs of all alerts, newest first."""
    found = session.action_runs.page(call.scope, call.page, **_wanted(call))
    return list_object(_RUNS, found, run_object)


def list_runs_of_alert(session: Session, call: Call) -> Any:
    """Runs of an alert, newest first."""
    alert = session.alerts.get(call.scope, call.id).value.id
    found = session.action_runs.page(call.scope, call.page, **(_wanted(call) | {"alert": alert}))
    return list_object(_OF_ALERT.format(id=alert), found, run_object)


def _wanted(call: Call) -> dict[str, Any]:
    wanted = filters_of(call.params, "alert", "customer", "type")
    if "status" in call.params:
        wanted["state"] = call.params["status"]
    return wanted


def retrieve_run(session: Session, call: Call) -> Any:
    """One run."""
    return run_object(session.action_runs.get(call.scope, call.id).value)


def resend(work: Work, call: Call) -> Any:
    """Have a message sent again, or a change made that had failed."""
    return run_object(again(work, call.caller, call.id))


# --- templates ---------------------------------------------------------------------------------


async def create_template(call: Call) -> Reply:
    """Make a template. It is tried before the writer is asked."""
    content = await asyncio.to_thread(checked_content, call.params["content"])

    def change(work: Work, _: Call) -> Any:
        name = call.params["name"]
        return template_object(mail_templates.create_template(work, call.caller, name, content))

    return await _once(call, _TEMPLATES, change)


async def update_template(call: Call) -> Reply:
    """Change a template."""
    content = await asyncio.to_thread(checked_content, call.params.get("content") or {})

    def change(work: Work, _: Call) -> Any:
        name = call.params.get("name")
        changed = mail_templates.update_template(work, call.caller, call.id, name, content)
        return template_object(changed)

    return await _once(call, f"{_TEMPLATES}/{call.id}", change)


async def _once(call: Call, path: str, change: Change) -> Reply:
    done: Done = await call.services.writer.ask(
        CommandJob(lambda work: once(work, call, "POST", path, change))
    )
    if not done.replayed:
        return done.reply
    return done.reply._replace(headers={"Idempotent-Replayed": "true"})


def delete_template(work: Work, call: Call) -> Any:
    """Delete a template."""
    gone = mail_templates.delete_template(work, call.caller, call.id)
    return deleted_object(gone.id, "billing.mail_template")


def retrieve_template(session: Session, call: Call) -> Any:
    """One template."""
    return template_object(existing_template(session, call.scope, call.id).value)


def list_templates(session: Session, call: Call) -> Any:
    """Templates, newest first."""
    found = session.mail_templates.page(call.scope, call.page, **filters_of(call.params))
    return list_object(_TEMPLATES, found, template_object)


def preview(session: Session, call: Call) -> Any:
    """A mail as it would be sent, of an alert and a customer, or of an example."""
    template = None
    if call.id != BUILT_IN:
        template = existing_template(session, call.scope, call.id).value
    occasion = _previewed(session, call)
    audience: Audience = call.params.get("audience", "customer")
    language = _language(call, occasion)
    terms = call.services.terms
    seller = terms.seller or account_name(session, call.scope)
    around = Surroundings(seller, terms.base_url, call.scope.livemode, call.scope.account)
    message = message_of(occasion, audience, language, around)
    url = f"{terms.base_url or ''}/m/preview" if audience == "customer" else None
    try:
        made = letter(occasion, message, around, template, url)
    except Exception as error:  # whatever a template provokes
        raise ParameterInvalid("id", f"The template cannot be rendered. {error}") from error
    return {
        "object": "billing.mail_preview",
        "html": made.html,
        "language": language,
        "subject": made.subject,
        "text": made.text,
    }


def _previewed(session: Session, call: Call) -> Occasion:
    """What the preview is about, as if the alert had just come to its line."""
    occasion = EXAMPLE
    named = [name for name in ("alert", "customer") if name in call.params]
    if len(named) == 1:
        other = "customer" if named == ["alert"] else "alert"
        raise ParameterMissing(other)
    if named:
        alert = session.alerts.get(call.scope, call.params["alert"], "alert").value
        occasion = occasion_in(session, alert, call.params["customer"], call.now_ms)
    if call.params.get("recovered"):
        occasion = structs.replace(occasion, moment="recovered")
    return occasion


def _language(call: Call, occasion: Occasion) -> Language:
    asked = call.params.get("language")
    if asked is not None:
        return "de" if asked == "de" else "en"
    return language_of(list(occasion.locales)) if occasion.locales else "en"


async def previewed(call: Call) -> Reply:
    """A preview, made beside the writer: nothing changes."""
    if "customer" in call.params:
        require(call.caller.permissions, Permission(Resource.CUSTOMERS, Access.READ))

    def read() -> Any:
        with call.services.store.reader() as session:
            return preview(session, call)

    return Reply(encode(await asyncio.to_thread(read)))


ROUTES: Final = (
    Route(
        "POST", _TARGETS, "Create an alert target", AlertTargetObject, fields(**TARGET),
        change=create_target,
    ),
    Route(
        "GET", _TARGETS, "List alert targets", AlertTargetObject,
        listing(kind=String(max_length=20), created=Range()),
        read=list_targets, is_list=True,
    ),
    Route(
        "GET", f"{_TARGETS}/{{id}}", "Retrieve an alert target", AlertTargetObject, fields(),
        read=retrieve_target,
    ),
    Route(
        "DELETE", f"{_TARGETS}/{{id}}", "Delete an alert target", DeletedObject, fields(),
        change=delete_target,
    ),
    Route(
        "GET", _RUNS, "List the runs of actions", ActionRunObject,
        listing(alert=String(), **_FILTERS), read=list_runs, is_list=True,
    ),
    Route(
        "GET", _OF_ALERT, "List the runs of an alert's actions", ActionRunObject,
        listing(**_FILTERS), read=list_runs_of_alert, is_list=True,
    ),
    Route(
        "GET", f"{_RUNS}/{{id}}", "Retrieve the run of an action", ActionRunObject, fields(),
        read=retrieve_run,
    ),
    Route(
        "POST", f"{_RUNS}/{{id}}/resend", "Do an action again", ActionRunObject, fields(),
        change=resend,
    ),
    Route(
        "POST", _TEMPLATES, "Create a mail template", MailTemplateObject,
        fields(name=String(required=True, max_length=100), content=CONTENT_OF_NEW),
        handle=create_template,
    ),
    Route(
        "GET", _TEMPLATES, "List mail templates", MailTemplateObject, listing(created=Range()),
        read=list_templates, is_list=True,
    ),
    Route(
        "GET", f"{_TEMPLATES}/{{id}}", "Retrieve a mail template", MailTemplateObject, fields(),
        read=retrieve_template,
    ),
    Route(
        "POST", f"{_TEMPLATES}/{{id}}", "Update a mail template", MailTemplateObject,
        fields(name=String(max_length=100), content=CONTENT), handle=update_template,
    ),
    Route(
        "DELETE", f"{_TEMPLATES}/{{id}}", "Delete a mail template", DeletedObject, fields(),
        change=delete_template,
    ),
    Route(
        "POST", f"{_TEMPLATES}/{{id}}/preview", "Preview a mail", MailPreviewObject,
        fields(**PREVIEW), handle=previewed,
    ),
)  # fmt: skip
