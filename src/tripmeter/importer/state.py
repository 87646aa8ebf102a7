"""How far an import has come, in a small JSON file that outlives the process."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tripmeter.importer.failures import ImportFailed


class Reason(msgspec.Struct, frozen=True):
    """Why a row was refused."""

    line: int
    code: str
    message: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What has been acknowledged: every row before `rows`."""

    rows: int = 0
    counted: int = 0
    repeated: int = 0
    refused: int = 0
    reasons: tuple[Reason, ...] = ()
    """The first few refusals."""
    too_old: int = 0
    """Refusals because of a timestamp too far in the past."""
    rebase: bool = False
    shift_ms: int | None = None
    """What --rebase adds to every timestamp."""
    refused_file: str | None = None
    refused_bytes: int = 0
    """How long the file of refused rows is when these rows are in it."""
    finished_ms: int | None = None
    about: dict[str, Any] = {}
    """Which import this is, for a person who reads the file."""


class StateFile:
    """The state of one import: of one file, mapping, account, mode and server."""

    def __init__(self, about: Mapping[str, Any], folder: Path | None = None) -> None:
        self.about = dict(about)
        text = msgspec.json.encode(self.about, order="deterministic")
        name = hashlib.sha256(text).hexdigest()[:32]
        self.path = (folder or state_folder()) / f"{name}.json"

    def read(self) -> Progress | None:
        """What an earlier run left. Raises ImportFailed if that is no longer legible."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ImportFailed(
                f"The state of this import, {self.path}, cannot be read: {error}. "
                "Repair it, or see --restart in `tripmeter import --help`."
            ) from error

    def write(self, progress: Progress) -> None:
        """Put the new state in the place of the old one, all or nothing."""
        content = msgspec.json.encode(msgspec.structs.replace(progress, about=self.about))
        scratch = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with scratch.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.path)
        except OSError as error:
            raise ImportFailed(
                f"The progress cannot be kept in {self.path.parent}: {error.strerror}. "
                "Set XDG_STATE_HOME to a folder that can be written."
            ) from error


def state_folder() -> Path:
    """Where the states of imports are kept (XDG base directories)."""
    home = os.environ.get("XDG_STATE_HOME")
    base = Path(home) if home else Path.home() / ".local" / "state"
    return base / "tripmeter" / "imports"
