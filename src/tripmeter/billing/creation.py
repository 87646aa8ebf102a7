"""Subscriptions are made, with their items, and canceled; `changes` changes them in between."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from tripmeter.billing.added_items import add_invoice_items
from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.items import checked_tax_rates, new_item, wanted_item
from tripmeter.billing.periods import Bill, begun, bill_period, end
from tripmeter.billing.subscriptions import OVER, tell
from tripmeter.billing.terms import (
    KEPT_AS_GIVEN,
    cancel_at,
    days_until_due,
    prorates_at_end,
    with_cancellation,
)
from tripmeter.control.announcing import merge_metadata
from tripmeter.control.clocks import now_of
from tripmeter.control.customers import existing
from tripmeter.control.discounts import announce_discounts, give_discounts
from tripmeter.control.entitlements import refresh_entitlements
from tripmeter.model.catalogue import Recurring
from tripmeter.model.customer import Customer
from tripmeter.model.errors import ParameterInvalid, ParametersExclusive, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import BillingReason
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Status, Subscription
from tripmeter.ports import Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.periods import DAY_MS, Period, add_months, period_at
from tripmeter.rules.pricing import quantities_amount
from tripmeter.rules.subscriptions import (
    LONGEST_TRIAL_MONTHS,
    Wanted,
    check_amount_threshold,
    check_items,
    configured_anchor,
    first_period,
    latest_anchor,
)

Params = Mapping[str, Any]


def create_subscription(work: Work, caller: Caller, params: dict[str, Any]) -> Contract:
    """Make a subscription and bill what is due at its start.

    Raises ParameterInvalid and its kin, naming the parameter; ResourceMissing.
    """
    scope = caller.scope
    customer = existing(work, caller, params["customer"], "customer").value
    now_ms = now_of(work, customer)
    wanted = [
        wanted_item(work, caller, given, f"items[{index}]")
        for index, given in enumerate(params.get("items") or ())
    ]
    check_items(wanted)
    subscription = _subscription(work, caller, params, customer, wanted, now_ms)
    if subscription.amount_gte is not None:
        check_amount_threshold(subscription.amount_gte, [one.price for one in wanted])
    work.session.subscriptions.insert(subscription)
    for one, given in zip(wanted, params["items"], strict=True):
        work.session.subscription_items.insert(
            new_item(work, caller, subscription, one, given, now_ms)
        )
    add_invoice_items(work, caller, subscription, params.get("add_invoice_items") or (), now_ms)
    agreed = begun(work, contract(work.session, scope, subscription.id))
    of_items = [one for item in agreed.items for one in item.item.discounts]
    announce_discounts(work, caller, (), (*subscription.discounts, *of_items))
    tell(work, caller, "created", agreed)
    is_free = params.get("proration_behavior") == "none"
    agreed = _bill_start(work, caller, agreed, now_ms, stub_is_free=is_free)
    refresh_entitlements(work, scope, customer.id)
    return agreed


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
    trial_end_ms = _trial_end(params, wanted, now_ms)
    anchor_ms = _anchor(params, recurring, trial_end_ms or now_ms)
    period = Period(now_ms, trial_end_ms) if trial_end_ms else None
    period = period or first_period(now_ms, anchor_ms, recurring)
    thresholds = params.get("billing_thresholds") or {}
    ends_ms = cancel_at(params, period.end_ms, now_ms)
    at_end = bool(params.get("cancel_at_period_end", False))
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
        cancel_at_ms=ends_ms,
        cancel_at_period_end=at_end,
        canceled_ms=now_ms if at_end or ends_ms is not None else None,
        discounts=give_discounts(
            work, caller, params.get("discounts") or (),
            Recipient(
                now_ms // 1000, customer.id, id_, currency=currency,
                amount=quantities_amount((one.price, one.quantity) for one in wanted),
            ),
        ),
        default_tax_rates=checked_tax_rates(
            work.session, caller.scope, params.get("default_tax_rates"), "default_tax_rates"
        ),
        metadata=merge_metadata({}, params.get("metadata")),
        description=params.get("description") or None,
        details=_details(params, ends_ms, period.end_ms),
    )  # fmt: skip


def _details(params: Params, ends_ms: int | None, period_end_ms: int) -> dict[str, Any]:
    names = (*KEPT_AS_GIVEN, "billing_cycle_anchor_config")
    details = {name: params[name] for name in names if params.get(name)}
    if ends_ms is not None:
        details["cancel_prorates"] = prorates_at_end(params, ends_ms, period_end_ms)
    return details


def _check_currency(params: Params, customer: Customer, currency: str) -> None:
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


# --- when it begins ----------------------------------------------------------------------------


def _trial_end(params: Params, wanted: Sequence[Wanted], now_ms: int) -> int | None:
    named = [name for name in ("trial_end", "trial_period_days") if name in params]
    if params.get("trial_from_plan"):
        named.append("trial_from_plan")
    if len(named) > 1:
        raise ParametersExclusive(tuple(named))
    days = params.get("trial_period_days")
    if params.get("trial_from_plan"):
        days = max(one.price.recurring.trial_period_days or 0 for one in wanted)  # type: ignore[union-attr]
    if days:
        return now_ms + int(days) * DAY_MS
    given = params.get("trial_end")
    if given is None or given == "now":
        return None
    if given * 1000 <= now_ms:
        raise ParameterInvalid(
            "trial_end", "trial_end must be in the future; use `now` to have no trial."
        )
    if given * 1000 > add_months(now_ms, LONGEST_TRIAL_MONTHS):
        raise ParameterInvalid("trial_end", "trial_end must be within two years.")
    return int(given) * 1000


def _anchor(params: Params, recurring: Recurring, start_ms: int) -> int:
    given, config = params.get("billing_cycle_anchor"), params.get("billing_cycle_anchor_config")
    if given is not None and config is not None:
        raise ParametersExclusive(("billing_cycle_anchor", "billing_cycle_anchor_config"))
    if config is not None:
        return configured_anchor(config, start_ms, recurring)
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


def _bill_start(
    work: Work, caller: Caller, agreed: Contract, now_ms: int, *, stub_is_free: bool
) -> Contract:
    """The first invoice: quantities in advance, of a trial nothing."""
    now = agreed.subscription
    ahead: Period | None = Period(now.period_start_ms, now.period_end_ms)
    is_whole = ahead == period_at(now.anchor_ms, agreed.recurring, now_ms)
    if now.status is Status.TRIALING or (stub_is_free and not is_whole):
        ahead = None
    bill = Bill(BillingReason.CREATE, Period(now_ms, now_ms), (), ahead)
    return bill_period(work, caller, agreed, bill)


# --- canceled ----------------------------------------------------------------------------------


def cancel_subscription(work: Work, caller: Caller, id: str, params: Params) -> Contract:
    """End a subscription now. Raises StateConflict if it is over.

    Usage that was not billed yet, and what waits for an invoice of it, are billed with
    `invoice_now` alone; what is left of quantities is credited with `prorate` alone (Stripe).
    """
    agreed = contract(work.session, caller.scope, id)
    now = agreed.subscription
    if now.status in OVER:
        raise StateConflict(f"The subscription {id} is {now.status} already.")
    now_ms = now_of(work, agreed.customer.value)
    cancellation = {**with_cancellation(now, params), "reason": "cancellation_requested"}
    details = {**now.details, "cancellation_details": cancellation}
    subscription = structs.replace(now, details=details, canceled_ms=now_ms)
    return end(
        work,
        caller,
        agreed._replace(subscription=subscription),
        now_ms,
        bill=bool(params.get("invoice_now", False)),
        prorates=bool(params.get("prorate", False)),
    )
