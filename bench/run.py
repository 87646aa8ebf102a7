"""`make bench`: the engine beside its baselines, on this machine, in one run.

BENCH_ROWS=v1,bulk      only these rows
BENCH_SECONDS=5         of load per repetition
BENCH_REPEATS=3         repetitions, sides in turn
BENCH_SCALE=1           of what has a size of its own: customers, logged events, connections
BENCH_DIR=/var/tmp      where files are kept meanwhile; a real disk, not memory
BENCH_OUT=...           where the JSON goes, and beside it the chart; otherwise into
                        bench/results.json and docs/bench.svg

README.md here says what each row does and how to read it.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chart import draw
from figures import Row, Skipped
from report import document, show, write
from rows import crossing, large, pressure, scaling, usage
from setting import Setting

HERE: Final = Path(__file__).parent
BUSY: Final = 0.5
ROWS: Final[dict[str, Callable[[Setting], Row]]] = {
    "v1": usage.v1,
    "stream": usage.stream,
    "bulk": usage.bulk,
    "columns": usage.columns,
    "crossing": crossing.crossing,
    "alerts": scaling.alerts,
    "thresholds": scaling.thresholds,
    "customers": scaling.customers,
    "large": large.large,
    "postgres": usage.postgres,
    "overload": pressure.overload,
    "crowd": pressure.crowd,
}


def main() -> None:
    """Run the rows, print the table, write the figures."""
    wanted = (os.environ.get("BENCH_ROWS") or ",".join(ROWS)).split(",")
    if unknown := set(wanted) - set(ROWS):
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # files and processes go all the same
    setting = Setting()
    rows: list[Row] = []
    try:
        for name in (name for name in ROWS if name in wanted):
            rows.append(run(name, setting))
            keep(rows, setting)
    finally:
        setting.close()
    show(rows, setting.console)
    if setting.load_before > BUSY:
        setting.console.print(
            f"The machine was busy before this began (load {setting.load_before:.1f}): "
            "run it again when it is quiet.",
            style="yellow",
        )
    if any(row.skipped and row.skipped.startswith("it failed") for row in rows):
        raise SystemExit(1)


def keep(rows: list[Row], setting: Setting) -> None:
    """Write what there is so far, and its chart."""
    results = document(rows, setting)
    out = os.environ.get("BENCH_OUT")
    write(results, Path(out or HERE / "results.json"))
    chart = Path(out).with_suffix(".svg") if out else HERE.parent / "docs" / "bench.svg"
    chart.write_text(draw(results))


def run(name: str, setting: Setting) -> Row:
    """One row; one that fails leaves the others alone."""
    began = time.monotonic()
    with setting.showing(name):
        try:
            row = ROWS[name](setting)
        except Skipped as reason:
            row = Row(name, name, skipped=str(reason))
        except Exception as error:
            setting.console.print(traceback.format_exc(), markup=False)
            row = Row(name, name, skipped=f"it failed: {error}")
    row.seconds = time.monotonic() - began
    setting.console.print(f"{name}: {row.seconds:.0f} s", highlight=False)
    return row


if __name__ == "__main__":
    main()
