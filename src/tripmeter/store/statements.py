"""Reads a dialect's `queries.sql`: named statements, `paged` ones in both directions."""

import re
from importlib import resources

_HEADER = re.compile(r"^-- name: (\w+)( paged)?$", re.MULTILINE)


def load_statements(package: str) -> dict[str, str]:
    """The statements of the `queries.sql` in `package`, by name."""
    text = (resources.files(package) / "queries.sql").read_text("utf-8")
    statements: dict[str, str] = {}
    parts = _HEADER.split(text)[1:]
    for name, paged, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        statement = body.strip()
        if paged:
            statements |= _both_directions(name, statement)
        else:
            statements[name] = statement
    return statements


def _both_directions(name: str, statement: str) -> dict[str, str]:
    forward = statement.replace("{cursor}", "no < :cursor").replace("{order}", "no DESC")
    backward = statement.replace("{cursor}", "no > :cursor").replace("{order}", "no ASC")
    return {f"{name}_forward": forward, f"{name}_backward": backward}


def load_migrations(package: str) -> list[tuple[str, str]]:
    """(name, SQL) of the numbered migrations in `package`, in order."""
    files = (resources.files(package) / "migrations").iterdir()
    return sorted((f.name, f.read_text("utf-8")) for f in files if f.name.endswith(".sql"))
