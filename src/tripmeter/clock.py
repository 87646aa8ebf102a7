"""The one place that asks what time it is."""

import time


class SystemClock:
    """The machine's clocks, for everything outside of tests and test clocks."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment in the past; never steps."""
        return time.monotonic_ns() // 1_000_000
