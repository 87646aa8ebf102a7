"""Every type of event that the source tells of is one that is known to be sent.

One that is not has no thin twin, and can neither be listed by its type nor be allowed to a key.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import tripmeter
from tripmeter.wire.events import KNOWN_TYPES, SNAPSHOT_TYPES

ROOMS = ("billing", "control")


def _told() -> Iterator[str]:
    """What looks like a type where changes are made, and what subscriptions are told of by."""
    for room in ROOMS:
        for file in (Path(tripmeter.__file__).parent / room).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and str(node.value) in KNOWN_TYPES:
                    yield str(node.value)
                match node:
                    case ast.Call(ast.Name("tell"), [_, _, ast.Constant(str(what)), *_]):
                        yield f"customer.subscription.{what}"


def test_what_is_told_is_known_to_be_sent() -> None:
    told = set(_told())
    assert {"customer.subscription.paused", "invoice.paid", "price.created"} <= told
    assert told <= SNAPSHOT_TYPES
