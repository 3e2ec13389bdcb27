"""The variable `loop` of a `for` statement."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flowc.compiler.expressions.arithmetic import equal
from flowc.compiler.expressions.errors import ExpressionError, MissingValue


class ForLoop:
    """Where a `for` statement is: its items, and the number of the current one.

    Before the first turn, the number is -1.
    """

    __slots__ = ("_last_seen", "index0", "items")
    KIND = "loop"

    def __init__(self, items: list[Any]) -> None:
        self.items, self.index0 = items, -1
        self._last_seen: Any = None

    def cycle(self, values: list[Any]) -> Any:
        """Return the values one after the other, and then again from the first."""
        if not values:
            raise ExpressionError("loop.cycle needs values")
        return values[self.index0 % len(values)]

    def changed(self, values: list[Any]) -> bool:
        """Return whether these values differ from those of the last call."""
        before, self._last_seen = self._last_seen, values
        return before is None or not equal(before, values)


def _item(loop: ForLoop, at: int, word: str) -> Any:
    if 0 <= at < len(loop.items):
        return loop.items[at]
    raise MissingValue(f"there is no {word} item of the loop")


LOOP_FIELDS: Mapping[str, Callable[[ForLoop], Any]] = MappingProxyType(
    {
        "index": lambda loop: loop.index0 + 1,
        "index0": lambda loop: loop.index0,
        "revindex": lambda loop: len(loop.items) - loop.index0,
        "revindex0": lambda loop: len(loop.items) - loop.index0 - 1,
        "first": lambda loop: loop.index0 == 0,
        "last": lambda loop: loop.index0 == len(loop.items) - 1,
        "length": lambda loop: len(loop.items),
        "previtem": lambda loop: _item(loop, loop.index0 - 1, "previous"),
        "nextitem": lambda loop: _item(loop, loop.index0 + 1, "next"),
    }
)


def field_of_loop(loop: ForLoop, key: Any) -> Any:
    """Return a field of a loop that a variable holds."""
    read = LOOP_FIELDS.get(key) if isinstance(key, str) else None
    if read is None:
        raise MissingValue(f"the loop of a 'for' has no field {str(key)[:40]!r}")
    return read(loop)
