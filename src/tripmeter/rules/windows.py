"""How a span of time is cut into the windows of a meter's event summaries."""

from typing import Final, NamedTuple

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.meter import Window
from tripmeter.rules.aggregate import WINDOW_MS

MINUTE_MS: Final = 60_000

Span = tuple[int, int]
"""[start, end) in milliseconds."""


class Windows(NamedTuple):
    """The windows of a span, newest first. Numbers alone, however long the span is."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def size(self) -> int:
        """How many there are."""
        return (self.end_ms - self.start_ms) // self.step_ms

    def index_of(self, start_ms: int) -> int | None:
        """The place of the window that starts at a time."""
        behind, rest = divmod(self.end_ms - start_ms, self.step_ms)
        return behind - 1 if not rest and 1 <= behind <= self.size else None

    def part(self, first: int, last: int) -> list[Span]:
        """The windows from place `first` up to `last`, which is not included."""
        ends = (self.end_ms - place * self.step_ms for place in range(first, min(last, self.size)))
        return [(end - self.step_ms, end) for end in ends]


def cut(start_ms: int, end_ms: int, window: Window | None) -> Windows:
    """The windows of a span; without a kind of window the span itself is the only one.

    Start and end must lie on whole minutes, or on the borders of the windows (Stripe).
    Raises ParameterInvalid naming the bound that does not.
    """
    if end_ms <= start_ms:
        raise ParameterInvalid("end_time", "end_time must be later than start_time.")
    step = WINDOW_MS[window] if window else MINUTE_MS
    _check_alignment("start_time", start_ms, step, window)
    _check_alignment("end_time", end_ms, step, window)
    return Windows(start_ms, end_ms, step if window else end_ms - start_ms)


def _check_alignment(param: str, moment_ms: int, step_ms: int, window: Window | None) -> None:
    if moment_ms % step_ms == 0:
        return
    borders = {None: "minute boundaries", Window.HOUR: "whole hours", Window.DAY: "UTC midnights"}
    nearest = moment_ms // step_ms * step_ms // 1000
    raise ParameterInvalid(
        param, f"{param} must be aligned with {borders[window]}. Use {nearest} for the one before."
    )
