"""How what is sold looks as Stripe's objects: products, prices, tax rates, coupons, discounts.

Owns their shapes as well as their rendering. Ids are rendered as ids. What Stripe shows only to
those who expand it (`tiers`, `currency_options`, `applies_to`) has functions of its own.
"""

from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

from tripmeter.model.catalogue import (
    Coupon,
    Discount,
    Price,
    Product,
    PromotionCode,
    Recurring,
    TaxRate,
    Tier,
)
from tripmeter.wire.times import unix

Expandable = str | dict[str, Any]
"""An id, or the object in its place."""


class ProductObject(TypedDict):
    """Something that is sold."""

    id: str
    object: Literal["product"]
    active: bool
    created: int
    default_price: Expandable | None
    description: str | None
    images: list[str]
    livemode: bool
    marketing_features: list[dict[str, str]]
    metadata: dict[str, str]
    name: str
    package_dimensions: dict[str, float] | None
    shippable: bool | None
    statement_descriptor: str | None
    tax_code: str | None
    tax_details: dict[str, str | None] | None
    type: str
    unit_label: str | None
    updated: int
    url: str | None


class PriceObject(TypedDict):
    """What a product costs."""

    id: str
    object: Literal["price"]
    active: bool
    billing_scheme: Literal["per_unit", "tiered"]
    created: int
    currency: str
    currency_options: NotRequired[dict[str, Any]]
    custom_unit_amount: dict[str, Any] | None
    livemode: bool
    lookup_key: str | None
    metadata: dict[str, str]
    nickname: str | None
    product: Expandable
    recurring: dict[str, Any] | None
    tax_behavior: str
    tiers: NotRequired[list[dict[str, Any]]]
    tiers_mode: str | None
    transform_quantity: dict[str, Any] | None
    type: str
    unit_amount: int | None
    unit_amount_decimal: str | None


class CouponObject(TypedDict):
    """The terms of a discount."""

    id: str
    object: Literal["coupon"]
    amount_off: int | None
    applies_to: NotRequired[dict[str, list[str]] | None]
    created: int
    currency: str | None
    currency_options: NotRequired[dict[str, Any]]
    duration: str
    duration_in_months: int | None
    livemode: bool
    max_redemptions: int | None
    metadata: dict[str, str]
    name: str | None
    percent_off: float | None
    redeem_by: int | None
    times_redeemed: int
    valid: bool


class PromotionCodeObject(TypedDict):
    """A word that customers give to be given a coupon."""

    id: str
    object: Literal["promotion_code"]
    active: bool
    code: str
    created: int
    customer: Expandable | None
    customer_account: str | None
    expires_at: int | None
    livemode: bool
    max_redemptions: int | None
    metadata: dict[str, str]
    promotion: dict[str, Any]
    restrictions: dict[str, Any]
    times_redeemed: int


class DiscountObject(TypedDict):
    """A coupon as it was given."""

    id: str
    object: Literal["discount"]
    checkout_session: str | None
    customer: Expandable | None
    customer_account: str | None
    deleted: NotRequired[bool]
    end: int | None
    invoice: str | None
    invoice_item: str | None
    promotion_code: Expandable | None
    source: dict[str, Any]
    start: int
    subscription: str | None
    subscription_item: str | None


class TaxRateObject(TypedDict):
    """A tax by its rate."""

    id: str
    object: Literal["tax_rate"]
    active: bool
    country: str | None
    created: int
    description: str | None
    display_name: str
    effective_percentage: float | None
    flat_amount: dict[str, Any] | None
    inclusive: bool
    jurisdiction: str | None
    jurisdiction_level: str | None
    livemode: bool
    metadata: dict[str, str]
    percentage: float
    rate_type: str | None
    state: str | None
    tax_type: str | None


# --- products and prices -----------------------------------------------------------------------


def product_object(product: Product) -> ProductObject:
    """A product."""
    details = product.details
    size = details.get("package_dimensions")
    return {
        "id": product.id,
        "object": "product",
        "active": product.active,
        "created": unix(product.created_ms),
        "default_price": product.default_price,
        "description": details.get("description"),
        "images": details.get("images", []),
        "livemode": product.livemode,
        "marketing_features": details.get("marketing_features", []),
        "metadata": product.metadata,
        "name": product.name,
        "package_dimensions": {side: number(Decimal(size[side])) for side in size}
        if size
        else None,
        "shippable": details.get("shippable"),
        "statement_descriptor": details.get("statement_descriptor"),
        "tax_code": details.get("tax_code"),
        "tax_details": details.get("tax_details"),
        "type": product.type,
        "unit_label": details.get("unit_label"),
        "updated": unix(product.updated_ms),
        "url": details.get("url"),
    }


def price_object(price: Price) -> PriceObject:
    """A price. Its tiers, if it has any, are shown only where they are expanded (Stripe)."""
    package = price.package
    return {
        "id": price.id,
        "object": "price",
        "active": price.active,
        "billing_scheme": "tiered" if price.tiers else "per_unit",
        "created": unix(price.created_ms),
        "currency": price.currency,
        "custom_unit_amount": None,
        "livemode": price.livemode,
        "lookup_key": price.lookup_key,
        "metadata": price.metadata,
        "nickname": price.nickname,
        "product": price.product,
        "recurring": _recurring(price.recurring) if price.recurring else None,
        "tax_behavior": price.tax_behavior,
        "tiers_mode": price.tiers_mode,
        "transform_quantity": (
            {"divide_by": package.divide_by, "round": package.round} if package else None
        ),
        "type": "recurring" if price.recurring else "one_time",
        "unit_amount": _whole(price.unit_amount),
        "unit_amount_decimal": decimal_text(price.unit_amount),
    }


def price_tiers(price: Price) -> list[dict[str, Any]] | None:
    """The tiers of a price; None if it has none."""
    return [_tier(tier) for tier in price.tiers] or None


def price_currency_options(price: Price) -> dict[str, Any]:
    """What a price is in each of its currencies, of which it has one.

    What it does not have is left out here (Stripe's schema).
    """
    option = {
        "tax_behavior": price.tax_behavior,
        "tiers": [_given(_tier(tier)) for tier in price.tiers] or None,
        "unit_amount": _whole(price.unit_amount),
        "unit_amount_decimal": decimal_text(price.unit_amount),
    }
    return {price.currency: _given(option)}


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _recurring(recurring: Recurring) -> dict[str, Any]:
    return {
        "interval": recurring.interval.value,
        "interval_count": recurring.interval_count,
        "meter": recurring.meter,
        "trial_period_days": recurring.trial_period_days,
        "usage_type": recurring.usage_type,
    }


def _tier(tier: Tier) -> dict[str, Any]:
    return {
        "flat_amount": _whole(tier.flat_amount),
        "flat_amount_decimal": decimal_text(tier.flat_amount),
        "unit_amount": _whole(tier.unit_amount),
        "unit_amount_decimal": decimal_text(tier.unit_amount),
        "up_to": tier.up_to,
    }


# --- coupons, promotion codes, discounts -------------------------------------------------------


def coupon_object(coupon: Coupon, now_ms: int) -> CouponObject:
    """A coupon, which is valid or not by a time."""
    return {
        "id": coupon.id,
        "object": "coupon",
        "amount_off": coupon.amount_off,
        "created": unix(coupon.created_ms),
        "currency": coupon.currency,
        "duration": coupon.duration,
        "duration_in_months": coupon.duration_in_months,
        "livemode": coupon.livemode,
        "max_redemptions": coupon.max_redemptions,
        "metadata": coupon.metadata,
        "name": coupon.name,
        "percent_off": number(coupon.percent_off) if coupon.percent_off is not None else None,
        "redeem_by": coupon.redeem_by,
        "times_redeemed": coupon.times_redeemed,
        "valid": coupon.valid_at(unix(now_ms)),
    }


def coupon_applies_to(coupon: Coupon) -> dict[str, list[str]] | None:
    """The products that a coupon is limited to; None if it is not."""
    return {"products": list(coupon.products)} if coupon.products else None


def coupon_currency_options(coupon: Coupon) -> dict[str, Any] | None:
    """What a coupon takes off in each of its currencies, of which it has one at most."""
    if coupon.currency is None:
        return None
    return {coupon.currency: {"amount_off": coupon.amount_off}}


def promotion_code_object(code: PromotionCode, now_ms: int) -> PromotionCodeObject:
    """A promotion code, which is active or not by a time."""
    return {
        "id": code.id,
        "object": "promotion_code",
        "active": code.active and not code.expired_at(unix(now_ms)),
        "code": code.code,
        "created": unix(code.created_ms),
        "customer": code.customer,
        "customer_account": None,
        "expires_at": code.expires_at,
        "livemode": code.livemode,
        "max_redemptions": code.max_redemptions,
        "metadata": code.metadata,
        "promotion": {"type": "coupon", "coupon": code.coupon},
        "restrictions": {
            "first_time_transaction": code.first_time_transaction,
            "minimum_amount": code.minimum_amount,
            "minimum_amount_currency": code.minimum_amount_currency,
        },
        "times_redeemed": code.times_redeemed,
    }


def code_currency_options(code: PromotionCode) -> dict[str, Any] | None:
    """The least amount of a code in each of its currencies, of which it has one at most."""
    if code.minimum_amount_currency is None:
        return None
    return {code.minimum_amount_currency: {"minimum_amount": code.minimum_amount}}


def discount_object(discount: Discount) -> DiscountObject:
    """A discount."""
    return {
        "id": discount.id,
        "object": "discount",
        "checkout_session": None,
        "customer": discount.customer,
        "customer_account": None,
        "end": discount.end,
        "invoice": discount.invoice,
        "invoice_item": discount.invoice_item,
        "promotion_code": discount.promotion_code,
        "source": {"type": "coupon", "coupon": discount.coupon},
        "start": discount.start,
        "subscription": discount.subscription,
        "subscription_item": discount.subscription_item,
    }


def deleted_discount_object(discount: Discount) -> DiscountObject:
    """A discount that was taken away: unlike other objects, it is still shown whole (Stripe)."""
    return {**discount_object(discount), "deleted": True}


# --- tax rates ---------------------------------------------------------------------------------


def tax_rate_object(rate: TaxRate) -> TaxRateObject:
    """A tax rate."""
    details = rate.details
    return {
        "id": rate.id,
        "object": "tax_rate",
        "active": rate.active,
        "country": details.get("country"),
        "created": unix(rate.created_ms),
        "description": details.get("description"),
        "display_name": rate.display_name,
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": rate.inclusive,
        "jurisdiction": details.get("jurisdiction"),
        "jurisdiction_level": None,
        "livemode": rate.livemode,
        "metadata": rate.metadata,
        "percentage": number(rate.percentage),
        "rate_type": "percentage",
        "state": details.get("state"),
        "tax_type": details.get("tax_type"),
    }


# --- numbers -----------------------------------------------------------------------------------


def number(exact: Decimal) -> int | float:
    """A JSON number for percentages and sizes, whose few digits every reader's double holds."""
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def decimal_text(exact: Decimal | None) -> str | None:
    """An amount as a decimal string, without an exponent."""
    return None if exact is None else f"{exact:f}"


def _whole(exact: Decimal | None) -> int | None:
    """An amount as an integer; None for one with a fraction."""
    if exact is None or exact != exact.to_integral_value():
        return None
    return int(exact)
