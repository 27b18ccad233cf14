"""The few statistics that the figures are made of."""

import math
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the smallest value that `share` of all do not exceed (nearest rank); None when there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Fit times = c * sizes ** e and give e, by least squares on the logarithms."""
    return statistics.linear_regression([math.log(s) for s in sizes], [math.log(t) for t in times]).slope
