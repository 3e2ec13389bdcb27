"""Compiled templates, expressions and conditions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.compilation import Compilation, Evaluate, Names, Reference
from flowc.compiler.expressions.syntax import parse_condition, parse_expression, parse_template
from flowc.compiler.expressions.values import ExpressionError, as_text, kind_of, limited

__all__ = ["Expression", "Names", "Reference"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, which can be evaluated any number of times.

    `references` are the paths it reads; `is_text` marks a text without expressions in it.
    """

    source: str
    references: tuple[Reference, ...]
    is_text: bool
    _evaluate: Evaluate

    def evaluate(self, names: Names) -> Any:
        """Return the value; raise ExpressionError, or MissingValue for a missing name or field."""
        try:
            return self._evaluate(names)
        except ExpressionError:
            raise
        except RecursionError:
            raise ExpressionError("the values are nested too deeply") from None
        except Exception as problem:
            raise ExpressionError(f"the expression failed ({type(problem).__name__})") from None


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
        return Expression(source, (), True, lambda names: source)
    compilation = Compilation()
    parts = parse_template(source)
    literal = [isinstance(part, nodes.TemplateData) for part in parts]
    compiled = [compilation.compile(part) for part in parts]
    if literal.count(False) == 1 and not _has_text(parts):
        return _expression(source, compilation, compiled[literal.index(False)])
    if all(literal):
        return Expression(source, (), True, lambda names: source)
    return _expression(source, compilation, _concatenated(compiled))


@lru_cache(4096)
def compile_expression(source: str) -> Expression:
    """Compile an expression, with or without braces around it.

    >>> compile_expression("input.n * 2").evaluate({"input": {"n": 3}})
    6
    """
    compilation = Compilation()
    return _expression(source, compilation, compilation.compile(parse_expression(_bare(source))))


def compile_formula(source: str) -> Expression:
    """Compile what a node evaluates itself: a template, or else an expression without braces."""
    return compile_template(source) if "{{" in source else compile_expression(source)


@lru_cache(4096)
def compile_condition(source: str) -> Expression:
    """Compile an expression that must be true or false; `{{...}}` in it is optional.

    >>> compile_condition("{{input.city}} == 'Rome'").evaluate({"input": {"city": "Rome"}})
    True
    """
    compilation = Compilation()
    compiled = compilation.compile(parse_condition(source), used_as="boolean")
    return _expression(source, compilation, _deciding(compiled))


def _expression(source: str, compilation: Compilation, evaluate: Evaluate) -> Expression:
    return Expression(source, compilation.references(), False, evaluate)


def _bare(source: str) -> str:
    text = source.strip()
    if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
        return text[2:-2].strip()
    return text


def _has_text(parts: list[nodes.Expr]) -> bool:
    return any(isinstance(part, nodes.TemplateData) and part.data.strip() for part in parts)


def _concatenated(parts: list[Evaluate]) -> Evaluate:
    def evaluate(names: Names) -> str:
        return limited("".join([as_text(part(names)) for part in parts]))

    return evaluate


def _deciding(evaluate: Evaluate) -> Callable[[Names], bool]:
    def decide(names: Names) -> bool:
        value = evaluate(names)
        if not isinstance(value, bool):
            raise ExpressionError(
                f"the condition must be true or false, but its type is {kind_of(value)}"
            )
        return value

    return decide
