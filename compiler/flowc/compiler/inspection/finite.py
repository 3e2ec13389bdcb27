"""Evaluates an expression for all values that it can read, if these are few."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions import Expression, ExpressionError
from flowc.compiler.expressions.trees import new_compilation
from flowc.compiler.inspection.possible import Possible

MOST_COMBINATIONS = 64


def finite_values(
    tree: nodes.Node, at_path: Callable[[tuple[str | int, ...]], Possible]
) -> list[Any] | None:
    """Return the values of a tree for all combinations of what its paths can be.

    None means that they are too many or not known. Combinations that fail are left out.
    """
    compilation = new_compilation()
    try:
        evaluate = compilation.compile(tree)
    except ExpressionError:
        return None
    references = compilation.references()
    if compilation.is_recorded or any(reference.optional for reference in references):
        return None
    paths = list(dict.fromkeys(reference.path for reference in references))
    choices = [at_path(path).values for path in paths]
    known = [values for values in choices if values is not None]
    if len(known) < len(choices) or prod(map(len, known)) > MOST_COMBINATIONS:
        return None
    if not all(isinstance(step, str) for path in paths for step in path) or _overlap(paths):
        return None
    expression = Expression("", references, False, evaluate)
    return _evaluated(expression, paths, known) or None


def _overlap(paths: Sequence[tuple[Any, ...]]) -> bool:
    """Return whether one path leads through the value of another."""
    return any(one != other and other[: len(one)] == one for one in paths for other in paths)


def _evaluated(
    expression: Expression, paths: Sequence[tuple[Any, ...]], choices: Iterable[Sequence[Any]]
) -> list[Any]:
    found = []
    for values in product(*choices):
        names: dict[str, Any] = {}
        for path, value in zip(paths, values, strict=True):
            inside = names
            for step in path[:-1]:
                inside = inside.setdefault(step, {})
            inside[path[-1]] = value
        try:
            found.append(expression.evaluate(names))
        except ExpressionError:
            continue
    return found
