"""What a restricted key may do, and which permission the reading of an event takes.

An event tells of an object, so that whoever may not read the object may not read the event either:
not over the API, and not by pointing a webhook at it.
"""

from typing import Final

from tripmeter.model.access import Access, Permission, Permissions, Resource

_TOLD_OF: Final = {
    "billing.access": Resource.ACCESS,
    "billing.alert": Resource.ALERTS,
    "billing.credit_balance_transaction": Resource.CREDITS,
    "billing.credit_grant": Resource.CREDITS,
    "billing.meter": Resource.METERS,
    "core.event_destination": Resource.WEBHOOK_ENDPOINTS,
    "coupon": Resource.COUPONS,
    "customer": Resource.CUSTOMERS,
    "customer.discount": Resource.COUPONS,
    "customer.subscription": Resource.SUBSCRIPTIONS,
    "entitlements.active_entitlement_summary": Resource.ENTITLEMENTS,
    "invoice": Resource.INVOICES,
    "invoiceitem": Resource.INVOICES,
    "invoice_payment": Resource.INVOICES,
    "price": Resource.PRICES,
    "product": Resource.PRODUCTS,
    "promotion_code": Resource.COUPONS,
    "tax_rate": Resource.TAX_RATES,
    "test_helpers.test_clock": Resource.TEST_CLOCKS,
}
"""The resource that the types of event below a name tell of."""


def permits(permissions: Permissions | None, needed: Permission) -> bool:
    """Whether a key with these permissions may; None are those of a secret key."""
    if permissions is None:
        return True
    has = permissions.get(needed.resource)
    return has is Access.WRITE or has is needed.access


def needed_for_event(type_: str) -> Permission | None:
    """What it takes to learn of events of a type: `customers:read` for `v1.customer.created`.

    None for a type that tells of a resource for which there is no permission; `*` is one.
    """
    name = type_.removeprefix("v1.").removeprefix("v2.").rpartition(".")[0]
    resource = _TOLD_OF.get(name)
    return None if resource is None else Permission(resource, Access.READ)
