"""What a row comes to: figures with their goals, and everything that they were computed from."""

from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a figure should reach: `at_least` or `at_most`."""

    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        """Whether a value does."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most

    @property
    def text(self) -> str:
        """As it stands in the table."""
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


@dataclass
class Figure:
    """One figure. `unit` says what it is: `x N`, `% of L`, `ms`, `events/s`, ..."""

    title: str
    value: float
    unit: str
    goal: Goal | None = None
    runs: dict[str, list[float]] = field(default_factory=dict)
    """Every repetition of what was measured, in the order of the run."""
    bar: str = ""
    """The name of its bar in the chart; none without one."""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else self.goal.met(self.value)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        goal = self.goal and {k: v for k, v in vars(self.goal).items() if v is not None}
        runs = {name: [_round(run) for run in runs] for name, runs in self.runs.items()}
        medians = {name: _round(median(each)) for name, each in self.runs.items() if each}
        return {
            "title": self.title,
            "value": _round(self.value),
            "unit": self.unit,
            "goal": goal,
            "met": self.met,
            "medians": medians,
            "runs": runs,
            "bar": self.bar,
        }


@dataclass
class Row:
    """One row: its figures, or the reason why it was skipped."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str | None = None
    seconds: float = 0.0
    """How long it took."""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "skipped": self.skipped,
            "figures": [figure.plain() for figure in self.figures],
            "notes": self.notes,
            "took_s": round(self.seconds, 1),
        }


class Skipped(Exception):
    """A row, or a part of one, cannot be measured here; the text says why."""


def ratio(
    title: str,
    unit: str,
    ours: tuple[str, list[float]],
    theirs: tuple[str, list[float]],
    goal: Goal | None = None,
    *,
    bar: str = "",
) -> Figure:
    """The median of ours by the median of theirs; in percent if the unit says so."""
    value = median(ours[1]) / median(theirs[1])
    if unit.startswith("%"):
        value *= 100
    return Figure(title, value, unit, goal, dict((ours, theirs)), bar)


def _round(value: float) -> float | None:
    """Four digits are more than such figures hold; None for what is no number."""
    if not isfinite(value):
        return None
    return float(f"{value:.4g}") if abs(value) < 10_000 else float(round(value))
