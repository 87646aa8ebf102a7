"""Time on the wire: Unix seconds in v1, RFC 3339 with milliseconds in v2."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def unix(moment_ms: int) -> int:
    """Whole seconds since the epoch."""
    return moment_ms // 1000


def unix_or_none(moment_ms: int | None) -> int | None:
    """Whole seconds since the epoch, of a time that may not be set."""
    return None if moment_ms is None else unix(moment_ms)


def rfc3339(moment_ms: int) -> str:
    """Such as `2026-11-23T04:05:06.789Z`."""
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
