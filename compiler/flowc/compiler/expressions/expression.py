"""What is an expression, once compiled, and what does it refer to?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.compilation import Compilation, Evaluate, Reference
from flowc.compiler.expressions.syntax import parse_condition, parse_expression, parse_template
from flowc.compiler.expressions.values import ExpressionError, as_text, kind_of, limited

Names = Mapping[str, Any]

__all__ = ["Expression", "Names", "Reference"]


@dataclass(frozen=True, slots=True)
class Expression:
    """Something to evaluate over names with plain JSON values, as often as wanted.

    `is_text` says that it is a text without expressions, and so its own value.
    """

    source: str
    references: tuple[Reference, ...]
    is_text: bool
    _evaluate: Evaluate

    def evaluate(self, names: Names) -> Any:
        """Return the value; raise ExpressionError (MissingValue where something is not there)."""
        try:
            return self._evaluate(names)
        except ExpressionError:
            raise
        except RecursionError:
            raise ExpressionError("the values are nested too deeply") from None
        except Exception as problem:
            raise ExpressionError(f"it cannot be evaluated ({type(problem).__name__})") from None


@lru_cache(4096)
def compile_template(source: str) -> Expression:
    """Compile text with `{{...}}` in it; a lone `{{...}}` keeps its value's JSON type."""
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
    """Compile an expression; the braces round it may be left out."""
    compilation = Compilation()
    return _expression(source, compilation, compilation.compile(parse_expression(_bare(source))))


def compile_formula(source: str) -> Expression:
    """Compile what a node evaluates itself: a template, or an expression without braces."""
    return compile_template(source) if "{{" in source else compile_expression(source)


@lru_cache(4096)
def compile_condition(source: str) -> Expression:
    """Compile an expression that is true or false, with islands `{{...}}` or without."""
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
            raise ExpressionError(f"the condition is {kind_of(value)}, not true or false")
        return value

    return decide
