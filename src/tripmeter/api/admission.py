"""Counts what is under way at the door, and turns away what would be too much (503).

Owns the figures. Whether they are too high is decided in `rules/admission`; connections have limits
of their own (`connection`). `/healthz` and its like do not pass here, and answer under any load.
"""

from types import TracebackType
from typing import Final

from tripmeter.model.errors import Overloaded
from tripmeter.pipeline.jobs import Worker
from tripmeter.pipeline.metrics import REQUESTS_REFUSED
from tripmeter.rules.admission import Limits, Load, Scarce, retry_after_s, scarce

_REASONS: Final = {
    Scarce.REQUESTS: "too many requests are under way",
    Scarce.BODIES: "the request bodies under way take all the memory there is for them",
    Scarce.WAIT: "too much usage waits to be written",
}


class Admission:
    """The requests under way, and the bytes of their bodies."""

    def __init__(self, limits: Limits, writer: Worker) -> None:
        self.requests = 0
        self.body_bytes = 0
        self._limits = limits
        self._writer = writer

    def enter(self, expected_bytes: int, *, writes: bool) -> "Admitted":
        """Let a request in, whose body has not been read yet. Raises Overloaded.

        `writes` says whether it will have to wait for the writer.
        """
        wait_ms = self._writer.expected_wait_ms if writes else 0
        load = Load(self.requests, self.body_bytes, wait_ms)
        lacking = scarce(load, self._limits, expected_bytes)
        if lacking is not None:
            raise _refused(lacking, wait_ms)
        return Admitted(self)

    def hold(self, held_bytes: int, size: int) -> None:
        """Keep `size` more bytes for a request that holds so many. Raises Overloaded."""
        others = Load(0, self.body_bytes - held_bytes, 0)
        if scarce(others, self._limits, held_bytes + size) is not None:
            raise _refused(Scarce.BODIES, 0)
        self.body_bytes += size


class Admitted:
    """One request under way, for as long as the block lasts."""

    __slots__ = ("_admission", "_held_bytes")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._held_bytes = 0

    def hold(self, size: int) -> None:
        """Count `size` more bytes that this request keeps in memory. Raises Overloaded."""
        self._admission.hold(self._held_bytes, size)
        self._held_bytes += size

    def __enter__(self) -> "Admitted":
        self._admission.requests += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._admission.requests -= 1
        self._admission.body_bytes -= self._held_bytes


def _refused(lacking: Scarce, wait_ms: int) -> Overloaded:
    REQUESTS_REFUSED.labels(lacking.value).inc()
    return Overloaded(_REASONS[lacking], retry_after_s(wait_ms))
