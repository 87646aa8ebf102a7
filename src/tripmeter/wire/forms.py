"""Request bodies and query strings in: bracketed forms and JSON become nested plain data.

Owns Stripe's form encoding: `a[b]=1`, `a[0][b]=1`, `a[]=1`, with brackets raw or percent-encoded,
and its limits. Does not know which parameters exist or what type they have: see `params`.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from tripmeter.model.errors import BodyMalformed

MAX_PAIRS: Final = 2000
"""The most `name=value` pairs in one form."""

MAX_DEPTH: Final = 8
"""The most brackets in one name; Stripe's deepest parameter, on credit alerts, has eight."""

_CACHED_NAME: Final = 200
"""Names up to this length are kept parsed. Longer ones are rare, and must not fill the memory."""

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST_INDEX: Final = 9

_NAMED: Final = {str}
_APPENDED: Final = {int}

Node = dict[Any, Any]
"""An object under construction. Elements of `a[]` have int keys, everything else has str keys."""


class Elements(list[Any]):
    """A list that was sent with indexes, in their order and without gaps.

    `indexes` are the keys as they were written, for the reader who expects a map: in
    `metadata[2024]=x` the digits are a key.
    """

    __slots__ = ("indexes",)

    def __init__(self, indexes: tuple[str, ...], values: list[Any]) -> None:
        super().__init__(values)
        self.indexes = indexes


def decode_form(raw: bytes) -> dict[str, Any]:
    """A form body as nested dicts, lists and strings; a blank value stays `""`.

    Of a name that is sent twice the last value counts. `a[]` takes a new element whenever the rest
    of the name repeats; lists with indexes may come in any order and with gaps.
    Raises BodyMalformed for names that contradict each other (`a=1&a[b]=2`), stray brackets or
    percent signs, text that is no UTF-8, more than MAX_PAIRS pairs or MAX_DEPTH brackets.
    """
    if not raw:
        return {}
    fields: Node = {}
    for path, value in split_pairs(raw):
        if len(path) == 1 and type(fields.get(path[0])) is not dict:
            fields[path[0]] = value
        else:
            _put(fields, path, value)
    for key, value in fields.items():
        if type(value) is dict:
            fields[key] = _shaped(value, key)
    return fields


def decode_query(raw: bytes) -> dict[str, Any]:
    """A query string, without its `?`, as nested data: the same language as a form body."""
    return decode_form(raw)


def split_pairs(raw: bytes) -> Iterator[tuple[tuple[str, ...], str]]:
    """The pairs of a form in their order: the steps of the name, `("a", "b")`, and the value.

    Raises BodyMalformed.
    """
    for pair in _pairs(raw):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in value or "+" in value:
            value = _plain(value)
        path = _path(name) if len(name) <= _CACHED_NAME else _path.__wrapped__(name)
        yield path, value


def _pairs(raw: bytes) -> list[str]:
    if raw.count(b"&") >= MAX_PAIRS:
        raise BodyMalformed(f"there are more than {MAX_PAIRS} parameters")
    try:
        return raw.decode().split("&")
    except UnicodeDecodeError as error:
        raise BodyMalformed(f"the text is not valid UTF-8 (byte {error.start})") from None


def _plain(text: str) -> str:
    """Text without its encoding: `+` is a space, `%41` a letter."""
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    if stray := _STRAY_PERCENT.search(text):
        near = text[stray.start() : stray.start() + 3]
        raise BodyMalformed(f"'{near}' is no percent-encoding; write a percent sign as %25")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BodyMalformed(f"'{_clipped(text)}' does not decode to valid UTF-8") from None


@lru_cache(maxsize=2048)
def _path(name: str) -> tuple[str, ...]:
    """The steps of an encoded name: `("a", "0", "b")` for `a[0][b]`, `("a", "")` for `a[]`."""
    plain = _plain(name)
    match = _NAME.fullmatch(plain)
    if match is None:
        raise BodyMalformed(f"'{_clipped(plain)}' is no parameter name; write a, a[b] or a[0][b]")
    steps = match[2][1:-1].split("][") if match[2] else ()
    if len(steps) > MAX_DEPTH:
        raise BodyMalformed(f"'{_clipped(plain)}' is nested deeper than {MAX_DEPTH} levels")
    return (match[1], *steps)


def _put(node: Node, path: tuple[str, ...], value: str) -> None:
    """Hang one value into the tree."""
    for depth, step in enumerate(path[:-1], start=1):
        key = step or _element(node, path[depth:])
        child = node.get(key)
        if child is None:
            child = node[key] = {}
        elif type(child) is str:
            raise _both_value_and_object(path[:depth])
        node = child
    key = path[-1] or len(node)
    if type(node.get(key)) is dict:
        raise _both_value_and_object(path)
    node[key] = value


def _element(node: Node, rest: tuple[str, ...]) -> int:
    """Which element of `a[]` takes a value: the newest, unless it has one of that name already."""
    newest = len(node) - 1
    return newest if newest in node and not _holds(node[newest], rest) else len(node)


def _holds(node: Any, path: tuple[str, ...]) -> bool:
    """Whether something stands at the path, or in its way. A list has room for one more."""
    if "" in path:
        return type(node) is str
    for step in path:
        if type(node) is str:
            return True
        node = node.get(step)
        if node is None:
            return False
    return True


def _shaped(node: Node, name: str) -> dict[str, Any] | list[Any]:
    """The finished object or list of a node, and of all below it."""
    for key, child in node.items():
        if type(child) is dict:
            node[key] = _shaped(child, f"{name}[{key}]")
    kinds = set(map(type, node))
    if kinds == _NAMED:
        return _elements(node) if all(map(_is_index, node)) else node
    if kinds == _APPENDED:
        return list(node.values())
    raise BodyMalformed(f"'{_clipped(name)}' is given both with keys and as {_clipped(name)}[]")


def _is_index(key: str) -> bool:
    return key.isdecimal() and key.isascii() and len(key) <= _LONGEST_INDEX


def _elements(node: Node) -> Elements:
    indexes = sorted(node, key=int)
    return Elements(tuple(indexes), [node[index] for index in indexes])


def _both_value_and_object(path: tuple[str, ...]) -> BodyMalformed:
    name = path[0] + "".join(f"[{step}]" for step in path[1:])
    return BodyMalformed(f"'{_clipped(name)}' is given both as a value and as an object")


def _clipped(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


# --- JSON --------------------------------------------------------------------------------------

_JSON: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def decode_json(raw: bytes) -> dict[str, Any]:
    """A JSON body; an empty one is `{}`. Numbers with a fraction or exponent become Decimal.

    Raises BodyMalformed, with the position where there is one, for broken JSON and for a top level
    that is no object.
    """
    if not raw:
        return {}
    try:
        return _JSON.decode(raw)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BodyMalformed(_json_reason(error, raw)) from None


def _json_reason(error: Exception, raw: bytes) -> str:
    match error:
        case msgspec.ValidationError():
            return f"the JSON is not what this request takes: {error}"
        case msgspec.DecodeError() if "byte" in str(error):
            return str(error)
        case msgspec.DecodeError():
            return f"the JSON, or an escape in it, is incomplete (read up to byte {len(raw)})"
        case UnicodeDecodeError():
            return f"the JSON is not valid UTF-8 (byte {_first_bad_byte(raw)})"
        case RecursionError():
            return "the JSON is nested too deeply"
        case _:
            return "a number in the JSON is out of range"


def _first_bad_byte(raw: bytes) -> int:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(raw)
