"""Inspects operators, comparisons, choices, literals and slices."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from jinja2 import nodes

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.expressions.arithmetic import equal
from flowc.compiler.expressions.operators import chain_of
from flowc.compiler.inspection.conversions import converted, hint_for_operator
from flowc.compiler.inspection.inspection import Inspection, InspectTree
from flowc.compiler.inspection.operator_kinds import (
    VERBS,
    are_apart,
    ordered_by_bounds,
    result_kinds,
)
from flowc.compiler.inspection.possible import (
    ANYTHING,
    NOTHING,
    TEXT,
    TRUE_OR_FALSE,
    Possible,
    among,
    either,
    field_of_possible,
    item_of,
    list_of,
)
from flowc.compiler.inspection.written import COMPARISONS, written, written_side

Side = tuple[nodes.Node, Possible]

_NULL = frozenset({"null"})
_SIGNS: Mapping[type[nodes.Node], str] = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//",
    nodes.Mod: "%", nodes.Pow: "**",
}  # fmt: skip


def _constant(inspection: Inspection, node: nodes.Const) -> Possible:
    return among([node.value])


def _data(inspection: Inspection, node: nodes.TemplateData) -> Possible:
    return TEXT


def _arithmetic(inspection: Inspection, node: nodes.BinExpr) -> Possible:
    if not isinstance(node, nodes.Add):
        left, right = inspection.possible(node.left), inspection.possible(node.right)
        return inspection.refined(node, _computed(inspection, node, left, right), left, right)
    sums: list[nodes.BinExpr] = [node]
    while isinstance(sums[0].left, nodes.Add):
        sums.insert(0, sums[0].left)
    sides = [inspection.possible(sums[0].left)]
    total = sides[0]
    for each in sums:
        sides.append(inspection.possible(each.right))
        total = _computed(inspection, each, total, sides[-1])
    return inspection.refined(node, total, *sides)


def _computed(
    inspection: Inspection, node: nodes.BinExpr, left: Possible, right: Possible
) -> Possible:
    sign = _SIGNS[type(node)]
    return _worked(inspection, sign, (node.left, left), (node.right, right), node)


def _worked(
    inspection: Inspection, sign: str, left: Side, right: Side, node: nodes.Node
) -> Possible:
    """Return the kinds of a result; note it if the operator does not work on these values."""
    (one, found), (other, operand) = left, right
    kinds = result_kinds(sign, found.kinds, operand.kinds)
    if not kinds and found.kinds and operand.kinds:
        what = f"{found.words} and {operand.words} cannot be {VERBS[sign]}"
        hint = hint_for_operator(sign, one, found, other, operand)
        inspection.note("type-mismatch", f"{written(node)!r} always fails: {what}.", hint, node)
    return Possible(kinds) if kinds else NOTHING


def _signed(inspection: Inspection, node: nodes.Neg | nodes.Pos) -> Possible:
    found = inspection.possible(node.node)
    taken = {"number", "duration"} if isinstance(node, nodes.Neg) else {"number"}
    kinds = found.kinds & taken
    if not kinds:
        if found.kinds:
            message = f"{written(node)!r} always fails: {found.words} is not a number."
            instead = converted(node.node, found, frozenset({"number"}))
            hint = f"Write {node.operator}({instead})." if instead else None
            inspection.note("type-mismatch", message, hint, node)
        return NOTHING
    return inspection.refined(node, Possible(kinds), found)


def _and(inspection: Inspection, node: nodes.And) -> Possible:
    return _one_of_the_sides(inspection, node, ends_with=False)


def _or(inspection: Inspection, node: nodes.Or) -> Possible:
    return _one_of_the_sides(inspection, node, ends_with=True)


def _one_of_the_sides(
    inspection: Inspection, node: nodes.And | nodes.Or, ends_with: bool
) -> Possible:
    """Return what the first side that decides can be: the first false one, or the first true."""
    sides = chain_of(node)
    options: list[Possible] = []
    is_certain = True
    for side in sides:
        with inspection.perhaps(not is_certain):
            found = inspection.possible(side)
        if not found.kinds and is_certain:
            return NOTHING
        if side is sides[-1]:
            options.append(found)
        elif ends_with in found.truth:
            options.append(found.counting_as(ends_with))
        if found.truth <= {ends_with}:
            break
        is_certain = is_certain and ends_with not in found.truth
    return either(*options)


def _not(inspection: Inspection, node: nodes.Not) -> Possible:
    found = inspection.possible(node.node)
    if found.values is None and len(found.truth) > 1:
        return TRUE_OR_FALSE
    return among(not value for value in found.truth) if found.kinds else NOTHING


def _joined(inspection: Inspection, node: nodes.Concat) -> Possible:
    parts = [inspection.possible(part) for part in node.nodes]
    if not all(part.kinds for part in parts):
        return NOTHING
    return inspection.refined(node, TEXT, *parts)


def _compare(inspection: Inspection, node: nodes.Compare) -> Possible:
    left, one = node.expr, inspection.possible(node.expr)
    operands, results = [one], []
    for number, operand in enumerate(node.ops):
        with inspection.perhaps(number > 0):
            right, other = operand.expr, inspection.possible(operand.expr)
            sign = COMPARISONS[operand.op]
            results.append(compared(inspection, sign, (left, one), (right, other), node))
        operands.append(other)
        if not results[-1].kinds:
            break
        left, one = right, other
    if not results[0].kinds:
        return NOTHING
    found = results[0] if len(results) == 1 else TRUE_OR_FALSE
    if found.values is not None or any(each.kinds == _NULL for each in operands):
        return found
    return inspection.refined(node, found, *operands)


def compared(
    inspection: Inspection, sign: str, left: Side, right: Side, node: nodes.Node
) -> Possible:
    """Return the result of a comparison; note it if it always fails or nothing is ever equal."""
    one, other = left[1], right[1]
    if not one.kinds or not other.kinds:
        return NOTHING
    if sign in {"in", "not in"}:
        return _searched(inspection, sign, left, right, node)
    if sign in {"==", "!="}:
        # Whether a value is null may be asked out of caution.
        if _NULL in (one.kinds, other.kinds) or not are_apart(one, other):
            return _equality(sign, left, right)
        _note_never_equal(inspection, left, right)
        return among([sign == "!="])
    found = _worked(inspection, sign, left, right, node)
    holds = ordered_by_bounds(sign, one, other) if found.kinds else None
    return found if holds is None else among([holds])


def _equality(sign: str, left: Side, right: Side) -> Possible:
    """Return whether two values can be equal, one by one where one of them is a constant."""
    (node, one), (tree, other) = left, right
    is_simple = isinstance(node, nodes.Const) or isinstance(tree, nodes.Const)
    if not is_simple or one.values is None or other.values is None or other.kinds >= _NULL:
        return TRUE_OR_FALSE
    pairs = product(one.values, other.values)
    return among(equal(a, b) is (sign == "==") for a, b in pairs)


def _note_never_equal(inspection: Inspection, left: Side, right: Side) -> None:
    """Note that two values are never equal, if one of them is no constant."""
    if isinstance(left[0], nodes.Const):
        left, right = right, left
    (node, found), (other, operand) = left, right
    if isinstance(node, nodes.Const):
        return
    if isinstance(other, nodes.Const):
        message = f"{written(node)!r} is never {other.value!r}."
        hint = _nearest(other.value, found) or f"It is {found.words}."
    else:
        message = f"{written(node)!r} and {written(other)!r} are never equal."
        hint = f"The first is {_values_of(found)}, the second {_values_of(operand)}."
    inspection.note("never-equal", message, hint, node)


def _nearest(value: Any, found: Possible) -> str | None:
    known = [each for each in found.values or () if isinstance(each, str)]
    return did_you_mean(str(value), known) if known else None


def _values_of(found: Possible) -> str:
    if found.values is None or len(found.values) > 6:
        return found.words
    return " or ".join(repr(value) for value in found.values)


def _searched(
    inspection: Inspection, sign: str, left: Side, right: Side, node: nodes.Node
) -> Possible:
    (value, found), (container, held) = left, right
    if not result_kinds(sign, found.kinds, held.kinds):
        _note_misfit(inspection, sign, left, right, node)
        return NOTHING
    if isinstance(container, (nodes.List, nodes.Tuple)):
        return _searched_in_list(inspection, sign, left, container)
    items = held.items if held.items is not None else item_of(held)
    if held.kinds == {"list"} and are_apart(found, items):
        message = f"{written(value)!r} is never in {written(container)!r}."
        is_constant = isinstance(value, nodes.Const)
        hint = _nearest(value.value, items) if isinstance(value, nodes.Const) else None
        if not is_constant or found.kinds != _NULL:
            hint = hint or f"Its items are {_values_of(items)}."
            inspection.note("never-equal", message, hint, value)
        return among([sign == "not in"])
    return TRUE_OR_FALSE


def _note_misfit(
    inspection: Inspection, sign: str, left: Side, right: Side, node: nodes.Node
) -> None:
    """Note that a value cannot be searched, or that a text is searched for something else."""
    (value, found), (container, held) = left, right
    if held.kinds & {"text", "list", "object"}:
        what = f"{found.words} cannot be in text"
        hint: str | None = f"Write {written_side(value)}|string {sign} {written(container)}."
    else:
        what = f'"in" does not work on {held.words}'
        equals = f"{written(value)} {'==' if sign == 'in' else '!='} {written(container)}"
        hint = None if are_apart(found, held) else f"Write {equals}."
    inspection.note("type-mismatch", f"{written(node)!r} always fails: {what}.", hint, node)


def _searched_in_list(
    inspection: Inspection, sign: str, left: Side, container: nodes.List | nodes.Tuple
) -> Possible:
    """Note each item of a written list that a value never equals."""
    is_never = True
    for item in container.items:
        is_constant = isinstance(item, nodes.Const) and item.value is not None
        found = among([item.value]) if isinstance(item, nodes.Const) else ANYTHING
        if is_constant and are_apart(left[1], found):
            _note_never_equal(inspection, left, (item, found))
        else:
            is_never = False
    return among([sign == "not in"]) if is_never else TRUE_OR_FALSE


def _choice(inspection: Inspection, node: nodes.CondExpr) -> Possible:
    truth = inspection.decide(node.test)
    options = []
    for holds, side in ((True, node.expr1), (False, node.expr2)):
        if holds in truth and side is not None:
            with inspection.perhaps(len(truth) > 1):
                options.append(inspection.possible(side))
    return either(*options) if options else NOTHING


def _list(inspection: Inspection, node: nodes.List | nodes.Tuple) -> Possible:
    items = [inspection.possible(item) for item in node.items]
    if not all(item.kinds for item in items):
        return NOTHING
    if all(isinstance(item, nodes.Const) for item in node.items):
        constants = [item.value for item in node.items if isinstance(item, nodes.Const)]
        return Possible(frozenset({"list"}), (constants,), items=either(*items))
    return list_of(either(*items))


def _dict(inspection: Inspection, node: nodes.Dict) -> Possible:
    for pair in node.items:
        key = inspection.possible(pair.key)
        if key.kinds and "text" not in key.kinds:
            message = f"{written(node)!r} always fails: its key is {key.words}, not text."
            inspection.note("type-mismatch", message, "Put the key into quotes.", pair.key)
            return NOTHING
        inspection.possible(pair.value)
    return Possible(frozenset({"object"}))


def _part(inspection: Inspection, node: nodes.Getitem | nodes.Getattr) -> Possible:
    """Inspect a slice, or what is read of a value that is computed."""
    owner = inspection.possible(node.node)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
        return _slice(inspection, node, owner)
    key: Any = node.attr if isinstance(node, nodes.Getattr) else None
    if isinstance(node, nodes.Getitem):
        found = inspection.possible(node.arg)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if not found.kinds:
            return NOTHING
    if owner.kinds and owner.kinds <= {"null", "boolean", "number"}:
        if not inspection.handles_missing:
            message = f"{written(node)!r} always fails: {owner.words} has no fields."
            inspection.note("type-mismatch", message, None, node)
        return NOTHING
    return field_of_possible(owner, key) if isinstance(key, (str, int)) else ANYTHING


def _slice(inspection: Inspection, node: nodes.Getitem, owner: Possible) -> Possible:
    kinds = owner.kinds & {"list", "text"}
    if kinds or not owner.kinds:
        return Possible(kinds, None if kinds else (), schema=owner.schema, items=owner.items)
    what = f"a slice needs a list or text, and this is {owner.words}"
    inspection.note("type-mismatch", f"{written(node)!r} always fails: {what}.", None, node)
    return NOTHING


OPERATOR_RULES: Mapping[type[nodes.Node], InspectTree] = {
    nodes.Const: _constant,
    nodes.TemplateData: _data,
    nodes.Neg: _signed,
    nodes.Pos: _signed,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.Concat: _joined,
    nodes.Compare: _compare,
    nodes.CondExpr: _choice,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _dict,
    nodes.Getitem: _part,
    nodes.Getattr: _part,
    **dict.fromkeys(_SIGNS, _arithmetic),
}
