"""Operators as functions."""

from typing import Any


def itemgetter(*items: Any) -> Any:
    """Return a function that returns the items of its argument under these keys."""
    if len(items) == 1:
        return lambda value: value[items[0]]
    return lambda value: tuple([value[item] for item in items])


def attrgetter(*names: str) -> Any:
    """Return a function that returns the attributes of its argument under these names."""
    if len(names) == 1:
        return lambda value: _attribute(value, names[0])
    return lambda value: tuple([_attribute(value, name) for name in names])


def _attribute(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name)
    return value


def add(a: Any, b: Any) -> Any:
    """Return the sum."""
    return a + b


def sub(a: Any, b: Any) -> Any:
    """Return the difference."""
    return a - b


def mul(a: Any, b: Any) -> Any:
    """Return the product."""
    return a * b


def truediv(a: Any, b: Any) -> Any:
    """Return the quotient."""
    return a / b


def neg(a: Any) -> Any:
    """Return the negative."""
    return -a


def eq(a: Any, b: Any) -> bool:
    """Return whether two values are equal."""
    return bool(a == b)


def lt(a: Any, b: Any) -> bool:
    """Return whether the first is smaller."""
    return bool(a < b)


def gt(a: Any, b: Any) -> bool:
    """Return whether the first is larger."""
    return bool(a > b)


def getitem(a: Any, b: Any) -> Any:
    """Return the item under a key."""
    return a[b]


def contains(a: Any, b: Any) -> bool:
    """Return whether an item is in a collection."""
    return b in a
