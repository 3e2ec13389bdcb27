"""Reads fields, items and slices, and has what local variables hold that is not JSON."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError, MissingValue
from flowc.compiler.expressions.loops import ForLoop, field_of_loop
from flowc.compiler.expressions.moments import field_of_moment
from flowc.compiler.expressions.values import TEMPORAL, kind_of

# What other languages call the number of a value's items, and read as a field.
LENGTHS = frozenset({"length", "size", "count", "len"})


class Namespace:
    """Fields that `{% set name.field = … %}` changes, also from inside a loop."""

    __slots__ = ("fields",)
    KIND = "namespace"

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields


class Joiner:
    """Gives nothing the first time that it is called, and its separator from then on."""

    __slots__ = ("_separator", "_was_called")
    KIND = "joiner"

    def __init__(self, separator: str) -> None:
        self._separator, self._was_called = separator, False

    def __call__(self) -> str:
        """Return the separator, or nothing the first time."""
        text, self._was_called = self._separator if self._was_called else "", True
        return text


class GroupedItems(list[Any]):
    """What `groupby` makes: a pair of the common value and the list, with names for the two."""

    __slots__ = ()
    KIND = "list"


def field_of(value: Any, key: Any) -> Any:
    """Return the field of an object or the item of a list; Python attributes are never read.

    >>> field_of({"a": 1}, "a"), field_of([1, 2], -1)
    (1, 2)
    """
    if isinstance(value, dict):
        if isinstance(key, str):
            if key.startswith("_"):
                raise private_field(key)
            if key in value:
                return value[key]
        raise MissingValue(f"there is no field {str(key)[:60]!r}")
    if isinstance(value, list):
        return _item_of(value, key)
    read = _READERS.get(type(value))
    if read is None:
        raise MissingValue(f"{kind_of(value)} has no field {str(key)[:60]!r}")
    return read(value, key)


def _item_of(value: list[Any], key: Any) -> Any:
    if isinstance(key, bool) or not isinstance(key, int):
        if type(value) is GroupedItems and key in {"grouper", "list"}:
            return value[key == "list"]
        raise ExpressionError(
            f"list items are read by number, not by {str(key)[:60]!r}{_or_length(key)}"
        )
    if -len(value) <= key < len(value):
        return value[key]
    raise MissingValue(f"there is no item {str(key)[:20]}")


def _character_of(value: str, key: Any) -> str:
    if type(key) is not int:
        raise MissingValue(f"text has no field {str(key)[:60]!r}{_or_length(key)}")
    if -len(value) <= key < len(value):
        return value[key]
    raise MissingValue(f"there is no character {str(key)[:20]}")


def _or_length(key: Any) -> str:
    return "; |length counts them" if isinstance(key, str) and key in LENGTHS else ""


def _field_of_namespace(value: Namespace, key: Any) -> Any:
    return field_of(value.fields, key)


_READERS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        str: _character_of,
        Namespace: _field_of_namespace,
        ForLoop: field_of_loop,
        **dict.fromkeys(TEMPORAL, field_of_moment),
    }
)


def private_field(name: str) -> ExpressionError:
    """Return the error for a field with an underscore: those lead to Python's internals."""
    return ExpressionError(f"the field {name[:60]!r} is not allowed")


def part_of(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """Return a slice of a list or text.

    >>> part_of([1, 2, 3], 1, None, None), part_of("abc", None, None, -1)
    ([2, 3], 'cba')
    """
    if not isinstance(value, (list, str)):
        raise ExpressionError(f"a slice needs a list or text, and this is {kind_of(value)}")
    for bound in (start, stop, step):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
            raise ExpressionError(f"a slice needs whole numbers, and this is {kind_of(bound)}")
    if step == 0:
        raise ExpressionError("the step of a slice must not be 0")
    return value[start:stop:step]


def attribute_reader(attribute: Any) -> Callable[[Any], Any]:
    """Return what reads a path such as `user.name` or `0.id` of each item.

    >>> attribute_reader("a.0")({"a": [7]})
    7
    """
    if isinstance(attribute, int) and not isinstance(attribute, bool):
        return lambda item: field_of(item, attribute)
    if not isinstance(attribute, str):
        raise ExpressionError("an attribute is a path such as 'user.name'")
    if attribute.startswith("_") or "._" in attribute:
        raise private_field(attribute)
    steps = [int(step) if step.isdecimal() else step for step in attribute[:500].split(".")]
    if len(steps) == 1:
        return lambda item: field_of(item, steps[0])

    def read(item: Any) -> Any:
        for step in steps:
            item = field_of(item, step)
        return item

    return read
