"""Bodies in: Stripe's bracketed forms and JSON, what they mean and what is refused."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from tripmeter.model.errors import BodyMalformed
from tripmeter.wire.forms import (
    MAX_DEPTH,
    MAX_PAIRS,
    Elements,
    decode_form,
    decode_json,
    decode_query,
)

FORMS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("a=1", {"a": "1"}),
    ("a=1&b=2", {"a": "1", "b": "2"}),
    ("a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
    ("a%5Bb%5D=1", {"a": {"b": "1"}}),
    ("a%5bb%5d=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
    ("title=Too+much%20usage", {"title": "Too much usage"}),
    ("title=1%2B1%3D2%26", {"title": "1+1=2&"}),
    ("title=a=b", {"title": "a=b"}),
    ("title=%C3%A9é", {"title": "éé"}),
    ("a+b[c+d]=1", {"a b": {"c d": "1"}}),
    # blanks survive: they mean "unset"
    ("metadata=", {"metadata": ""}),
    ("metadata[k]=", {"metadata": {"k": ""}}),
    ("a", {"a": ""}),
    ("&a=1&&", {"a": "1"}),
    # of two values the last counts
    ("a=1&a=2", {"a": "2"}),
    ("a[b]=1&a[b]=2", {"a": {"b": "2"}}),
    # lists without indexes
    ("a[]=1&a[]=2", {"a": ["1", "2"]}),
    ("a[][b]=1&a[][c]=2", {"a": [{"b": "1", "c": "2"}]}),
    ("a[][b]=1&a[][c]=2&a[][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
    (
        "a[][b][c]=1&a[][b][d]=2&a[][b][c]=3",
        {"a": [{"b": {"c": "1", "d": "2"}}, {"b": {"c": "3"}}]},
    ),
    ("a[][b][]=1&a[][b][]=2&a[][c]=3", {"a": [{"b": ["1", "2"], "c": "3"}]}),
    ("a[]=1&a[][b]=2", {"a": ["1", {"b": "2"}]}),
    # lists with indexes
    ("a[0][b]=1&a[1][b]=2&a[0][c]=3", {"a": [{"b": "1", "c": "3"}, {"b": "2"}]}),
    ("a[1]=y&a[0]=x", {"a": ["x", "y"]}),
    ("a[7]=y&a[3]=x&a[10]=z", {"a": ["x", "y", "z"]}),
    ("a[0][0]=1&a[0][1]=2", {"a": [["1", "2"]]}),
    # digits beside names are names
    ("m[2024]=x&m[k]=y", {"m": {"2024": "x", "k": "y"}}),
    ("0=a&1=b", {"0": "a", "1": "b"}),
    ("a[²]=1", {"a": {"²": "1"}}),
]

MALFORMED = [
    ("a=1&a[b]=2", "'a' is given both as a value and as an object"),
    ("a[b]=2&a=1", "'a' is given both as a value and as an object"),
    ("a[b][c]=1&a[b]=2", "'a[b]' is given both"),
    ("a[b]=2&a[b][c]=1", "'a[b]' is given both"),
    ("a[]=1&a[b]=2", "both with keys and as"),
    ("a[b]=1&a[]=2", "both with keys and as"),
    ("a[0]=1&a[]=2", "both with keys and as"),
    ("a[b=1", "no parameter name"),
    ("a]=1", "no parameter name"),
    ("a[b]c=1", "no parameter name"),
    ("a[[b]]=1", "no parameter name"),
    ("[a]=1", "no parameter name"),
    ("=1", "no parameter name"),
    ("a=100%", "'%' is no percent-encoding"),
    ("a%zz=1", "'%zz' is no percent-encoding"),
    ("a=%ff", "does not decode to valid UTF-8"),
    ("a=%ED%A0%80", "does not decode to valid UTF-8"),
    ("a" + "[b]" * (MAX_DEPTH + 1) + "=1", "nested deeper than 8 levels"),
    ("&".join(["a[]=1"] * (MAX_PAIRS + 1)), "more than 2000 parameters"),
]

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="[]"), min_size=1, max_size=12
).filter(lambda name: not name.isdecimal())
LEAVES = st.text(max_size=20) | st.integers()
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)
# No nested booleans: inside of lists the SDK writes True, and Stripe has no such list.
PARAMS = st.dictionaries(NAMES, st.booleans() | NESTED, max_size=6)
SCRAPS = st.text(st.sampled_from("ab01[]=&%+5BDé\0"), max_size=60).map(str.encode)
HOSTILE = st.binary(max_size=80) | SCRAPS


def as_text(value: Any) -> Any:
    """What a value is after its way through a form: everything that is not nested is text."""
    if isinstance(value, dict):
        return {key: as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_text(inner) for inner in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def depth(value: Any) -> int:
    """How many levels lie below a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=-1)


@pytest.mark.parametrize(("body", "expected"), FORMS)
def test_a_form_means(body: str, expected: dict[str, Any]) -> None:
    assert decode_form(body.encode()) == expected
    assert decode_query(body.encode()) == expected


@pytest.mark.parametrize(("body", "reason"), MALFORMED)
def test_a_form_is_refused_with_its_reason(body: str, reason: str) -> None:
    with pytest.raises(BodyMalformed) as refused:
        decode_form(body.encode())
    assert reason in refused.value.reason


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(BodyMalformed) as refused:
        decode_form(b"title=caf\xe9")
    assert refused.value.reason == "the text is not valid UTF-8 (byte 9)"


def test_the_limits_themselves_are_allowed() -> None:
    deepest = "a" + "[b]" * MAX_DEPTH + "=1"
    most = "&".join(["a[]=1"] * MAX_PAIRS)
    assert depth(decode_form(deepest.encode())) == MAX_DEPTH + 1
    assert len(decode_form(most.encode())["a"]) == MAX_PAIRS


def test_a_list_with_indexes_remembers_them() -> None:
    elements = decode_form(b"m[2025]=b&m[007]=a")["m"]
    assert isinstance(elements, Elements)
    assert elements == ["a", "b"]
    assert elements.indexes == ("007", "2025")


def test_numbers_too_long_for_an_index_are_names() -> None:
    assert decode_form(b"m[" + b"1" * 5000 + b"]=x") == {"m": {"1" * 5000: "x"}}


def test_reasons_stay_short() -> None:
    with pytest.raises(BodyMalformed) as refused:
        decode_form(b"a[" + b"b" * 100_000 + b"=1")
    assert len(refused.value.reason) < 300


@given(PARAMS.filter(lambda params: depth(params) <= MAX_DEPTH), st.randoms())
def test_what_the_sdk_encodes_is_what_we_read(params: dict[str, Any], random: Any) -> None:
    pairs = list(_api_encode(params))
    encoded = urlencode(pairs)
    raw = encoded.replace("%5B", "[").replace("%5D", "]")
    random.shuffle(pairs)
    shuffled = urlencode(pairs)
    for body in (encoded, raw, shuffled):
        assert decode_form(body.encode()) == as_text(params)


@given(HOSTILE)
def test_any_bytes_are_read_or_refused_as_a_form(body: bytes) -> None:
    try:
        assert isinstance(decode_form(body), dict)
    except BodyMalformed as refused:
        assert refused.reason


@given(HOSTILE | st.text(st.sampled_from('{}[]",:01.e-+\\u\ud7ffa'), max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_as_json(body: bytes) -> None:
    try:
        assert isinstance(decode_json(body), dict)
    except BodyMalformed as refused:
        assert refused.reason


def test_json_keeps_what_is_sent() -> None:
    body = b'{"event_name":"a","n":12,"on":true,"none":null,"list":[{"x":"y"}]}'
    expected = {"event_name": "a", "n": 12, "on": True, "none": None, "list": [{"x": "y"}]}
    assert decode_json(body) == expected


def test_an_empty_json_body_is_an_empty_object() -> None:
    assert decode_json(b"") == {}


def test_json_numbers_stay_exact() -> None:
    numbers = decode_json(b'{"a":0.1,"b":0.10000000000000000000000001,"c":18446744073709551617}')
    assert [str(number) for number in numbers.values()] == [
        "0.1",
        "0.10000000000000000000000001",
        "18446744073709551617",
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[1]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'{"a":1}x', "trailing characters (byte 8)"),
        (b'{"a":tru}', "(byte "),
        (b'{"a":', "incomplete (read up to byte 5)"),
        (b'{"a":"\\ud800"}', "an escape in it, is incomplete"),
        (b'{"a":"caf\xe9"}', "not valid UTF-8 (byte 9)"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"a":1e99999999999999999999}', "out of range"),
        (b'{"a":' + b"1" * 5000 + b"}", "out of range"),
    ],
)
def test_broken_json_is_refused_with_its_place(body: bytes, reason: str) -> None:
    with pytest.raises(BodyMalformed) as refused:
        decode_json(body)
    assert reason in refused.value.reason
