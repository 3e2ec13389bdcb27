"""Durations, counted in classes, so that those of many hours can be put together.

Class number `n` has the durations up to `2 ** (n / 4)` ms that class `n - 1` does not have: each is
19 % longer than the one before. A percentile is the middle of its class, so it is at most 9.1 % too
long or too short; sums, averages and the longest duration are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, log2

# Classes for each doubling.
_STEPS = 4
# Shorter ones, in ms, are counted as this.
_SHORTEST = 0.001
# The most that a percentile differs from the true one, as a share of it.
PERCENTILE_ERROR = 2 ** (0.5 / _STEPS) - 1


def class_of(milliseconds: float) -> int:
    """Return the number of the class of a duration.

    >>> class_of(1.0), class_of(1.01), class_of(1000.0)
    (0, 1, 40)
    """
    return ceil(_STEPS * log2(milliseconds if milliseconds > _SHORTEST else _SHORTEST))


@dataclass(slots=True)
class Durations:
    """How many durations there were, their sum and the longest in ms, and how many of each class.

    The classes have the texts of their numbers as names, as in JSON.
    """

    timed: int = 0
    total_ms: float = 0.0
    longest_ms: float = 0.0
    classes: dict[str, int] = field(default_factory=dict)

    def add(self, milliseconds: float) -> None:
        """Count a duration."""
        name = str(class_of(milliseconds))
        self.timed += 1
        self.total_ms += milliseconds
        self.longest_ms = max(self.longest_ms, milliseconds)
        self.classes[name] = self.classes.get(name, 0) + 1

    def add_all(self, other: "Durations") -> None:
        """Count all the durations of another count."""
        self.timed += other.timed
        self.total_ms += other.total_ms
        self.longest_ms = max(self.longest_ms, other.longest_ms)
        self.add_classes(other.classes)

    def add_classes(self, classes: Mapping[str, int]) -> None:
        """Add how many durations of each class there were."""
        for name, count in classes.items():
            self.classes[name] = self.classes.get(name, 0) + count

    @property
    def average_ms(self) -> float | None:
        """The average; None if there is no duration."""
        return round(self.total_ms / self.timed, 3) if self.timed else None

    def percentile_ms(self, share: float) -> float | None:
        """Return the duration that this share of them does not exceed, as the module says.

        >>> found = Durations()
        >>> for milliseconds in range(1, 1001):
        ...     found.add(milliseconds)
        >>> found.percentile_ms(0.5), found.percentile_ms(0.99)
        (469.506, 939.012)
        """
        total, seen = sum(self.classes.values()), 0
        for number, count in sorted((int(name), count) for name, count in self.classes.items()):
            seen += count
            if seen >= share * total:
                middle: float = 2 ** ((number - 0.5) / _STEPS)
                return round(min(middle, self.longest_ms), 3)
        return None
