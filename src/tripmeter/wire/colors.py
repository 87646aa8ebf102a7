"""Whether a colour can be read: the contrast of two, as WCAG 2 reckons it."""

import re
from typing import Final

LEAST_CONTRAST: Final = 4.5
"""Of text and what it stands on (WCAG 2, level AA)."""

PAPER: Final = "#eef1f5"
"""The darkest ground that text stands on where it is light: that of notices."""
DARK_PAPER: Final = "#262b32"
"""And the lightest where it is dark."""

_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


def is_color(text: str) -> bool:
    """Whether a text is a colour such as `#2f5bd0`."""
    return _COLOR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """From 1, no difference, to 21, black on white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def on_dark(color: str) -> str:
    """A colour, as much lighter as it takes to be read on dark paper."""
    parts = _parts(color)
    for step in range(21):
        lighter = "#" + "".join(f"{part + (255 - part) * step // 20:02x}" for part in parts)
        if contrast(lighter, DARK_PAPER) >= LEAST_CONTRAST:
            return lighter
    raise AssertionError("white can be read on dark paper")


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
