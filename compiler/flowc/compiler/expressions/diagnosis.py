"""Explains a failed evaluation: the reference or part that failed, and its value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, NamedTuple

from jinja2 import nodes

from flowc.compiler.expressions.errors import ExpressionError, MissingValue
from flowc.compiler.expressions.expression import Expression
from flowc.compiler.expressions.shown_values import described, shortened
from flowc.compiler.expressions.syntax import path_of
from flowc.compiler.expressions.tracing import FailedPart
from flowc.compiler.expressions.values import kind_of
from flowc.compiler.expressions.writing import sign_of, written

# Returns a value in which every secret is masked.
Mask = Callable[[Any], Any]
Operand = tuple[nodes.Node, Any]

_MAX_NAMES = 10
# How the messages end, or what they are, about which more can be said than the values.
_NOT_A_NUMBER, _NOT_ORDERED = " is not a number", " cannot be ordered"
_BY_ZERO, _BAD_BOUND = "division by zero", "a slice needs whole numbers"
_SKIPPED = "A node that did not run has no output; |default(…) gives another value."


class Diagnosis(NamedTuple):
    """What is known of a failed evaluation.

    `reference` is the path, or part of the expression, whose value is at fault, and `value` its
    value, shortened and without secrets. `secret` is the name of a secret that is not set.
    """

    message: str
    reference: str | None = None
    value: str | None = None
    hint: str | None = None
    secret: str | None = None


def diagnose(problem: ExpressionError, mask: Mask) -> Diagnosis:
    """Return why an evaluation failed; no value that comes from a secret is shown.

    >>> from flowc.compiler.expressions.expression import compile_condition
    >>> try:
    ...     compile_condition("input.score > 10").evaluate({"input": {"score": "high"}})
    ... except ExpressionError as problem:
    ...     print(diagnose(problem, lambda value: value).message)
    'input.score' is text ("high"), and '>' compares it with a number (10)
    """
    part, expression = problem.part, problem.expression
    if not isinstance(part, FailedPart) or not isinstance(expression, Expression):
        return Diagnosis(str(problem), hint=problem.hint)
    found = _Failure(problem, part, mask, reads_secrets(expression)).diagnosis()
    return found._replace(hint=found.hint or problem.hint)


def reads_secrets(expression: Expression) -> bool:
    """Return whether the value of an expression may be a secret, or made from one."""
    return any(reference.path[0] == "secrets" for reference in expression.references)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A failed evaluation; its values are not shown if it `is_secret`."""

    problem: ExpressionError
    part: FailedPart
    mask: Mask
    is_secret: bool

    def diagnosis(self) -> Diagnosis:
        tree, message, operands = self.part.tree, str(self.problem), self.part.operands
        if isinstance(self.problem, MissingValue) and isinstance(tree, nodes.Name):
            hint = _SKIPPED if tree.name in message else None
            return Diagnosis(message, written(tree), hint=hint)
        if isinstance(self.problem, MissingValue) and isinstance(tree, _PATHS) and operands:
            return self._missing_field(tree, *operands[0])
        if message.endswith(_NOT_ORDERED) and isinstance(tree, nodes.Compare):
            return self._not_ordered(tree)
        if message.endswith(_NOT_A_NUMBER) and isinstance(tree, (nodes.BinExpr, nodes.UnaryExpr)):
            wrong = next((each for each in operands if kind_of(each[1]) != "number"), None)
            if wrong is not None:
                return self._not_a_number(tree, wrong)
        return self._with_values(message, [each for each in operands if not _is_constant(each)])

    def _with_values(self, message: str, operands: Sequence[Operand]) -> Diagnosis:
        if not operands:
            return Diagnosis(message)
        if message == _BY_ZERO:
            operands = operands[-1:]
        elif message.startswith(_BAD_BOUND):
            operands = operands[1:]
        facts = " and ".join(dict.fromkeys(map(self._is, operands[:2])))
        return self._at_fault(f"{message}: {facts}", operands[0])

    def _not_a_number(self, tree: nodes.Expr, wrong: Operand) -> Diagnosis:
        needs, hint = "numbers", _number_hint(*wrong)
        if isinstance(tree, nodes.Add):
            needs = "numbers, or only texts, or only lists"
            if kind_of(wrong[1]) == "text":
                hint = hint or "Write ~ instead of + to join texts with other values."
        sentence = f"{self._is(wrong)}, and {sign_of(tree)!r} needs {needs}"
        return self._at_fault(sentence, wrong, hint)

    def _at_fault(self, message: str, operand: Operand, hint: str | None = None) -> Diagnosis:
        tree, value = operand
        return Diagnosis(message, written(tree), self._shown(value), hint)

    def _missing_field(self, tree: nodes.Expr, owner: nodes.Node, value: Any) -> Diagnosis:
        key, holder, hint = self._key(tree), written(owner), None
        # Masked before it is cut: a part of a secret would not be found any more.
        field = f"field {str(self.mask(key))[:60]!r}"
        if path_of(owner) == ("secrets",):
            return Diagnosis(str(self.problem), written(tree), secret=str(key))
        if isinstance(value, dict):
            names = [str(self.mask(name))[:60] for name in value]
            near = get_close_matches(str(key), names, n=1)
            message = f"{holder!r} has no {field}; {_listed(names)}"
            hint = f"Did you mean {near[0]!r}?" if near else None
        elif isinstance(value, list):
            count = "1 item" if len(value) == 1 else f"{len(value):,} items"
            message = f"{holder!r} has {count}, so there is no item {str(key)[:20]}"
        else:
            message = f"{self._is((owner, value))}, which has no {field}"
        return Diagnosis(message, written(tree), self._shown(value), hint)

    def _key(self, tree: nodes.Expr) -> Any:
        """Return the name or number of the field that is read."""
        if isinstance(tree, nodes.Getattr):
            return tree.attr
        assert isinstance(tree, nodes.Getitem)  # `_PATHS` has no other
        if isinstance(tree.arg, nodes.Const):
            return tree.arg.value
        return next((value for part, value in self.part.operands if part is tree.arg), "")

    def _not_ordered(self, tree: nodes.Compare) -> Diagnosis:
        left, right, sign = _compared(tree, self.part.operands)
        blamed, other = (right, left) if _is_constant(left) else (left, right)
        what = self._described(other[1])
        if not _is_constant(other):
            what = f"{written(other[0])!r}, which is {what}"
        hint = _number_hint(*blamed) if kind_of(other[1]) == "number" else None
        sentence = f"{self._is(blamed)}, and {sign!r} compares it with {what}"
        return self._at_fault(sentence, blamed, hint)

    def _is(self, operand: Operand) -> str:
        return f"{written(operand[0])!r} is {self._described(operand[1])}"

    def _described(self, value: Any) -> str:
        return described(value, self.mask(value), is_secret=self.is_secret)

    def _shown(self, value: Any) -> str | None:
        return None if self.is_secret else shortened(self.mask(value))


_PATHS = (nodes.Getattr, nodes.Getitem)


def _is_constant(operand: Operand) -> bool:
    return isinstance(operand[0], nodes.Const)


def _compared(tree: nodes.Compare, operands: Sequence[Operand]) -> tuple[Operand, Operand, str]:
    """Return the two neighbours in a comparison that have no order, and the sign between them."""
    pairs = list(pairwise(operands))
    unlike = [i for i, (one, other) in enumerate(pairs) if kind_of(one[1]) != kind_of(other[1])]
    # What has no order at all, such as two lists, is compared last.
    at = unlike[0] if unlike else len(pairs) - 1
    return *pairs[at], sign_of(tree, at)


def _number_hint(tree: nodes.Node, value: Any) -> str | None:
    """Return how to make a number of a text that is one."""
    try:
        float(value if isinstance(value, str) else "")
    except ValueError:
        return None
    return f"Write {written(tree)}|float."


def _listed(names: Sequence[str]) -> str:
    """Return a list of the fields of an object.

    >>> print(_listed(["name", "city"]))
    its fields are 'name' and 'city'
    """
    *most, last = [repr(name) for name in names[:_MAX_NAMES]] or [""]
    if not names:
        return "it is empty"
    if len(names) > _MAX_NAMES:
        most, last = [*most, last], f"{len(names) - _MAX_NAMES:,} more"
    return f"its fields are {', '.join(most)} and {last}" if most else f"its field is {last}"
