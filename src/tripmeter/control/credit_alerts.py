"""Alerts on what a customer has in credits: looked at whenever that has changed."""

from tripmeter.control.clocks import now_of
from tripmeter.control.credit_scopes import available_balance
from tripmeter.control.notices import Reading, notice
from tripmeter.model.alert import AlertType
from tripmeter.model.customer import Customer
from tripmeter.model.scope import Caller
from tripmeter.ports import Work


def watch_credits(work: Work, caller: Caller, customer: Customer) -> None:
    """Tell which alerts on a customer's credits are triggered now, or have recovered."""
    for kept in work.session.untallied_alerts(caller.scope, customer.id):
        alert = kept.value
        if alert.alert_type is not AlertType.CREDIT_BALANCE:
            continue
        assert alert.currency is not None and alert.lte is not None  # such alerts have both
        now_ms = now_of(work, customer)
        balance = available_balance(
            work.session, caller.scope, customer.id, alert.currency, alert.prices, now_ms
        )
        reading = Reading(
            customer=customer.id,
            subject=customer.id,
            value=balance,
            is_reached=balance <= alert.lte,
            now_ms=now_ms,
        )
        notice(work, caller, kept, reading)
