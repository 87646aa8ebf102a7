"""The readers at speed against the declared parameters: the same, or nothing at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.errors import Refusal
from tripmeter.model.usage import Reports, UsageReport
from tripmeter.wire.forms import decode_form, decode_json
from tripmeter.wire.params import Dialect, Object, read
from tripmeter.wire.reports import REPORT_V1, STREAM, usual_form, usual_stream

V1 = Object(REPORT_V1)


def declared(spec: Object, given: Any, dialect: Dialect) -> Any:
    """What the declaration reads; None if it refuses."""
    try:
        return read(spec, given, dialect=dialect)
    except Refusal:
        return None


def by_declaration(form: bytes) -> Any:
    try:
        return declared(V1, decode_form(form), "form")
    except Refusal:
        return None


def agree_on_form(form: bytes) -> None:
    usual = usual_form(form)
    if usual is not None:
        expected = by_declaration(form)
        assert usual == expected
        assert list(usual) == list(expected)
        assert list(usual["payload"]) == list(expected["payload"])


TEXT = st.text(alphabet="ab1 \0é%+&=[]5", max_size=4) | st.sampled_from(
    ["a" * 100, "a" * 101, "a" * 5000, "a" * 5001, "%00", "%5B", "%zz", "17", "007", ""]
)
NAMES = st.sampled_from(
    [
        "event_name",
        "identifier",
        "timestamp",
        "payload",
        "payload[value]",
        "payload[stripe_customer_id]",
        "payload%5Bvalue%5D",
        "payload[7]",
        "payload[]",
        "payload[a][b]",
        "payload[%00]",
        f"payload[{'a' * 101}]",
        "event_name[]",
        "timestamp[gt]",
        "expand[]",
        "other",
        "",
    ]
)


@given(st.lists(st.tuples(NAMES, TEXT), max_size=8))
def test_a_form_reads_the_same_both_ways_or_not_at_all(pairs: list[tuple[str, str]]) -> None:
    agree_on_form("&".join(f"{name}={value}" for name, value in pairs).encode())


@given(st.binary(max_size=40))
def test_bytes_of_any_kind_do_not_confuse_it(tail: bytes) -> None:
    agree_on_form(b"event_name=a&payload[value]=1&" + tail)


def test_the_usual_form_takes_the_quick_way() -> None:
    form = (
        b"event_name=calls&payload[stripe_customer_id]=c&payload%5Bvalue%5D=2&timestamp=1700000000"
    )
    assert usual_form(form + b"&identifier=a+b%21") == {
        "event_name": "calls",
        "payload": {"stripe_customer_id": "c", "value": "2"},
        "timestamp": 1_700_000_000,
        "identifier": "a b!",
    }


def test_more_payload_than_allowed_is_left_to_the_declaration() -> None:
    entries = "&".join(f"payload[k{n}]=1" for n in range(51))
    assert usual_form(f"event_name=a&{entries}".encode()) is None
    assert usual_form(f"event_name=a&{entries}".encode().removesuffix(b"&payload[k50]=1"))


# --- streams ------------------------------------------------------------------------------------

TIMES = st.sampled_from(
    [
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T12:00:00+05:30",
        "2026-01-31T12:00:00.1239999999Z",
        "2026-01-31T12:00:00.123456Z",
        "2026-01-31t12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T12:00:00+25:00",
        "2026-01-31T12:00:00-00:00",
        "1969-12-31T23:59:59.999999Z",
        "soon",
        "",
    ]
)
WORDS = st.sampled_from(["a", "", "é", "\0", "[", "]", "null", "a" * 100, "a" * 101, '"', "\\"])
ODD: st.SearchStrategy[Any] = st.sampled_from([None, 1, 1.5, True, [], {}, ["a"]])
EVENTS = st.fixed_dictionaries(
    {"event_name": WORDS | ODD, "payload": st.dictionaries(WORDS, WORDS | ODD, max_size=3) | ODD},
    optional={"identifier": WORDS | ODD, "timestamp": TIMES | ODD, "other": WORDS},
)
USUAL_PAYLOADS = st.fixed_dictionaries({"stripe_customer_id": WORDS, "value": WORDS})
FINE_EVENTS = st.fixed_dictionaries(
    {
        "event_name": st.just("calls"),
        "payload": st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "", "x"]))
        | USUAL_PAYLOADS,
    },
    optional={"identifier": st.text(min_size=1, max_size=3), "timestamp": TIMES},
)


def told(params: dict[str, Any] | None) -> list[UsageReport] | None:
    """The reports of a stream, one by one."""
    if params is None:
        return None
    reports: Reports = params["events"]
    return [reports.report(index) for index in range(len(reports.identifiers))]


@given(st.lists(EVENTS | FINE_EVENTS, max_size=4), st.booleans())
def test_a_stream_reads_the_same_both_ways_or_not_at_all(events: list[Any], ascii: bool) -> None:
    body = json.dumps({"events": events}, ensure_ascii=ascii).encode(errors="surrogatepass")
    usual = usual_stream(body)
    if usual is not None:
        assert told(usual) == told(declared(STREAM, decode_json(body), "json"))


@given(st.lists(FINE_EVENTS, max_size=4))
def test_timestamps_read_the_same_both_ways_or_not_at_all(events: list[Any]) -> None:
    body = json.dumps({"events": events}).encode()
    usual = usual_stream(body)
    if usual is not None:
        assert told(usual) == told(declared(STREAM, decode_json(body), "json"))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"events": {}}', b'{"events": []} x', b'{"events": [], "a": 1}', b"\xff"],
)
def test_what_is_no_stream_body_is_left_to_the_declaration(body: bytes) -> None:
    assert usual_stream(body) is None


def test_the_usual_stream_takes_the_quick_way() -> None:
    event = {"event_name": "calls", "payload": {"value": "1"}, "identifier": "a"}
    timed = {**event, "timestamp": "2023-11-14T22:13:20.123Z"}
    assert told(usual_stream(json.dumps({"events": [event] * 99 + [timed]}).encode())) == [
        *[UsageReport("calls", {"value": "1"}, "a", None)] * 99,
        UsageReport("calls", {"value": "1"}, "a", 1_700_000_000_123),
    ]
    assert usual_stream(json.dumps({"events": [event] * 101}).encode()) is None
