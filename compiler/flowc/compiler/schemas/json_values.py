"""How JSON values are compared and shown."""

from collections.abc import Iterable
from heapq import merge
from typing import Any

from flowc.compiler.schemas.steps import StepBudget

_MOST_SHOWN = 250
_AT_ONCE = 5_000


def key_of(value: Any, budget: StepBudget) -> str:
    """Return a text that only equal JSON values share; 1 and 1.0 are equal, 1 and true are not.

    >>> budget = StepBudget(100)
    >>> key_of({"a": 1, "b": [True]}, budget) == key_of({"b": [True], "a": 1.0}, budget)
    True
    >>> key_of(1, budget) == key_of(True, budget) or key_of("1", budget) == key_of(1, budget)
    False
    """
    if isinstance(value, str):
        budget.spend(1 + len(value) // 1000)
        # With its length, so that no text looks like the end of itself and more.
        return f"{len(value)}:{value}"
    budget.spend()
    if isinstance(value, dict):
        fields = [f"{len(name)}:{name}={key_of(value[name], budget)}" for name in value]
        return f"{{{','.join(_sorted(fields))}}}"
    if isinstance(value, list):
        return f"[{','.join([key_of(item, budget) for item in value])}]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # In hexadecimal, since Python writes no more than 4,300 decimal digits.
    return f"x{value:x}" if type(value) is int else str(value)


def _sorted(texts: list[str]) -> Iterable[str]:
    """Sort texts a few thousand at a time, since other threads wait while Python sorts a list."""
    parts = [sorted(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
    return parts[0] if len(parts) == 1 else merge(*parts)


def shown(value: Any) -> str:
    """Return a value as a message shows it: as Python writes it, but shortened.

    >>> shown({"name": "one", "tags": [1, 2]})
    "{'name': 'one', 'tags': [1, 2]}"
    >>> len(shown(list(range(10_000))))
    251
    """
    text = _shown(value, 3)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _shown(value: Any, depth: int) -> str:
    if isinstance(value, str):
        cut = value[:_MOST_SHOWN]
        return repr(cut) if len(cut) == len(value) else f"{cut!r}…"
    if not isinstance(value, (dict, list)):
        is_long = isinstance(value, int) and value.bit_length() > _MOST_SHOWN
        return f"{value:#x}" if is_long else repr(value)
    is_object = isinstance(value, dict)
    start, end = "{}" if is_object else "[]"
    if depth == 0 and value:
        return f"{start}…{end}"
    parts: list[str] = []
    length = 0
    for item in value:
        if length > _MOST_SHOWN:
            break
        name = f"{_shown(item, 0)}: " if is_object else ""
        parts.append(name + _shown(value[item] if is_object else item, depth - 1))
        length += len(parts[-1])
    return f"{start}{', '.join(parts)}{end}"
