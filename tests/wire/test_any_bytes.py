"""Any bytes are read or refused: bulk lines and columns, and forms near their limits.

Short scraps of forms and of plain JSON stand in tests/wire/test_forms.py.
"""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tripmeter.model.errors import BodyMalformed
from tripmeter.wire.bulk import read_columns, read_line, read_lines
from tripmeter.wire.forms import MAX_DEPTH, MAX_PAIRS, decode_form
from tripmeter.wire.reports import usual_form, usual_stream

TEXT = st.text(max_size=8) | st.sampled_from(["\0", "calls", "", "\ud800", "a" * 101, "a" * 5001])
TIMES = st.sampled_from(
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999-23:59",
        "2026-02-30T00:00:00Z",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | TIMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SOME = TEXT | st.lists(TEXT, min_size=2, max_size=2)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "event_name": SOME | VALUES,
    "payload": st.dictionaries(TEXT, SOME | VALUES, max_size=3) | VALUES,
    "identifier": SOME | VALUES,
    "timestamp": TIMES | st.lists(TIMES | st.none(), min_size=2, max_size=2) | VALUES,
    "colour": VALUES,
}
OBJECTS = st.fixed_dictionaries({}, optional=FIELDS)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Events as JSON, one after the other, of which a piece may be missing or doubled."""
    objects = draw(st.lists(OBJECTS, min_size=1, max_size=3))
    ascii = draw(st.booleans())
    lines = [json.dumps(one, ensure_ascii=ascii).encode(errors="surrogatepass") for one in objects]
    body = draw(st.sampled_from([b"\n", b"", b"\r\n \n", b"\0"])).join(lines)
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
    middle = draw(st.sampled_from([body[start:end], body[start:end] * 2, b""]) | st.binary())
    return body[:start] + middle + body[end:]


DEEP = b'{"payload":' + b'{"a":' * 50_000
HOSTILE = st.binary(max_size=100) | damaged()


def has_nul(body: Any) -> bool:
    """Whether NUL got into what was read."""
    return "\\u0000" in msgspec.json.encode(body).decode()


@given(HOSTILE)
@example(DEEP)
def test_any_bytes_are_lines_or_need_a_closer_look(body: bytes) -> None:
    reports = read_lines(body)
    if reports is not None:
        told = [reports.report(index) for index in range(len(reports.identifiers))]
        assert not has_nul(told)


@given(HOSTILE)
@example(DEEP)
def test_any_bytes_are_a_line_or_refused_with_a_reason(body: bytes) -> None:
    try:
        assert not has_nul(read_line(body))
    except (BodyMalformed, msgspec.DecodeError, UnicodeDecodeError) as refused:
        assert str(refused)


@given(HOSTILE)
@example(DEEP)
def test_any_bytes_are_columns_or_refused_with_a_reason(body: bytes) -> None:
    try:
        columns = read_columns(body)
    except BodyMalformed as refused:
        assert refused.reason
        return
    size = len(columns.identifiers)
    told = [columns.report(index) for index in range(size)]
    assert len(columns.event_names) == size
    assert not has_nul(told)


@given(HOSTILE)
@example(DEEP)
def test_any_bytes_are_a_usual_stream_or_none(body: bytes) -> None:
    for sent in (body, b'{"events":[' + body + b"]}"):
        usual = usual_stream(sent)
        assert usual is None or list(usual) == ["events"]


NUL = "\\u0000"
LINE = '{"event_name":"%s","identifier":"%s","payload":{"%s":"%s"}}'
COLUMNS = '{"event_name":["%s"],"identifier":["%s"],"payload":{"%s":["%s"]}}'


@pytest.mark.parametrize("place", range(4))
def test_nul_is_refused_wherever_text_stands(place: int) -> None:
    words = ["a", "b", "c", "d"]
    words[place] += NUL
    line, columns = (LINE % tuple(words)).encode(), (COLUMNS % tuple(words)).encode()
    assert read_lines(line) is None
    for reader, body in ((read_line, line), (read_columns, columns)):
        with pytest.raises(BodyMalformed) as refused:
            reader(body)
        assert "NUL" in refused.value.reason


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    words = (r"a\\u0000", "b", "c", "d")
    assert read_line((LINE % words).encode()).event_name == r"a\u0000"
    assert read_columns((COLUMNS % words).encode()).event_names == [r"a\u0000"]


@pytest.mark.parametrize(("entries", "is_read"), [(50, True), (51, False)])
def test_a_payload_has_at_most_50_entries(entries: int, is_read: bool) -> None:
    payload = {f"k{number}": "1" for number in range(entries)}
    line = json.dumps({"event_name": "a", "payload": payload}).encode()
    columns = json.dumps({"event_name": ["a"], "payload": payload}).encode()
    assert (read_lines(line) is not None) is is_read
    if is_read:
        assert read_line(line) == read_columns(columns).report(0)
        return
    with pytest.raises(BodyMalformed, match="length <= 50"):
        read_columns(columns)
    with pytest.raises(msgspec.DecodeError, match="length <= 50"):
        read_line(line)


STEPS = st.sampled_from(["a", "b", "0", "1", "", "%5B", "%", "é", "]", "9" * 12])
NAMES = st.builds(
    lambda name, steps: name + "".join(f"[{step}]" for step in steps),
    STEPS,
    st.lists(STEPS, max_size=MAX_DEPTH + 2),
)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["", "1", "%00", "%ff", "+"])), max_size=30))
@example([("a" + "[]" * MAX_DEPTH, "1")] * MAX_PAIRS)
@example([(f"a[{'b' * 100}{number}]", "1") for number in range(MAX_PAIRS)])
@example([("a", "1" * 1_000_000), ("a[b]", "1")])
def test_any_nesting_is_a_form_or_refused_with_a_reason(pairs: list[tuple[str, str]]) -> None:
    body = "&".join(f"{name}={value}" for name, value in pairs).encode()
    try:
        assert isinstance(decode_form(body), dict)
    except BodyMalformed as refused:
        assert refused.reason
        assert len(refused.reason) < 1000
        assert usual_form(body) is None
