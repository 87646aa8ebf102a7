"""What a request may say: types, limits, blanks, wording, and the schemas that describe it."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tripmeter.model.errors import (
    BodyMalformed,
    ParameterInvalid,
    ParameterMissing,
    ParameterUnknown,
    Refusal,
)
from tripmeter.wire.forms import decode_form, decode_json
from tripmeter.wire.params import (
    UNSET_ALL,
    Boolean,
    Dialect,
    Enum,
    Expand,
    Integer,
    ListOf,
    Map,
    Number,
    Object,
    Param,
    Range,
    Refused,
    Rfc3339,
    String,
    Timestamp,
    read,
)

ALERT = Object(
    {
        "alert_type": Enum("usage_threshold", required=True),
        "title": String(required=True, max_length=256, description="Its name."),
        "usage_threshold": Object(
            {
                "gte": Integer(required=True, minimum=1),
                "meter": String(required=True),
                "recurrence": Enum("one_time", required=True),
                "filters": ListOf(
                    Object({"type": Enum("customer", required=True), "customer": String()}),
                    max_items=1,
                ),
            }
        ),
        "expand": Expand(),
    }
)

EVERYTHING = Object(
    {
        "text": String(max_length=5, blank="unset"),
        "kept": String(max_length=5, blank="kept"),
        "number": Integer(minimum=-3, maximum=10, blank="unset"),
        "up_to": Integer(minimum=1, words=("inf",)),
        "on": Boolean(blank="unset"),
        "word": Enum("a", "b", "c"),
        "at": Timestamp(words=("now",)),
        "when": Rfc3339(),
        "metadata": Map(max_keys=2, key_length=3, value_length=4),
        "payload": Map(keep_blank=False, required=True),
        "tags": ListOf(String(), max_items=2, blank="unset"),
        "items": ListOf(Object({"price": String(required=True), "n": Integer()})),
        "created": Range(),
        "expand": Expand(),
    }
)


def form(spec: Object, body: str) -> dict[str, Any]:
    """What a spec reads from a form."""
    return read(spec, decode_form(body.encode()), dialect="form")


def from_json(spec: Object, body: str) -> dict[str, Any]:
    """What a spec reads from JSON."""
    return read(spec, decode_json(body.encode()), dialect="json")


def one(param: Param, given: Any, dialect: Dialect = "form") -> Any:
    """What a single parameter `p` reads as."""
    return read(Object({"p": param}), {"p": given}, dialect=dialect)["p"]


def refused(param: Param, given: Any, dialect: Dialect = "form") -> ParameterInvalid:
    """How a value of the single parameter `p` is refused."""
    with pytest.raises(ParameterInvalid) as caught:
        one(param, given, dialect)
    return caught.value


# --- a whole request ---------------------------------------------------------------------------


def test_a_form_becomes_typed() -> None:
    body = (
        "alert_type=usage_threshold&title=Too+much&usage_threshold[gte]=100"
        "&usage_threshold[meter]=mtr_1&usage_threshold[recurrence]=one_time"
        "&usage_threshold[filters][0][type]=customer&usage_threshold[filters][0][customer]=cus_1"
    )
    assert form(ALERT, body) == {
        "alert_type": "usage_threshold",
        "title": "Too much",
        "usage_threshold": {
            "gte": 100,
            "meter": "mtr_1",
            "recurrence": "one_time",
            "filters": [{"type": "customer", "customer": "cus_1"}],
        },
    }


def test_absent_parameters_stay_absent() -> None:
    assert form(EVERYTHING, "payload[a]=1") == {"payload": {"a": "1"}}


def test_unknown_names_are_told_all_at_once() -> None:
    with pytest.raises(ParameterUnknown) as caught:
        form(
            ALERT,
            "alert_type=x&titel=x&usage_threshold[foo]=1&usage_threshold[gte]=1"
            "&usage_threshold[filters][0][bar]=1&baz[qux]=1",
        )
    assert caught.value.params == (
        "titel",
        "usage_threshold[foo]",
        "usage_threshold[filters][0][bar]",
        "baz",
    )


def test_unknown_names_come_before_missing_ones() -> None:
    with pytest.raises(ParameterUnknown) as caught:
        form(ALERT, "usage_threshold[filters][][bar]=1")
    assert caught.value.params == ("usage_threshold[filters][0][bar]",)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("", "alert_type"),
        ("alert_type=usage_threshold", "title"),
        ("alert_type=usage_threshold&title=x&usage_threshold[meter]=m", "usage_threshold[gte]"),
        (
            "usage_threshold[gte]=1&usage_threshold[meter]=m&usage_threshold[recurrence]=one_time"
            "&usage_threshold[filters][][customer]=c",
            "usage_threshold[filters][0][type]",
        ),
    ],
)
def test_a_required_parameter_is_missing(body: str, param: str) -> None:
    with pytest.raises(ParameterMissing) as caught:
        form(ALERT, body)
    assert caught.value.param == param


def test_a_nested_refusal_names_its_place() -> None:
    with pytest.raises(ParameterInvalid) as caught:
        form(ALERT, "usage_threshold[gte]=0")
    assert caught.value.param == "usage_threshold[gte]"
    assert caught.value.message == "This value must be greater than or equal to 1."
    assert caught.value.code == "parameter_invalid_integer"


@pytest.mark.parametrize("given", ["x", ["x"]])
def test_something_else_where_an_object_is_due(given: Any) -> None:
    assert refused(Object({}), given).message == "Invalid object"


# --- text --------------------------------------------------------------------------------------


def test_text_has_a_longest() -> None:
    assert one(String(max_length=256), "é" * 256) == "é" * 256
    found = refused(String(max_length=256), "é" * 257)
    assert (found.param, found.code) == ("p", None)
    assert found.message == "Invalid string: must be at most 256 characters"


def test_text_has_no_nul() -> None:
    assert "NUL" in refused(String(), "a\0b").message


@pytest.mark.parametrize(
    ("given", "shown"),
    [("5", "5"), ("1.10", "1.10"), ("true", "true"), ("{}", "an object"), ("[]", "an array")],
)
def test_json_must_send_text_as_text(given: str, shown: str) -> None:
    found = refused(String(), decode_json(b'{"p":%s}' % given.encode())["p"], "json")
    assert found.message == f"Invalid string: {shown}"


# --- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1e3", "1.0", " 1", "1 ", "+1", "--1", "1_000", "\u0661", "0x1", "x", "9" * 20]
)
def test_what_is_no_integer(text: str) -> None:
    found = refused(Integer(), text)
    assert found.message == f"Invalid integer: {text}"
    assert found.code == "parameter_invalid_integer"


def test_integers_in_forms() -> None:
    assert one(Integer(), "-12") == -12
    assert one(Integer(), str(2**63 - 1)) == 2**63 - 1


@pytest.mark.parametrize("given", [2**63, -(2**63) - 1])
def test_integers_fit_64_bits(given: int) -> None:
    assert refused(Integer(), str(given)).code == "parameter_invalid_integer"
    assert refused(Integer(), given, "json").code == "parameter_invalid_integer"


def test_integers_have_bounds() -> None:
    bounded = Integer(minimum=1, maximum=100)
    assert (one(bounded, "1"), one(bounded, "100")) == (1, 100)
    assert refused(bounded, "0").message == "This value must be greater than or equal to 1."
    assert refused(bounded, "101").message == "This value must be less than or equal to 100."


@pytest.mark.parametrize(
    ("given", "shown"), [('"5"', "5"), ("5.0", "5.0"), ("1e3", "1E+3"), ("true", "true")]
)
def test_json_integers_are_numbers(given: str, shown: str) -> None:
    found = refused(Integer(), decode_json(b'{"p":%s}' % given.encode())["p"], "json")
    assert found.message == f"Invalid integer: {shown}"


def test_a_word_may_stand_for_a_number() -> None:
    assert one(Integer(words=("inf",)), "inf") == "inf"
    assert one(Timestamp(words=("now",)), "now") == "now"
    assert refused(Integer(words=("inf",)), "now").message == "Invalid integer: now"


# --- choices -----------------------------------------------------------------------------------


RATE = Object({"rate": Number(places=2, minimum=Decimal(-5), maximum=Decimal(100))})


@pytest.mark.parametrize(
    ("written", "exact"),
    [("12.5", "12.5"), ("12.50", "12.5"), ("100.00", "100"), ("-5", "-5"), ("0", "0")],
)
def test_decimals_are_exact(written: str, exact: str) -> None:
    typed = read(RATE, decode_form(f"rate={written}".encode()), dialect="form")
    assert str(typed["rate"]) == exact
    assert read(RATE, decode_json(f'{{"rate": {written}}}'.encode()), dialect="json") == typed


@pytest.mark.parametrize("written", ["1.234", "1e1", "+1", ".5", "5.", "NaN", "0x1", "\u0661"])
def test_what_is_no_decimal(written: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        read(RATE, decode_form(f"rate={quote(written)}".encode()), dialect="form")
    expected = f"Invalid decimal: {written}. Write digits, with at most 2 after the point"
    assert refused.value.message.startswith(expected)


@pytest.mark.parametrize("written", ["-5.01", "100.01"])
def test_decimals_have_bounds(written: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        read(RATE, decode_form(f"rate={written}".encode()), dialect="form")
    assert "than or equal to" in refused.value.message


@pytest.mark.parametrize("body", ["extra=1", "extra=", "extra[a][b]=1", "extra[]=1"])
def test_what_is_not_supported_is_refused_with_what_to_do(body: str) -> None:
    spec = Object({"extra": Refused("Do this."), "name": String()})
    with pytest.raises(ParameterInvalid) as refused:
        read(spec, decode_form(body.encode()), dialect="form")
    assert refused.value.message == "'extra' is not supported here: Do this."
    assert list(spec.json_schema()["properties"]) == ["name"]


def test_booleans_in_forms() -> None:
    assert (one(Boolean(), "true"), one(Boolean(), "false")) == (True, False)


@pytest.mark.parametrize("text", ["x", "True", "1", "yes", " true"])
def test_what_is_no_boolean(text: str) -> None:
    assert refused(Boolean(), text).message == f"Invalid boolean: {text}"


def test_booleans_in_json() -> None:
    assert (one(Boolean(), True, "json"), one(Boolean(), False, "json")) == (True, False)
    assert refused(Boolean(), "true", "json").message == "Invalid boolean: true"
    assert refused(Boolean(), 1, "json").message == "Invalid boolean: 1"


@pytest.mark.parametrize(
    ("choices", "listed"), [(("a",), "a"), (("a", "b"), "a or b"), (("a", "b", "c"), "a, b, or c")]
)
def test_choices_are_listed(choices: tuple[str, ...], listed: str) -> None:
    assert refused(Enum(*choices), "x").message == f"Invalid p: must be one of {listed}"
    assert one(Enum(*choices), "a") == "a"


# --- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2026-01-01", "-1", "1700000000000", "1.5"])
def test_a_timestamp_is_unix_seconds(text: str) -> None:
    assert one(Timestamp(), "1700000000") == 1_700_000_000
    found = refused(Timestamp(), text)
    assert found.code == "parameter_invalid_integer"
    assert found.message == f"Invalid timestamp: {text}. It must be Unix time in whole seconds."


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500),
        ("2026-01-31T12:00:00.123Z", 1_769_860_800_123),
        ("2026-01-31T12:00:00.123999999Z", 1_769_860_800_123),
        ("2026-01-31t12:00:00z", 1_769_860_800_000),
        ("2026-01-31T13:30:00+01:30", 1_769_860_800_000),
        ("2026-01-31T04:00:00-08:00", 1_769_860_800_000),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
    ],
)
def test_rfc_3339_becomes_milliseconds(text: str, milliseconds: int) -> None:
    assert one(Rfc3339(), text, "json") == one(Rfc3339(), text, "form") == milliseconds


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+25:00",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "1769860800",
        1769860800,
    ],
)
def test_what_is_no_rfc_3339_time(given: Any) -> None:
    assert refused(Rfc3339(), given, "json").message.startswith(f"Invalid timestamp: {given}. ")


def test_a_range_reads_as_bounds() -> None:
    assert one(Range(), "5") == {"gte": 5, "lte": 5}
    assert one(Range(), {"gt": "5", "lte": "9"}) == {"gt": 5, "lte": 9}
    assert refused(Range(), {"gt": "x"}).param == "p[gt]"
    with pytest.raises(ParameterUnknown) as caught:
        one(Range(), {"from": "5"})
    assert caught.value.params == ("p[from]",)


# --- blanks ------------------------------------------------------------------------------------

UNSETTABLE: list[Param] = [
    String(blank="unset"),
    Integer(blank="unset"),
    Boolean(blank="unset"),
    Enum("a", blank="unset"),
    Timestamp(blank="unset"),
    ListOf(String(), blank="unset"),
    Object({}, blank="unset"),
]


@pytest.mark.parametrize("param", UNSETTABLE, ids=lambda param: type(param).__name__)
def test_a_blank_unsets(param: Param) -> None:
    assert one(param, "") is None
    assert one(param, None, "json") is None


def test_a_blank_is_refused_where_nothing_can_be_unset() -> None:
    spec = Object({"title": String(required=True)})
    with pytest.raises(ParameterInvalid) as caught:
        form(spec, "title=")
    assert caught.value.code == "parameter_invalid_empty"
    assert caught.value.message == (
        "You passed an empty string for 'title'. We assume empty values are an attempt to unset a"
        " parameter; however 'title' cannot be unset. You should remove 'title' from your request"
        " or supply a non-empty value."
    )


def test_null_is_refused_where_nothing_can_be_unset() -> None:
    found = refused(Integer(), None, "json")
    assert found.code == "parameter_invalid_empty"
    assert found.message.startswith("You passed null for 'p'.")


def test_an_empty_json_string_is_blank_text_but_no_number() -> None:
    assert one(String(blank="unset"), "", "json") is None
    assert refused(Integer(blank="unset"), "", "json").message == "Invalid integer: "


def test_a_blank_can_be_kept() -> None:
    assert one(String(blank="kept"), "") == ""


# --- maps and lists ----------------------------------------------------------------------------


def test_metadata_keeps_blanks_so_that_keys_can_be_dropped() -> None:
    spec = Object({"metadata": Map()})
    assert form(spec, "metadata[a]=1&metadata[b]=") == {"metadata": {"a": "1", "b": ""}}
    assert from_json(spec, '{"metadata":{"b":null}}') == {"metadata": {"b": ""}}
    assert form(spec, "metadata=") == {"metadata": UNSET_ALL}
    assert from_json(spec, '{"metadata":null}') == {"metadata": UNSET_ALL}


def test_metadata_keys_may_be_digits() -> None:
    assert form(Object({"metadata": Map()}), "metadata[2025]=b&metadata[007]=a") == {
        "metadata": {"2025": "b", "007": "a"}
    }


@pytest.mark.parametrize(
    ("given", "param", "message"),
    [
        ({"k" * 41: "v"}, "p", "Invalid key: must be at most 40 characters"),
        ({"k": "v" * 501}, "p[k]", "Invalid string: must be at most 500 characters"),
        ({str(n): "v" for n in range(51)}, "p", "Invalid object: must have at most 50 keys"),
        ({"a[b]": "v"}, "p", "Invalid key: must not be empty or contain [, ] or NUL"),
        ({"k": {"a": "b"}}, "p[k]", "Invalid string: an object"),
        ("x", "p", "Invalid object"),
        (["x"], "p", "Invalid object"),
    ],
)
def test_maps_have_limits(given: Any, param: str, message: str) -> None:
    found = refused(Map(), given)
    assert (found.param, found.message) == (param, message)


def test_a_map_can_refuse_blanks() -> None:
    payload = Map(required=True, keep_blank=False)
    assert refused(payload, {"value": ""}).param == "p[value]"
    assert refused(payload, "").code == "parameter_invalid_empty"


def test_lists() -> None:
    numbers = ListOf(Integer(), max_items=2)
    assert one(numbers, ["1", "2"]) == [1, 2]
    assert refused(numbers, ["1", "x"]).param == "p[1]"
    assert refused(numbers, ["1", "2", "3"]).message == "Invalid array: must have at most 2 items"
    assert refused(numbers, "1").message == "Invalid array"
    assert refused(numbers, {"a": "1"}).message == "Invalid array"


def test_expand_goes_four_levels_deep() -> None:
    assert one(Expand(), ["a.b.c.d"]) == ["a.b.c.d"]
    assert refused(Expand(), ["a.b.c.d.e"]).message == (
        "You cannot expand more than 4 levels of a property. Property: a.b.c.d.e"
    )


# --- properties --------------------------------------------------------------------------------

SAMPLES: list[Any] = [
    *(None, "", "a", "x\0", "é" * 6, "1", "inf", "now", "true", "2026-01-31T12:00:00Z"),
    *(0, 7, -4, 10**12, 2**64, True, False, [], {}, ["a"], ["a", "b", "c"], [1], [None]),
    *({"a": "b"}, {"a": None}, {"a": ""}, {"": "x"}, {"long": "x"}, {"a": "12345"}, {"gte": 1}),
    *([{"price": "p"}], [{"price": "p", "n": 1}], [{"n": 1}], [{"price": "p", "x": 1}], ["a.b"]),
]
BODIES = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(SAMPLES) for name in [*EVERYTHING.fields, "unknown"]}
)
SCRAPS = st.sampled_from(
    ["payload", "text", "items", "metadata", "[a]", "[]", "[0]", "=", "&", "1"]
)


@given(BODIES)
def test_what_is_read_from_json_also_fits_the_schema(body: dict[str, Any]) -> None:
    try:
        from_json(EVERYTHING, json.dumps(body))
    except Refusal:
        return
    Draft202012Validator(EVERYTHING.json_schema(dialect="json")).validate(body)


@pytest.mark.parametrize("name", EVERYTHING.fields)
@pytest.mark.parametrize("given", SAMPLES, ids=repr)
def test_each_value_read_from_json_fits_its_schema(name: str, given: Any) -> None:
    param = EVERYTHING.fields[name]
    try:
        one(param, given, "json")
    except Refusal:
        return
    Draft202012Validator(param.json_schema(dialect="json")).validate(given)


@given(st.lists(SCRAPS, max_size=30).map("".join))
def test_any_form_is_read_or_refused(body: str) -> None:
    with suppress(BodyMalformed, ParameterInvalid, ParameterMissing, ParameterUnknown):
        form(EVERYTHING, body)


# --- descriptions ------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["form", "json"])
@pytest.mark.parametrize("spec", [ALERT, EVERYTHING])
def test_schemas_are_schemas(spec: Object, dialect: Dialect) -> None:
    Draft202012Validator.check_schema(spec.json_schema(dialect=dialect))


def test_the_schema_of_an_object_is_closed() -> None:
    assert ALERT.json_schema()["additionalProperties"] is False
    assert ALERT.json_schema()["required"] == ["alert_type", "title"]
    assert ALERT.json_schema()["properties"]["title"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 256,
        "description": "Its name.",
    }


def test_a_form_schema_allows_the_blank_that_unsets() -> None:
    assert Boolean(blank="unset").json_schema() == {
        "anyOf": [{"type": "boolean"}, {"type": "string", "enum": [""]}]
    }


def test_query_parameters_for_openapi() -> None:
    spec = Object(
        {
            "limit": Integer(minimum=1, maximum=100, description="How many."),
            "created": Range(),
            "expand": Expand(),
            "customer": String(required=True),
        }
    )
    limit, created, expand, customer = spec.openapi_query_parameters()
    assert limit == {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "How many.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100},
    }
    assert (created["style"], created["explode"]) == ("deepObject", True)
    assert expand["style"] == "deepObject"
    assert customer["required"] is True
    assert "style" not in customer


def test_nested_parameters_of_a_form_are_written_in_brackets() -> None:
    spec = Object({"metadata": Map(), "expand": Expand(), "name": String()})
    brackets = {"style": "deepObject", "explode": True}
    assert spec.openapi_encoding() == {"metadata": brackets, "expand": brackets}
