"""Evaluates an expression for all values that it can read, if these are few."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions import ExpressionError
from flowc.compiler.expressions.budget import BudgetSize, EvaluationBudget, ExpressionTooLong
from flowc.compiler.expressions.frame import Evaluate, Frame
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.expressions.trees import new_compilation
from flowc.compiler.inspection.possible import Possible

MOST_COMBINATIONS = 64
# For all evaluations in one inspection, so that no definition takes long to check.
FEW = BudgetSize(5_000, 1 << 16, 10.0)


def finite_values(
    tree: nodes.Node, at_path: Callable[[ReferencePath], Possible], budget: EvaluationBudget
) -> list[Any] | None:
    """Return the values of a tree for all combinations of what its paths can be.

    None means that they are too many or not known. Combinations that fail are left out.
    """
    if budget.steps <= 0 or budget.bytes <= 0:
        return None
    compilation = new_compilation()
    try:
        evaluate = compilation.compile(tree)
        budget.spend(compilation.size)
    except ExpressionError:
        return None
    references = compilation.references()
    paths = list(dict.fromkeys(reference.path for reference in references))
    known = _choices(paths, at_path)
    is_fixed = not compilation.is_recorded and not any(each.optional for each in references)
    if known is None or not is_fixed:
        return None
    frames = (Frame(names, budget) for names in _combinations(paths, known))
    try:
        return [value for frame in frames for value in _value(evaluate, frame)] or None
    except ExpressionTooLong:
        return None


def _choices(
    paths: Sequence[ReferencePath], at_path: Callable[[ReferencePath], Possible]
) -> list[tuple[Any, ...]] | None:
    """Return the values of each path; None if these are too many, or paths depend on others."""
    choices = [at_path(path).values for path in paths]
    known = [values for values in choices if values is not None]
    if len(known) < len(choices) or prod(map(len, known)) > MOST_COMBINATIONS:
        return None
    is_simple = all(isinstance(step, str) for path in paths for step in path)
    return known if is_simple and not _overlap(paths) else None


def _overlap(paths: Sequence[ReferencePath]) -> bool:
    """Return whether one path leads through the value of another."""
    return any(one != other and other[: len(one)] == one for one in paths for other in paths)


def _combinations(
    paths: Sequence[ReferencePath], choices: Iterable[Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the names of an evaluation for each combination of values."""
    for values in product(*choices):
        names: dict[Any, Any] = {}
        for path, value in zip(paths, values, strict=True):
            inside = names
            for step in path[:-1]:
                inside = inside.setdefault(step, {})
            inside[path[-1]] = value
        yield names


def _value(evaluate: Evaluate, frame: Frame) -> Iterator[Any]:
    """Yield the value of an evaluation, unless it fails."""
    frame.budget.spend(4)
    try:
        yield evaluate(frame)
    except ExpressionTooLong:
        raise
    # As when it is evaluated in a run, every failure is one of the expression.
    except Exception:
        return
