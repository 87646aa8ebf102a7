"""The one place that asks what time it is."""

import time


class SystemClock:
    """Wall-clock time, for everything outside of tests and test clocks."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000
