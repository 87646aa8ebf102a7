"""`/v1/prices`."""

from decimal import Decimal
from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, filters_of, list_object, listing
from tripmeter.control import offers, prices
from tripmeter.model.money import AMOUNT_LIMIT
from tripmeter.model.stored import Kept, Page, Slice
from tripmeter.ports import Session, Work
from tripmeter.rules.currencies import known_currency
from tripmeter.rules.prices import INFINITE
from tripmeter.wire.catalogue import PriceObject, price_object
from tripmeter.wire.params import (
    Boolean,
    Enum,
    Integer,
    ListOf,
    Map,
    Number,
    Object,
    Param,
    Range,
    Refused,
    String,
)

_PATH: Final = "/v1/prices"
_ONE: Final = f"{_PATH}/{{id}}"

CURRENCY_OPTIONS: Final = Refused("Create a price for each currency.")
CUSTOM_UNIT_AMOUNT: Final = Refused("Give unit_amount, or unit_amount_decimal.")

_TAX_BEHAVIOR: Final = Enum("exclusive", "inclusive", "unspecified")


def amount() -> Integer:
    """Whole minor units."""
    return Integer(minimum=0, maximum=AMOUNT_LIMIT, description="In the smallest unit.")


def rate() -> Number:
    """Minor units with a fraction."""
    return Number(
        places=12,
        minimum=Decimal(0),
        maximum=Decimal(AMOUNT_LIMIT),
        description="In the smallest unit, with up to 12 decimal places.",
    )


TIERS: Final = ListOf(
    Object(
        {
            "up_to": Integer(minimum=1, words=(INFINITE,), required=True),
            "flat_amount": amount(),
            "flat_amount_decimal": rate(),
            "unit_amount": amount(),
            "unit_amount_decimal": rate(),
        }
    ),
    max_items=100,
)

_PRODUCT_DATA: Final = Object(
    {
        "name": String(required=True),
        "active": Boolean(),
        "id": String(max_length=200),
        "metadata": Map(),
        "statement_descriptor": String(max_length=22),
        "tax_code": String(),
        "tax_details": Object(
            {"performance_location": String(), "tax_code": String(blank="unset")}
        ),
        "unit_label": String(max_length=12),
    }
)

_RECURRING: Final = Object(
    {
        "interval": Enum("day", "month", "week", "year", required=True),
        "interval_count": Integer(minimum=1),
        "meter": String(),
        "trial_period_days": Integer(minimum=1, maximum=730),
        "usage_type": Enum("licensed", "metered"),
    }
)

_CREATE: Final[dict[str, Param]] = {
    "active": Boolean(),
    "billing_scheme": Enum("per_unit", "tiered"),
    "currency": String(required=True),
    "currency_options": CURRENCY_OPTIONS,
    "custom_unit_amount": CUSTOM_UNIT_AMOUNT,
    "lookup_key": String(max_length=200),
    "metadata": Map(),
    "nickname": String(),
    "product": String(),
    "product_data": _PRODUCT_DATA,
    "recurring": _RECURRING,
    "tax_behavior": _TAX_BEHAVIOR,
    "tiers": TIERS,
    "tiers_mode": Enum("graduated", "volume"),
    "transfer_lookup_key": Boolean(),
    "transform_quantity": Object(
        {"divide_by": Integer(minimum=1, required=True), "round": Enum("down", "up", required=True)}
    ),
    "unit_amount": amount(),
    "unit_amount_decimal": rate(),
}

_UPDATE: Final[dict[str, Param]] = {
    "active": Boolean(),
    "currency_options": CURRENCY_OPTIONS,
    "lookup_key": String(max_length=200, blank="unset"),
    "metadata": Map(),
    "nickname": String(blank="unset"),
    "tax_behavior": _TAX_BEHAVIOR,
    "transfer_lookup_key": Boolean(),
}


def create(work: Work, call: Call) -> Any:
    """Make a price."""
    return price_object(offers.create_price(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change a price."""
    return price_object(prices.update_price(work, call.caller, call.id, call.own_params))


def retrieve(session: Session, call: Call) -> Any:
    """One price."""
    return price_object(session.prices.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Prices, newest first."""
    params = call.params
    filters = filters_of(params, "active", "product", "type")
    if "currency" in params:
        filters["currency"] = known_currency(params["currency"], "currency")
    recurring = params.get("recurring", {})
    named = {"interval": "interval_unit", "meter": "meter", "usage_type": "usage_type"}
    filters |= {named[name]: value for name, value in recurring.items()}
    if "lookup_keys" in params:
        found = _with_lookup_keys(session, call, filters)
    else:
        found = session.prices.page(call.scope, call.page, **filters)
    return list_object(_PATH, found, price_object)


def _with_lookup_keys(session: Session, call: Call, filters: dict[str, Any]) -> Slice[Any]:
    """The few prices that have one of the keys: each key has one price at most."""
    found: list[Kept[Any]] = []
    for key in dict.fromkeys(call.params["lookup_keys"]):
        found += session.prices.page(call.scope, Page(1), lookup_key=key, **filters).items
    found.sort(key=lambda kept: -kept.no)
    page = call.page
    if page.ending_before is not None:
        end = session.prices.get(call.scope, page.ending_before, "ending_before").no
        before = [kept for kept in found if kept.no > end]
        return Slice(before[-page.limit :], len(before) > page.limit)
    if page.starting_after is not None:
        start = session.prices.get(call.scope, page.starting_after, "starting_after").no
        found = [kept for kept in found if kept.no < start]
    return Slice(found[: page.limit], len(found) > page.limit)


ROUTES: Final = (
    Route("POST", _PATH, "Create a price", PriceObject, fields(**_CREATE), change=create),
    Route(
        "GET",
        _PATH,
        "List prices",
        PriceObject,
        listing(
            active=Boolean(),
            created=Range(),
            currency=String(),
            lookup_keys=ListOf(String(max_length=200), max_items=10),
            product=String(),
            recurring=Object(
                {
                    "interval": Enum("day", "month", "week", "year"),
                    "meter": String(),
                    "usage_type": Enum("licensed", "metered"),
                }
            ),
            type=Enum("one_time", "recurring"),
        ),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a price", PriceObject, fields(), read=retrieve),
    Route("POST", _ONE, "Update a price", PriceObject, fields(**_UPDATE), change=update),
)
