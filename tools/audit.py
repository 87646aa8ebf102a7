"""Looks up what is locked in a database of known vulnerabilities; `make check` runs it.

Usage: python tools/audit.py LOCK_FILE [DATABASE_URL]

Exits with 1 if a dependency has a known vulnerability, or if the lock file cannot be read or lacks
a hash. Where the database cannot be asked, it says so loudly and exits with 0: a check that fails
wherever the network is closed would soon be switched off.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

OSV: Final = "https://api.osv.dev/v1/query"
TIMEOUT_S: Final = 5
"""For one answer; the first that does not come ends the audit."""

CACHE: Final = Path(__file__).resolve().parent.parent / ".cache" / "pip-audit"

_LOCKED: Final = ("--disable-pip", "--require-hashes", "--progress-spinner", "off")
USAGE: Final = "usage: python tools/audit.py LOCK_FILE [DATABASE_URL]"


def main(arguments: list[str]) -> int:
    """Audit a lock file; the exit status."""
    if len(arguments) not in (1, 2):
        print(USAGE, file=sys.stderr)
        return 2
    lock, database = arguments[0], arguments[1] if len(arguments) == 2 else OSV
    dependencies = _looked_up(lock, database)
    if dependencies is not None:
        return _verdict(lock, dependencies)
    read = _pip_audit(lock, "--dry-run")  # asks no database
    if read.returncode != 0:
        print(f"{lock} cannot be audited:\n{read.stderr}", file=sys.stderr)
        return 1
    _warn(f"{lock} was NOT audited: no usable answer from {database}")
    return 0


def _looked_up(lock: str, database: str) -> list[dict[str, Any]] | None:
    """Every dependency with what is known against it; None if that cannot be told."""
    source = ("--vulnerability-service", "osv", "--osv-url", database, "--timeout", str(TIMEOUT_S))
    try:
        found: list[dict[str, Any]] = json.loads(
            _pip_audit(lock, "--format", "json", *source).stdout
        )["dependencies"]
    except (ValueError, KeyError):
        return None
    return found


def _verdict(lock: str, dependencies: list[dict[str, Any]]) -> int:
    vulnerable = [(one, flaw) for one in dependencies for flaw in one["vulns"]]
    for one, flaw in vulnerable:
        names = ", ".join([flaw["id"], *flaw["aliases"]])
        fixed = f"fixed in {', '.join(flaw['fix_versions'])}" if flaw["fix_versions"] else "no fix"
        print(f"{lock}: {one['name']} {one['version']}: {names} ({fixed}): {flaw['description']}")
    print(f"{lock}: {len(vulnerable)} known vulnerabilities in {len(dependencies)} dependencies")
    return 1 if vulnerable else 0


def _pip_audit(lock: str, *options: str) -> subprocess.CompletedProcess[str]:
    how = (*_LOCKED, "--cache-dir", str(CACHE), *options)
    command = [sys.executable, "-m", "pip_audit", *how, "--requirement", lock]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _warn(text: str) -> None:
    rule = "!" * 80
    print(f"{rule}\nWARNING: {text}\n{rule}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
