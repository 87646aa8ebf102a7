"""Fetches what `expand` asks for, as far as the caller may read it."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from tripmeter.api.call import Call
from tripmeter.billing.contract import contract
from tripmeter.billing.rendering import (
    existing_invoice,
    payments_of,
    rendered_invoice,
    rendered_subscription,
)
from tripmeter.control.access import require
from tripmeter.control.customers import rendered_customer
from tripmeter.model.access import Access, Permission, Resource
from tripmeter.model.catalogue import Product
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.wire import catalogue
from tripmeter.wire.credits import credit_grant_object, credit_transaction_object
from tripmeter.wire.entitlements import feature_object
from tripmeter.wire.expand import expand
from tripmeter.wire.objects import deleted_object, meter_object, no_members, sources_path
from tripmeter.wire.test_clocks import test_clock_object


class _Found(NamedTuple):
    """Where to look, and when."""

    session: Session
    scope: Scope
    now_ms: int
    base_url: str | None
    """Where people find their invoices."""


Render = Callable[[_Found, str], Any]


def _product(product: Product) -> Any:
    """The product, or what is left of it."""
    if product.deleted:
        return deleted_object(product.id, "product")
    return catalogue.product_object(product)


def _of_price(render: Callable[[Any], Any]) -> Render:
    return lambda at, id_: render(at.session.prices.get(at.scope, id_).value)


def _of_coupon(render: Callable[[Any], Any]) -> Render:
    return lambda at, id_: render(at.session.coupons.get(at.scope, id_).value)


def _discount(at: _Found, id_: str) -> Any:
    discount = at.session.discounts.get(at.scope, id_).value.discount
    return catalogue.discount_object(discount)


def _invoice(at: _Found, id_: str) -> Any:
    invoice = existing_invoice(at.session, at.scope, id_).value
    return rendered_invoice(at.session, invoice, at.base_url)


KINDS: Final[dict[str, tuple[Resource, Render]]] = {
    "coupon": (
        Resource.COUPONS,
        lambda at, id_: catalogue.coupon_object(
            at.session.coupons.get(at.scope, id_).value, at.now_ms
        ),
    ),
    "coupon.applies_to": (Resource.COUPONS, _of_coupon(catalogue.coupon_applies_to)),
    "coupon.currency_options": (Resource.COUPONS, _of_coupon(catalogue.coupon_currency_options)),
    "credit_transaction": (
        Resource.CREDITS,
        lambda at, id_: credit_transaction_object(
            at.session.credit_transactions.get(at.scope, id_).value
        ),
    ),
    "discount": (Resource.COUPONS, _discount),
    "invoice": (Resource.INVOICES, _invoice),
    "invoice.payments": (
        Resource.INVOICES,
        lambda at, id_: payments_of(at.session, at.scope, id_),
    ),
    "subscription": (
        Resource.SUBSCRIPTIONS,
        lambda at, id_: rendered_subscription(at.session, contract(at.session, at.scope, id_)),
    ),
    "test_clock": (
        Resource.TEST_CLOCKS,
        lambda at, id_: test_clock_object(at.session.test_clocks.get(at.scope, id_).value),
    ),
    "credit_grant": (
        Resource.CREDITS,
        lambda at, id_: credit_grant_object(at.session.credit_grants.get(at.scope, id_).value),
    ),
    "customer": (
        Resource.CUSTOMERS,
        lambda at, id_: rendered_customer(at.session.customers.get(at.scope, id_).value),
    ),
    "customer.sources": (Resource.CUSTOMERS, lambda _, id_: no_members(sources_path(id_))),
    "feature": (
        Resource.ENTITLEMENTS,
        lambda at, id_: feature_object(at.session.features.get(at.scope, id_).value),
    ),
    "meter": (
        Resource.METERS,
        lambda at, id_: meter_object(at.session.meters.get(at.scope, id_).value),
    ),
    "price": (Resource.PRICES, _of_price(catalogue.price_object)),
    "price.currency_options": (Resource.PRICES, _of_price(catalogue.price_currency_options)),
    "price.tiers": (Resource.PRICES, _of_price(catalogue.price_tiers)),
    "product": (
        Resource.PRODUCTS,
        lambda at, id_: _product(at.session.products.get(at.scope, id_).value),
    ),
    "promotion_code": (
        Resource.COUPONS,
        lambda at, id_: catalogue.promotion_code_object(
            at.session.promotion_codes.get(at.scope, id_).value, at.now_ms
        ),
    ),
    "promotion_code.restrictions.currency_options": (
        Resource.COUPONS,
        lambda at, id_: catalogue.code_currency_options(
            at.session.promotion_codes.get(at.scope, id_).value
        ),
    ),
}
"""What can be expanded or included: what a key must be allowed to read for it, and how it looks."""


def expanded(session: Session, call: Call, rendered: Any, paths: Iterable[str], now_ms: int) -> Any:
    """The rendered object with the ids at `paths` replaced by their objects.

    Raises PermissionMissing where the caller may not read one of them.
    """
    at = _Found(session, call.scope, now_ms, call.services.terms.base_url)

    def fetch(kind: str, id_: str) -> Any:
        resource, render = KINDS[kind]
        require(call.caller.permissions, Permission(resource, Access.READ))
        return render(at, id_)

    return expand(rendered, paths, fetch)
