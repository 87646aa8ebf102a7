"""Bodies of answers: JSON with exact numbers."""

from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def encode(rendered: Any) -> bytes:
    """Compact JSON. A Decimal becomes a number with all its digits, never by way of a float."""
    return _ENCODER.encode(rendered)
