"""Averages and spreads of numbers."""

import math
from typing import Any


def _values(data: Any, least: int, what: str) -> list[Any]:
    found = list(data)
    if len(found) < least:
        raise ValueError(f"{what} requires at least {least} data point(s)")
    return found


def _divided(total: Any, count: int) -> Any:
    whole = isinstance(total, int) and total % count == 0
    return total // count if whole else total / count


def _total(values: list[Any]) -> Any:
    are_floats = [value for value in values if isinstance(value, float)]
    return math.fsum(values) if are_floats else sum(values)


def mean(data: Any) -> Any:
    """Return the arithmetic mean."""
    values = _values(data, 1, "mean")
    return _divided(_total(values), len(values))


def fmean(data: Any, weights: Any = None) -> float:
    """Return the arithmetic mean as a float, with weights if there are any."""
    values = [float(value) for value in _values(data, 1, "fmean")]
    if weights is None:
        return math.fsum(values) / len(values)
    shares = list(weights)
    return math.fsum([v * w for v, w in zip(values, shares)]) / math.fsum(shares)


def geometric_mean(data: Any) -> float:
    """Return the geometric mean."""
    values = _values(data, 1, "geometric_mean")
    return math.exp(math.fsum([math.log(value) for value in values]) / len(values))


def harmonic_mean(data: Any) -> Any:
    """Return the harmonic mean."""
    values = _values(data, 1, "harmonic_mean")
    return 0 if 0 in values else len(values) / math.fsum([1 / value for value in values])


def median(data: Any) -> Any:
    """Return the middle, or the mean of the two in the middle."""
    values = sorted(_values(data, 1, "median"))
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def median_low(data: Any) -> Any:
    """Return the middle, or the lower of the two."""
    values = sorted(_values(data, 1, "median"))
    return values[(len(values) - 1) // 2]


def median_high(data: Any) -> Any:
    """Return the middle, or the higher of the two."""
    values = sorted(_values(data, 1, "median"))
    return values[len(values) // 2]


def multimode(data: Any) -> list[Any]:
    """Return the values that occur most often, in their order."""
    counts: dict[Any, int] = {}
    for value in data:
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values(), default=0)
    return [value for value, count in counts.items() if count == most]


def mode(data: Any) -> Any:
    """Return the first of the values that occur most often."""
    return multimode(_values(data, 1, "mode"))[0]


def _spread(values: list[Any], middle: Any, count: int) -> Any:
    center = mean(values) if middle is None else middle
    return _divided(_total([(value - center) ** 2 for value in values]), count)


def variance(data: Any, xbar: Any = None) -> Any:
    """Return the variance of a sample."""
    values = _values(data, 2, "variance")
    return _spread(values, xbar, len(values) - 1)


def pvariance(data: Any, mu: Any = None) -> Any:
    """Return the variance of a whole population."""
    values = _values(data, 1, "pvariance")
    return _spread(values, mu, len(values))


def stdev(data: Any, xbar: Any = None) -> float:
    """Return the standard deviation of a sample."""
    return math.sqrt(variance(data, xbar))


def pstdev(data: Any, mu: Any = None) -> float:
    """Return the standard deviation of a whole population."""
    return math.sqrt(pvariance(data, mu))


def quantiles(data: Any, n: int = 4, method: str = "exclusive") -> list[Any]:
    """Return the n - 1 values that divide the data into n parts."""
    values = sorted(_values(data, 2, "quantiles"))
    places = len(values) - 1 if method == "inclusive" else len(values) + 1
    found = []
    for number in range(1, n):
        if method == "inclusive":
            at, rest = divmod(number * places, n)
            low, high = values[at], values[min(at + 1, len(values) - 1)]
        else:
            at = min(max(number * places // n, 1), len(values) - 1)
            rest = number * places - at * n
            low, high = values[at - 1], values[at]
        found.append((low * (n - rest) + high * rest) / n)
    return found


def correlation(x: Any, y: Any) -> float:
    """Return Pearson's correlation of two lists of numbers."""
    xs, ys = list(x), list(y)
    mx, my = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    both = math.fsum([(a - mx) * (b - my) for a, b in zip(xs, ys)])
    sxx, syy = math.fsum([(a - mx) ** 2 for a in xs]), math.fsum([(b - my) ** 2 for b in ys])
    return both / math.sqrt(sxx * syy)
