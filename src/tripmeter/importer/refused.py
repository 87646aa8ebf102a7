"""The file of refused rows: one JSON object a line, each with its reason and the row as it was.

After a repair it can be imported itself, with columns such as `record.ContextTokens`.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

import msgspec

from tripmeter.importer.failures import ImportFailed
from tripmeter.importer.state import Progress, Reason

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class RefusedRows:
    """Writes refused rows, unless nobody asked for them; goes on where the state says."""

    def __init__(self, path: Path | None, progress: Progress) -> None:
        self.name = str(path.absolute()) if path else None
        self._file = _opened(path, progress, self.name) if path else None

    def __enter__(self) -> "RefusedRows":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, reason: Reason, record: Any) -> None:
        """Write one row."""
        if self._file is not None:
            entry = {
                "line": reason.line,
                "code": reason.code,
                "message": reason.message,
                "record": record,
            }
            self._file.write(_encode(entry) + b"\n")

    def flushed(self) -> int:
        """How long the file is, with everything in it."""
        if self._file is None:
            return 0
        self._file.flush()
        return self._file.tell()


def _opened(path: Path, progress: Progress, name: str | None) -> BinaryIO:
    """The file, without what a run wrote after its last acknowledged batch."""
    try:
        goes_on = progress.refused_file == name and path.exists()
        file = path.open("r+b" if goes_on else "wb")
    except OSError as error:
        raise ImportFailed(f"{path} cannot be written: {error.strerror}.") from error
    if goes_on:
        file.truncate(min(progress.refused_bytes, file.seek(0, 2)))
        file.seek(0, 2)
    return file
