"""Finds the part of an expression that failed: evaluates it again, with a note of each part.

An evaluation that succeeds pays nothing for this. Only after a failure, the expression is compiled
again with a note around each of its parts, and evaluated within the same budget.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.budget import EvaluationBudget, ExpressionTooLong
from flowc.compiler.expressions.compilation import Compilation
from flowc.compiler.expressions.frame import Evaluate, Frame, Names
from flowc.compiler.expressions.trees import METHODS

# Compiles a source once more.
Form = Callable[[str, Compilation], Evaluate]


@dataclass(frozen=True, slots=True)
class FailedPart:
    """The innermost part of an expression that failed, and the values that it was computed from.

    `tree` is None if all parts have a value, and a statement failed or what the whole is for: then
    the one operand is the last value. `names` are the names that could be read.
    """

    tree: nodes.Node | None
    operands: tuple[tuple[nodes.Node, Any], ...]
    names: tuple[str, ...]


def failed_part(form: Form, source: str, names: Names, budget: EvaluationBudget) -> FailedPart:
    """Evaluate an expression again that failed, and return its part that fails.

    Raises ExpressionTooLong if there is not enough left of the budget.
    """
    compilation = TracedCompilation(METHODS)
    notes = compilation.notes
    try:
        form(source, compilation)(Frame(names, budget))
    except ExpressionTooLong:
        raise
    except Exception as problem:
        tree = notes.failed if notes.problem is problem else None
        return FailedPart(tree, tuple(_operands(tree, notes)), tuple(names))
    # It does not fail again, for example since it reads random values.
    return FailedPart(None, (), ())


@dataclass(slots=True)
class _Notes:
    """What is known of an evaluation: the last value of each part, and the part that failed."""

    values: dict[int, tuple[nodes.Node, Any]] = field(default_factory=dict)
    last: nodes.Node | None = None
    failed: nodes.Node | None = None
    problem: Exception | None = None


@dataclass
class TracedCompilation(Compilation):
    """A compilation whose functions note the values of the parts, and the one that fails."""

    notes: _Notes = field(default_factory=_Notes)

    def compile(self, node: nodes.Node, *about: Any, **more: Any) -> Evaluate:
        """Return the function that evaluates a tree and notes its value."""
        return self._noting(node, super().compile(node, *about, **more))

    def _read(self, node: Any, whole: bool) -> Evaluate:
        return self._noting(node, super()._read(node, whole))

    def _key_of_name(self, node: nodes.Node) -> str | None:
        # Without the shortcut for a field of a name, the value of the name is noted, too.
        return None

    def _noting(self, node: nodes.Node, evaluate: Evaluate) -> Evaluate:
        notes = self.notes

        def noting(frame: Frame) -> Any:
            try:
                value = evaluate(frame)
            except Exception as problem:
                # The first to see a problem is the innermost.
                if notes.problem is not problem:
                    notes.problem, notes.failed = problem, node
                raise
            notes.values[id(node)] = node, value
            notes.last = node
            return value

        return noting


def _operands(tree: nodes.Node | None, notes: _Notes) -> Iterator[tuple[nodes.Node, Any]]:
    if tree is not None:
        yield from _values_in(tree, notes)
    elif notes.last is not None:
        yield notes.values[id(notes.last)]


def _values_in(tree: nodes.Node, notes: _Notes) -> Iterator[tuple[nodes.Node, Any]]:
    """Yield the parts that a tree is computed from; what only holds them has no value."""
    for child in tree.iter_child_nodes():
        if id(child) in notes.values:
            yield notes.values[id(child)]
        else:
            yield from _values_in(child, notes)
