"""Actions on alerts: what they may be, the runs that they lead to, and doing one again.

Does not own what an action changes (`billing/acting.py`), nor sending (`pipeline/send.py`).
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from tripmeter.control.access import require
from tripmeter.control.clocks import time_on
from tripmeter.control.currencies import currency_of
from tripmeter.control.portal_mail import addressees
from tripmeter.model.access import Access, Permission, Resource
from tripmeter.model.action import (
    CUSTOMER,
    ActionRun,
    ActionType,
    AlertAction,
    AlertTarget,
    Moment,
    Occasion,
    Recipient,
    RunState,
)
from tripmeter.model.alert import Action, Alert, AlertNotification, Firing
from tripmeter.model.customer import Customer
from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    ResourceMissing,
    StateConflict,
)
from tripmeter.model.ids import new_id
from tripmeter.model.quantity import SCALE
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session, Work
from tripmeter.rules.messages import due_at, is_address

_NEEDS: Final = {
    ActionType.REVOKE_ACCESS: Permission(Resource.ACCESS, Access.WRITE),
    ActionType.RESTORE_ACCESS: Permission(Resource.ACCESS, Access.WRITE),
    ActionType.TOP_UP: Permission(Resource.CREDITS, Access.WRITE),
    ActionType.ISSUE_INVOICE: Permission(Resource.INVOICES, Access.WRITE),
}
"""What a restricted key needs for an action, as if it did the same itself."""

_TELLS: Final = Permission(Resource.CUSTOMERS, Access.READ)
"""What it needs for messages: they name customers."""

_FIELDS: Final = {
    ActionType.EMAIL: {"to", "target", "template", "language"},
    ActionType.REVOKE_ACCESS: {"meter"},
    ActionType.RESTORE_ACCESS: {"meter"},
    ActionType.TOP_UP: {"amount", "currency", "monthly_cap"},
    ActionType.ISSUE_INVOICE: set[str](),
}
"""The parameters that an action takes, beside `type` and `on`; all others take a target."""

GONE: Final = "The target of the message was deleted."
NOBODY: Final = "The customer has no e-mail address that mail can go to."


# --- what they may be --------------------------------------------------------------------------


def actions_of(
    work: Work, caller: Caller, given: Sequence[dict[str, Any]] | None, alert: Alert
) -> tuple[AlertAction, ...]:
    """The actions that a request asks for. Raises ParameterInvalid and its kin, naming the
    parameter; PermissionMissing where the key may not do the same itself."""
    return tuple(
        _action(work, caller, one, f"actions[{index}]", alert)
        for index, one in enumerate(given or ())
    )


def _action(
    work: Work, caller: Caller, given: dict[str, Any], param: str, alert: Alert
) -> AlertAction:
    type_ = ActionType(given["type"])
    require(caller.permissions, _NEEDS.get(type_, _TELLS))
    _check_fields(given, param, type_)
    if given.get("on") == "recovered" and alert.tallied:
        message = "An alert on a running total never recovers: such a total has no periods."
        raise ParameterInvalid(f"{param}[on]", message)
    if type_ is ActionType.TOP_UP:
        return _top_up(given, param)
    if "meter" in given:
        work.session.meters.get(caller.scope, given["meter"], f"{param}[meter]")
    if type_.is_message:
        _check_message(work, caller, given, param, type_)
    fields = {name: value for name, value in given.items() if name not in ("type", "to")}
    return AlertAction(type=type_, to=tuple(given.get("to", ())), **fields)


def _check_fields(given: dict[str, Any], param: str, type_: ActionType) -> None:
    known = {"type", "on", *_FIELDS.get(type_, {"target"})}
    for name in given:
        if name not in known:
            message = f"It does not go with an action of type {type_}. Leave it out."
            raise ParameterInvalid(f"{param}[{name}]", message)


def _top_up(given: dict[str, Any], param: str) -> AlertAction:
    for name in ("amount", "currency"):
        if name not in given:
            raise ParameterMissing(f"{param}[{name}]")
    cap = given.get("monthly_cap")
    if cap is not None and cap < given["amount"]:
        message = "The cap is lower than the amount, so that nothing would ever be granted."
        raise ParameterInvalid(f"{param}[monthly_cap]", message)
    return AlertAction(
        type=ActionType.TOP_UP,
        on=given.get("on", "triggered"),
        amount=given["amount"],
        currency=currency_of(given["currency"], f"{param}[currency]"),
        monthly_cap=cap,
    )


def _check_message(
    work: Work, caller: Caller, given: dict[str, Any], param: str, type_: ActionType
) -> None:
    if "target" in given:
        target = existing_target(work.session, caller.scope, given["target"], f"{param}[target]")
        if target.value.kind.value != type_.value:
            message = f"{target.value.id} is a target for {target.value.kind}, not for {type_}."
            raise ParameterInvalid(f"{param}[target]", message)
    elif type_ is not ActionType.EMAIL:
        raise ParameterMissing(f"{param}[target]")
    if type_ is ActionType.EMAIL and ("target" in given) == bool(given.get("to")):
        message = "Say in `to` whom to mail: `customer`, addresses or both; or name a `target`."
        raise ParameterInvalid(f"{param}[to]", message)
    for index, address in enumerate(given.get("to", ())):
        check_address(address, f"{param}[to][{index}]", or_customer=True)
    if "template" in given:
        place = f"{param}[template]"
        template = work.session.mail_templates.get(caller.scope, given["template"], place)
        if template.value.deleted:
            raise ParameterInvalid(place, f"The template {template.value.id} is deleted.")


def check_address(address: str, param: str, *, or_customer: bool = False) -> None:
    """Raises ParameterInvalid for what is no address of mail."""
    if not is_address(address) and not (or_customer and address == CUSTOMER):
        word = "`customer`, or " if or_customer else ""
        message = f"Invalid address: it must be {word}an address such as team@example.com."
        raise ParameterInvalid(param, message, "email_invalid")


def existing_target(
    session: Session, scope: Scope, id: str, param: str = "id"
) -> Kept[AlertTarget]:
    """A target that is not deleted. Raises ResourceMissing."""
    kept = session.alert_targets.get(scope, id, param)
    if kept.value.deleted:
        raise ResourceMissing("alert target", id, param)
    return kept


# --- what they lead to -------------------------------------------------------------------------


def occasion_of(session: Session, alert: Alert, told: Firing | AlertNotification) -> Occasion:
    """What was told of an alert, with all that a message says of it."""
    scope = Scope.of(alert)
    customer = session.customers.get(scope, told.customer).value
    about = structs.replace(
        _about(session, alert, customer), notification=told.id, value=told.value, event=told.event
    )
    if isinstance(told, Firing):
        now_ms = time_on(session, scope, customer.clock, told.fired_ms)
        return structs.replace(about, happened_ms=now_ms)
    return structs.replace(
        about,
        moment=_moment(told.action),
        happened_ms=told.created_ms,
        subscription=told.subscription,
        period_start_ms=told.period_start_ms,
        period_end_ms=told.period_end_ms,
        is_late=told.is_late,
    )


def occasion_in(session: Session, alert: Alert, customer: str, now_ms: int) -> Occasion:
    """What would be told of an alert if a customer came to its line now: for previews."""
    scope = Scope.of(alert)
    kept = session.customers.get(scope, customer, "customer")
    about = _about(session, alert, kept.value)
    is_money = alert.currency is not None
    value = about.limit if is_money else about.limit * SCALE
    return structs.replace(about, value=value, happened_ms=now_ms)


def _about(session: Session, alert: Alert, customer: Customer) -> Occasion:
    """What is said of an alert and a customer, whatever has happened."""
    scope = Scope.of(alert)
    meter = None if alert.meter is None else session.meters.get(scope, alert.meter).value
    return Occasion(
        notification="alrtn_preview",
        alert=alert.id,
        title=alert.title,
        alert_type=alert.alert_type.value,
        moment="triggered",
        customer=customer.id,
        value=0,
        limit=alert.gte if alert.lte is None else alert.lte,
        happened_ms=0,
        currency=alert.currency,
        meter=alert.meter,
        meter_name=None if meter is None else meter.display_name,
        customer_name=customer.details.get("name"),
        customer_email=customer.email,
        locales=tuple(customer.details.get("preferred_locales") or ()),
    )


def _moment(action: Action) -> Moment:
    return "triggered" if action is Action.TRIGGERED else "recovered"


def runs_of(work: Work, alert: Alert, occasion: Occasion) -> list[ActionRun]:
    """What is to be done on an occasion, in the order of the alert's actions; not yet stored."""
    return [
        _run(work, alert, action, place, occasion)
        for place, action in enumerate(alert.actions)
        if action.on == occasion.moment
    ]


def _run(
    work: Work, alert: Alert, action: AlertAction, place: int, occasion: Occasion
) -> ActionRun:
    target = None if action.target is None else _target(work.session, alert, action.target)
    due_ms = due_at(work.now_ms, target) if action.type.is_message else work.now_ms
    return ActionRun(
        id=new_id("alrun", work.now_ms),
        account=alert.account,
        livemode=alert.livemode,
        created_ms=work.now_ms,
        alert=alert.id,
        notification=occasion.notification,
        place=place,
        customer=occasion.customer,
        action=action,
        occasion=occasion,
        state=RunState.PENDING,
        due_ms=due_ms,
        first_due_ms=due_ms,
        lane=action.target or f"mail:{alert.id}",
        recipients=_recipients(action, target, occasion),
    )


def _target(session: Session, alert: Alert, id: str) -> AlertTarget:
    return session.alert_targets.get(Scope.of(alert), id).value


def _recipients(
    action: AlertAction, target: AlertTarget | None, occasion: Occasion
) -> tuple[Recipient, ...]:
    if action.type is not ActionType.EMAIL:
        return ()
    if target is not None:
        return tuple(Recipient(address) for address in target.addresses)
    found: dict[str, Recipient] = {}
    for word in action.to:
        is_customer = word == CUSTOMER
        address = occasion.customer_email if is_customer else word
        if address is not None and is_address(address):
            found.setdefault(address, Recipient(address, is_customer=is_customer))
    return tuple(found.values())


# --- again -------------------------------------------------------------------------------------


def resend(work: Work, caller: Caller, id: str) -> Kept[ActionRun]:
    """An action that is to be done again: a message, whatever became of it; a change that failed.

    The caller does or sends it, and stores it. Raises StateConflict for a change that was made:
    it is made once.
    """
    kept = work.session.action_runs.get(caller.scope, id)
    run = kept.value
    require(caller.permissions, _NEEDS.get(run.action.type, _TELLS))
    if not run.action.type.is_message and run.state is RunState.SUCCEEDED:
        raise StateConflict(f"{id} has done what it was to do: {run.action.type} is done once.")
    again = structs.replace(
        run,
        state=RunState.PENDING,
        due_ms=work.now_ms,
        first_due_ms=work.now_ms,
        recipients=_recipients_again(work, caller, run),
        resends=run.resends + 1,
    )
    return Kept(kept.no, again)


def _recipients_again(work: Work, caller: Caller, run: ActionRun) -> tuple[Recipient, ...]:
    """Those whom a mail has not reached, by the addresses of now; if it has reached all, all."""
    if run.action.type is not ActionType.EMAIL:
        return ()
    if not run.alert:
        now = addressees(work.session, caller.scope, run.occasion)
    elif run.action.target is not None:
        target = existing_target(work.session, caller.scope, run.action.target, "target").value
        now = _recipients(run.action, target, run.occasion)
    else:
        customer = work.session.customers.get(caller.scope, run.customer).value
        as_of_now = structs.replace(run.occasion, customer_email=customer.email)
        now = _recipients(run.action, None, as_of_now)
    reached = {one.address for one in run.recipients if one.state == "accepted"}
    if run.state is RunState.SUCCEEDED or not any(one.address not in reached for one in now):
        return now
    return tuple(
        structs.replace(one, state="accepted") if one.address in reached else one for one in now
    )
