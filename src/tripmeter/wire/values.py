"""Single values: how text, numbers, times and choices are checked, and how a refusal is worded.

Owns the base class of all parameters and those of one value. Those made of others stand in
`params`, from which every route imports both.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from tripmeter.model.errors import ParameterInvalid

Dialect = Literal["form", "json"]
"""Forms (and query strings) carry text only and unset with a blank; JSON has types and null."""

Blank = Literal["refused", "unset", "kept"]
"""What a blank value does: it is refused, it reads as None (unset), or it stays `""`."""

Schema = dict[str, Any]

LARGEST_INTEGER: Final = 2**63 - 1
LATEST_TIMESTAMP: Final = 253_402_300_799
"""The last second of the year 9999."""

DECIMAL_PLACES: Final = 12
"""How many decimal places amounts and quantities in text may have (Stripe)."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = rf"-?[0-9]{{1,15}}(?:\.[0-9]{{1,{DECIMAL_PLACES}}})?"
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR: Final = r"[0-9]{2}:[0-9]{2}"
_RFC3339: Final = re.compile(
    rf"{_DAY}T{_HOUR}:[0-9]{{2}}(?:\.[0-9]{{1,9}})?(?:Z|[+-]{_HOUR})", re.IGNORECASE
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_INTEGER_CODE: Final = "parameter_invalid_integer"


class Param:
    """One parameter: whether it must be there, what a blank does, what it says of itself."""

    __slots__ = ("blank", "description", "required")

    def __init__(
        self, *, required: bool = False, blank: Blank = "refused", description: str = ""
    ) -> None:
        self.required = required
        self.blank = blank
        self.description = description

    def value(self, given: Any, name: str, form: bool) -> Any:
        """The typed value of what was given under `name`. Raises ParameterInvalid and its kin."""
        if given is None or (form and given == ""):
            return self.blank_value(given, name)
        return self.convert(given, name, form)

    def convert(self, given: Any, name: str, form: bool) -> Any:
        """The typed value of what was given and is not blank."""
        raise NotImplementedError

    def blank_value(self, given: Any, name: str) -> str | None:
        """What a blank reads as. Raises ParameterInvalid where it is refused."""
        if self.blank == "refused":
            raise empty(name, given)
        return "" if self.blank == "kept" else None

    def unknown(self, given: Any, name: str) -> Iterator[str]:
        """Names inside the given value that the declaration does not know."""
        yield from ()

    def schema(self, dialect: Dialect) -> Schema:
        """The JSON schema of a value that is not blank, without the description."""
        raise NotImplementedError

    def json_schema(self, *, dialect: Dialect = "form") -> Schema:
        """The JSON schema of the parameter."""
        schema = self.schema(dialect)
        if self.blank != "refused":
            schema = {"anyOf": [schema, *_blank_schemas(dialect)]}
        return schema | ({"description": self.description} if self.description else {})


class String(Param):
    """Text of 1 to `max_length` characters, without NUL."""

    __slots__ = ("max_length",)

    def __init__(
        self,
        *,
        max_length: int = 5000,
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.max_length = max_length

    def value(self, given: Any, name: str, form: bool) -> str | None:
        """Text is blank in JSON, too, when it is empty."""
        if given is None or given == "":
            return self.blank_value(given, name)
        return text(given, name, self.max_length)

    def schema(self, dialect: Dialect) -> Schema:
        """A string."""
        shortest = {"minLength": 1} if self.blank == "refused" else {}
        return {"type": "string", "maxLength": self.max_length, **shortest}


class Integer(Param):
    """A whole number from `minimum` to `maximum`, or one of the `words` that stand for one."""

    __slots__ = ("maximum", "minimum", "words")

    def __init__(
        self,
        *,
        minimum: int = -LARGEST_INTEGER - 1,
        maximum: int = LARGEST_INTEGER,
        words: tuple[str, ...] = (),
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.minimum = minimum
        self.maximum = maximum
        self.words = words

    def convert(self, given: Any, name: str, form: bool) -> int | str:
        """An int, or a word as it is."""
        if isinstance(given, str) and given in self.words:
            return given
        number = _integer(given, form)
        if number is None:
            raise ParameterInvalid(name, f"Invalid integer: {shown(given)}", _INTEGER_CODE)
        if number < self.minimum:
            raise ParameterInvalid(name, _bound("greater", self.minimum), _INTEGER_CODE)
        if number > self.maximum:
            raise ParameterInvalid(name, _bound("less", self.maximum), _INTEGER_CODE)
        return number

    def schema(self, dialect: Dialect) -> Schema:
        """An integer, or one of the words."""
        number: Schema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, {"enum": list(self.words)}]} if self.words else number


class Timestamp(Integer):
    """Unix time in whole seconds, or one of the `words`, such as `now`."""

    __slots__ = ()

    def __init__(
        self,
        *,
        words: tuple[str, ...] = (),
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(
            minimum=0,
            maximum=LATEST_TIMESTAMP,
            words=words,
            required=required,
            blank=blank,
            description=description,
        )

    def convert(self, given: Any, name: str, form: bool) -> int | str:
        """An int, or a word as it is. Milliseconds are too large, and refused."""
        try:
            return super().convert(given, name, form)
        except ParameterInvalid:
            hint = "It must be Unix time in whole seconds."
            message = f"Invalid timestamp: {shown(given)}. {hint}"
            raise ParameterInvalid(name, message, _INTEGER_CODE) from None

    def schema(self, dialect: Dialect) -> Schema:
        """An integer, marked as a time the way Stripe's specification does."""
        schema = super().schema(dialect)
        return schema if self.words else schema | {"format": "unix-time"}


class DecimalText(Param):
    """A decimal as text, `0.0025`: up to 15 digits, and up to DECIMAL_PLACES after the point.

    Exponents, signs other than a minus, and numbers of JSON are refused, so nothing is inexact.
    """

    __slots__ = ("maximum", "minimum")

    def __init__(
        self,
        *,
        minimum: int | None = None,
        maximum: int | None = None,
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.minimum = minimum
        self.maximum = maximum

    def convert(self, given: Any, name: str, form: bool) -> Decimal:
        """The exact number."""
        if not isinstance(given, str) or not re.fullmatch(_DECIMAL, given):
            hint = f"It must be a decimal with at most {DECIMAL_PLACES} decimal places, as a string"
            raise ParameterInvalid(name, f"Invalid decimal: {shown(given)}. {hint}.")
        number = Decimal(given)
        if self.minimum is not None and number < self.minimum:
            raise ParameterInvalid(name, _bound("greater", self.minimum))
        if self.maximum is not None and number > self.maximum:
            raise ParameterInvalid(name, _bound("less", self.maximum))
        return number

    def schema(self, dialect: Dialect) -> Schema:
        """A string of digits, marked as a decimal the way Stripe's specification does."""
        return {"type": "string", "format": "decimal", "pattern": f"^{_DECIMAL}$"}


class Rfc3339(Param):
    """A time such as `2026-01-31T12:00:00.000Z`, with Z or an offset; reads as Unix milliseconds.

    Digits beyond the millisecond are cut off, up to nanoseconds are taken.
    """

    __slots__ = ()

    def convert(self, given: Any, name: str, form: bool) -> int:
        """Milliseconds since 1970, rounded down."""
        if isinstance(given, str) and _RFC3339.fullmatch(given):
            try:
                return (datetime.fromisoformat(given.upper()) - _EPOCH) // _MILLISECOND
            except ValueError:
                pass  # a 30th of February
        example = "It must be an RFC 3339 time such as 2026-01-31T12:00:00.000Z."
        raise ParameterInvalid(name, f"Invalid timestamp: {shown(given)}. {example}")

    def schema(self, dialect: Dialect) -> Schema:
        """A string of the format date-time."""
        return {"type": "string", "format": "date-time"}


class Number(Param):
    """A decimal number from `minimum` to `maximum` with at most `places` decimal places; exact."""

    __slots__ = ("_form", "maximum", "minimum", "places")

    def __init__(
        self,
        *,
        places: int,
        minimum: Decimal,
        maximum: Decimal,
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.places = places
        self.minimum = minimum
        self.maximum = maximum
        self._form = re.compile(rf"-?[0-9]{{1,20}}(\.[0-9]{{1,{places}}})?")

    def convert(self, given: Any, name: str, form: bool) -> Decimal:
        """The number, without the zeros that end its fraction."""
        written = given if isinstance(given, str) else shown(given)
        if isinstance(given, bool) or not self._form.fullmatch(written):
            hint = f"Write digits, with at most {self.places} after the point, as in 12.5."
            raise ParameterInvalid(name, f"Invalid decimal: {shown(given)}. {hint}")
        number = Decimal(written)
        if number < self.minimum:
            raise ParameterInvalid(name, _bound("greater", self.minimum))
        if number > self.maximum:
            raise ParameterInvalid(name, _bound("less", self.maximum))
        whole = number == number.to_integral_value()
        return number.quantize(Decimal(1)) if whole else number.normalize()

    def schema(self, dialect: Dialect) -> Schema:
        """A string of digits, as forms have it; JSON may have a number."""
        written: Schema = {"type": "string", "pattern": f"^{self._form.pattern}$"}
        return written if dialect == "form" else {"anyOf": [{"type": "number"}, written]}


class Boolean(Param):
    """True or false."""

    __slots__ = ()

    def convert(self, given: Any, name: str, form: bool) -> bool:
        """A bool; in forms exactly the texts `true` and `false`."""
        if given is True or (form and given == "true"):
            return True
        if given is False or (form and given == "false"):
            return False
        raise _invalid("boolean", given, name)

    def schema(self, dialect: Dialect) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


class Enum(Param):
    """One of a few words."""

    __slots__ = ("choices",)

    def __init__(
        self,
        *choices: str,
        required: bool = False,
        blank: Blank = "refused",
        description: str = "",
    ) -> None:
        super().__init__(required=required, blank=blank, description=description)
        self.choices = choices

    def convert(self, given: Any, name: str, form: bool) -> str:
        """The word as it is."""
        if isinstance(given, str) and given in self.choices:
            return given
        raise ParameterInvalid(name, f"Invalid {name}: must be one of {_or(self.choices)}")

    def schema(self, dialect: Dialect) -> Schema:
        """A string with its choices."""
        return {"type": "string", "enum": list(self.choices)}


class Off(Boolean):
    """A switch of Stripe's for what there is not here: `false` is taken, `true` is refused."""

    __slots__ = ("message",)

    def __init__(self, message: str, *, required: bool = False) -> None:
        super().__init__(required=required, description="Only false.")
        self.message = message

    def convert(self, given: Any, name: str, form: bool) -> bool:
        """False. The refusal of `true` says what to do instead."""
        if super().convert(given, name, form):
            raise ParameterInvalid(name, f"Invalid {name}: {self.message}")
        return False

    def schema(self, dialect: Dialect) -> Schema:
        """False alone."""
        return {"type": "boolean", "const": False}


class Refused(Param):
    """A parameter of Stripe's for what there is not here, whatever its value.

    It is declared so that its refusal can say why and what to do; an unknown one is just unknown.
    OpenAPI leaves it out.
    """

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def value(self, given: Any, name: str, form: bool) -> Any:
        """Raises ParameterInvalid, for a blank, too."""
        raise ParameterInvalid(name, f"'{name}' is not supported here: {self.message}")

    def schema(self, dialect: Dialect) -> Schema:
        """What no value satisfies."""
        return {"not": {}}


# --- checks ------------------------------------------------------------------------------------


def text(given: Any, name: str, max_length: int) -> str:
    """Text of at most `max_length` characters, without NUL. Raises ParameterInvalid."""
    if not isinstance(given, str):
        raise _invalid("string", given, name)
    if len(given) > max_length:
        message = f"Invalid string: must be at most {max_length} characters"
        raise ParameterInvalid(name, message)
    if "\0" in given:
        raise ParameterInvalid(name, "Invalid string: must not contain the character NUL")
    return given


def _integer(given: Any, form: bool) -> int | None:
    """The integer, of any size that fits 64 bits; None for everything else."""
    if form:
        return int(given) if isinstance(given, str) and _INTEGER.fullmatch(given) else None
    return given if isinstance(given, int) and not isinstance(given, bool) else None


# --- wording -----------------------------------------------------------------------------------


def empty(name: str, given: Any) -> ParameterInvalid:
    """The refusal of a blank value, in Stripe's words."""
    what = "null" if given is None else "an empty string"
    values = "null" if given is None else "empty"
    message = (
        f"You passed {what} for '{name}'. We assume {values} values are an attempt to unset a"
        f" parameter; however '{name}' cannot be unset. You should remove '{name}' from your"
        " request or supply a non-empty value."
    )
    return ParameterInvalid(name, message, "parameter_invalid_empty")


def _invalid(kind: str, given: Any, name: str) -> ParameterInvalid:
    return ParameterInvalid(name, f"Invalid {kind}: {shown(given)}")


def _bound(direction: str, bound: int | Decimal) -> str:
    return f"This value must be {direction} than or equal to {bound}."


def shown(given: Any) -> str:
    """A value the way its sender wrote it, cut to a length that fits a message."""
    match given:
        case bool():
            return str(given).lower()
        case str() | int() | Decimal():
            full = str(given)
            return full if len(full) <= 100 else full[:99] + "…"
        case dict():
            return "an object"
        case _:
            return "an array"


def _or(words: tuple[str, ...]) -> str:
    """`a`, `a or b`, `a, b, or c`."""
    if len(words) < 3:
        return " or ".join(words)
    return f"{', '.join(words[:-1])}, or {words[-1]}"


def _blank_schemas(dialect: Dialect) -> list[Schema]:
    return [{"type": "string", "enum": [""]}] if dialect == "form" else [{"type": "null"}]
