"""Draws what was measured: bars for the README, lines for the soak. Plain SVG, light and dark.

Colours follow the reader's colour scheme; text is never below 12 px.
"""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, isnan, log10
from typing import Any, Final, NamedTuple

STYLE: Final = """
  svg { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  .title { font-weight: 600; font-size: 15px } .value { font-weight: 600 }
  .soft { font-size: 12px } .line { fill: none; stroke-width: 1.5 }
  .rule { stroke-width: 1 } .one { stroke-width: 1.5 }
  .goal { stroke-width: 2; stroke-dasharray: 3 2 }
  text { fill: #1f2328 } text.soft { fill: #59636e }
  .rule { stroke: #d1d9e0 } .one { stroke: #59636e } .goal { stroke: #9a6700 }
  .bar { fill: #54aeff } .line { stroke: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } text.soft { fill: #9198a1 }
    .rule { stroke: #3d444d } .one { stroke: #9198a1 } .goal { stroke: #d29922 }
    .bar { fill: #1f6feb } .line { stroke: #4493f8 }
  }
"""

MEANS: Final = {
    "N": "FastAPI + SQLAlchemy + PostgreSQL, one transaction per event",
    "P": "PostgreSQL, one batch statement, no HTTP",
    "L": "parsing the body and appending it with fdatasync, no HTTP",
}
WIDTH: Final = 780
LEFT: Final = 176
RIGHT: Final = 650
ROW: Final = 46
TOP: Final = 74
BOTTOM: Final = 64


class Bar(NamedTuple):
    """One bar, as a multiple of its baseline."""

    name: str
    multiple: float
    goal: float | None
    baseline: str
    events_per_s: float


def draw(document: dict[str, Any]) -> str:
    """The chart of a run: events a second of each path, as multiples of its baseline."""
    bars = list(_bars(document))
    low = min([0.1, *(bar.multiple for bar in bars)])
    high = max([20.0, *(max(bar.multiple, bar.goal or 0) for bar in bars)])
    first, last = floor(log10(low)), log10(high * 1.15)
    height = TOP + ROW * len(bars) + BOTTOM

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (log10(max(value, 10.0**first)) - first) / (last - first)

    bottom = TOP + ROW * len(bars)
    parts = [
        _text(16, 26, "Events per second, as a multiple of the baseline", "title"),
        _text(16, 46, "Durable before the reply, every event deduplicated for 24 h. Log scale; "
              "dashed: goal.", "soft"),
    ]  # fmt: skip
    powers = [power for power in range(first, ceil(last)) if 10.0**power <= high * 1.15]
    for power in powers:
        label = "baseline" if power == 0 else f"{10.0**power:g} x"
        parts.append(_text(x(10.0**power), bottom + 14, label, "soft", "middle"))
    for place, bar in enumerate(bars):
        top = TOP + place * ROW
        for power in powers:
            at = x(10.0**power)
            parts.append(_line(at, top - 4, at, top + 20, "rule" if power else "one"))
        parts += _bar(bar, x, top)
    machine = document["machine"]
    said = f"{machine['cpus']} cores shared by server and load, {document['date'][:10]}, "
    said += f"commit {machine['commit']}. make bench"
    parts.append(_text(16, height - 14, said, "soft"))
    return _svg(WIDTH, height, parts, "Events per second as a multiple of each baseline")


def _bars(document: dict[str, Any]) -> Any:
    for row in document["rows"].values():
        speed = next((f["value"] for f in row["figures"] if f["unit"] == "events/s"), 0)
        for figure in row["figures"]:
            if figure["bar"]:
                share = 100 if figure["unit"].startswith("%") else 1
                goal = (figure["goal"] or {}).get("at_least")
                baseline = figure["unit"].split()[-1]
                yield Bar(
                    figure["bar"],
                    figure["value"] / share,
                    goal / share if goal else None,
                    baseline,
                    speed,
                )


def _bar(bar: Bar, x: Any, top: float) -> list[str]:
    one, end = x(1), x(bar.multiple)
    left, width = min(one, end), max(abs(end - one), 1)
    beyond = max(end, one, x(bar.goal) if bar.goal else 0) + 8
    shown = f"{bar.multiple:.3g} x" if bar.multiple >= 1 else f"{bar.multiple:.0%}"
    parts = [
        _text(LEFT - 12, top + 13, bar.name, "", "end"),
        _text(LEFT - 12, top + 29, f"{bar.events_per_s:,.0f}/s", "soft", "end"),
        f'<rect class="bar" x="{left:.1f}" y="{top}" width="{width:.1f}" height="18" rx="2"/>',
        _text(beyond, top + 14, shown, "value"),
        _text(LEFT + 4, top + 33, f"of {MEANS[bar.baseline]}", "soft"),
    ]
    if bar.goal:
        at = x(bar.goal)
        parts.append(_line(at, top - 3, at, top + 21, "goal"))
    return parts


class Series(NamedTuple):
    """One line of the soak: what it shows, and a value for each sample."""

    title: str
    unit: str
    values: Sequence[float]


def draw_lines(title: str, said: str, minutes: float, series: Sequence[Series]) -> str:
    """Small charts below each other, all over the same time."""
    height = 60 + 110 * len(series)
    parts = [_text(16, 26, title, "title"), _text(16, 46, said, "soft")]
    for place, one in enumerate(series):
        top = 70 + place * 110
        values = [value for value in one.values if not isnan(value)]
        highest = max(values, default=0) or 1
        step = (WIDTH - 120) / max(1, len(one.values) - 1)
        points = " ".join(
            f"{16 + at * step:.1f},{top + 70 - 60 * value / highest:.1f}"
            for at, value in enumerate(one.values)
            if not isnan(value)
        )
        parts += [
            _text(16, top, one.title, "value"),
            _line(16, top + 70, WIDTH - 104, top + 70, "rule"),
            f'<polyline class="line" points="{points}"/>',
            _text(WIDTH - 96, top + 16, f"{highest:,.3g} {one.unit}", "soft"),
            _text(WIDTH - 96, top + 74, "0", "soft"),
        ]
    parts.append(_text(WIDTH - 104, height - 2, f"{minutes:g} min", "soft", "end"))
    return _svg(WIDTH, height + 8, parts, title)


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
    head += f' width="{width}" height="{height}">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
                      *parts, "</svg>", ""])  # fmt: skip


def _text(x: float, y: float, what: str, kind: str = "", anchor: str = "start") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{name}>{escape(what)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
