"""What door processes count, and the sum that the engine's `/metrics` shows.

Only what happens at a door is counted in a door process; all else is counted in the engine's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.samples import Sample as Figure

from tripmeter.fleet.messages import Sample
from tripmeter.pipeline.metrics import (
    CONNECTIONS,
    CONNECTIONS_ENDED,
    HTTP_REQUESTS,
    REQUESTS_REFUSED,
)

_AT_A_DOOR: Final = (HTTP_REQUESTS, CONNECTIONS, CONNECTIONS_ENDED, REQUESTS_REFUSED)


def own_samples() -> list[Sample]:
    """What this process has counted at its door."""
    return [
        (figure.name, tuple(sorted(figure.labels.items())), figure.value)
        for counted in _AT_A_DOOR
        for family in counted.collect()
        for figure in family.samples
        if not figure.name.endswith("_created")
    ]


def lasting(samples: Iterable[Sample]) -> list[Sample]:
    """What of a process's figures goes on counting when it has ended."""
    return [sample for sample in samples if sample[0].endswith("_total")]


class Summed(CollectorRegistry):
    """A registry as it is, plus the figures of other processes."""

    def __init__(self, registry: CollectorRegistry, samples: Iterable[Sample]) -> None:
        super().__init__()
        self._registry = registry
        self._more: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        for name, labels, value in samples:
            self._more[name, labels] += value  # type: ignore[assignment]  # figures are floats

    def collect(self) -> Iterator[Metric]:
        """Every family; figures that only another process has are added at its end."""
        left = dict(self._more)
        for family in self._registry.collect():
            family.samples = [
                figure._replace(
                    value=figure.value
                    + left.pop((figure.name, tuple(sorted(figure.labels.items()))), 0)
                )
                for figure in family.samples
            ]
            for name, labels in [key for key in left if _family(key[0]) == family.name]:
                family.samples.append(Figure(name, dict(labels), left.pop((name, labels))))
            yield family


def _family(name: str) -> str:
    return name.removesuffix("_total")
