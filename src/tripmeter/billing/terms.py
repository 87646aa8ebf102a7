"""The terms of a subscription that change without anything being billed for it."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

from tripmeter.billing.contract import Contract
from tripmeter.billing.items import checked_tax_rates
from tripmeter.control.announcing import merge_metadata
from tripmeter.control.discounts import give_discounts
from tripmeter.model.errors import ParameterInvalid, ParametersExclusive
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Subscription
from tripmeter.ports import Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.pricing import quantities_amount

Params = Mapping[str, Any]

KEPT_AS_GIVEN: Final = (
    "automatic_tax", "billing_mode", "invoice_settings", "payment_settings", "trial_settings",
)  # fmt: skip


def with_terms(
    work: Work, caller: Caller, agreed: Contract, params: Params, now_ms: int
) -> Subscription:
    """A subscription on changed terms: what is not mentioned stays, and blanks take away.

    Raises ParameterInvalid and its kin; ResourceMissing.
    """
    now = agreed.subscription
    method = params.get("collection_method", now.collection_method)
    rates, discounts = now.default_tax_rates, now.discounts
    if "default_tax_rates" in params:
        ids = params["default_tax_rates"]
        rates = checked_tax_rates(work.session, caller.scope, ids, "default_tax_rates")
    if "discounts" in params:
        recipient = Recipient(
            now_ms // 1000,
            now.customer,
            now.id,
            currency=now.currency,
            amount=quantities_amount((one.price, one.item.quantity) for one in agreed.items),
        )
        given = params["discounts"] or ()
        discounts = give_discounts(work, caller, given, recipient, held=now.discounts)
    changed = structs.replace(
        now,
        collection_method=method,
        days_until_due=_days_until_due(now, params, method),
        default_tax_rates=rates,
        description=params.get("description", now.description) or None,
        details=_details(now, params, now_ms),
        discounts=discounts,
        metadata=merge_metadata(now.metadata, params.get("metadata")),
    )
    return _with_end(_with_thresholds(changed, params), params, now_ms)


def _days_until_due(now: Subscription, params: Params, method: str) -> int | None:
    if "collection_method" not in params and "days_until_due" not in params:
        return now.days_until_due
    kept = now.days_until_due if method == "send_invoice" else None
    return days_until_due(
        {"collection_method": method, "days_until_due": params.get("days_until_due", kept)}
    )


def days_until_due(params: Params) -> int | None:
    """When invoices that are sent are due. Raises ParameterInvalid where that does not fit."""
    method = params.get("collection_method", "charge_automatically")
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


def _with_thresholds(now: Subscription, params: Params) -> Subscription:
    if "billing_thresholds" not in params:
        return now
    given = params["billing_thresholds"] or {}
    if not given:
        return structs.replace(now, amount_gte=None, reset_billing_cycle_anchor=False)
    return structs.replace(
        now,
        amount_gte=given.get("amount_gte", now.amount_gte),
        reset_billing_cycle_anchor=given.get(
            "reset_billing_cycle_anchor", now.reset_billing_cycle_anchor
        ),
    )


# --- the end -----------------------------------------------------------------------------------


def cancel_at(params: Params, period_end_ms: int, now_ms: int) -> int | None:
    """When a subscription is to end, in ms. Raises ParameterInvalid, ParametersExclusive."""
    given = params.get("cancel_at")
    if given in (None, ""):
        return None
    if params.get("cancel_at_period_end"):
        raise ParametersExclusive(("cancel_at", "cancel_at_period_end"))
    if isinstance(given, str):  # all items have the same period here
        return period_end_ms
    if given * 1000 <= now_ms:
        raise ParameterInvalid("cancel_at", "cancel_at must be in the future.")
    return int(given) * 1000


def _with_end(now: Subscription, params: Params, now_ms: int) -> Subscription:
    """A subscription that is to end, or is not any more."""
    if "cancel_at" not in params and "cancel_at_period_end" not in params:
        return now
    at_ms = cancel_at(params, now.period_end_ms, now_ms)
    at_end = bool(params.get("cancel_at_period_end", False))
    if "cancel_at" not in params and not at_end:
        at_ms = None
    will_end = at_end or at_ms is not None
    cancellation = dict(now.details.get("cancellation_details") or {})
    cancellation["reason"] = "cancellation_requested" if will_end else None
    details = {**now.details, "cancellation_details": cancellation}
    details["cancel_prorates"] = prorates_at_end(params, at_ms, now.period_end_ms)
    return structs.replace(
        now,
        cancel_at_ms=at_ms,
        cancel_at_period_end=at_end,
        canceled_ms=(now.canceled_ms or now_ms) if will_end else None,
        details=details,
    )


def prorates_at_end(params: Params, at_ms: int | None, period_end_ms: int) -> bool:
    """Whether what is left of the last period is credited: an end in a later period always does
    that, one in the current period unless no prorations are wanted (Stripe)."""
    is_later = at_ms is not None and at_ms > period_end_ms
    return is_later or params.get("proration_behavior") != "none"


# --- other settings ----------------------------------------------------------------------------


def _details(now: Subscription, params: Params, now_ms: int) -> dict[str, Any]:
    details = dict(now.details)
    for name in KEPT_AS_GIVEN:
        if name in params:
            details[name] = {**(details.get(name) or {}), **(params[name] or {})}
    if "cancellation_details" in params:
        details["cancellation_details"] = with_cancellation(now, params)
    if "pause_collection" in params:
        details["pause_collection"] = _pause(params["pause_collection"], now_ms)
    return {name: value for name, value in details.items() if value not in (None, "")}


def with_cancellation(now: Subscription, params: Params) -> dict[str, Any]:
    """Why a subscription ends, as far as anybody said; blanks take away."""
    known = dict(now.details.get("cancellation_details") or {})
    for name, value in (params.get("cancellation_details") or {}).items():
        known[name] = value or None
    return known


def _pause(given: Params | None, now_ms: int) -> dict[str, Any] | None:
    if not given:
        return None
    resumes_at = given.get("resumes_at")
    if resumes_at is not None and resumes_at * 1000 <= now_ms:
        raise ParameterInvalid(
            "pause_collection[resumes_at]",
            "resumes_at must be in the future. To resume now, unset pause_collection.",
        )
    return dict(given)
