"""When something is to be expected, if it goes on as it did."""

from typing import Final

SHORTEST_MS: Final = 3_600_000
"""A pace is taken over an hour at least: a few events in a minute are no pace."""

FARTHEST_MS: Final = 10 * 366 * 86_400_000
"""What is further away than ten years is not to be expected."""


def projected_ms(remaining: int, used: int, since_ms: int, now_ms: int) -> int | None:
    """When what remains will be used, if `used` since a time is the pace; both scaled.

    None where nothing is used, or so little that it will take years.
    """
    if used <= 0:
        return None
    took_ms = max(now_ms - since_ms, SHORTEST_MS)
    wait_ms = -(-remaining * took_ms // used)
    return now_ms + max(wait_ms, 0) if wait_ms <= FARTHEST_MS else None
