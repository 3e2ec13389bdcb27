"""The functions of the language, which are called: `range(3)`."""

from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.fields import Joiner, Namespace
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import (
    MAX_ITEMS,
    items_of,
    object_of,
    require_few,
    text,
    whole,
)


def _range(frame: Frame, *bounds: Any) -> list[int]:
    if not 1 <= len(bounds) <= 3:
        raise ExpressionError("range takes a stop; a start and a stop; or also a step")
    numbers = [whole(bound, "a bound of range", 1 << 53) for bound in bounds]
    if len(numbers) == 3 and numbers[2] == 0:
        raise ExpressionError("the step of range must not be 0")
    found = range(*numbers)
    # Not len(): that fails for ranges which are longer than a list can be.
    require_few(MAX_ITEMS + 1 if found and found[-1:] and _count(found) > MAX_ITEMS else 0)
    frame.budget.spend(len(found) >> 2)
    frame.budget.make(8 * len(found))
    return list(found)


def _count(found: range) -> int:
    return (found[-1] - found[0]) // found.step + 1


def _dict(*pairs: Any, **fields: Any) -> dict[str, Any]:
    if len(pairs) > 1:
        raise ExpressionError("dict takes an object or a list of pairs, and fields")
    if pairs and isinstance(pairs[0], dict):
        return {**object_of(pairs[0], "dict"), **fields}
    rows = items_of(pairs[0], "dict") if pairs else []
    if not all(isinstance(row, list) and len(row) == 2 for row in rows):
        raise ExpressionError("dict needs pairs of key and value")
    return {**{text(key): value for key, value in rows}, **fields}


def _namespace(*pairs: Any, **fields: Any) -> Namespace:
    return Namespace(_dict(*pairs, **fields))


def _joiner(sep: Any = ", ") -> Joiner:
    return Joiner(text(sep))


def _uuid(frame: Frame) -> str:
    return frame.recorded.uuid()


def _random(frame: Frame, least: Any = None, most: Any = None) -> int | float:
    drawn = frame.recorded.number()
    if least is None or most is None:
        return drawn
    low, high = whole(least, "the least number", 1 << 53), whole(most, "the greatest", 1 << 53)
    if low > high:
        raise ExpressionError("the least number is above the greatest")
    return low + int(drawn * (high - low + 1))


FUNCTIONS = (
    Word("dict", _dict, "an object, from fields or from pairs",
         (("dict(a=1)", '{"a": 1}'), ("dict([['a', 1]], b=2)", '{"a": 1, "b": 2}')),
         gives="object", is_function=True, is_jinjas=True),
    Word("joiner", _joiner,
         "what gives nothing when it is first called, and `sep` from then on",
         (("{% set comma = joiner('; ') %}{% for x in [1, 2] %}{{ comma() }}{{ x }}{% endfor %}",
           '"1; 2"'),), is_function=True, is_jinjas=True, makes_moments=True),
    Word("namespace", _namespace,
         "fields that `{% set name.field = … %}` changes, also from inside a `{% for %}`",
         (("{% set sum = namespace(n=0) %}{% for x in [1, 2] %}{% set sum.n = sum.n + x %}"
           "{% endfor %}{{ sum.n }}!", '"3!"'),),
         is_function=True, is_jinjas=True, makes_moments=True),
    Word("random", _random, "a random number from 0 up to 1, or a whole one from `least` to "
         "`most`; the same if the node runs again",
         (("random() < 1", "true"), ("random(3, 3)", "3")), gives="number", is_function=True),
    Word("range", _range, "the whole numbers from a start (0) up to a stop, without it",
         (("range(3)", "[0, 1, 2]"), ("range(1, 10, 4)", "[1, 5, 9]")),
         gives="list", is_function=True, is_jinjas=True),
    Word("uuid", _uuid, "a random UUID; the same if the node runs again",
         (("uuid()|length", "36"),), gives="text", is_function=True),
)  # fmt: skip
