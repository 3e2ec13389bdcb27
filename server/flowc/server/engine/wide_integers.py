"""A serializer of checkpoints that keeps whole numbers of any size.

The format of LangGraph's checkpoints, msgpack, has whole numbers of 64 bits. Values with larger
ones are rare: they are found only when msgpack refuses them, and stored under a name of their own,
with decimals in the place of these numbers.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

# The name of msgpack with decimals that stand for whole numbers.
WIDE = "msgpack-wide"
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1


class WideSerializer(JsonPlusSerializer):
    """LangGraph's serializer, for whole numbers of any size.

    >>> serializer = WideSerializer(allowed_msgpack_modules=None)
    >>> serializer.loads_typed(serializer.dumps_typed({"n": [10**30, 1]}))
    {'n': [1000000000000000000000000000000, 1]}
    """

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return the name of the format and the bytes of a value."""
        try:
            return super().dumps_typed(obj)
        except TypeError:
            # A value of another type is refused again.
            return WIDE, super().dumps_typed(_replaced(obj, _as_decimal))[1]

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value of stored bytes."""
        encoding, stored = data
        if encoding != WIDE:
            return super().loads_typed(data)
        return _replaced(super().loads_typed(("msgpack", stored)), _as_integer)


def _as_decimal(value: Any) -> Any:
    is_wide = isinstance(value, int) and not _LEAST <= value <= _MOST
    return Decimal(value) if is_wide else value


def _as_integer(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Return a value in which all numbers are replaced, also within LangGraph's own objects."""
    if isinstance(value, dict):
        return {key: _replaced(item, replace) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, replace) for item in value]
    if isinstance(value, tuple):
        items = (_replaced(item, replace) for item in value)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if is_dataclass(value) and not isinstance(value, type):
        copied = object.__new__(type(value))
        for each in fields(value):
            inner = _replaced(getattr(value, each.name), replace)
            object.__setattr__(copied, each.name, inner)
        return copied
    return replace(value)
