"""What the catalogue refuses, and how: one table, in the words of the SDK's exceptions.

Each refusal names its parameter and says what to do; and nothing is written by it.
"""

import time
from typing import Any

import pytest
import stripe

NOW = int(time.time())
PRICE: dict[str, Any] = {"currency": "usd", "product": "{product}"}
FLAT = {**PRICE, "unit_amount": 100}
COUPON: dict[str, Any] = {"percent_off": 10}
CODE: dict[str, Any] = {"promotion": {"type": "coupon", "coupon": "{coupon}"}}
TAX: dict[str, Any] = {"display_name": "VAT", "percentage": 19, "inclusive": True}


def tiers(*given: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A price with tiers."""
    return {
        **PRICE,
        "billing_scheme": "tiered",
        "tiers_mode": "volume",
        "tiers": list(given),
        **more,
    }


def ends(*given: int | str) -> dict[str, Any]:
    """A price with tiers that end there."""
    return tiers(*({"up_to": end, "unit_amount": 1} for end in given))


def recurring(**more: Any) -> dict[str, Any]:
    """A price by the month."""
    return {**FLAT, "recurring": {"interval": "month", **more}}


def code(**more: Any) -> dict[str, Any]:
    """A promotion code."""
    return {**CODE, **more}


LAST = {"up_to": "inf", "unit_amount": 1}

PRICES: list[tuple[dict[str, Any], str, str]] = [
    ({"currency": "usd", "unit_amount": 1}, "product", "Missing required param: product"),
    ({**FLAT, "product": "prod_no"}, "product", "No such product: 'prod_no'"),
    ({**FLAT, "product_data": {"name": "x"}}, "product", "only specify one of"),
    ({"product": "{product}", "unit_amount": 1}, "currency", "Missing required param"),
    ({**FLAT, "currency": "xyz"}, "currency", "such as usd"),
    (PRICE, "unit_amount", "Give one of unit_amount and unit_amount_decimal"),
    ({**FLAT, "unit_amount_decimal": "1.5"}, "unit_amount", "only specify one of"),
    ({**PRICE, "unit_amount": -1}, "unit_amount", "greater than or equal to 0"),
    ({**PRICE, "unit_amount": "1.5"}, "unit_amount", "Invalid integer"),
    ({**PRICE, "unit_amount": 10**14}, "unit_amount", "less than or equal to"),
    (
        {**PRICE, "unit_amount_decimal": "0.1234567890123"},
        "unit_amount_decimal",
        "at most 12 after the point",
    ),
    ({**PRICE, "unit_amount_decimal": "1e-3"}, "unit_amount_decimal", "Write digits"),
    ({**PRICE, "unit_amount_decimal": "NaN"}, "unit_amount_decimal", "Write digits"),
    (ends(5, 5, "inf"), "tiers[1][up_to]", "greater than 5"),
    (ends("inf", "inf"), "tiers[0][up_to]", "Only the last tier"),
    (ends(5, 10), "tiers[1][up_to]", "must have up_to=inf"),
    (ends("everything"), "tiers[0][up_to]", "Invalid integer"),
    (tiers(LAST, unit_amount=1), "unit_amount", "the amounts stand in tiers"),
    (
        tiers(LAST, transform_quantity={"divide_by": 2, "round": "up"}),
        "transform_quantity",
        "cannot be given with billing_scheme=tiered",
    ),
    (tiers({"up_to": "inf"}), "tiers[0]", "needs unit_amount or flat_amount"),
    (
        tiers({**LAST, "unit_amount_decimal": "1"}),
        "tiers[0][unit_amount]",
        "only specify one of",
    ),
    (
        tiers({**LAST, "flat_amount": 1, "flat_amount_decimal": "1"}),
        "tiers[0][flat_amount]",
        "only specify one of",
    ),
    ({**PRICE, "billing_scheme": "tiered", "tiers": [LAST]}, "tiers_mode", "Missing required"),
    ({**PRICE, "billing_scheme": "tiered", "tiers_mode": "volume"}, "tiers", "Missing required"),
    ({**FLAT, "tiers": [LAST]}, "tiers", "billing_scheme=tiered"),
    ({**FLAT, "tiers_mode": "volume"}, "tiers_mode", "billing_scheme=tiered"),
    (
        {**FLAT, "transform_quantity": {"divide_by": 0, "round": "up"}},
        "transform_quantity[divide_by]",
        "greater than or equal to 1",
    ),
    (recurring(interval="hour"), "recurring[interval]", "must be one of"),
    (recurring(interval_count=37), "recurring[interval_count]", "three years at most: 36"),
    (recurring(interval_count=0), "recurring[interval_count]", "greater than or equal to 1"),
    (recurring(usage_type="metered"), "recurring[meter]", "Missing required param"),
    (recurring(meter="{meter}"), "recurring[meter]", "usage_type=metered"),
    (
        recurring(usage_type="metered", meter="mtr_no"),
        "recurring[meter]",
        "No such meter: 'mtr_no'",
    ),
    (
        {**PRICE, "custom_unit_amount": {"enabled": True}},
        "custom_unit_amount",
        "is not supported here: Give unit_amount",
    ),
    (
        {**FLAT, "currency_options": {"eur": {"unit_amount": 1}}},
        "currency_options",
        "Create a price for each currency",
    ),
    ({**FLAT, "lookup_key": "x" * 201}, "lookup_key", "at most 200 characters"),
    ({**FLAT, "transfer_lookup_key": True}, "lookup_key", "Missing required param"),
    ({**FLAT, "tax_behavior": "sometimes"}, "tax_behavior", "must be one of"),
    (
        {"currency": "usd", "product_data": {"name": "x", "id": "prod_new"}},
        "unit_amount",
        "Give one of",
    ),
]

PRODUCTS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "name", "Missing required param: name"),
    ({"name": "x", "id": "a b"}, "id", "no spaces or slashes"),
    ({"name": "x", "id": "{product}"}, "id", "already exists"),
    ({"name": "x", "unit_label": "thirteen chars"}, "unit_label", "at most 12 characters"),
    (
        {"name": "x", "statement_descriptor": "a<b"},
        "statement_descriptor",
        "must not have any of",
    ),
    ({"name": "x", "images": ["u"] * 9}, "images", "at most 8 items"),
    ({"name": "x", "shippable": "maybe"}, "shippable", "Invalid boolean"),
    (
        {"name": "x", "package_dimensions": {"height": 1}},
        "package_dimensions[length]",
        "Missing required param",
    ),
    (
        {"name": "x", "default_price_data": {"currency": "usd"}},
        "default_price_data[unit_amount]",
        "Give one of",
    ),
    (
        {"name": "x", "default_price_data": {"currency": "zzz", "unit_amount": 1}},
        "default_price_data[currency]",
        "Invalid currency",
    ),
]

COUPONS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "percent_off", "Give one of percent_off and amount_off"),
    ({**COUPON, "amount_off": 1, "currency": "usd"}, "percent_off", "only specify one of"),
    ({"amount_off": 1}, "currency", "Missing required param"),
    ({"amount_off": 1, "currency": "zzz"}, "currency", "Invalid currency"),
    ({"amount_off": 0, "currency": "usd"}, "amount_off", "greater than or equal to 1"),
    ({**COUPON, "currency": "usd"}, "currency", "belongs to amount_off"),
    ({"percent_off": 0}, "percent_off", "greater than or equal to"),
    ({"percent_off": "100.1"}, "percent_off", "less than or equal to 100"),
    ({**COUPON, "duration": "repeating"}, "duration_in_months", "Missing required param"),
    ({**COUPON, "duration_in_months": 2}, "duration_in_months", "duration=repeating"),
    ({**COUPON, "duration": "always"}, "duration", "must be one of"),
    ({**COUPON, "redeem_by": NOW - 1}, "redeem_by", "must be in the future"),
    ({**COUPON, "redeem_by": NOW + 6 * 366 * 86_400}, "redeem_by", "five years"),
    ({**COUPON, "max_redemptions": 0}, "max_redemptions", "greater than or equal to 1"),
    ({**COUPON, "name": "x" * 41}, "name", "at most 40 characters"),
    ({**COUPON, "id": "{coupon}"}, "id", "already exists"),
    ({**COUPON, "id": "a/b"}, "id", "no spaces or slashes"),
    (
        {**COUPON, "applies_to": {"products": ["{product}", "prod_no"]}},
        "applies_to[products][1]",
        "No such product",
    ),
    (
        {**COUPON, "currency_options": {"eur": {"amount_off": 1}}},
        "currency_options",
        "Create a coupon for each currency",
    ),
]

CODES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "promotion", "Missing required param: promotion"),
    ({"promotion": {"type": "coupon"}}, "promotion[coupon]", "Missing required param"),
    ({"promotion": {"type": "gift"}}, "promotion[type]", "must be one of"),
    (
        {"promotion": {"type": "coupon", "coupon": "NO"}},
        "promotion[coupon]",
        "No such coupon: 'NO'",
    ),
    (code(code="no spaces"), "code", "letters, digits and dashes"),
    (code(customer="cus_no"), "customer", "No such customer"),
    (code(customer_account="acct_1"), "customer_account", "Give customer"),
    (code(max_redemptions=6), "max_redemptions", "not be greater than that of the coupon, 5"),
    (code(expires_at=NOW - 1), "expires_at", "must be in the future"),
    (code(expires_at=NOW + 3 * 86_400), "expires_at", "not be after the coupon's redeem_by"),
    (
        code(restrictions={"minimum_amount": 1}),
        "restrictions[minimum_amount_currency]",
        "Missing required param",
    ),
    (
        code(restrictions={"minimum_amount_currency": "usd"}),
        "restrictions[minimum_amount]",
        "Missing required param",
    ),
    (
        code(restrictions={"minimum_amount": 1, "minimum_amount_currency": "zzz"}),
        "restrictions[minimum_amount_currency]",
        "Invalid currency",
    ),
    (
        code(restrictions={"currency_options": {"eur": {"minimum_amount": 1}}}),
        "restrictions[currency_options]",
        "Give minimum_amount",
    ),
]

TAX_RATES: list[tuple[dict[str, Any], str, str]] = [
    ({**TAX, "percentage": "100.0001"}, "percentage", "less than or equal to 100"),
    ({**TAX, "percentage": "-1"}, "percentage", "greater than or equal to 0"),
    ({**TAX, "percentage": "1.00001"}, "percentage", "at most 4 after the point"),
    ({"display_name": "VAT", "percentage": 1}, "inclusive", "Missing required param"),
    ({**TAX, "display_name": "x" * 51}, "display_name", "at most 50 characters"),
    ({**TAX, "country": "DEU"}, "country", "at most 2 characters"),
    ({**TAX, "tax_type": "tithe"}, "tax_type", "must be one of"),
]

REFUSED = [
    (resource, *row)
    for resource, rows in {
        "prices": PRICES,
        "products": PRODUCTS,
        "coupons": COUPONS,
        "promotion_codes": CODES,
        "tax_rates": TAX_RATES,
    }.items()
    for row in rows
]


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    """What stands for the ids in the table, once they are known."""
    return {}


@pytest.fixture
def known(client: stripe.StripeClient, names: dict[str, str]) -> dict[str, str]:
    """A product, a meter and a coupon for all rows of the table."""
    if not names:
        meter = client.v1.billing.meters.create(
            {
                "display_name": "Refusals",
                "event_name": "refusals",
                "default_aggregation": {"formula": "sum"},
            }
        )
        names["meter"] = meter.id
        names["product"] = client.v1.products.create({"name": "Tokens"}).id
        terms: Any = {"percent_off": 1, "redeem_by": NOW + 2 * 86_400, "max_redemptions": 5}
        names["coupon"] = client.v1.coupons.create(terms).id
    return names


def filled(given: Any, names: dict[str, str]) -> Any:
    """The parameters with ids in the place of their names."""
    if isinstance(given, dict):
        return {key: filled(value, names) for key, value in given.items()}
    if isinstance(given, list):
        return [filled(value, names) for value in given]
    return given.format(**names) if isinstance(given, str) else given


def newest(client: stripe.StripeClient) -> list[str]:
    """The newest of everything that could have been written, events included."""
    v1 = client.v1
    lists: list[Any] = [
        v1.products,
        v1.prices,
        v1.coupons,
        v1.promotion_codes,
        v1.tax_rates,
        v1.events,
    ]
    return [one.id for service in lists for one in service.list({"limit": 1}).data]


@pytest.mark.parametrize(
    ("resource", "params", "param", "message"),
    REFUSED,
    ids=[f"{resource} {param}: {message}" for resource, _, param, message in REFUSED],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_written(
    client: stripe.StripeClient,
    known: dict[str, str],
    resource: str,
    params: dict[str, Any],
    param: str,
    message: str,
) -> None:
    before = newest(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        getattr(client.v1, resource).create(filled(params, known))
    assert refused.value.error is not None
    assert refused.value.error.type == "invalid_request_error"
    assert refused.value.param == param
    assert message in str(refused.value)
    assert newest(client) == before


FIXED: list[tuple[str, str, dict[str, Any]]] = [
    ("prices", "unit_amount", {"unit_amount": 1}),
    ("prices", "currency_options", {"currency_options": {"eur": {"unit_amount": 1}}}),
    ("coupons", "percent_off", {"percent_off": 1}),
    ("coupons", "currency_options", {"currency_options": {"eur": {"amount_off": 1}}}),
    ("promotion_codes", "code", {"code": "OTHER"}),
    ("tax_rates", "percentage", {"percentage": 1}),
    ("tax_rates", "inclusive", {"inclusive": False}),
]


@pytest.mark.parametrize(("resource", "param", "params"), FIXED)
def test_what_is_fixed_cannot_be_changed(
    client: stripe.StripeClient, resource: str, param: str, params: dict[str, Any]
) -> None:
    before = newest(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        getattr(client.v1, resource).update("whichever", params)
    assert refused.value.param == param
    assert newest(client) == before


def test_ids_go_with_no_other_filter(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.list({"ids": ["prod_1"], "starting_after": "prod_1"})
    assert refused.value.code == "parameters_exclusive"


def test_what_cannot_be_expanded_is_refused(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Tokens"})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded") as refused:
        client.v1.products.retrieve(product.id, {"expand": ["tax_code"]})
    assert refused.value.param == "expand"
