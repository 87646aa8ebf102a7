"""How many invoices a subscription may have in a time: the guard against a runaway threshold."""

from collections.abc import Sequence
from typing import Final

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000


def allowed_at(
    created_ms: Sequence[int], a_minute: int | None, a_day: int | None, now_ms: int
) -> int:
    """When one more invoice may be made, given when others were: now, or later.

    Stripe lets a subscription have 10 new invoices in a minute and 20 in a day. None is no limit.
    """
    moments = [now_ms]
    for most, length_ms in ((a_minute, MINUTE_MS), (a_day, DAY_MS)):
        if most is None:
            continue
        lately = sorted(at for at in created_ms if at > now_ms - length_ms)
        if len(lately) >= most:
            moments.append(lately[len(lately) - most] + length_ms)
    return max(moments)
