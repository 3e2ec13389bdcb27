"""What the use of a value shows about its JSON type.

A type that is only probable ends in `?`: a value that is written in a text may be a `string?`, one
whose truth is tested a `boolean?`, and one that is counted an `array?`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions import values
from flowc.compiler.expressions.filters import FILTERS, TESTS, Word

# Filters whose items are items of the list that they work on.
SAME_ITEMS = frozenset(
    {"sort", "unique", "select", "selectattr", "reject", "rejectattr", "reverse", "list"}
)
_ORDERS = frozenset({"gt", "ge", "lt", "le"})
_TYPES = {"text": "string", "number": "number", "boolean": "boolean"}
_BY_KINDS: Mapping[frozenset[str], str] = {
    frozenset({"text"}): "string",
    frozenset({"number"}): "number",
    frozenset({"object"}): "object",
    frozenset({"list"}): "array",
    frozenset({"list", "object"}): "array",
    frozenset({"text", "list", "object"}): "array?",
}
# Where the kinds that a filter takes do not show what it is used for.
_BY_NAME: Mapping[str, str | None] = {
    "int": "number?", "float": "number?", "number": "number?", "filesizeformat": "number?",
    "bool": "boolean?", "string": "string?", "truncate": "string?", "urlencode": "string?",
    "escape": "string?", "striptags": "string?", "quote": "string?", "tocsv": "array",
    "omit": None, "pick": None, "contains": None,
}  # fmt: skip


def use_by(word: Word) -> str | None:
    """Return the type that a filter or test needs.

    >>> use_by(FILTERS["upper"]), use_by(FILTERS["sum"]), use_by(FILTERS["length"])
    ('string', 'array', 'array?')
    """
    if word.name in _BY_NAME:
        return _BY_NAME[word.name]
    return _BY_KINDS.get(word.kinds_taken)


def use_in_test(name: str, given: Iterable[nodes.Expr]) -> str | None:
    """Return the type of a value that passes a test with these arguments."""
    word = TESTS.get(name)
    if word is None:
        return None
    if word.name in {*_ORDERS, "eq", "ne", "in"}:
        found = type_of_all(tuple(literals_in(given)))
        return found or ("number" if word.name in _ORDERS else None)
    return use_by(word)


def use_beside(default: nodes.Node | None) -> str | None:
    """Return the type of a value that this one replaces if it is missing or empty."""
    if isinstance(default, (nodes.List, nodes.Tuple)):
        return "array"
    if isinstance(default, nodes.Dict):
        return "object"
    if isinstance(default, nodes.Const) and values.is_scalar(default.value):
        found = _TYPES.get(values.kind_of(default.value))
        return "string?" if found == "string" else found
    return None


def use_in_sum(sides: Iterable[nodes.Node]) -> str | None:
    """Return the type of all sides of `+`, if one that is written out shows it."""
    found = {use_beside(side) for side in sides} - {None, "boolean", "object"}
    return found.pop() if len(found) == 1 else None


def literals_in(others: Iterable[nodes.Expr]) -> Iterable[Any]:
    """Yield the scalars among trees, and in the lists among them."""
    for other in others:
        if isinstance(other, nodes.Const) and values.is_scalar(other.value):
            yield other.value
        elif isinstance(other, (nodes.List, nodes.Tuple)):
            yield from literals_in(other.items)


def type_of_all(literals: Iterable[Any]) -> str | None:
    """Return the JSON type of all these values, apart from null; None if they differ.

    >>> type_of_all(["a", None]), type_of_all(["a", 1])
    ('string', None)
    """
    kinds = {values.kind_of(literal) for literal in literals if literal is not None}
    return _TYPES.get(kinds.pop()) if len(kinds) == 1 else None


def list_in(node: nodes.Node) -> nodes.Node:
    """Return the tree of the list that has all items of a value: `a` of `a|sort|default([])`."""
    while isinstance(node, nodes.Filter) and node.node is not None:
        word = FILTERS.get(node.name)
        if word is None or word.name not in SAME_ITEMS | {"default"}:
            break
        node = node.node
    return node


def attribute_of(word: Word, node: nodes.Filter) -> tuple[str | int, ...] | None:
    """Return the path of the attribute that a filter reads of each item, if it is written out."""
    given: dict[Any, nodes.Expr] = {pair.key: pair.value for pair in node.kwargs}
    names = [parameter.name for parameter in word.parameters]
    if "attribute" in names[: len(node.args)]:
        given["attribute"] = node.args[names.index("attribute")]
    return path_in_text(given.get("attribute"))


def path_in_text(node: nodes.Node | None) -> tuple[str | int, ...] | None:
    """Return the path in a text that is written out, such as `'customer.name'`."""
    if not isinstance(node, nodes.Const) or not isinstance(node.value, str) or not node.value:
        return None
    return tuple(int(step) if step.isdecimal() else step for step in node.value.split("."))
