"""Reads the timestamps of a file. Owns the rule that tells seconds from milliseconds."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from tripmeter.importer.failures import BadRow

MILLISECONDS_FROM: Final = 10**11
"""Unix times beyond this are milliseconds: as seconds, it would be the year 5138."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_UNIX: Final = re.compile(r"\d{1,16}(?:\.\d+)?", re.ASCII)


def read_time(text: str) -> datetime:
    """The moment that a text names, to the microsecond; UTC where it has no offset.

    Takes RFC 3339, `YYYY-MM-DD HH:MM:SS[.fraction]`, and Unix seconds or milliseconds.
    Raises BadRow for anything else.
    """
    if _DATE_TIME.fullmatch(text):
        return _date_time(text)
    if _UNIX.fullmatch(text):
        return _unix(Decimal(text))
    raise BadRow(
        f"the timestamp {text[:40]!r} is none of RFC 3339, YYYY-MM-DD HH:MM:SS, Unix seconds and "
        "Unix milliseconds"
    )


def _date_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise BadRow(f"the timestamp {text[:40]!r} does not exist: {error}") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _unix(number: Decimal) -> datetime:
    scale = 1000 if number > MILLISECONDS_FROM else 1_000_000
    try:
        return _EPOCH + timedelta(microseconds=int(number * scale))
    except OverflowError as error:
        raise BadRow(f"the timestamp {number} is beyond the year 9999") from error


def unix_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def shifted(moment: datetime, shift: timedelta) -> datetime:
    """The moment moved by a shift. Raises BadRow where the calendar ends."""
    try:
        return moment + shift
    except OverflowError as error:
        raise BadRow(f"the timestamp {moment} is out of reach") from error
