"""Compiled templates, expressions and conditions."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.budget import (
    EvaluationBudget,
    ExpressionTooLong,
    current_budget,
)
from flowc.compiler.expressions.compilation import Compilation
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.evidence import list_in
from flowc.compiler.expressions.frame import Evaluate, Frame, Names
from flowc.compiler.expressions.occurrences import Occurrence, occurrences_in
from flowc.compiler.expressions.references import Reference, ReferencePath
from flowc.compiler.expressions.statements import compile_setting, compile_text
from flowc.compiler.expressions.syntax import (
    parse_condition,
    parse_expression,
    parse_template,
    parts_of,
)
from flowc.compiler.expressions.tracing import FailedPart, Form, failed_part
from flowc.compiler.expressions.trees import new_compilation
from flowc.compiler.expressions.values import is_scalar, kind_of, plain

__all__ = ["Expression", "Names", "Reference"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, which can be evaluated any number of times.

    `references` are the paths it reads; `is_text` marks a text without expressions in it;
    `is_recorded` one that reads the time or random values, and `cost` is how many steps it takes at
    least. `whole` is the path whose value, or items of whose value, the expression gives.
    """

    source: str
    references: tuple[Reference, ...]
    is_text: bool
    _evaluate: Evaluate
    is_recorded: bool = False
    cost: int = 1
    whole: ReferencePath | None = None
    _form: Form | None = None

    def evaluate(self, names: Names) -> Any:
        """Return the value; raise ExpressionError, or MissingValue for a missing name or field.

        The error says which part of the expression failed.
        """
        budget = current_budget()
        try:
            budget.spend(self.cost)
            return self._evaluate(Frame(names, budget))
        except ExpressionError as problem:
            problem.expression = self
            problem.part = self._failed_part(problem, names, budget)
            raise
        except RecursionError:
            failure = ExpressionError("the values are nested too deeply")
        except Exception as problem:
            failure = ExpressionError(f"the expression failed ({type(problem).__name__})")
        failure.expression = self
        raise failure

    def occurrences(self) -> tuple[Occurrence, ...]:
        """Return all places in the source where something is read."""
        return occurrences_in(self._form, self.source) if self._form is not None else ()

    def _failed_part(
        self, problem: ExpressionError, names: Names, budget: EvaluationBudget
    ) -> FailedPart | None:
        if self._form is None or isinstance(problem, ExpressionTooLong):
            return None
        try:
            return failed_part(self._form, self.source, names, budget)
        except ExpressionTooLong:
            # On the event loop; all of it is done again in a thread, where there is more time.
            if budget.is_quick:
                raise
            return None


@lru_cache(4096)
def compile_template(source: str) -> Expression:
    """Compile a text with `{{...}}` in it; a `{{...}}` on its own keeps its value's JSON type.

    >>> names = {"input": {"n": 3, "tags": ["a"]}}
    >>> compile_template("{{input.n}} items").evaluate(names)
    '3 items'
    >>> compile_template("{{input.tags}}").evaluate(names)
    ['a']
    """
    if "{" not in source:
        return Expression(source, (), True, lambda frame: source)
    body = parse_template(source)
    parts = parts_of(body)
    literal = [isinstance(part, nodes.TemplateData) for part in parts]
    if all(isinstance(node, nodes.Output) for node in body) and all(literal):
        text = "".join([part.data for part in parts if isinstance(part, nodes.TemplateData)])
        # Without its comments and the marks of raw text, it is not the text in the definition.
        return Expression(source, (), text == source, lambda frame: text)
    compilation = new_compilation()
    return _expression(source, compilation, _of_body(compilation, body), _template)


def _template(source: str, compilation: Compilation) -> Evaluate:
    return _of_body(compilation, parse_template(source))


def _of_body(compilation: Compilation, body: list[nodes.Node]) -> Evaluate:
    parts = parts_of(body)
    values = [part for part in parts if not isinstance(part, nodes.TemplateData)]
    if len(values) == 1 and _is_lone(body, parts):
        return _lone(compilation, body)
    return compile_text(compilation, body)


def _is_lone(body: list[nodes.Node], parts: list[nodes.Expr]) -> bool:
    """Return whether a template is one expression, apart from white space and `set` before it."""
    if any(isinstance(part, nodes.TemplateData) and part.data.strip() for part in parts):
        return False
    kinds = [type(node) for node in body if not _is_blank(node)]
    return kinds[-1] is nodes.Output and set(kinds[:-1]) <= {nodes.Assign, nodes.AssignBlock}


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(part, nodes.TemplateData) for part in node.nodes
    )


def _lone(compilation: Compilation, body: list[nodes.Node]) -> Evaluate:
    *settings, last = [node for node in body if not _is_blank(node)]
    run = compile_setting(compilation, settings) if settings else None
    value = next(part for part in parts_of([last]) if not isinstance(part, nodes.TemplateData))
    evaluate = compilation.compile(value)
    compilation.whole = compilation.path_read_by(list_in(value))
    if run is None:
        return evaluate

    def after_setting(frame: Frame) -> Any:
        run(frame, [])
        return evaluate(frame)

    return after_setting


@lru_cache(4096)
def compile_expression(source: str) -> Expression:
    """Compile an expression, with or without braces around it.

    >>> compile_expression("input.n * 2").evaluate({"input": {"n": 3}})
    6
    """
    compilation = new_compilation()
    return _expression(source, compilation, _value(source, compilation), _value)


def _value(source: str, compilation: Compilation) -> Evaluate:
    tree = parse_expression(_bare(source))
    evaluate = compilation.compile(tree)
    compilation.whole = compilation.path_read_by(list_in(tree))
    return evaluate


def compile_formula(source: str) -> Expression:
    """Compile what a node evaluates itself: a template, or else an expression without braces."""
    return compile_template(source) if has_expressions(source) else compile_expression(source)


@lru_cache(4096)
def compile_condition(source: str) -> Expression:
    """Compile an expression that must be true or false; `{{...}}` in it is optional.

    >>> compile_condition("{{input.city}} == 'Rome'").evaluate({"input": {"city": "Rome"}})
    True
    """
    compilation = new_compilation()
    return _expression(source, compilation, _decision(source, compilation), _decision)


def _decision(source: str, compilation: Compilation) -> Evaluate:
    return _deciding(compilation.compile(parse_condition(source), used_as="boolean"))


def has_expressions(source: str) -> bool:
    """Return whether a text may have expressions or statements in it.

    >>> has_expressions("Hello {{input.name}}"), has_expressions("Hello {name}")
    (True, False)
    """
    return "{{" in source or "{%" in source


def _expression(
    source: str, compilation: Compilation, evaluate: Evaluate, form: Form
) -> Expression:
    if compilation.makes_moments:
        evaluate = _plainly(evaluate)
    return Expression(
        source,
        compilation.references(),
        False,
        evaluate,
        compilation.is_recorded,
        1 + compilation.size // 4,
        compilation.whole,
        form,
    )


def _plainly(evaluate: Evaluate) -> Evaluate:
    """Return what evaluates to plain JSON, although it computes with moments and others."""

    def evaluate_plainly(frame: Frame) -> Any:
        value = evaluate(frame)
        return value if is_scalar(value) else plain(value, frame.budget)

    return evaluate_plainly


def _bare(source: str) -> str:
    """Return an expression without braces around it, at the same offset."""
    text = source.strip()
    if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
        return source.replace("{{", "  ", 1).rstrip()[:-2]
    return source


def _deciding(evaluate: Evaluate) -> Evaluate:
    def decide(frame: Frame) -> bool:
        value = evaluate(frame)
        if not isinstance(value, bool):
            raise ExpressionError(
                f"the condition must be true or false, but its type is {kind_of(value)}"
            )
        return value

    return decide
