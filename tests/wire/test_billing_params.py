"""What may be said of subscriptions and invoices: all that Stripe knows, and nothing else."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sdk.specification import at_hand
from tripmeter.model.errors import ParameterInvalid, ParameterMissing, ParameterUnknown, Refusal
from tripmeter.wire import invoice_params, subscription_params, test_clocks
from tripmeter.wire.forms import decode_form
from tripmeter.wire.params import (
    DecimalText,
    ListOf,
    Map,
    Object,
    Off,
    Param,
    Range,
    Refused,
    String,
    read,
)

STRIPE: Final = at_hand()

ENDPOINTS: Final[dict[tuple[str, str], Mapping[str, Param]]] = {
    ("GET", "/v1/subscriptions"): subscription_params.LIST,
    ("POST", "/v1/subscriptions"): subscription_params.CREATE,
    ("POST", "/v1/subscriptions/{subscription_exposed_id}"): subscription_params.UPDATE,
    ("DELETE", "/v1/subscriptions/{subscription_exposed_id}"): subscription_params.CANCEL,
    (
        "DELETE",
        "/v1/subscriptions/{subscription_exposed_id}/discount",
    ): subscription_params.DELETE_DISCOUNT,
    ("POST", "/v1/subscriptions/{subscription}/resume"): subscription_params.RESUME,
    ("GET", "/v1/subscription_items"): subscription_params.ITEM_LIST,
    ("POST", "/v1/subscription_items"): subscription_params.ITEM_CREATE,
    ("POST", "/v1/subscription_items/{item}"): subscription_params.ITEM_UPDATE,
    ("DELETE", "/v1/subscription_items/{item}"): subscription_params.ITEM_DELETE,
    ("GET", "/v1/invoices"): invoice_params.LIST,
    ("POST", "/v1/invoices"): invoice_params.CREATE,
    ("POST", "/v1/invoices/{invoice}"): invoice_params.UPDATE,
    ("DELETE", "/v1/invoices/{invoice}"): invoice_params.DELETE,
    ("POST", "/v1/invoices/{invoice}/finalize"): invoice_params.FINALIZE,
    ("POST", "/v1/invoices/{invoice}/pay"): invoice_params.PAY,
    ("POST", "/v1/invoices/{invoice}/void"): invoice_params.VOID,
    ("POST", "/v1/invoices/{invoice}/mark_uncollectible"): invoice_params.MARK_UNCOLLECTIBLE,
    ("POST", "/v1/invoices/{invoice}/send"): invoice_params.SEND,
    ("GET", "/v1/invoices/{invoice}/lines"): invoice_params.LINES,
    ("POST", "/v1/invoices/create_preview"): invoice_params.CREATE_PREVIEW,
    ("GET", "/v1/invoiceitems"): invoice_params.ITEM_LIST,
    ("POST", "/v1/invoiceitems"): invoice_params.ITEM_CREATE,
    ("POST", "/v1/invoiceitems/{invoiceitem}"): invoice_params.ITEM_UPDATE,
    ("DELETE", "/v1/invoiceitems/{invoiceitem}"): invoice_params.ITEM_DELETE,
    ("GET", "/v1/invoice_payments"): invoice_params.PAYMENT_LIST,
    ("GET", "/v1/test_helpers/test_clocks"): test_clocks.LIST,
    ("POST", "/v1/test_helpers/test_clocks"): test_clocks.CREATE,
    ("POST", "/v1/test_helpers/test_clocks/{test_clock}/advance"): test_clocks.ADVANCE,
}

OF_THE_ROUTE: Final = {"expand", "limit", "starting_after", "ending_before"}

CREATE: Final = Object(subscription_params.CREATE)
UPDATE: Final = Object(subscription_params.UPDATE)
PREVIEW: Final = Object(invoice_params.CREATE_PREVIEW)


def form(spec: Object, body: str) -> dict[str, Any]:
    """What a declaration reads from a form."""
    return read(spec, decode_form(body.encode()), dialect="form")


def create(more: str) -> dict[str, Any]:
    """What is read of a new subscription."""
    return form(CREATE, f"customer=cus_1&items[0][price]=price_1&{more}")


def declared(fields: Mapping[str, Param], inside: str = "") -> Iterator[str]:
    """The paths of all parameters of a declaration; what is refused has none below it."""
    for name, param in fields.items():
        path = f"{inside}[{name}]" if inside else name
        yield path
        yield from declared(_members(param), path)


def _members(param: Param) -> Mapping[str, Param]:
    while isinstance(param, ListOf):
        param = param.item
    return param.fields if isinstance(param, Object) else {}


def described(
    schemas: Mapping[str, Any], fields: Mapping[str, Param], inside: str = ""
) -> set[str]:
    """The paths of all parameters that Stripe describes, except below what is refused here."""
    paths = set()
    for name, schema in schemas.items():
        path = f"{inside}[{name}]" if inside else name
        paths.add(path)
        param = fields.get(name)
        if param is not None and not isinstance(param, Refused | Range | Map):
            paths |= described(_properties(schema), _members(param), path)
    return paths


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(schema.get("properties", {}))
    for one in (*schema.get("anyOf", ()), *filter(None, [schema.get("items")])):
        found |= _properties(one)
    return found


@pytest.mark.skipif(STRIPE is None, reason="Stripe's description is not at hand")
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_every_parameter_of_stripe_is_declared_and_no_other(endpoint: tuple[str, str]) -> None:
    assert STRIPE is not None
    fields = ENDPOINTS[endpoint]
    known = described(STRIPE.parameters(*endpoint), fields)
    here = set(declared(fields))
    assert here - known == set(), "Stripe does not have these"
    assert known - here - OF_THE_ROUTE == set(), "these are unknown here: accept or refuse them"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_what_is_refused_says_why_and_what_to_do(endpoint: tuple[str, str]) -> None:
    fields = ENDPOINTS[endpoint]
    for name, param in fields.items():
        if isinstance(param, Refused):
            with pytest.raises(ParameterInvalid) as refusal:
                form(Object({name: param}), f"{name}=x")
            assert refusal.value.param == name
            assert refusal.value.message.startswith(f"'{name}' is not supported here: ")
            assert refusal.value.message.endswith(".")
            schema = Object(fields).json_schema()
            assert name not in schema["properties"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_openapi_has_a_valid_schema_for_each(endpoint: tuple[str, str]) -> None:
    Draft202012Validator.check_schema(Object(ENDPOINTS[endpoint]).json_schema())


def test_hashes_of_a_form_are_written_in_brackets() -> None:
    assert "billing_cycle_anchor" in UPDATE.openapi_encoding()
    assert "transfer_data" not in UPDATE.openapi_encoding()


# what is said, and what is read of it
READ: list[tuple[Object, str, str, Any]] = [
    (UPDATE, "billing_cycle_anchor", "billing_cycle_anchor=now", "now"),
    (UPDATE, "billing_cycle_anchor", "billing_cycle_anchor[type]=unchanged", "unchanged"),
    (UPDATE, "billing_thresholds", "billing_thresholds=", None),
    (UPDATE, "billing_thresholds", "billing_thresholds[amount_gte]=50", {"amount_gte": 50}),
    (UPDATE, "cancel_at", "cancel_at=", None),
    (UPDATE, "cancel_at", "cancel_at=max_period_end", "max_period_end"),
    (UPDATE, "cancel_at", "cancel_at=1800000000", 1_800_000_000),
    (UPDATE, "default_tax_rates", "default_tax_rates=", None),
    (UPDATE, "discounts", "discounts=", None),
    (UPDATE, "discounts", "discounts[0][coupon]=A", [{"coupon": "A"}]),
    (UPDATE, "pause_collection", "pause_collection=", None),
    (UPDATE, "trial_end", "trial_end=now", "now"),
    (UPDATE, "automatic_tax", "automatic_tax[enabled]=false", {"enabled": False}),
    (
        UPDATE,
        "items",
        "items[0][id]=si_1&items[0][deleted]=true&items[1][billing_thresholds]=",
        [{"id": "si_1", "deleted": True}, {"billing_thresholds": None}],
    ),
    (
        PREVIEW,
        "subscription_details",
        "subscription_details[billing_cycle_anchor][type]=timestamp"
        "&subscription_details[billing_cycle_anchor][timestamp]=7",
        {"billing_cycle_anchor": 7},
    ),
    (
        PREVIEW,
        "invoice_items",
        "invoice_items[0][unit_amount_decimal]=-0.000000000001",
        [{"unit_amount_decimal": Decimal("-1e-12")}],
    ),
]


@pytest.mark.parametrize(("spec", "name", "body", "expected"), READ)
def test_what_is_read(spec: Object, name: str, body: str, expected: Any) -> None:
    assert form(spec, body)[name] == expected


REFUSED: list[tuple[Object, str, str, type[Refusal]]] = [
    (CREATE, "items[0][price]=p", "customer", ParameterMissing),
    (CREATE, "customer=c", "items", ParameterMissing),
    (UPDATE, "automatic_tax[enabled]=true", "automatic_tax[enabled]", ParameterInvalid),
    (UPDATE, "billing_cycle_anchor=5", "billing_cycle_anchor", ParameterInvalid),
    (
        UPDATE,
        "billing_cycle_anchor[type]=timestamp",
        "billing_cycle_anchor[type]",
        ParameterInvalid,
    ),
    (
        PREVIEW,
        "subscription_details[billing_cycle_anchor][type]=timestamp",
        "subscription_details[billing_cycle_anchor][timestamp]",
        ParameterInvalid,
    ),
    (
        PREVIEW,
        "subscription_details[billing_cycle_anchor][type]=now"
        "&subscription_details[billing_cycle_anchor][timestamp]=1",
        "subscription_details[billing_cycle_anchor][timestamp]",
        ParameterInvalid,
    ),
    (
        UPDATE,
        "billing_thresholds[amount_gte]=49",
        "billing_thresholds[amount_gte]",
        ParameterInvalid,
    ),
    (
        UPDATE,
        "items[0][billing_thresholds][x]=1",
        "items[0][billing_thresholds][x]",
        ParameterUnknown,
    ),
    (UPDATE, "billing_cycle_anchor[x]=1", "billing_cycle_anchor[x]", ParameterUnknown),
    (UPDATE, "items[0][plan]=gold", "items[0][plan]", ParameterInvalid),
    (UPDATE, "transfer_data=", "transfer_data", ParameterInvalid),
]


@pytest.mark.parametrize(("spec", "body", "param", "refusal"), REFUSED)
def test_what_is_refused(spec: Object, body: str, param: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal) as found:
        form(spec, body)
    facts = vars(found.value)
    assert param in (facts.get("param"), *facts.get("params", ()))


def test_a_subscription_is_made_of_what_the_sdk_sends() -> None:
    typed = create(
        "items[0][billing_thresholds][usage_gte]=1000&items[0][tax_rates][0]=txr_1"
        "&collection_method=send_invoice&days_until_due=14&trial_period_days=7"
        "&payment_behavior=allow_incomplete&off_session=true&proration_behavior=none"
        "&billing_cycle_anchor_config[day_of_month]=31&metadata[order]=7"
        "&payment_settings[save_default_payment_method]=off&billing_mode[type]=flexible"
        "&trial_settings[end_behavior][missing_payment_method]=cancel"
        "&add_invoice_items[0][price_data][currency]=usd&cancel_at_period_end=false"
        "&add_invoice_items[0][price_data][product]=prod_1"
        "&add_invoice_items[0][price_data][unit_amount]=500"
    )
    assert typed["items"] == [
        {"price": "price_1", "billing_thresholds": {"usage_gte": 1000}, "tax_rates": ["txr_1"]}
    ]
    assert typed["billing_cycle_anchor_config"] == {"day_of_month": 31}


# --- decimals and switches ---------------------------------------------------------------------

AMOUNT: Final = Object({"amount": DecimalText(minimum=-5, maximum=100), "off": Off("no.")})


@given(st.decimals(-5, 100, allow_nan=False, allow_infinity=False, places=12))
def test_decimals_are_exact(number: Decimal) -> None:
    assert form(AMOUNT, f"amount={number:f}")["amount"] == number
    Draft202012Validator(AMOUNT.json_schema()).validate({"amount": f"{number:f}"})


@pytest.mark.parametrize(
    "text", ["1e3", "+1", ".5", "1.", "NaN", "0.0000000000001", "-6", "101", "\u0661", "1_0", ""]
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ParameterInvalid):
        form(AMOUNT, f"amount={text}")


def test_numbers_of_json_are_no_decimal_text() -> None:
    with pytest.raises(ParameterInvalid, match="as a string"):
        read(AMOUNT, {"amount": Decimal("1.5")}, dialect="json")
    with pytest.raises(ParameterInvalid, match=r"no\."):
        read(AMOUNT, {"off": True}, dialect="json")
    assert read(AMOUNT, {"off": False}, dialect="json") == {"off": False}


def test_the_door_to_openapi_knows_nothing_of_what_is_refused() -> None:
    spec = Object({"a": String(), "b": Refused("no.")})
    assert [one["name"] for one in spec.openapi_query_parameters()] == ["a"]
    assert spec.openapi_encoding() == {}
