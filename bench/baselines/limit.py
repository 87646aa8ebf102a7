"""L: the limit. Parsing the same bodies and appending them to a file with fdatasync, nothing else.

One thread, in process, no HTTP: what no engine in this language that keeps what it is sent can
beat by much. NDJSON is parsed line by line, columns as columns, so each has a limit of its own.
"""

import os
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec


class Line(msgspec.Struct, gc=False):
    """What a line is parsed into."""

    event_name: str
    payload: dict[str, str]
    identifier: str


class Rows(msgspec.Struct, gc=False):
    """What a body of columns is parsed into."""

    event_name: str
    identifier: list[str]
    payload: dict[str, list[str]]


def limit(folder: Path, seconds: float, source: Any, size: int, columns: bool) -> float:
    """Events a second, as a median over at least three bodies."""
    lines = msgspec.json.Decoder(Line).decode_lines
    decode: Any = msgspec.json.Decoder(Rows).decode if columns else lines
    bodies = list(islice(source.bodies(), 8))
    with tempfile.TemporaryFile(dir=folder) as file:
        rates = list(_rates(file, bodies, decode, size, time.perf_counter() + seconds))
    return sorted(rates)[len(rates) // 2]


def _rates(file: Any, bodies: list[bytes], decode: Any, size: int, end: float) -> Iterable[float]:
    done = 0
    while done < 3 or time.perf_counter() < end:
        body = bodies[done % len(bodies)]
        began = time.perf_counter()
        parsed = decode(body)
        file.write(body)
        file.flush()
        os.fdatasync(file.fileno())
        yield size / (time.perf_counter() - began)
        del parsed
        done += 1
