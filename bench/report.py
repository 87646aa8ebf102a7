"""Shows what was measured: a table in the terminal, JSON for machines."""

import json
import sys
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from figures import Figure, Row
from machine import describe
from setting import Setting


def shown(value: float | None) -> str:
    """A figure as people read it."""
    if value is None or isnan(value):
        return "?"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: list[Row]) -> Table:
    """All figures, one on a line."""
    made = Table("row", "figure", "value", "goal", "", "medians", title="make bench")
    for row in rows:
        if row.skipped is not None:
            made.add_row(row.name, "[dim]skipped[/]", "", "", "", escape(row.skipped))
        for figure in row.figures:
            made.add_row(*_cells(row, figure))
        made.add_section()
    return made


def _cells(row: Row, figure: Figure) -> tuple[str, ...]:
    met = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.met]
    goal = figure.goal.text if figure.goal else ""
    medians = ", ".join(f"{k} {shown(v)}" for k, v in figure.plain()["medians"].items())
    value = f"{shown(figure.value)} {figure.unit}"
    return row.name, figure.title, value, goal, met, medians


def show(rows: list[Row], console: Console) -> None:
    """Print the table, and the notes below it."""
    console.print(table(rows))
    for row in rows:
        for note in row.notes:
            console.print(f"  {row.name}: {note}", highlight=False, markup=False)


def document(rows: list[Row], setting: Setting) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", *sys.argv]),
        "seconds": setting.seconds,
        "repeats": setting.repeats,
        "scale": setting.scale,
        "load_before": round(setting.load_before, 2),
        "machine": describe(),
        "rows": {row.name: row.plain() for row in rows},
    }


def write(document: dict[str, Any], path: Path) -> None:
    """Write JSON that reads well in a diff."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
