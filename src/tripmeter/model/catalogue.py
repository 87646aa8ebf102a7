"""What is sold: products, prices, coupons, promotion codes, tax rates, and discounts given."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec


class Interval(StrEnum):
    """The unit of a billing period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Product(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is sold. `details` holds Stripe's descriptive fields as given."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    updated_ms: int
    name: str
    type: Literal["good", "service"] = "service"
    active: bool = True
    default_price: str | None = None
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}
    deleted: bool = False


class Tier(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tier of a price: up to and including `up_to` units; the last one has no end."""

    up_to: int | None = None
    unit_amount: Decimal | None = None
    """Minor units for one unit, up to 12 decimal places."""
    flat_amount: Decimal | None = None
    """Minor units, once, as soon as the tier is reached."""


class Package(msgspec.Struct, frozen=True):
    """Quantities are divided by this before they are priced, and rounded to whole packages."""

    divide_by: int
    round: Literal["up", "down"]


class Recurring(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a price is billed, and whether by quantity (`licensed`) or by usage."""

    interval: Interval
    interval_count: int = 1
    usage_type: Literal["licensed", "metered"] = "licensed"
    meter: str | None = None
    trial_period_days: int | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a product costs. Everything that decides an amount is fixed at creation."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    product: str
    currency: str
    active: bool = True
    unit_amount: Decimal | None = None
    """Minor units for one unit, or one package, up to 12 decimal places; None with tiers."""
    tiers_mode: Literal["graduated", "volume"] | None = None
    tiers: tuple[Tier, ...] = ()
    package: Package | None = None
    recurring: Recurring | None = None
    """None for what is sold once."""
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] = "unspecified"
    nickname: str | None = None
    lookup_key: str | None = None
    metadata: dict[str, str] = {}

    @property
    def meter(self) -> str | None:
        """The meter whose usage is billed; None where a quantity is."""
        return self.recurring.meter if self.recurring else None


class Coupon(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The terms of a discount. Deleting one keeps the discounts that were given."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    percent_off: Decimal | None = None
    """More than 0, up to 100. Either this or `amount_off` is set."""
    amount_off: int | None = None
    """Minor units of `currency`."""
    currency: str | None = None
    duration: Literal["forever", "once", "repeating"] = "once"
    duration_in_months: int | None = None
    max_redemptions: int | None = None
    redeem_by: int | None = None
    """Unix seconds from which on it is not given any more."""
    times_redeemed: int = 0
    products: tuple[str, ...] = ()
    """Products to whose lines it is limited; none means all."""
    name: str | None = None
    metadata: dict[str, str] = {}
    deleted: bool = False

    @property
    def exhausted(self) -> bool:
        """Whether it was given as often as it may be."""
        return self.max_redemptions is not None and self.times_redeemed >= self.max_redemptions

    def valid_at(self, now_s: int) -> bool:
        """Whether it can be given (Stripe's `valid`)."""
        expired = self.redeem_by is not None and self.redeem_by <= now_s
        return not (self.deleted or self.exhausted or expired)


class PromotionCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A word that customers give to be given a coupon."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    code: str
    coupon: str
    active: bool = True
    customer: str | None = None
    """The only customer who may use it."""
    expires_at: int | None = None
    """Unix seconds."""
    max_redemptions: int | None = None
    times_redeemed: int = 0
    first_time_transaction: bool = False
    minimum_amount: int | None = None
    minimum_amount_currency: str | None = None
    metadata: dict[str, str] = {}

    @property
    def exhausted(self) -> bool:
        """Whether it was used as often as it may be."""
        return self.max_redemptions is not None and self.times_redeemed >= self.max_redemptions

    def expired_at(self, now_s: int) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now_s


class Discount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A coupon as it was given to a customer, a subscription, an item or an invoice."""

    id: str
    coupon: str
    start: int
    """Unix seconds."""
    end: int | None = None
    """Unix seconds; None while it has no end that is known."""
    promotion_code: str | None = None
    customer: str | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    invoice: str | None = None
    invoice_item: str | None = None
    used: bool = False
    """A coupon of duration `once` that an invoice has used up."""


class GivenDiscount(msgspec.Struct, frozen=True, kw_only=True):
    """A discount as it was given, to be found by its id; what it is on holds it as well."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    discount: Discount


class TaxRate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tax by its rate. Rate and inclusiveness are fixed at creation."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    display_name: str
    percentage: Decimal
    inclusive: bool
    active: bool = True
    details: dict[str, Any] = {}
    """country, state, jurisdiction, description, tax_type."""
    metadata: dict[str, str] = {}
