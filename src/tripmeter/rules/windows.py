"""How a span of time is cut into the windows of a meter's event summaries."""

from typing import Final

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.meter import Window
from tripmeter.rules.aggregate import WINDOW_MS

MINUTE_MS: Final = 60_000


def cut(start_ms: int, end_ms: int, window: Window | None) -> list[tuple[int, int]]:
    """The [start, end) windows of a span, newest first; the span itself without a window.

    Start and end must lie on whole minutes, or on the borders of the windows (Stripe).
    Raises ParameterInvalid naming the bound that does not.
    """
    if end_ms <= start_ms:
        raise ParameterInvalid("end_time", "end_time must be later than start_time.")
    step = WINDOW_MS[window] if window else MINUTE_MS
    _check_alignment("start_time", start_ms, step, window)
    _check_alignment("end_time", end_ms, step, window)
    if window is None:
        return [(start_ms, end_ms)]
    return [(start, start + step) for start in range(end_ms - step, start_ms - step, -step)]


def _check_alignment(param: str, moment_ms: int, step_ms: int, window: Window | None) -> None:
    if moment_ms % step_ms == 0:
        return
    borders = {None: "minute boundaries", Window.HOUR: "whole hours", Window.DAY: "UTC midnights"}
    nearest = moment_ms // step_ms * step_ms // 1000
    raise ParameterInvalid(
        param, f"{param} must be aligned with {borders[window]}. Use {nearest} for the one before."
    )
