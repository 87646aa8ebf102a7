"""Bodies that nobody sends by mistake: each is answered, and the server stays well and small.

Gzip bombs of blank lines and broken gzip stand in tests/sdk/test_curl.py; what slow clients and
many bodies at once do, in tests/faults/test_overload.py.
"""

import gzip
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

import httpx2
import pytest

from fuzz.target import assert_stripe_error, stream_token
from support.raw import FORM, connected, head, post
from support.server import Server

MIB: Final = 1024 * 1024
MEMORY_BOUND: Final = 384 * MIB
"""What the whole server may take, with a body of 64 MiB and all that is made of it."""

V1: Final = "/v1/billing/meter_events"
V2: Final = "/v2/billing/meter_events"
STREAM: Final = "/v2/billing/meter_event_stream"
BULK: Final = "/v2/billing/meter_events/bulk"

JSON: Final = {"Content-Type": "application/json"}
LINES: Final = {"Content-Type": "application/x-ndjson"}
COLUMNS: Final = {"Content-Type": "application/vnd.tripmeter.columns+json"}


class Attack(NamedTuple):
    """One body, and what must come of it; made late, as some are large."""

    name: str
    path: str
    headers: Mapping[str, str]
    body: Callable[[], bytes]
    status: int
    told: str
    """Part of the answer."""


VALUES: Final = {
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "nested and closed": b"[" * 9_000 + b"]" * 9_000,
    "huge integer": b"9" * 100_000,
    "huge exponent": b"1e999999999999",
    "long fraction": b"0." + b"1" * 100_000,
    "boolean": b"true",
    "float": b"1.5",
    "invalid UTF-8": b'"\xff\xfe"',
    "lone surrogate": b'"\\ud800"',
    "raw surrogate": b'"\xed\xa0\x80"',
    "NUL": b'"1\\u0000"',
    "raw NUL": b'"1\0"',
    "empty list": b"[]",
    "a million characters": b'"' + b"1" * 1_000_000 + b'"',
}
"""In the place of a quantity, which is text such as "1.5"."""


def values() -> Iterator[Attack]:
    """A value in the place of a whole body, and in an event."""
    for name, value in VALUES.items():
        event = b'{"event_name":"calls","payload":{"stripe_customer_id":"c","value":%s}}' % value
        columns = b'{"event_name":["calls"],"payload":{"value":[%s]}}' % value
        yield Attack(f"{name} alone", V2, JSON, partial(bytes, value), 400, "message")
        yield Attack(f"{name} in an event", V2, JSON, partial(bytes, event), 400, "message")
        stream = b'{"events":[%s]}' % event
        yield Attack(f"{name} in a stream", STREAM, JSON, partial(bytes, stream), 400, "message")
        yield Attack(f"{name} in a line", BULK, LINES, partial(bytes, event), 200, "invalid_line")
        yield Attack(f"{name} in columns", BULK, COLUMNS, partial(bytes, columns), 400, "message")


FORMS: Final = {"Content-Type": FORM}
LINE: Final = b'{"event_name":"a","payload":{"a":"b"}}'
TWICE: Final = b'{"event_name":"a","event_name":"nobody","payload":{"value":"1","value":"2"}}'


def columns(event_name: bytes, rest: bytes) -> bytes:
    """A body in columns."""
    return b'{"event_name":%s,%s}' % (event_name, rest)


def nulls(number: int) -> bytes:
    """Columns of so many events without an identifier."""
    told = b"null," * (number - 1) + b"null"
    return columns(b'"a"', b'"payload":{"a":"b"},"identifier":[%s]' % told)


ATTACKS: Final = [
    *values(),
    Attack("10 MiB of [ as a form", V1, FORMS, lambda: b"[" * 10 * MIB, 413, "larger"),
    Attack("10 MiB of [ as JSON", V2, JSON, lambda: b"[" * 10 * MIB, 413, "larger"),
    Attack("10 MiB of [ as a line", BULK, LINES, lambda: b"[" * 10 * MIB, 200, "invalid_line"),
    Attack("10 MiB of [ as columns", BULK, COLUMNS, lambda: b"[" * 10 * MIB, 400, "object"),
    Attack("10 MiB of nested lines", BULK, LINES, lambda: b'{"a":' * 2 * MIB, 200, "invalid_line"),
    Attack("a million pairs", V1, FORMS, lambda: b"a=1&" * 1_000_000, 413, "larger"),
    Attack("as many pairs as fit", V1, FORMS, lambda: b"a&" * (MIB // 2), 400, "2000"),
    Attack("deep brackets", V1, FORMS, lambda: b"a" + b"[b]" * 300_000 + b"=1", 400, "deeper"),
    Attack("a long value", V1, FORMS, lambda: b"event_name=" + b"a" * 1_000_000, 400, "100"),
    Attack("a long name", V1, FORMS, lambda: b"a" * 1_000_000 + b"=1", 400, "unknown"),
    Attack("a form with NUL", V1, FORMS, lambda: b"event_name=a%00&payload[a]=1", 400, "NUL"),
    Attack("a form that is no UTF-8", V1, FORMS, lambda: b"event_name=\xff", 400, "UTF-8"),
    Attack("a name twice", V2, JSON, lambda: TWICE, 400, "nobody"),
    Attack("a name twice in a line", BULK, LINES, lambda: TWICE, 200, "nobody"),
    Attack("unequal columns", BULK, COLUMNS,
           lambda: columns(b'["a","b"]', b'"payload":{"a":["1"]}'), 400, "same length"),
    Attack("empty columns", BULK, COLUMNS,
           lambda: columns(b"[]", b'"payload":{"a":[]}'), 200, '"counted":0'),
    Attack("no columns", BULK, COLUMNS, lambda: b"{}", 400, "event_name"),
    Attack("a column of columns", BULK, COLUMNS,
           lambda: columns(b'[["a"]]', b'"payload":{}'), 400, "str"),
    Attack("a million nulls", BULK, COLUMNS, lambda: nulls(1_000_000), 400, "100000 events"),
    Attack("as many nulls as fit", BULK, COLUMNS, lambda: nulls(13_000_000), 400, "100000 events"),
    Attack("packed nulls", BULK, COLUMNS | {"Content-Encoding": "gzip"},
           lambda: gzip.compress(nulls(13_000_000), 1), 400, "100000 events"),
    Attack("many constant columns", BULK, COLUMNS,
           lambda: columns(b'["a"%s]' % (b',"a"' * 99_999), b'"payload":{%s}' % b",".join(
               b'"%d":"1"' % number for number in range(50_000))), 400, "length <= 50"),
    Attack("all events on one line", BULK, LINES,
           lambda: LINE * (60 * MIB // len(LINE)), 200, "invalid_line"),
    Attack("all events on one line, packed", BULK, LINES | {"Content-Encoding": "gzip"},
           lambda: gzip.compress(LINE * (60 * MIB // len(LINE)), 1), 200, "invalid_line"),
    Attack("as many broken lines as may be", BULK, LINES,
           lambda: b"{\n" * 100_000, 200, '"refused":100000'),
    Attack("nothing but blanks", BULK, LINES, lambda: b" " * 60 * MIB, 200, '"counted":0'),
]  # fmt: skip


def healthy(http: httpx2.Client) -> bool:
    """Whether the server is there and takes changes."""
    status: str = http.get("/readyz").json()["status"]
    return status == "ready"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_hostile_body_is_answered_and_does_no_harm(
    server: Server, http: httpx2.Client, attack: Attack
) -> None:
    headers = dict(attack.headers)
    if attack.path == STREAM:
        headers["Authorization"] = f"Bearer {stream_token(http)}"
    answer = http.post(attack.path, content=attack.body(), headers=headers)
    assert answer.status_code == attack.status, answer.text[:1000]
    assert attack.told in answer.text, answer.text[:1000]
    if attack.status >= 400:
        error = assert_stripe_error(answer)
        assert len(error["message"]) <= 5000
        assert not error["message"].endswith("..")
    assert healthy(http)


def test_memory_has_stayed_within_its_bound(server: Server, http: httpx2.Client) -> None:
    """Comes after the bodies above; alone it sends the two that took most."""
    for name in ("packed nulls", "all events on one line, packed"):
        (attack,) = (one for one in ATTACKS if one.name == name)
        http.post(attack.path, content=attack.body(), headers=attack.headers)
    assert server.peak_bytes < MEMORY_BOUND


@pytest.mark.parametrize("path", [V1, V2, BULK])
async def test_a_body_that_ends_a_byte_early_is_never_acted_on(
    server: Server, http: httpx2.Client, path: str
) -> None:
    async with connected(server.port) as line:
        await line.send(head("POST", path, "Content-Type: x/y", "Content-Length: 3"), b"{}")
        line.hang_up()
    assert healthy(http)


@pytest.mark.parametrize("path", [V1, V2, BULK])
async def test_a_byte_beyond_the_body_ends_the_connection(
    server: Server, http: httpx2.Client, path: str
) -> None:
    async with connected(server.port) as line:
        await line.send(post(path, b"") + b"\0")
        told = await line.closed()
        assert b" 500 " not in told
    assert healthy(http)
