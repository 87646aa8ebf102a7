"""Parameters that subscriptions and invoices have in common, and those that both refuse.

Nothing is charged here, no money is moved between accounts, and taxes are what their rates say:
what Stripe has for those is refused by one declaration for each reason.
"""

from typing import Any, Final

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.wire.params import (
    Blank,
    Boolean,
    DecimalText,
    Dialect,
    Enum,
    Integer,
    ListOf,
    Map,
    Object,
    Off,
    Param,
    Refused,
    Schema,
    String,
    Timestamp,
)

LARGEST_QUANTITY: Final = 999_999_999_999

# --- refused -----------------------------------------------------------------------------------

NO_CARDS: Final = Refused(
    "nothing is charged here. Collect the payment yourself when invoice.finalized arrives, then"
    " call /v1/invoices/{id}/pay with paid_out_of_band=true."
)
NO_CONNECT: Final = Refused(
    "there are no connected accounts here, so money is never split. Leave it out."
)
NO_CUSTOMER_ACCOUNT: Final = Refused("there are no v2 accounts here. Give `customer` instead.")
NO_PLANS: Final = Refused("plans are prices here. Give `price` with the id of one.")
NO_SCHEDULES: Final = Refused(
    "there are no schedules here. Change the subscription when the time has come."
)
NO_TRIAL_OFFERS: Final = Refused(
    "there are no trial offers here. Give `trial_end` or `trial_period_days` to the subscription."
)
NO_TAX_CODES: Final = Refused("taxes are not looked up here. Give `tax_rates` instead.")
NO_TAX_IDS: Final = Refused(
    "there are no tax ids of the account here. Say what has to be said in `footer`."
)
NO_SHIPPING: Final = Refused("there are no shipping rates here. Add an invoice item instead.")
NO_TEMPLATES: Final = Refused("invoices have one look here. Leave it out.")
NO_REVISIONS: Final = Refused("invoices are not revised here. Void this one and make another.")
NOT_CHOSEN: Final = Refused("invoices are numbered when they are finalized. Leave it out.")

REFUSED_PAYMENTS: Final[dict[str, Param]] = {
    "default_payment_method": NO_CARDS,
    "default_source": NO_CARDS,
    "on_behalf_of": NO_CONNECT,
    "transfer_data": NO_CONNECT,
}
"""What creating and changing a subscription or an invoice refuses."""

AUTOMATIC_TAX: Final = Object(
    {
        "enabled": Off(
            "taxes are not looked up here. Give default_tax_rates, or tax_rates of the items.",
            required=True,
        ),
        "liability": NO_CONNECT,
    }
)
ISSUER: Final = Object({"type": Enum("self", required=True), "account": NO_CONNECT})


# --- amounts, prices, discounts ----------------------------------------------------------------


def currency(*, required: bool = False) -> Param:
    """Three letters; whether they are a currency is for the moves to say."""
    return String(max_length=3, required=required, description="Such as `usd`.")


def amount(description: str = "") -> Param:
    """Minor units, below zero for what is given back."""
    return Integer(minimum=-AMOUNT_LIMIT, maximum=AMOUNT_LIMIT, description=description)


def quantity() -> Param:
    """A whole number of units."""
    return Integer(minimum=0, maximum=LARGEST_QUANTITY)


QUANTITY_DECIMAL: Final = DecimalText(minimum=0, maximum=LARGEST_QUANTITY)
UNIT_AMOUNT_DECIMAL: Final = DecimalText(
    minimum=-AMOUNT_LIMIT, maximum=AMOUNT_LIMIT, description="Minor units for one unit."
)
TAX_BEHAVIOR: Final = Enum("exclusive", "inclusive", "unspecified")
PERIOD: Final = Object({"end": Timestamp(required=True), "start": Timestamp(required=True)})

_AMOUNTS: Final[dict[str, Param]] = {
    "currency": currency(required=True),
    "product": String(required=True, description="The id of a product."),
    "tax_behavior": TAX_BEHAVIOR,
    "unit_amount": amount("Minor units for one unit."),
    "unit_amount_decimal": UNIT_AMOUNT_DECIMAL,
}
ONCE_PRICE_DATA: Final = Object(_AMOUNTS, description="A price of its own, for what is sold once.")
RECURRING_PRICE_DATA: Final = Object(
    {
        **_AMOUNTS,
        "recurring": Object(
            {
                "interval": Enum("day", "month", "week", "year", required=True),
                "interval_count": Integer(minimum=1, maximum=1095),
            },
            required=True,
        ),
    },
    description="A price of its own, without usage.",
)


def discounts(blank: Blank = "unset") -> Param:
    """Discounts in the order in which they are taken off; blank takes them away."""
    one = {name: String() for name in ("coupon", "discount", "promotion_code")}
    return ListOf(Object(one), max_items=20, blank=blank)


def tax_rates(blank: Blank = "unset") -> Param:
    """Ids of tax rates; blank takes them away."""
    return ListOf(String(), max_items=5, blank=blank)


CUSTOM_FIELDS: Final = ListOf(
    Object(
        {
            "name": String(max_length=40, required=True),
            "value": String(max_length=140, required=True),
        }
    ),
    max_items=4,
    blank="unset",
)


# --- subscriptions, as they are and as they might be -------------------------------------------

USAGE_THRESHOLD: Final = Object(
    {"usage_gte": Integer(minimum=1, maximum=10**15, required=True)},
    blank="unset",
    description="An invoice is issued as soon as so many units are used; blank takes it away.",
)

ITEM: Final[dict[str, Param]] = {
    "billing_thresholds": USAGE_THRESHOLD,
    "current_trial": NO_TRIAL_OFFERS,
    "discounts": discounts(),
    "metadata": Map(),
    "plan": NO_PLANS,
    "price": String(),
    "price_data": RECURRING_PRICE_DATA,
    "quantity": quantity(),
    "tax_rates": tax_rates(),
}
CHANGED_ITEM: Final[dict[str, Param]] = {
    **ITEM,
    "clear_usage": Boolean(description="Forget the usage that was not billed."),
    "deleted": Boolean(),
    "id": String(description="The item to change; without it, one is added."),
}
ITEMS_LIMIT: Final = 20
"""How many items a subscription may have (Stripe)."""

PRORATION: Final = Enum("always_invoice", "create_prorations", "none")
TRIAL_END: Final = Timestamp(words=("now",))
BILLING_MODE: Final = Object(
    {
        "type": Enum("flexible", required=True, description="The only mode here."),
        "flexible": Object({"proration_discounts": Enum("included")}),
    }
)


def cancel_at(blank: Blank = "refused") -> Param:
    """A moment, or the end of the item's period that ends first, or last."""
    return Timestamp(words=("max_period_end", "min_period_end"), blank=blank)


class CycleAnchor(Object):
    """`{type: now}`, or just `now` as in earlier API versions: reads as the word.

    Where a moment may be given, `{type: timestamp, timestamp: 1}` reads as Unix seconds.
    """

    __slots__ = ()

    WORD: Final = Enum("now", "unchanged")

    def __init__(self, *, with_timestamp: bool = False) -> None:
        words = ("now", "timestamp", "unchanged") if with_timestamp else ("now", "unchanged")
        moment = {"timestamp": Timestamp()} if with_timestamp else {}
        super().__init__({"type": Enum(*words, required=True), **moment})

    def convert(self, given: Any, name: str, form: bool) -> Any:
        """`now`, `unchanged`, or Unix seconds."""
        if isinstance(given, str):
            return self.WORD.convert(given, name, form)
        typed = super().convert(given, name, form)
        is_moment = typed["type"] == "timestamp"
        if is_moment != ("timestamp" in typed):
            wanted = "It goes with type=timestamp, and the other way round."
            raise ParameterInvalid(f"{name}[timestamp]", f"Invalid timestamp. {wanted}")
        return typed["timestamp"] if is_moment else typed["type"]

    def schema(self, dialect: Dialect) -> Schema:
        """The hash, or the word."""
        return {"anyOf": [super().schema(dialect), self.WORD.schema(dialect)]}
