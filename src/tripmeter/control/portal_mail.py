"""Mails that customers' pages lead to: the link that confirms an address, and the customer's own
warnings, to addresses that are confirmed.

They are written in the transaction of their cause, and go out after it as mails of alerts do: by
their lanes, retried, recorded, once to each address.
"""

from tripmeter.control.clocks import time_on
from tripmeter.model.action import (
    NOTICE_ADDRESS,
    USAGE_LIMIT,
    ActionRun,
    ActionType,
    AlertAction,
    Occasion,
    Recipient,
    RunState,
)
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.standing import Measured
from tripmeter.model.usage_limit import NoticeAddress
from tripmeter.ports import Session, Work
from tripmeter.rules.messages import is_address


def ask_to_confirm(work: Work, caller: Caller, address: NoticeAddress, language: str) -> None:
    """Mail the owner of an address the link by which it is confirmed."""
    occasion = Occasion(
        notification=new_id("ntc", work.now_ms),
        alert="",
        title="",
        alert_type=NOTICE_ADDRESS,
        moment="triggered",
        customer=address.customer,
        value=0,
        limit=0,
        happened_ms=work.now_ms,
        address=address.id,
    )
    _mail(work, caller, occasion, language)


def warn(work: Work, caller: Caller, customer: str, one: Measured, state: str) -> None:
    """Tell a customer's confirmed addresses that its own warning is reached; `state` is the id
    of the note that says so, which there is once in each period."""
    scope, session = caller.scope, work.session
    known = session.customers.get(scope, customer).value
    meter = session.meters.get(scope, one.limit.meter).value
    occasion = Occasion(
        notification=state,
        alert="",
        title="",
        alert_type=USAGE_LIMIT,
        moment="triggered",
        customer=customer,
        value=one.used,
        limit=0,
        level=one.limit.limit,
        happened_ms=time_on(session, scope, known.clock, work.now_ms),
        meter=meter.id,
        meter_name=meter.display_name,
        period_start_ms=one.period_start_ms,
        period_end_ms=one.resets_ms or 0,
        customer_name=known.details.get("name"),
        customer_email=known.email,
        locales=tuple(known.details.get("preferred_locales") or ()),
    )
    _mail(work, caller, occasion, None)


def addressees(session: Session, scope: Scope, occasion: Occasion) -> tuple[Recipient, ...]:
    """Whom such a mail is for as things are now: an address may have been removed since."""
    is_warning = occasion.alert_type == USAGE_LIMIT
    known = session.notice_addresses.every(scope, customer=occasion.customer)
    return tuple(
        Recipient(one.email, is_customer=is_warning)
        for _, one in known
        if is_address(one.email)
        and (one.confirmed_ms is not None if is_warning else one.id == occasion.address)
    )


def _mail(work: Work, caller: Caller, occasion: Occasion, language: str | None) -> None:
    recipients = addressees(work.session, caller.scope, occasion)
    if not recipients:
        return
    run = ActionRun(
        id=new_id("alrun", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        alert="",
        notification=occasion.notification,
        place=0,
        customer=occasion.customer,
        action=AlertAction(
            type=ActionType.EMAIL, to=tuple(one.address for one in recipients), language=language
        ),
        occasion=occasion,
        state=RunState.PENDING,
        due_ms=work.now_ms,
        first_due_ms=work.now_ms,
        lane=f"mail:{occasion.customer}",
        recipients=recipients,
    )
    work.session.action_runs.insert(run)
    work.act()
