"""Whether an answer has the fields that the classes of the official SDK declare.

The SDK does not check what it receives: a missing field only fails in the code that reads it.
Here every field that is declared without Optional must be there, and each one that is there must
be of the declared type.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

from stripe._list_object import ListObject
from stripe._object_classes import get_object_class
from stripe._stripe_object import StripeObject, UntypedStripeObject
from stripe.events._event_classes import get_v2_event_class

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_UNIONS = (Union, UnionType)

PREVIEWS: dict[Any, tuple[str, ...]] = {
    "usage_threshold": ("spend_threshold", "credit_balance_threshold"),
    "billing.alert.triggered": (
        "billing.access.restored",
        "billing.access.revoked",
        "billing.access.warning",
        "billing.alert.recovered",
    ),
}
"""By a value that a field may have by this SDK: those that the preview SDK has beside it."""


def problems(answer: Any) -> Iterator[str]:
    """What is missing in an answer, or of another type; nothing if the SDK's classes fit."""
    if isinstance(answer.get("data"), list):
        for index, member in enumerate(answer["data"]):
            yield from (f"data[{index}]{problem}" for problem in problems(member))
        return
    class_ = class_of(answer)
    if class_ is not None:
        yield from _missing(class_, answer)
    if answer.get("object") == "event":
        yield from (f".data.object{found}" for found in problems(answer["data"]["object"]))


def class_of(answer: Any) -> type[Any] | None:
    """The SDK's class for an object, by what it says that it is."""
    name = answer.get("object")
    if name is None or answer.get("deleted"):
        return None
    if name == "v2.core.event":
        known: type[Any] = get_v2_event_class(answer["type"])
        return known
    mode: Literal["V1", "V2"] = "V2" if name.startswith("v2.") else "V1"
    found = get_object_class(mode, name)
    return None if found is StripeObject else found


def _missing(class_: type[Any], value: dict[str, Any]) -> Iterator[str]:
    for name, declared in _fields(class_).items():
        if name in value:
            yield from (f".{name}{problem}" for problem in _wrong(declared, value[name]))
        elif not _is_optional(declared):
            yield f".{name}: missing, and {class_.__name__} has it always"


def _fields(class_: type[Any]) -> dict[str, Any]:
    """The declared fields of a class and its bases, by name."""
    fields: dict[str, Any] = {}
    for one in reversed(class_.__mro__):
        if issubclass(StripeObject, one) or not one.__module__.startswith("stripe."):
            continue
        fields |= vars(one).get("__annotations__", {})
    return {
        name: declared
        for name, declared in fields.items()
        if not name.startswith("_") and get_origin(declared) is not ClassVar
    }


def _is_optional(declared: Any) -> bool:
    return get_origin(declared) in _UNIONS and NoneType in get_args(declared)


def _wrong(declared: Any, value: Any) -> Iterator[str]:
    """Where a value is not of the declared type."""
    origin, inner = get_origin(declared), get_args(declared)
    if declared is Any:
        return
    if origin in _UNIONS:
        found = [list(_wrong(one, value)) for one in inner]
        if all(found):
            yield from min(found, key=len) if isinstance(value, dict) else _no(declared, value)
    elif origin is Literal:
        previews = (one for known in inner for one in PREVIEWS.get(known, ()))
        yield from () if value in (*inner, *previews) else _no(declared, value)
    elif isinstance(declared, ForwardRef | str):
        name = declared if isinstance(declared, str) else declared.__forward_arg__
        yield from _wrong_object(name, value)
    elif origin is list:
        yield from _wrong_list(inner[0], value)
    elif origin is ListObject:
        yield from _wrong_page(inner[0], value)
    elif origin in (dict, UntypedStripeObject):
        yield from _wrong_map(inner[-1], value)
    elif _is_structure(declared):
        yield from _missing(declared, value) if isinstance(value, dict) else _no(declared, value)
    elif not _is_plain(declared, value):
        yield from _no(declared, value)


def _wrong_object(name: str, value: Any) -> Iterator[str]:
    """An object in place of its id: it must say that it is one of that class."""
    class_ = class_of(value) if isinstance(value, dict) else None
    if class_ is None or class_.__name__ != name.rpartition(".")[2]:
        yield from _no(name, value)
    else:
        yield from _missing(class_, value)


def _wrong_list(item: Any, value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield from _no(list, value)
        return
    for index, one in enumerate(value):
        yield from (f"[{index}]{problem}" for problem in _wrong(item, one))


def _wrong_page(item: Any, value: Any) -> Iterator[str]:
    """A list inside an object, with its own address."""
    if not isinstance(value, dict) or value.get("object") != "list":
        yield from _no("a list object", value)
        return
    yield from (f".data{problem}" for problem in _wrong_list(item, value["data"]))


def _wrong_map(item: Any, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield from _no(dict, value)
        return
    for key, one in value.items():
        yield from (f".{key}{problem}" for problem in _wrong(item, one))


def _is_structure(declared: Any) -> bool:
    return isinstance(declared, type) and declared.__module__.startswith("stripe.")


def _is_plain(declared: Any, value: Any) -> bool:
    """JSON has one kind of number; a whole one may stand where the SDK says float.

    What the SDK makes a Decimal of is text.
    """
    if declared is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if declared is Decimal:
        return isinstance(value, str) and DECIMAL.fullmatch(value) is not None
    if declared is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, declared)


def _no(declared: Any, value: Any) -> Iterator[str]:
    yield f": {value!r:.100} is not {declared}"
