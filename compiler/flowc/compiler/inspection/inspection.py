"""Goes through expressions with what is possible in the place of values, and notes what is wrong.

What is not known is taken to be anything, so that all that is found is certain: no values that fit
the schemas make it right.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from jinja2 import nodes

from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.expressions.syntax import path_of
from flowc.compiler.inspection.finite import FEW, finite_values
from flowc.compiler.inspection.possible import (
    ANYTHING,
    NUMBER,
    TRUE_OR_FALSE,
    Possible,
    among,
    field_of_possible,
)
from flowc.compiler.inspection.written import written

InspectTree = Callable[["Inspection", Any], Possible]
FindingCode = Literal[
    "type-mismatch", "never-equal", "always-true", "always-false", "unreachable-branch"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a tree; `is_certain` means that it is evaluated each time."""

    code: FindingCode
    message: str
    hint: str | None
    tree: nodes.Node
    is_certain: bool


@dataclass
class Inspection:
    """What is found in one expression or text.

    `rules` has a function for each kind of tree, and `read` returns what a path from outside can
    be. `locals` are the local variables that are visible here.
    """

    rules: Mapping[type[nodes.Node], InspectTree]
    read: Callable[[ReferencePath], Possible]
    findings: list[Finding] = field(default_factory=list)
    locals: dict[str, Possible] = field(default_factory=dict)
    handles_missing: bool = False
    budget: EvaluationBudget = field(default_factory=lambda: EvaluationBudget(FEW))
    _is_certain: bool = True

    def possible(self, node: nodes.Node) -> Possible:
        """Return what the value of a tree can be, and note what is wrong in it."""
        path = path_of(node)
        if path is not None:
            return self.at_path(path)
        rule = self.rules.get(type(node))
        return rule(self, node) if rule is not None else ANYTHING

    def at_path(self, path: ReferencePath) -> Possible:
        """Return what the value at a path can be, from outside or in a local variable."""
        root, *steps = path
        if root not in self.locals:
            return self.read(path)
        found = self.locals[str(root)]
        if found.kinds == {"loop"} and steps:
            return _LOOP_FIELDS.get(steps[0], ANYTHING) if len(steps) == 1 else ANYTHING
        for step in steps:
            found = field_of_possible(found, step)
        return found

    def refined(self, node: nodes.Node, found: Possible, *operands: Possible) -> Possible:
        """Return the values of a tree one by one, if those of its operands are known."""
        if not found.kinds or any(operand.values is None for operand in operands):
            return found
        values = finite_values(node, self.at_path, self.budget)
        return found if values is None else among(values)

    def decide(self, node: nodes.Node) -> frozenset[bool]:
        """Return what a condition can be, and note it if that is always the same."""
        before = len(self.findings)
        return self.note_decision(node, self.possible(node), before)

    def note_decision(self, node: nodes.Node, found: Possible, before: int) -> frozenset[bool]:
        """Return whether values count as true or as false; note it if all do the same.

        `before` is the number of findings before the condition was inspected.
        """
        truth = found.truth
        is_known = found.values is not None
        if len(truth) > 1 and is_known and isinstance(node, (nodes.And, nodes.Or, nodes.Not)):
            # Its sides may depend on each other: `kind == 'a' or kind == 'b'`.
            values = finite_values(node, self.at_path, self.budget)
            truth = truth if values is None else among(values).truth
        is_meant = isinstance(node, nodes.Const) or asks_for_null(node)
        if len(truth) == 1 and not is_meant and len(self.findings) == before:
            (holds,) = truth
            word: FindingCode = "always-true" if holds else "always-false"
            message = f"{written(node)!r} is always {str(holds).lower()}."
            is_path = path_of(node) is not None
            hint = f"{written(node)} is defined says whether it is there." if is_path else None
            self.note(word, message, hint, node)
        return truth

    def note(self, code: FindingCode, message: str, hint: str | None, tree: nodes.Node) -> None:
        """Add a finding."""
        is_certain = self._is_certain and not self.handles_missing
        self.findings.append(Finding(code, message, hint, tree, is_certain))

    @contextmanager
    def perhaps(self, is_so: bool = True) -> Iterator[None]:
        """Mark what is inside as something that an evaluation may leave out."""
        before, self._is_certain = self._is_certain, self._is_certain and not is_so
        try:
            yield
        finally:
            self._is_certain = before

    @contextmanager
    def with_default(self) -> Iterator[None]:
        """Mark what is inside as something that may be missing."""
        before, self.handles_missing = self.handles_missing, True
        try:
            yield
        finally:
            self.handles_missing = before

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Let the local variables that are set inside end with the block."""
        before, self.locals = self.locals, dict(self.locals)
        try:
            yield
        finally:
            self.locals = before


_LOOP_FIELDS: Mapping[str | int, Possible] = {
    **dict.fromkeys(("index", "index0", "revindex", "revindex0", "length"), NUMBER),
    **dict.fromkeys(("first", "last"), TRUE_OR_FALSE),
}


def asks_for_null(node: nodes.Node) -> bool:
    """Return whether a condition asks if a value is null or missing, perhaps out of caution."""
    found = [node, *node.find_all((nodes.Test, nodes.Const))]
    return any(
        (isinstance(each, nodes.Const) and each.value is None)
        or (isinstance(each, nodes.Test) and each.name in {"none", "defined", "undefined"})
        for each in found
    )
