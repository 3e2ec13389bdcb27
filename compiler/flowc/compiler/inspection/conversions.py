"""Suggests how a value of one kind is written so that it can be used as another."""

from jinja2 import nodes

from flowc.compiler.inspection.possible import Possible
from flowc.compiler.inspection.written import written, written_side

_ORDERINGS = frozenset({"<", "<=", ">", ">="})
_TIMES = {"moment": "datetime", "date": "date", "duration": "duration"}


def converted(node: nodes.Node, found: Possible, wanted: frozenset[str]) -> str | None:
    """Return an expression for a value as one of other kinds, if there is an evident one."""
    text, kinds = written_side(node), found.kinds - {"null"}
    digits = _number_in(node)
    if digits is not None and "number" in wanted:
        return digits
    for given, target, filters in _FILTERS:
        if kinds and kinds <= given and wanted & target:
            return f"range({text})" if filters == "range" else f"{text}|{filters}"
    return None


# Kinds, those that are wanted instead, and the filter that makes one of the other.
_FILTERS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset({"text"}), frozenset({"number"}), "float"),
    (frozenset({"list"}), frozenset({"text"}), "join(', ')"),
    (frozenset({"number", "boolean"}), frozenset({"text"}), "string"),
    (frozenset({"text"}), frozenset({"list"}), "split(',')"),
    (frozenset({"text"}), frozenset({"object"}), "fromjson"),
    (frozenset({"list", "object"}), frozenset({"number", "boolean"}), "length"),
    (frozenset({"number"}), frozenset({"list"}), "range"),
)


def _number_in(node: nodes.Node) -> str | None:
    """Return the number that a constant text is: '10' is 10."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        digits = node.value.strip()
        return digits if digits.replace(".", "", 1).isdecimal() and digits.isascii() else None
    return None


def hint_for_operator(
    sign: str, left: nodes.Node, one: Possible, right: nodes.Node, other: Possible
) -> str | None:
    """Return what to write instead of an operator between two values that it does not take."""
    times = [kind for kind in _TIMES if one.kinds == {kind} or other.kinds == {kind}]
    if times:
        return _with_time(sign, _TIMES[times[0]], (left, one), (right, other))
    if sign == "+" and {"text"} in (one.kinds, other.kinds):
        joined = f"{written(left)} ~ {written(right)}"
        return f"Write {joined} to join texts; text|float makes a number of a text."
    if sign == "+" and one.kinds == {"list"}:
        return f"Write {written(left)} + [{written(right)}] to add an item."
    sides = [
        converted(node, found, frozenset({"number"})) or written_side(node)
        for node, found in ((left, one), (right, other))
    ]
    if sides == [written_side(left), written_side(right)]:
        return None
    return f"Write {sides[0]} {sign} {sides[1]}."


def _with_time(
    sign: str, function: str, left: tuple[nodes.Node, Possible], right: tuple[nodes.Node, Possible]
) -> str:
    # A moment or date is moved by a duration, and compared with another.
    if sign not in _ORDERINGS and function != "duration":
        function = "duration"
    sides = [
        f"{function}({written(node)})" if found.kinds <= {"text", "number"} else written(node)
        for node, found in (left, right)
    ]
    return f"Write {sides[0]} {sign} {sides[1]}."


def hint_for_condition(node: nodes.Node, found: Possible) -> str | None:
    """Return a condition on a value that is neither true nor false."""
    text = written_side(node)
    if found.kinds <= {"text", "null"}:
        return f"Write a comparison, such as {text} == 'yes', or {text}|bool."
    if found.kinds <= {"list", "object"}:
        return f"Write {text}|length > 0."
    if found.kinds <= {"number"}:
        return f"Write a comparison, such as {text} > 0."
    return None


def hint_for_filter(
    name: str, node: nodes.Node, found: Possible, wanted: frozenset[str]
) -> str | None:
    """Return how a filter is applied to a value that it does not take as it is."""
    if found.kinds == {"list"} and wanted == {"text"}:
        return f"Write {written_side(node)}|map('{name}') for each item, or |join(', ') before it."
    instead = converted(node, found, wanted)
    return f"Write {instead}|{name}." if instead is not None else None
