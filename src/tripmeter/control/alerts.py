"""Alerts: create, activate, deactivate, archive. They have no events.

Of what an alert watches nothing is ever edited; its actions may change.
"""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.actions import actions_of
from tripmeter.control.credit_scopes import prices_in_scope
from tripmeter.control.currencies import currency_of
from tripmeter.control.customers import existing
from tripmeter.model.alert import (
    Activation,
    ActivationKind,
    Alert,
    AlertStatus,
    AlertType,
    CountFrom,
)
from tripmeter.model.errors import (
    AlertLimitReached,
    ParameterInvalid,
    ParameterMissing,
    StateConflict,
)
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.alerts.usage_threshold import ALERT_LIMIT


def create_alert(work: Work, caller: Caller, params: dict[str, Any]) -> Alert:
    """Make an active alert.

    Usage acknowledged before this never counts for one that counts from its creation (C4). Raises
    AlertLimitReached for the 26th of one scope; ResourceMissing for what a filter names;
    ParameterInvalid and its kin, naming the parameter.
    """
    type_ = AlertType(params["alert_type"])
    for other in AlertType:
        if (other in params) != (other is type_):
            raise _misplaced(other, type_)
    alert = _DRAFTS[type_](work, caller, params[type_], _bare(work, caller, params))
    actions = actions_of(work, caller, params.get("actions"), alert)
    alert = structs.replace(alert, actions=actions)
    _check_room(work, caller.scope, alert)
    no = work.session.alerts.insert(alert)
    _open(work, no, 1, ActivationKind.OPEN)
    _tell(work, caller, alert)
    return alert


def _misplaced(given: AlertType, type_: AlertType) -> Exception:
    if given is type_:
        return ParameterMissing(type_.value)
    message = f"It does not go with alert_type={type_}. Leave it out, or change the type."
    return ParameterInvalid(given.value, message)


def _bare(work: Work, caller: Caller, params: dict[str, Any]) -> Alert:
    """An alert without what is its type's own."""
    return Alert(
        id=new_id("alrt", work.now_ms, livemode=caller.scope.livemode),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        title=params["title"],
        alert_type=AlertType(params["alert_type"]),
    )


def _on_usage(work: Work, caller: Caller, threshold: dict[str, Any], bare: Alert) -> Alert:
    meter = work.session.meters.get(caller.scope, threshold["meter"], "usage_threshold[meter]")
    filters = threshold.get("filters") or []
    return structs.replace(
        bare,
        meter=meter.value.id,
        gte=threshold["gte"],
        customer=_filtered_customer(work, caller, filters, "usage_threshold[filters]"),
        count_from=CountFrom(threshold.get("count_from", "creation")),
    )


def _on_spend(work: Work, caller: Caller, threshold: dict[str, Any], bare: Alert) -> Alert:
    money = threshold["gte"].get("amount")
    if money is None:
        raise ParameterMissing("spend_threshold[gte][amount]")
    alert = structs.replace(
        bare,
        currency=currency_of(money["currency"], "spend_threshold[gte][amount][currency]"),
        gte=money["value"],
    )
    filters = threshold.get("filters") or {}
    for name in _OF_PLANS:
        if name in filters:
            message = "There are no pricing plans here. Filter by subscription, or by customer."
            raise ParameterInvalid(f"spend_threshold[filters][{name}]", message)
    if "customer" in filters:
        param = "spend_threshold[filters][customer]"
        customer = existing(work, caller, filters["customer"], param).value.id
        alert = structs.replace(alert, customer=customer)
    if "subscription" in filters:
        alert = _on_subscription(work, caller, filters["subscription"], alert)
    return alert


_OF_PLANS: Final = (
    "billable_items", "billing_cadence", "pricing_plan", "pricing_plan_subscription",
)  # fmt: skip


def _on_subscription(work: Work, caller: Caller, id: str, alert: Alert) -> Alert:
    param = "spend_threshold[filters][subscription]"
    subscription = work.session.subscriptions.get(caller.scope, id, param).value
    if alert.customer not in (None, subscription.customer):
        message = f"{id} is not a subscription of {alert.customer}. Give one of the two."
        raise ParameterInvalid(param, message)
    if alert.currency != subscription.currency:
        message = (
            f"{id} is billed in {subscription.currency}, which an amount in {alert.currency} is"
            " never compared with. Give the amount in its currency."
        )
        raise ParameterInvalid("spend_threshold[gte][amount][currency]", message)
    return structs.replace(alert, subscription=id, subscriber=subscription.customer)


def _on_credits(work: Work, caller: Caller, threshold: dict[str, Any], bare: Alert) -> Alert:
    money = threshold["lte"].get("monetary")
    if money is None:
        raise ParameterMissing("credit_balance_threshold[lte][monetary]")
    param = "credit_balance_threshold[filters]"
    filters = threshold.get("filters") or []
    customer = _filtered_customer(work, caller, filters, param)
    if customer is None:
        message = "Credits are a customer's: give a filter of type customer with the customer."
        raise ParameterInvalid(param, message)
    currency = currency_of(money["currency"], "credit_balance_threshold[lte][monetary][currency]")
    prices: tuple[str, ...] = ()
    if grants := filters[0].get("credit_grants"):
        place = f"{param}[0][credit_grants][applicability_config][scope]"
        scope = grants["applicability_config"]["scope"]
        prices = prices_in_scope(work.session, caller.scope, scope, place, currency)
    return structs.replace(
        bare, currency=currency, lte=money["value"], customer=customer, prices=prices
    )


_DRAFTS: Final = {
    AlertType.USAGE: _on_usage,
    AlertType.SPEND: _on_spend,
    AlertType.CREDIT_BALANCE: _on_credits,
}


def _check_room(work: Work, scope: Scope, alert: Alert) -> None:
    """That the scope of an alert has room for one more: inactive ones take theirs (Stripe)."""
    if alert.meter is not None:
        taken = work.session.count_alerts(scope, alert.meter, alert.customer)
    else:
        owner = alert.customer or alert.subscriber
        others = work.session.alerts.every(scope, alert_type=alert.alert_type, customer=owner)
        taken = sum(_watched(kept.value) == _watched(alert) for kept in others)
    if taken >= ALERT_LIMIT:
        raise AlertLimitReached(ALERT_LIMIT)


def _watched(alert: Alert) -> tuple[str | None, str | None]:
    return alert.customer, alert.subscription


def update_alert(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Alert:
    """Change what an alert does; what it watches cannot change. Runs that wait stay as they are."""
    kept = _changeable(work, caller, id)
    if "actions" not in params:
        return kept.value
    actions = actions_of(work, caller, params["actions"], kept.value)
    alert = structs.replace(kept.value, actions=actions)
    work.session.alerts.replace(kept.no, alert)
    _tell(work, caller, alert)
    return alert


def activate_alert(work: Work, caller: Caller, id: str) -> Alert:
    """Let an alert fire again: for everyone if it was inactive, else where it had fired."""
    kept = _changeable(work, caller, id)
    is_active = kept.value.status is AlertStatus.ACTIVE
    kind = ActivationKind.REARM if is_active else ActivationKind.OPEN
    number = work.session.activations(kept.no)[-1].number + 1
    _open(work, kept.no, number, kind)
    return _set_status(work, caller, kept, AlertStatus.ACTIVE)


def deactivate_alert(work: Work, caller: Caller, id: str) -> Alert:
    """Keep an alert from firing until it is activated again."""
    kept = _changeable(work, caller, id)
    if kept.value.status is AlertStatus.INACTIVE:
        raise StateConflict(f"The alert {id} is inactive already.")
    work.session.close_activations(kept.no, work.position)
    return _set_status(work, caller, kept, AlertStatus.INACTIVE)


def archive_alert(work: Work, caller: Caller, id: str) -> Alert:
    """Retire an alert for good. It can still be read by its id."""
    kept = _changeable(work, caller, id)
    work.session.close_activations(kept.no, work.position)
    return _set_status(work, caller, kept, AlertStatus.ARCHIVED)


def _open(work: Work, alert_no: int, number: int, kind: ActivationKind) -> None:
    activation = Activation(number, kind, work.position, opened_ms=work.now_ms)
    work.session.add_activation(alert_no, activation)


def _changeable(work: Work, caller: Caller, id: str) -> Kept[Alert]:
    kept = work.session.alerts.get(caller.scope, id)
    if kept.value.status is AlertStatus.ARCHIVED:
        raise StateConflict(f"The alert {id} is archived, which is final. Create a new alert.")
    return kept


def _set_status(work: Work, caller: Caller, kept: Kept[Alert], status: AlertStatus) -> Alert:
    alert = structs.replace(kept.value, status=status)
    work.session.alerts.replace(kept.no, alert)
    _tell(work, caller, alert)
    return alert


def _tell(work: Work, caller: Caller, alert: Alert) -> None:
    """Have those who watch know that an alert is not as it was."""
    if alert.tallied:
        assert alert.meter is not None
        work.meter_changed(caller.scope, alert.meter)
    else:
        work.alerts_changed(caller.scope, alert.customer or alert.subscriber)


def _filtered_customer(
    work: Work, caller: Caller, filters: list[dict[str, Any]], param: str
) -> str | None:
    if not filters:
        return None
    param = f"{param}[0][customer]"
    if "customer" not in filters[0]:
        raise ParameterInvalid(param, "A filter of type customer needs a customer.")
    return existing(work, caller, filters[0]["customer"], param).value.id
