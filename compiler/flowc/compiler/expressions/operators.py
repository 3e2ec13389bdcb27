"""Compiles operators, comparisons, choices, literals and slices."""

import operator
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions import arithmetic, values
from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.compilation import Compilation, CompileTree, paths_tested_in
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.evidence import (
    literals_in,
    type_of_all,
    use_beside,
    use_in_sum,
)
from flowc.compiler.expressions.fields import part_of
from flowc.compiler.expressions.frame import Evaluate, Frame

_ARITHMETIC: Mapping[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Sub: arithmetic.subtract,
    nodes.Mul: arithmetic.multiply,
    nodes.Div: arithmetic.divide,
    nodes.FloorDiv: arithmetic.floor_divide,
    nodes.Mod: arithmetic.remainder,
    nodes.Pow: arithmetic.power,
}

_COMPARISONS: Mapping[str, Callable[[Any, Any, EvaluationBudget], bool]] = {
    "eq": lambda left, right, budget: arithmetic.equal_within(budget, left, right),
    "ne": lambda left, right, budget: not arithmetic.equal_within(budget, left, right),
    "lt": lambda left, right, budget: arithmetic.less(left, right),
    "lteq": lambda left, right, budget: arithmetic.less_or_equal(left, right),
    "gt": lambda left, right, budget: arithmetic.greater(left, right),
    "gteq": lambda left, right, budget: arithmetic.greater_or_equal(left, right),
    "in": lambda value, container, budget: arithmetic.contains(container, value, budget),
    "notin": lambda value, container, budget: not arithmetic.contains(container, value, budget),
}


_MOST_SIDES = 20
_COMPUTED = (nodes.Call, nodes.Filter)
_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


def _const(compilation: Compilation, node: nodes.Const) -> Evaluate:
    value = values.bounded(node.value)
    if not values.is_scalar(value):
        raise ExpressionError("this constant is not allowed")
    return lambda frame: value


def _data(compilation: Compilation, node: nodes.TemplateData) -> Evaluate:
    text = node.data
    return lambda frame: text


def _computed(compilation: Compilation, node: nodes.BinExpr) -> Evaluate:
    operation = _ARITHMETIC[type(node)]
    # Moments and durations can be subtracted, multiplied and divided as well as numbers.
    used_as = "number" if isinstance(node, nodes.Pow) or not _has_call(node) else None
    left, right = compilation.compile(node.left, used_as), compilation.compile(node.right, used_as)
    plain = _PLAIN.get(type(node))
    if plain is None:
        return lambda frame: operation(left(frame), right(frame))

    def evaluate(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        if type(one) in _NUMBERS and type(other) in _NUMBERS:
            result = plain(one, other)
            if -values.MAX_INTEGER < result < values.MAX_INTEGER:
                return result
        return operation(one, other)

    return evaluate


# What needs no check but that of the result, where both sides are numbers.
_PLAIN: Mapping[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
}
_NUMBERS = frozenset({int, float})


def _has_call(node: nodes.BinExpr) -> bool:
    return next(node.find_all(_COMPUTED), None) is not None


def _add(compilation: Compilation, node: nodes.Add) -> Evaluate:
    # `+` also joins texts and lists: only a side that is written out shows the type of the others.
    sides = chain_of(node)
    used_as = use_in_sum(sides)
    first, *rest = [compilation.compile(side, used_as) for side in sides]
    if len(rest) == 1:
        return _sum_of_two(first, rest[0])

    def evaluate(frame: Frame) -> Any:
        total = first(frame)
        for side in rest:
            total = arithmetic.add(total, side(frame))
            if type(total) is str or type(total) is list:
                frame.budget.make(2 * len(total))
        return total

    return evaluate


def _sum_of_two(left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        if type(one) in _NUMBERS and type(other) in _NUMBERS:
            result = one + other
            if -values.MAX_INTEGER < result < values.MAX_INTEGER:
                return result
        total = arithmetic.add(one, other)
        if type(total) is str or type(total) is list:
            frame.budget.make(2 * len(total))
        return total

    return evaluate


def chain_of(node: nodes.BinExpr) -> list[nodes.Expr]:
    """Return the sides of a chain of one operator, from left to right: `a + b + c`."""
    kind, sides = type(node), [node.right]
    left = node.left
    while type(left) is kind:
        sides.append(left.right)
        left = left.left
    return [left, *reversed(sides)]


def _negative(compilation: Compilation, node: nodes.Neg) -> Evaluate:
    inner = compilation.compile(node.node, None if _is_computed(node.node) else "number")
    return lambda frame: _negated(inner(frame))


def _is_computed(node: nodes.Node) -> bool:
    return isinstance(node, _COMPUTED)


def _negated(value: Any) -> Any:
    return -value if values.kind_of(value) == "duration" else -values.number(value)


def _positive(compilation: Compilation, node: nodes.Pos) -> Evaluate:
    inner = compilation.compile(node.node, "number")
    return lambda frame: values.number(inner(frame))


def _and(compilation: Compilation, node: nodes.And) -> Evaluate:
    *sides, last = _either(compilation, node)
    if len(sides) == 1:
        left = sides[0]
        return lambda frame: left(frame) and last(frame)

    def evaluate(frame: Frame) -> Any:
        for side in sides:
            value = side(frame)
            if not value:
                return value
        return last(frame)

    return evaluate


def _or(compilation: Compilation, node: nodes.Or) -> Evaluate:
    *sides, last = _either(compilation, node)
    if len(sides) == 1:
        left = sides[0]
        return lambda frame: left(frame) or last(frame)

    def evaluate(frame: Frame) -> Any:
        for side in sides:
            value = side(frame)
            if value:
                return value
        return last(frame)

    return evaluate


def _either(compilation: Compilation, node: nodes.And | nodes.Or) -> list[Evaluate]:
    """Compile the sides; a path that one tests with `is defined` is optional in the others."""
    sides, used_as = chain_of(node), compilation.wanted
    if used_as is None or used_as == "string?":
        # `a or 'none'` is a value, and has the type of what is written beside it.
        shown = {use_beside(side) for side in sides} - {None}
        used_as = shown.pop() if len(shown) == 1 else used_as
    with ExitStack() as tests:
        for side in sides:
            tests.enter_context(compilation.tested(side))
        return [compilation.compile(side, used_as) for side in sides]


def _not(compilation: Compilation, node: nodes.Not) -> Evaluate:
    is_test = compilation.wanted == "boolean?"
    inner = compilation.compile(node.node, "boolean?" if is_test else "boolean")
    return lambda frame: not inner(frame)


def _concat(compilation: Compilation, node: nodes.Concat) -> Evaluate:
    parts = [compilation.compile(part, "string?") for part in node.nodes]

    def evaluate(frame: Frame) -> str:
        text = values.limited("".join([values.as_text(part(frame)) for part in parts]))
        frame.budget.make(len(text))
        return text

    return evaluate


def _compare(compilation: Compilation, node: nodes.Compare) -> Evaluate:
    operands = [node.expr, *(operand.expr for operand in node.ops)]
    if len(operands) > _MOST_SIDES:
        raise ExpressionError(f"a comparison has more than {_MOST_SIDES} sides")
    compiled = [
        _operand(compilation, operand, *_use_in_comparison(operand, node, operands))
        for operand in operands
    ]
    if len(node.ops) == 1:
        left, right = compiled
        return _single(node.ops[0].op, left, right)
    first = compiled[0]
    rest = [(_COMPARISONS[op.op], side) for op, side in zip(node.ops, compiled[1:], strict=True)]

    def evaluate(frame: Frame) -> bool:
        left = first(frame)
        # As in Python: `1 < a < 5` compares neighbours, and evaluates `a` once.
        for holds, side in rest:
            right = side(frame)
            if not holds(left, right, frame.budget):
                return False
            left = right
        return True

    return evaluate


def _single(name: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """Return one comparison; that of two texts, the most frequent one, is done at once."""
    holds = _COMPARISONS[name]
    if name in _ORDERINGS:
        return _ordering(holds, _ORDERINGS[name], left, right)
    if name not in {"eq", "ne"}:
        return lambda frame: holds(left(frame), right(frame), frame.budget)
    is_equal = name == "eq"

    def evaluate(frame: Frame) -> bool:
        one, other = left(frame), right(frame)
        if type(one) is str and type(other) is str:
            return (one == other) is is_equal
        return holds(one, other, frame.budget)

    return evaluate


def _ordering(
    holds: Callable[[Any, Any, EvaluationBudget], bool],
    plain: Callable[[Any, Any], bool],
    left: Evaluate,
    right: Evaluate,
) -> Evaluate:
    def evaluate(frame: Frame) -> bool:
        one, other = left(frame), right(frame)
        if type(one) in _NUMBERS and type(other) in _NUMBERS:
            return plain(one, other)
        return holds(one, other, frame.budget)

    return evaluate


def _operand(
    compilation: Compilation, node: nodes.Expr, used_as: str | None, literals: tuple[Any, ...]
) -> Evaluate:
    # One list for all evaluations, so that it is indexed once: `x in ['a', 'b', …]`.
    if isinstance(node, (nodes.List, nodes.Tuple)) and _are_constant(node.items):
        compilation.compile(node)
        constant = [item.value for item in node.items if isinstance(item, nodes.Const)]
        return lambda frame: constant
    return compilation.compile(node, used_as, literals)


def _are_constant(items: Iterable[nodes.Node]) -> bool:
    return all(isinstance(item, nodes.Const) for item in items)


def _choice(compilation: Compilation, node: nodes.CondExpr) -> Evaluate:
    if node.expr2 is None:
        raise ExpressionError('"if" needs an "else"', "Write: a if condition else b.")
    # `b if a is defined else c`: whichever side is not chosen may be missing.
    used_as = compilation.wanted
    test = compilation.compile(node.test, "boolean?")
    is_tested = any(paths_tested_in(node.test))
    compile_side = compilation.guarded if is_tested else compilation.compile
    used_as = used_as or use_beside(node.expr1) or use_beside(node.expr2)
    yes, no = compile_side(node.expr1, used_as), compile_side(node.expr2, used_as)
    return lambda frame: yes(frame) if test(frame) else no(frame)


def _list(compilation: Compilation, node: nodes.List | nodes.Tuple) -> Evaluate:
    items = [compilation.compile(item) for item in node.items]
    return lambda frame: [item(frame) for item in items]


def _dict(compilation: Compilation, node: nodes.Dict) -> Evaluate:
    pairs = [
        (compilation.compile(pair.key), compilation.compile(pair.value)) for pair in node.items
    ]
    return lambda frame: {values.text(key(frame)): value(frame) for key, value in pairs}


def _slice(compilation: Compilation, node: nodes.Getitem) -> Evaluate:
    assert isinstance(node.arg, nodes.Slice)  # all other brackets are paths
    # A part of a text is a text, and one of a list a list.
    owner = compilation.compile(node.node, compilation.wanted)
    bounds = (node.arg.start, node.arg.stop, node.arg.step)
    start, stop, step = [
        compilation.compile(bound) if bound is not None else _nothing for bound in bounds
    ]

    def evaluate(frame: Frame) -> Any:
        part = part_of(owner(frame), start(frame), stop(frame), step(frame))
        frame.budget.make(2 * len(part))
        return part

    return evaluate


def _nothing(frame: Frame) -> None:
    return None


OPERATORS: Mapping[type[nodes.Node], CompileTree] = {
    nodes.Const: _const,
    nodes.TemplateData: _data,
    nodes.Add: _add,
    nodes.Neg: _negative,
    nodes.Pos: _positive,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.Concat: _concat,
    nodes.Compare: _compare,
    nodes.CondExpr: _choice,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _dict,
    nodes.Getitem: _slice,
    **dict.fromkeys(_ARITHMETIC, _computed),
}


def _use_in_comparison(
    operand: nodes.Node, node: nodes.Compare, operands: list[nodes.Expr]
) -> tuple[str | None, tuple[Any, ...]]:
    """Return what a comparison shows about an operand: its type and the values beside it."""
    others = [other for other in operands if other is not operand]
    literals = tuple(literals_in(others))
    signs = {op.op for op in node.ops}
    if signs <= {"eq", "ne"} and any(isinstance(other, _WRITTEN) for other in others):
        return next(filter(None, map(use_beside, others)), None), ()
    # `'x' in a` says nothing about the type of `a`: it can be a text, a list or an object.
    if {"in", "notin"} & signs and operand is not node.expr:
        return None, ()
    if signs & _ORDERINGS.keys():
        return type_of_all(literals) or ("number" if not _may_be_moments(operands) else None), ()
    return type_of_all(literals), literals


_WRITTEN = (nodes.List, nodes.Tuple, nodes.Dict)


def _may_be_moments(operands: Iterable[nodes.Expr]) -> bool:
    return any(
        _is_computed(operand) or next(operand.find_all(_COMPUTED), None) is not None
        for operand in operands
    )
