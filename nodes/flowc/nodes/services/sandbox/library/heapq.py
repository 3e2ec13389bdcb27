"""Lists whose first item is the smallest."""

from typing import Any


def heappush(heap: list[Any], item: Any) -> None:
    """Add an item."""
    heap.append(item)
    _up(heap, len(heap) - 1)


def heappop(heap: list[Any]) -> Any:
    """Remove the smallest item, and return it."""
    last = heap.pop()
    return heapreplace(heap, last) if heap else last


def heapreplace(heap: list[Any], item: Any) -> Any:
    """Put an item in place of the smallest, and return that."""
    smallest = heap[0]
    heap[0] = item
    _down(heap, 0)
    return smallest


def heappushpop(heap: list[Any], item: Any) -> Any:
    """Add an item, and remove the smallest."""
    return heapreplace(heap, item) if heap and heap[0] < item else item


def heapify(x: list[Any]) -> None:
    """Put the items of a list in the order of a heap."""
    for at in range(len(x) // 2 - 1, -1, -1):
        _down(x, at)


def _up(heap: list[Any], at: int) -> None:
    while at > 0 and heap[at] < heap[(at - 1) // 2]:
        above = (at - 1) // 2
        heap[at], heap[above] = heap[above], heap[at]
        at = above


def _down(heap: list[Any], at: int) -> None:
    while 2 * at + 1 < len(heap):
        below = 2 * at + 1
        if below + 1 < len(heap) and heap[below + 1] < heap[below]:
            below += 1
        if not heap[below] < heap[at]:
            return
        heap[at], heap[below] = heap[below], heap[at]
        at = below


def nsmallest(n: int, iterable: Any, key: Any = None) -> list[Any]:
    """Return the n smallest items, the smallest first."""
    return sorted(iterable, key=key)[: max(n, 0)]


def nlargest(n: int, iterable: Any, key: Any = None) -> list[Any]:
    """Return the n largest items, the largest first."""
    return sorted(iterable, key=key, reverse=True)[: max(n, 0)]


def merge(*iterables: Any, key: Any = None, reverse: bool = False) -> Any:
    """Return the items of sorted lists, sorted."""
    return iter(sorted([i for each in iterables for i in each], key=key, reverse=reverse))
