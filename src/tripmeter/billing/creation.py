"""Subscriptions: made here, with their items; changed in `subscription_changes`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.periods import Bill, begun, bill_period, end
from tripmeter.billing.subscriptions import OVER, tell
from tripmeter.control.announcing import merge_metadata
from tripmeter.control.clocks import now_of
from tripmeter.control.customers import existing
from tripmeter.control.discounts import give_discounts
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.model.catalogue import Recurring
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid, ParametersExclusive, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import BillingReason
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.subscription import Status, Subscription, SubscriptionItem
from tripmeter.ports import Session, Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.periods import DAY_MS, Period
from tripmeter.rules.subscriptions import (
    Wanted,
    check_amount_threshold,
    check_items,
    first_period,
    latest_anchor,
)

_KEPT_AS_GIVEN: Final = (
    "automatic_tax", "billing_mode", "invoice_settings", "payment_settings",
    "pending_invoice_item_interval", "trial_settings",
)  # fmt: skip


def create_subscription(work: Work, caller: Caller, params: dict[str, Any]) -> Contract:
    """Make a subscription and bill what is due at its start.

    Raises ParameterInvalid and its kin, naming the parameter; ResourceMissing.
    """
    scope = caller.scope
    customer = existing(work, caller, params["customer"], "customer").value
    now_ms = now_of(work, customer)
    wanted = [
        wanted_item(work.session, scope, given, f"items[{index}]")
        for index, given in enumerate(params.get("items") or ())
    ]
    check_items(wanted)
    recurring = wanted[0].price.recurring
    assert recurring is not None  # checked
    subscription = _subscription(work, caller, params, customer, wanted, now_ms)
    check_thresholds(subscription, wanted)
    work.session.subscriptions.insert(subscription)
    for one, given in zip(wanted, params["items"], strict=True):
        work.session.subscription_items.insert(
            new_item(work, caller, subscription, one, given, now_ms)
        )
    agreed = begun(work, contract(work.session, scope, subscription.id))
    tell(work, caller, "created", agreed)
    agreed = _bill_start(work, caller, agreed, now_ms)
    refresh_entitlements(work, scope, customer.id)
    return agreed


def wanted_item(session: Session, scope: Scope, given: Mapping[str, Any], param: str) -> Wanted:
    """An item as it is asked for. Raises ResourceMissing, ParameterMissing."""
    if "price" not in given:
        raise ParameterInvalid(
            f"{param}[price]", "An item needs a price: make one first, and give its id."
        )
    price = session.prices.get(scope, given["price"], f"{param}[price]").value
    thresholds = given.get("billing_thresholds") or {}
    return Wanted(param, price, given.get("quantity"), thresholds.get("usage_gte"))


def new_item(
    work: Work,
    caller: Caller,
    subscription: Subscription,
    wanted: Wanted,
    given: Mapping[str, Any],
    now_ms: int,
) -> SubscriptionItem:
    """An item of a subscription, in no period yet."""
    id_ = new_id("si", now_ms)
    is_metered = wanted.price.meter is not None
    return SubscriptionItem(
        id=id_,
        account=subscription.account,
        livemode=subscription.livemode,
        created_ms=now_ms,
        subscription=subscription.id,
        customer=subscription.customer,
        price=wanted.price.id,
        meter=wanted.price.meter,
        quantity=None if is_metered else wanted.quantity if wanted.quantity is not None else 1,
        period_start_ms=subscription.period_start_ms,
        period_end_ms=subscription.period_end_ms,
        usage_gte=wanted.usage_gte,
        tax_rates=checked_tax_rates(
            work.session, caller.scope, given.get("tax_rates"), f"{wanted.param}[tax_rates]"
        ),
        discounts=give_discounts(
            work,
            caller,
            given.get("discounts") or (),
            Recipient(
                now_ms // 1000, subscription.customer, subscription.id, id_,
                currency=subscription.currency,
            ),
            param=f"{wanted.param}[discounts]",
        ),
        metadata=merge_metadata({}, given.get("metadata")),
    )  # fmt: skip


def checked_tax_rates(
    session: Session, scope: Scope, ids: Sequence[str] | None, param: str
) -> tuple[str, ...]:
    """Tax rates that exist and are active. Raises ResourceMissing, ParameterInvalid."""
    for id_ in ids or ():
        if not session.tax_rates.get(scope, id_, param).value.active:
            raise ParameterInvalid(param, f"The tax rate {id_} is inactive. Use an active one.")
    return tuple(ids or ())


def check_thresholds(subscription: Subscription, wanted: Sequence[Wanted]) -> None:
    """Refuses a monetary threshold that the subscription's prices do not allow."""
    if subscription.amount_gte is not None:
        check_amount_threshold(subscription.amount_gte, [one.price for one in wanted])


def _subscription(
    work: Work,
    caller: Caller,
    params: dict[str, Any],
    customer: Customer,
    wanted: Sequence[Wanted],
    now_ms: int,
) -> Subscription:
    recurring, currency = wanted[0].price.recurring, wanted[0].price.currency
    assert recurring is not None
    _check_currency(params, customer, currency)
    trial_end_ms = _trial_end(params, now_ms)
    anchor_ms = _anchor(params, recurring, trial_end_ms or now_ms)
    period = Period(now_ms, trial_end_ms) if trial_end_ms else None
    period = period or first_period(now_ms, anchor_ms, recurring)
    thresholds = params.get("billing_thresholds") or {}
    id_ = new_id("sub", now_ms)
    return Subscription(
        id=id_,
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=now_ms,
        customer=customer.id,
        currency=currency,
        status=Status.TRIALING if trial_end_ms else Status.ACTIVE,
        start_ms=now_ms,
        anchor_ms=anchor_ms,
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        clock=customer.clock,
        collection_method=params.get("collection_method", "charge_automatically"),
        days_until_due=days_until_due(params),
        amount_gte=thresholds.get("amount_gte"),
        reset_billing_cycle_anchor=thresholds.get("reset_billing_cycle_anchor", False),
        trial_start_ms=now_ms if trial_end_ms else None,
        trial_end_ms=trial_end_ms,
        cancel_at_ms=cancel_at(params, period.end_ms, now_ms),
        cancel_at_period_end=bool(params.get("cancel_at_period_end", False)),
        discounts=give_discounts(
            work, caller, params.get("discounts") or (),
            Recipient(now_ms // 1000, customer.id, id_, currency=currency),
        ),
        default_tax_rates=checked_tax_rates(
            work.session, caller.scope, params.get("default_tax_rates"), "default_tax_rates"
        ),
        metadata=merge_metadata({}, params.get("metadata")),
        description=params.get("description"),
        details={name: params[name] for name in _KEPT_AS_GIVEN if params.get(name)},
    )  # fmt: skip


def _check_currency(params: dict[str, Any], customer: Customer, currency: str) -> None:
    if params.get("currency", currency).lower() != currency:
        raise ParameterInvalid(
            "currency", f"The prices are in {currency}. Give that currency, or leave it out."
        )
    if customer.currency not in (None, currency):
        raise ParameterInvalid(
            "items[0][price]",
            f"The customer {customer.id} is billed in {customer.currency}, and a customer has one "
            f"currency. Use prices in {customer.currency}, or another customer.",
        )


def _trial_end(params: dict[str, Any], now_ms: int) -> int | None:
    if "trial_end" in params and "trial_period_days" in params:
        raise ParametersExclusive(("trial_end", "trial_period_days"))
    if params.get("trial_period_days"):
        return now_ms + int(params["trial_period_days"]) * DAY_MS
    given = params.get("trial_end")
    if given is None or given == "now":
        return None
    if given * 1000 <= now_ms:
        raise ParameterInvalid(
            "trial_end", "trial_end must be in the future; use `now` to have no trial."
        )
    return int(given) * 1000


def _anchor(params: dict[str, Any], recurring: Recurring, start_ms: int) -> int:
    given = params.get("billing_cycle_anchor")
    if given is None:
        return start_ms
    anchor_ms = int(given) * 1000
    if not start_ms <= anchor_ms <= latest_anchor(start_ms, recurring):
        raise ParameterInvalid(
            "billing_cycle_anchor",
            "billing_cycle_anchor must lie between the start of the subscription, or the end of "
            "its trial, and the end of one whole period after it.",
        )
    return anchor_ms


def days_until_due(params: Mapping[str, Any], method: str | None = None) -> int | None:
    """When invoices that are sent are due. Raises ParameterInvalid where that does not fit."""
    method = params.get("collection_method", method or "charge_automatically")
    days: int | None = params.get("days_until_due")
    if method == "send_invoice" and days is None:
        raise ParameterInvalid(
            "days_until_due",
            "Invoices that are sent need days_until_due: how long there is to pay.",
        )
    if method == "charge_automatically" and days is not None:
        raise ParameterInvalid(
            "days_until_due", "days_until_due goes with collection_method=send_invoice only."
        )
    return days


def cancel_at(params: Mapping[str, Any], period_end_ms: int, now_ms: int) -> int | None:
    """When a subscription is to end, in ms. Raises ParameterInvalid, ParametersExclusive."""
    given = params.get("cancel_at")
    if given is None:
        return None
    if params.get("cancel_at_period_end"):
        raise ParametersExclusive(("cancel_at", "cancel_at_period_end"))
    if isinstance(given, str):
        return period_end_ms
    if given * 1000 <= now_ms:
        raise ParameterInvalid("cancel_at", "cancel_at must be in the future.")
    return int(given) * 1000


def _bill_start(work: Work, caller: Caller, agreed: Contract, now_ms: int) -> Contract:
    """The first invoice: quantities in advance, of a trial nothing."""
    now = agreed.subscription
    ahead = (
        None if now.status is Status.TRIALING else Period(now.period_start_ms, now.period_end_ms)
    )
    bill = Bill(BillingReason.CREATE, Period(now_ms, now_ms), (), ahead)
    return bill_period(work, caller, agreed, bill, ordinal=0)


def cancel_subscription(work: Work, caller: Caller, id: str, params: Mapping[str, Any]) -> Contract:
    """End a subscription now. Raises StateConflict if it is over."""
    agreed = contract(work.session, caller.scope, id)
    if agreed.subscription.status in OVER:
        raise StateConflict(f"The subscription {id} is {agreed.subscription.status} already.")
    now_ms = now_of(work, agreed.customer.value)
    details = {**agreed.subscription.details}
    if given := params.get("cancellation_details"):
        details["cancellation_details"] = given
    subscription = structs.replace(agreed.subscription, details=details, canceled_ms=now_ms)
    agreed = agreed._replace(subscription=subscription)
    return end(work, caller, agreed, now_ms, bill=bool(params.get("invoice_now", True)))
