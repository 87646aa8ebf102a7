"""What a request may say: declarations that check parameters and describe them for OpenAPI.

Owns the parameters that are made of others, and the reading of a whole request; single values
stand in `values`. Does not own how bytes become nested data (`forms`), nor whether an accepted
value makes sense.

    CREATE = Object(
        {
            "title": String(required=True, max_length=256),
            "usage_threshold": Object({"gte": Integer(required=True, minimum=1)}),
        }
    )
    read(CREATE, decode_form(body), dialect="form")

Sources: the wording of parameter errors is Stripe's as far as it is known; limits of metadata and
of expansion are from Stripe's API reference.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tripmeter.model.errors import ParameterInvalid, ParameterMissing, ParameterUnknown, Refusal
from tripmeter.wire.forms import Elements
from tripmeter.wire.values import (
    Blank,
    Boolean,
    DecimalText,
    Dialect,
    Enum,
    Integer,
    Number,
    Off,
    Param,
    Refused,
    Rfc3339,
    Schema,
    String,
    Timestamp,
    empty,
    shown,
    text,
)

__all__ = [
    "UNSET_ALL",
    "Blank",
    "Boolean",
    "DecimalText",
    "Dialect",
    "Enum",
    "Expand",
    "Integer",
    "ListOf",
    "Map",
    "Number",
    "Object",
    "Off",
    "Param",
    "Range",
    "Refused",
    "Rfc3339",
    "Schema",
    "String",
    "Timestamp",
    "read",
]

UNSET_ALL: Final = ""
"""What a Map reads as when the caller unset it as a whole: `metadata=`, or null in JSON."""

EXPAND_LEVELS: Final = 4
"""How deep a path of `expand` may go (Stripe's API reference)."""


def read(spec: "Object", given: Mapping[str, Any], *, dialect: Dialect) -> dict[str, Any]:
    """The typed parameters of a request. Keys that were not given are absent; None means unset.

    Raises ParameterUnknown with all unknown names, `usage_threshold[foo]`, before any other
    refusal; ParameterMissing; ParameterInvalid.
    """
    try:
        return spec.members(given, "", dialect == "form")
    except Refusal:
        if names := tuple(spec.unknown(given, "")):
            raise ParameterUnknown(names) from None
        raise


class Map(Param):
    """Text under keys of the caller's choosing: metadata, or the payload of a meter event.

    The limits are those of Stripe's metadata unless given. With `keep_blank` a blank value (or
    null in JSON) stays `""`, which in metadata drops the key; without, it is refused. Blank as a
    whole reads as UNSET_ALL, unless the map is required: then it is refused.
    """

    __slots__ = ("keep_blank", "key_length", "max_keys", "value_length")

    def __init__(
        self,
        *,
        max_keys: int = 50,
        key_length: int = 40,
        value_length: int = 500,
        keep_blank: bool = True,
        required: bool = False,
        description: str = "",
    ) -> None:
        blank: Blank = "refused" if required else "kept"
        super().__init__(required=required, blank=blank, description=description)
        self.max_keys = max_keys
        self.key_length = key_length
        self.value_length = value_length
        self.keep_blank = keep_blank

    def convert(self, given: Any, name: str, form: bool) -> dict[str, str]:
        """The dict of strings."""
        entries = _entries(given)
        if entries is None:
            raise ParameterInvalid(name, "Invalid object")
        if len(entries) > self.max_keys:
            raise ParameterInvalid(name, f"Invalid object: must have at most {self.max_keys} keys")
        for key in entries:
            self._check_key(key, name)
        return {key: self._entry(one, _inside(name, key)) for key, one in entries.items()}

    def _check_key(self, key: str, name: str) -> None:
        if len(key) > self.key_length:
            raise ParameterInvalid(
                name, f"Invalid key: must be at most {self.key_length} characters"
            )
        if not key or "[" in key or "]" in key or "\0" in key:
            raise ParameterInvalid(name, "Invalid key: must not be empty or contain [, ] or NUL")

    def _entry(self, given: Any, name: str) -> str:
        if given is None or given == "":
            if self.keep_blank:
                return ""
            raise empty(name, given)
        return text(given, name, self.value_length)

    def schema(self, dialect: Dialect) -> Schema:
        """An object of strings."""
        entry: Schema = {"type": "string", "maxLength": self.value_length}
        if not self.keep_blank:
            entry["minLength"] = 1
        elif dialect == "json":
            entry["type"] = ["string", "null"]
        return {
            "type": "object",
            "maxProperties": self.max_keys,
            "propertyNames": {"minLength": 1, "maxLength": self.key_length},
            "additionalProperties": entry,
        }


class ListOf(Param):
    """Up to `max_items` values of one kind."""

    __slots__ = ("item", "max_items")

    def __init__(
        self,
        item: Param,
        *,
        max_items: int | None = None,
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.item = item
        self.max_items = max_items

    def convert(self, given: Any, name: str, form: bool) -> list[Any]:
        """The list of typed values."""
        if not isinstance(given, list):
            raise ParameterInvalid(name, "Invalid array")
        if self.max_items is not None and len(given) > self.max_items:
            raise ParameterInvalid(name, f"Invalid array: must have at most {self.max_items} items")
        item = self.item
        return [item.value(one, f"{name}[{index}]", form) for index, one in enumerate(given)]

    def unknown(self, given: Any, name: str) -> Iterator[str]:
        """Unknown names inside the items."""
        if isinstance(given, list):
            for index, one in enumerate(given):
                yield from self.item.unknown(one, f"{name}[{index}]")

    def schema(self, dialect: Dialect) -> Schema:
        """An array."""
        limit = {} if self.max_items is None else {"maxItems": self.max_items}
        return {"type": "array", "items": self.item.json_schema(dialect=dialect), **limit}


class Expand(ListOf):
    """Which ids in the answer to replace with their objects: `expand[]=customer`."""

    __slots__ = ()

    def __init__(self, description: str = "Fields of the response to expand.") -> None:
        super().__init__(String(), description=description)

    def convert(self, given: Any, name: str, form: bool) -> list[str]:
        """The paths, each at most EXPAND_LEVELS deep."""
        paths: list[str] = super().convert(given, name, form)
        for path in paths:
            if path.count(".") >= EXPAND_LEVELS:
                limit = f"You cannot expand more than {EXPAND_LEVELS} levels of a property."
                raise ParameterInvalid(name, f"{limit} Property: {shown(path)}")
        return paths


class Object(Param):
    """Named parameters; others are refused."""

    __slots__ = ("_required", "fields")

    def __init__(
        self,
        fields: Mapping[str, Param],
        *,
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.fields = dict(fields)
        self._required = tuple(name for name, param in fields.items() if param.required)

    def convert(self, given: Any, name: str, form: bool) -> dict[str, Any]:
        """The dict of typed values."""
        if not isinstance(given, dict):
            raise ParameterInvalid(name, "Invalid object")
        return self.members(given, name, form)

    def members(self, given: Mapping[str, Any], name: str, form: bool) -> dict[str, Any]:
        """The typed values of an object's members; `name` is "" for the request itself."""
        typed: dict[str, Any] = {}
        fields = self.fields
        for key, one in given.items():
            inside = _inside(name, key) if name else key
            param = fields.get(key)
            if param is None:
                raise ParameterUnknown((inside,))
            typed[key] = param.value(one, inside, form)
        for key in self._required:
            if key not in typed:
                raise ParameterMissing(_inside(name, key))
        return typed

    def unknown(self, given: Any, name: str) -> Iterator[str]:
        """Unknown names here and below, in the order they were given."""
        if not isinstance(given, Mapping):
            return
        for key, one in given.items():
            inside = _inside(name, key)
            if param := self.fields.get(key):
                yield from param.unknown(one, inside)
            else:
                yield inside

    def schema(self, dialect: Dialect) -> Schema:
        """An object without additional properties."""
        members = {name: one.json_schema(dialect=dialect) for name, one in self._offered()}
        required = {"required": list(self._required)} if self._required else {}
        return {
            "type": "object",
            "properties": members,
            "additionalProperties": False,
            **required,
        }

    def openapi_query_parameters(self) -> list[Schema]:
        """The members as OpenAPI parameters of a GET or DELETE."""
        return [_query_parameter(name, param) for name, param in self._offered()]

    def openapi_encoding(self) -> Schema:
        """How those members of a form that have members of their own are written: in brackets."""
        return {name: dict(_BRACKETS) for name, param in self._offered() if _is_nested(param)}

    def _offered(self) -> list[tuple[str, Param]]:
        """The members that some value is right for."""
        return [one for one in self.fields.items() if not isinstance(one[1], Refused)]


class Range(Param):
    """A time, or bounds around it: `created=1` or `created[gte]=1`; reads as bounds always."""

    __slots__ = ()

    BOUNDS: Final = Object({bound: Timestamp() for bound in ("gt", "gte", "lt", "lte")})

    def convert(self, given: Any, name: str, form: bool) -> dict[str, int]:
        """Bounds in Unix seconds under `gt`, `gte`, `lt`, `lte`, as far as they were given."""
        if isinstance(given, dict):
            return self.BOUNDS.members(given, name, form)
        moment: int = self.BOUNDS.fields["gte"].value(given, name, form)
        return {"gte": moment, "lte": moment}

    def unknown(self, given: Any, name: str) -> Iterator[str]:
        """Bounds of another name."""
        return self.BOUNDS.unknown(given, name)

    def schema(self, dialect: Dialect) -> Schema:
        """An integer or an object of bounds."""
        moment = self.BOUNDS.fields["gte"].schema(dialect)
        return {"anyOf": [self.BOUNDS.schema(dialect), moment]}


def _entries(given: Any) -> dict[str, Any] | None:
    """What a map was given. Keys that are all digits look like a list, and keep their digits."""
    if isinstance(given, Elements):
        return dict(zip(given.indexes, given, strict=True))
    return given if isinstance(given, dict) else None


def _inside(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


_BRACKETS: Final[Schema] = {"style": "deepObject", "explode": True}


def _is_nested(param: Param) -> bool:
    return isinstance(param, Map | ListOf | Object | Range)


def _query_parameter(name: str, param: Param) -> Schema:
    schema = param.json_schema()
    described = {"description": schema.pop("description")} if param.description else {}
    style = _BRACKETS if _is_nested(param) else {}
    place = {"name": name, "in": "query", "required": param.required}
    return {**place, **described, "schema": schema, **style}
