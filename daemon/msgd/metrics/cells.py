"""What holds the numbers: plain attributes that the event loop adds to, turned into Prometheus families at a scrape.

The client library's own counters take a lock and a call for each step, about a microsecond; these take a tenth.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

OTHER = "other"
"""The label of everything outside a bounded set."""


class Cell(Protocol):
    """One row of the table of metrics."""

    name: str
    kind: str
    sentence: str
    label: str

    def family(self) -> Metric:
        """Give the present values."""


class Number:
    """A counter or a gauge without labels.

    Attributes:
        value: Add to it from the event loop.
        source: When set, asked at each scrape instead of `value`.
    """

    label = ""

    def __init__(self, kind: str, name: str, sentence: str) -> None:
        """Start at zero; `kind` is "counter" or "gauge"."""
        self.kind = kind
        self.name = name
        self.sentence = sentence
        self.value = 0.0
        self.source: Callable[[], float] | None = None

    def family(self) -> Metric:
        """Give the present value."""
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return make(self.name, self.sentence, value=self.source() if self.source is not None else self.value)


class Numbers:
    """A counter or a gauge with one label, whose values are known beforehand; everything else counts as `other`.

    Attributes:
        values: By label; every known one is there from the start, so that rates have a zero to begin with.
        source: When set, asked at each scrape instead of `values`.
    """

    def __init__(self, kind: str, name: str, sentence: str, label: str, known: Iterable[str]) -> None:
        """Start at zero for every known label; `kind` is "counter" or "gauge"."""
        self.kind = kind
        self.name = name
        self.sentence = sentence
        self.label = label
        self.values: dict[str, float] = dict.fromkeys(known, 0.0)
        self.source: Callable[[], Mapping[str, float]] | None = None

    def know(self, labels: Iterable[str]) -> None:
        """Extend the set of labels."""
        for label in labels:
            self.values.setdefault(label, 0.0)

    def add(self, label: str, amount: float = 1.0) -> None:
        """Count something under its label."""
        try:
            self.values[label] += amount
        except KeyError:
            self.values[OTHER] = self.values.get(OTHER, 0.0) + amount

    def family(self) -> Metric:
        """Give the present values, in the order of the labels."""
        values = dict(self.values)
        if self.source is not None:
            for label, value in self.source().items():
                if label in values:
                    values[label] = value
                else:
                    values[OTHER] = values.get(OTHER, 0.0) + value
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family: CounterMetricFamily | GaugeMetricFamily = make(self.name, self.sentence, labels=[self.label])
        for label, value in values.items():
            family.add_metric([label], value)
        return family


class Histogram:
    """A distribution over fixed bounds."""

    kind = "histogram"
    label = ""

    def __init__(self, name: str, sentence: str, bounds: Iterable[float]) -> None:
        """Start empty; `bounds` are the upper ends of the buckets, ascending, in the unit of the name."""
        self.name = name
        self.sentence = sentence
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value; safe from one thread at a time."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self) -> Metric:
        """Give the cumulative counts."""
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), tuple(self._counts), strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(self.name, self.sentence, buckets=buckets, sum_value=self._sum)
