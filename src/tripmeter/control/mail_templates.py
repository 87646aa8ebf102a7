"""Templates of mails: created, changed, deleted. What cannot be rendered is refused at once."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import structs

from tripmeter.model.action import MailContent, MailTemplate
from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    ResourceMissing,
    StateConflict,
)
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.wire.mail import LANGUAGES, faults_of

TEMPLATE_LIMIT: Final = 100
"""Templates that an account may have."""

BUILT_IN: Final = "built_in"
"""What stands for the template that is used where none is named."""


def checked_content(given: Mapping[str, Any]) -> dict[str, MailContent]:
    """The sources by language. Raises ParameterInvalid with line and column of what is wrong.

    It takes a while: done before the writer is asked.
    """
    content: dict[str, MailContent] = {
        language: MailContent(**given[language]) for language in LANGUAGES if language in given
    }
    for language in LANGUAGES:
        faults = faults_of(content[language], language) if language in content else {}
        for name, fault in faults.items():
            raise ParameterInvalid(f"content[{language}][{name}]", str(fault), "template_invalid")
    return content


def create_template(
    work: Work, caller: Caller, name: str, content: dict[str, MailContent]
) -> MailTemplate:
    """Make a template of sources that were checked."""
    if not content:
        raise ParameterMissing("content[en]")
    if len(list(work.session.mail_templates.every(caller.scope))) >= TEMPLATE_LIMIT:
        raise StateConflict(
            f"There are {TEMPLATE_LIMIT} mail templates, which is the most. Delete one first."
        )
    template = MailTemplate(
        id=new_id("mailtpl", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        updated_ms=work.now_ms,
        name=name,
        content=content,
    )
    work.session.mail_templates.insert(template)
    return template


def update_template(
    work: Work, caller: Caller, id: str, name: str | None, content: dict[str, MailContent]
) -> MailTemplate:
    """Change a template; languages that are not given stay as they are."""
    kept = existing_template(work.session, caller.scope, id)
    after = structs.replace(
        kept.value,
        name=kept.value.name if name is None else name,
        content={**kept.value.content, **content},
        updated_ms=work.now_ms,
    )
    work.session.mail_templates.replace(kept.no, after)
    return after


def delete_template(work: Work, caller: Caller, id: str) -> MailTemplate:
    """Delete a template. Raises StateConflict while an alert uses it."""
    kept = existing_template(work.session, caller.scope, id)
    for alert in work.session.alerts.every(caller.scope):
        if any(action.template == id for action in alert.value.actions):
            raise StateConflict(
                f"The alert {alert.value.id} mails by the template {id}. Change its actions first."
            )
    work.session.mail_templates.replace(kept.no, structs.replace(kept.value, deleted=True))
    return kept.value


def existing_template(
    session: Session, scope: Scope, id: str, param: Literal["id", "template"] = "id"
) -> Kept[MailTemplate]:
    """A template that is not deleted. Raises ResourceMissing."""
    kept = session.mail_templates.get(scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("mail template", id, param)
    return kept
