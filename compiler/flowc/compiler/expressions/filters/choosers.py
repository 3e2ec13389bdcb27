"""Filters that apply another filter or a test to each item: `map`, `select` and others."""

from collections.abc import Callable
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.fields import attribute_reader
from flowc.compiler.expressions.filters.lists import mapped_attribute
from flowc.compiler.expressions.filters.word import NOT_GIVEN, Apply, Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import items_of

Passes = Callable[[Any], Any]


def _map(
    value: Any, filter: Any = None, *arguments: Any, attribute: Any = None, default: Any = NOT_GIVEN
) -> list[Any]:
    if attribute is None:
        raise ExpressionError("map needs a filter or an attribute", "For example map('upper').")
    return mapped_attribute(value, attribute, default)


def _choose(value: Any, test: Any = None, *arguments: Any) -> list[Any]:
    return items_of(value, "select")


def _choose_by_attribute(
    value: Any, attribute: Any, test: Any = None, *arguments: Any
) -> list[Any]:
    return items_of(value, "selectattr")


def mapped(frame: Frame, value: Any, apply: Apply) -> list[Any]:
    """Return what a filter makes of each item."""
    items = items_of(value, "map")
    frame.budget.spend(3 * len(items))
    return [apply(item) for item in items]


def chosen(frame: Frame, name: str, value: Any, passes: Passes) -> list[Any]:
    """Return the items that pass a test, or those that do not."""
    wanted = name.startswith("select")
    items = items_of(value, name)
    frame.budget.spend(2 * len(items))
    return [item for item in items if bool(passes(item)) is wanted]


def attribute_passes(attribute: Any, passes: Passes, if_missing: bool | None) -> Passes:
    """Return whether an attribute of an item passes a test.

    `if_missing` is the result for items without it; None means that this is an error.
    """
    read = attribute_reader(attribute)

    def attribute_of(item: Any) -> Any:
        try:
            found = read(item)
        # Also for an item that has no fields at all, such as a list.
        except ExpressionError:
            if if_missing is None:
                raise
            return if_missing
        return passes(found)

    return attribute_of


# What a missing attribute means for these tests; for all others it is an error.
IF_MISSING = {
    "": False,
    "defined": False,
    "undefined": True,
    "eq": False,
    "ne": True,
    "sameas": False,
}

_ITEMS = "[{'n': 1, 'ok': true}, {'n': 2, 'ok': false}]"

WORDS = (
    Word("map", _map, "what a filter makes of each item; or an `attribute` of each, or `default`",
         (("['a', 'b']|map('upper')", '["A", "B"]'),
          ("['a-b']|map('replace', '-', '+')", '["a+b"]'),
          ("[{'n': 1}, {}]|map(attribute='n', default=0)", "[1, 0]")),
         takes="list or object", gives="list", is_jinjas=True),
    Word("reject", _choose, "the items that fail a test; without one, those that count as false",
         (("[1, 2, 3]|reject('odd')", "[2]"), ("[0, 1]|reject", "[0]")),
         takes="list or object", gives="list", is_jinjas=True),
    Word("rejectattr", _choose_by_attribute, "the items whose attribute does not pass a test",
         ((f"{_ITEMS}|rejectattr('ok')|map(attribute='n')", "[2]"),),
         takes="list or object", gives="list", is_jinjas=True),
    Word("select", _choose, "the items that pass a test; without one, those that count as true",
         (("[1, 2, 3]|select('odd')", "[1, 3]"), ("[1, 2, 3]|select('gt', 1)", "[2, 3]")),
         takes="list or object", gives="list", is_jinjas=True),
    Word("selectattr", _choose_by_attribute, "the items whose attribute passes a test",
         ((f"{_ITEMS}|selectattr('n', 'ge', 2)|map(attribute='n')", "[2]"),
          (f"{_ITEMS}|selectattr('ok')|length", "1")),
         takes="list or object", gives="list", is_jinjas=True),
)  # fmt: skip
