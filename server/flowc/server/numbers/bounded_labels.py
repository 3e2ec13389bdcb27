"""Bounds how many values a label has: each makes a time series, which is never given back."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

OTHER = "other"

K = TypeVar("K", bound=Hashable)
L = TypeVar("L")


class BoundedLabels(Generic[K, L]):
    """The labels of the first keys that are met; all further keys share one.

    >>> labels = BoundedLabels(2, str.upper, "OTHER")
    >>> [labels.of(name) for name in ("a", "b", "c", "a")]
    ['A', 'B', 'OTHER', 'A']
    """

    def __init__(self, most: int, make: Callable[[K], L], other: L) -> None:
        self._most, self._make, self._other = most, make, other
        self._known: dict[K, L] = {}

    def of(self, key: K) -> L:
        """Return the label of a key."""
        found = self._known.get(key)
        if found is not None:
            return found
        if len(self._known) >= self._most:
            return self._other
        self._known[key] = made = self._make(key)
        return made
