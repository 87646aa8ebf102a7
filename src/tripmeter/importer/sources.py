"""Reads CSV and NDJSON, one record at a time. Knows columns; knows nothing of meters."""

import csv
import difflib
import hashlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from tripmeter.importer.failures import BadRow, ImportFailed

SAMPLED: Final = 100
"""Records of an NDJSON file that are looked at to learn its keys."""

Pick = Callable[[Any], str | None]
"""Takes the text of one column from a record's data; None if there is none. Raises BadRow."""


class Record(NamedTuple):
    """One row of a file, read but not understood."""

    row: int
    """Its number among the rows, from 0; blank lines and the header do not count."""
    line: int
    """The line of the file that it starts on, from 1."""
    data: Any
    problem: str | None = None
    """Why it could not be read; `data` is whatever there was."""


class Source(Protocol):
    """A file of records."""

    path: Path
    columns: list[str]
    """The names that a column can be asked for by."""
    bytes_read: int
    """How far the current pass has come."""

    def records(self) -> Iterator[Record]:
        """The records from the first on, in a pass of its own."""

    def picker(self, column: str) -> Pick:
        """What takes a column from a record."""

    def shown(self, data: Any) -> Any:
        """A record as the file of refused rows holds it."""


def open_source(path: Path) -> Source:
    """The file as its ending says it is. Raises ImportFailed."""
    ending = path.suffix.lower()
    if ending not in (".csv", ".ndjson", ".jsonl"):
        raise ImportFailed(f"{path.name} must end in .csv, .ndjson or .jsonl.")
    try:
        return CsvSource(path) if ending == ".csv" else JsonSource(path)
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror}.") from error


def require(source: Source, column: str) -> str:
    """The column, if the file has it. Raises ImportFailed naming those that there are."""
    if column in source.columns:
        return column
    near = difflib.get_close_matches(column, source.columns, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ImportFailed(
        f"{source.path.name} has no column {column!r}.{hint} "
        f"It has: {', '.join(source.columns) or 'none at all'}."
    )


def digest_of(path: Path) -> str:
    """SHA-256 of the content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class CsvSource:
    """Comma-separated values with a header, UTF-8."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0
        self.columns = self._header()

    def _header(self) -> list[str]:
        with self.path.open("rb") as file:
            if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                raise ImportFailed(f"{self.path.name} is UTF-16. Save it as CSV in UTF-8.")
            file.seek(0)
            header = next(csv.reader(self._lines(file)), [])
        names = [name.strip() for name in header]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ImportFailed(f"{self.path.name} has two columns named {twice[0]!r}; rename one.")
        return names

    def _lines(self, file: Any) -> Iterator[str]:
        self.bytes_read = 0
        encoding = "utf-8-sig"
        for line in file:
            self.bytes_read += len(line)
            yield line.decode(encoding, "surrogateescape")
            encoding = "utf-8"

    def records(self) -> Iterator[Record]:
        """The rows below the header. A row that breaks the format does not end the pass."""
        row = 0
        with self.path.open("rb") as file:
            reader = csv.reader(self._lines(file))
            next(reader, None)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Record(row, line, [], f"not readable as CSV: {error}")
                else:
                    if not cells:
                        continue
                    yield Record(row, line, cells, self._problem(cells))
                row += 1

    def _problem(self, cells: list[str]) -> str | None:
        if len(cells) == len(self.columns):
            return None
        return f"{len(cells)} fields, where the header has {len(self.columns)}"

    def picker(self, column: str) -> Pick:
        """What takes the column's cell, without surrounding spaces; None for an empty one."""
        index = self.columns.index(column)

        def pick(cells: list[str]) -> str | None:
            return cells[index].strip() or None

        return pick

    def shown(self, data: list[str]) -> Any:
        """The cells by column; as they come if their number is wrong."""
        cells = [cell.encode("utf-8", "replace").decode() for cell in data]
        return dict(zip(self.columns, cells, strict=True)) if not self._problem(data) else cells


class JsonSource:
    """One JSON object a line. A column is a key, or a path of keys with dots."""

    _decoder = msgspec.json.Decoder(float_hook=Decimal)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0
        self.columns = self._sampled_keys()

    def _sampled_keys(self) -> list[str]:
        keys: dict[str, None] = {}
        for record in islice(self.records(), SAMPLED):
            if record.problem is None:
                keys.update(dict.fromkeys(_paths(record.data)))
        return list(keys)

    def records(self) -> Iterator[Record]:
        """The lines that are not blank."""
        self.bytes_read = row = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                self.bytes_read += len(line)
                if line.strip():
                    yield self._record(row, number, line)
                    row += 1

    def _record(self, row: int, number: int, line: bytes) -> Record:
        try:
            data = self._decoder.decode(line.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Record(row, number, line, f"not readable as JSON: {error}")
        problem = None if isinstance(data, dict) else "not a JSON object"
        return Record(row, number, data, problem)

    def picker(self, column: str) -> Pick:
        """What takes the key's value as text; None where it is absent, null or empty."""
        path = column.split(".")

        def pick(data: dict[str, Any]) -> str | None:
            if column in data:
                return _text(column, data[column])
            found: Any = data
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            return _text(column, found)

        return pick

    def shown(self, data: Any) -> Any:
        """The object as it was; the text of a line that is none."""
        return data.decode("utf-8", "replace").strip() if isinstance(data, bytes) else data


def _paths(data: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _text(column: str, value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise BadRow(f"{column} holds a list or an object, not a plain value")
