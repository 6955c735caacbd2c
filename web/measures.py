"""What the product measures of itself: samples of its registries, or of the text that ``/metrics`` is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families


class Samples:
    """Values by the name of their series, such as ``wua_events_received_total``, and their labels."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._series: dict[str, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        for family in families:
            for sample in family.samples:
                self._series[sample.name].append((sample.labels, sample.value))

    @classmethod
    def of(cls, registries: Sequence[CollectorRegistry]) -> Samples:
        """Those of registries of this process."""
        return cls(family for registry in registries for family in registry.collect())

    @classmethod
    def read(cls, text: str) -> Samples:
        """Those of the text that another process shows; raises ValueError where it is none."""
        return cls(text_string_to_metric_families(text))

    def __contains__(self, name: str) -> bool:
        return name in self._series

    def total(self, name: str, **labels: str) -> float:
        """The sum of those with these labels; 0 where there are none."""
        return sum(value for found, value in self._series.get(name, ()) if labels.items() <= found.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums by a label, the greatest first."""
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self._series.get(name, ()):
            sums[labels.get(label, "")] += value
        return dict(sorted(sums.items(), key=lambda one: (-one[1], one[0])))

    def quantile(self, name: str, share: float) -> float:
        """Of a histogram, all its labels together; 0 where it is empty."""
        bounds = self.by(f"{name}_bucket", "le")
        return histogram_quantile({float(bound): count for bound, count in bounds.items()}, share)


def histogram_quantile(counts: Mapping[float, float], share: float) -> float:
    """The value below which a share of the observations lies, as Prometheus' function of this name has it.

    ``counts``: how many observations are at most each bound; between two it goes straight. 0 where there are
    none; the last finite bound where it is above that.
    """
    below, before = 0.0, 0.0
    wanted = share * max(counts.values(), default=0.0)
    if wanted == 0:
        return 0.0
    for bound in sorted(counts):
        count = counts[bound]
        if count >= wanted:
            if math.isinf(bound):
                return below
            return below + (bound - below) * (wanted - before) / (count - before)
        below, before = bound, count
    return below
