"""What is shown while rows are sent: a bar on a terminal, else a line now and then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_MS: Final = 3000

Show = Callable[[int, int], None]
"""Takes the rows acknowledged and the bytes of the file that they take."""


class Rate:
    """Rows a second since a start."""

    def __init__(self, rows: int, now_ms: Callable[[], int]) -> None:
        self._first, self._now_ms, self._begun_ms = rows, now_ms, now_ms()

    @property
    def elapsed_ms(self) -> int:
        """Since the start."""
        return max(1, self._now_ms() - self._begun_ms)

    def at(self, rows: int) -> int:
        """Rows a second, when `rows` are done."""
        return (rows - self._first) * 1000 // self.elapsed_ms


@contextmanager
def shown(total_bytes: int, rate: Rate) -> Iterator[Show]:
    """Where progress is shown, until the end of the block."""
    console = Console()
    if not console.is_terminal:
        yield _lines(total_bytes, rate)
        return
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rows]:,} rows  {task.fields[rate]:,} rows/s  left"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total_bytes, rows=0, rate=0)

        def show(rows: int, done: int) -> None:
            bar.update(task, completed=done, rows=rows, rate=rate.at(rows))

        yield show


def _lines(total_bytes: int, rate: Rate) -> Show:
    due_ms = LINE_EVERY_MS

    def show(rows: int, done: int) -> None:
        nonlocal due_ms
        if rate.elapsed_ms < due_ms:
            return
        due_ms = rate.elapsed_ms + LINE_EVERY_MS
        percent = done * 100 // max(1, total_bytes)
        print(f"  {rows:,} rows, {rate.at(rows):,} rows/s, {percent} %", flush=True)

    return show
