"""The language of templates and conditions: Jinja2's syntax over plain JSON, no Python."""

from flowc.compiler.expressions.expression import (
    Expression,
    Names,
    Reference,
    compile_condition,
    compile_expression,
    compile_formula,
    compile_template,
)
from flowc.compiler.expressions.values import ExpressionError, MissingValue

__all__ = [
    "Expression",
    "ExpressionError",
    "MissingValue",
    "Names",
    "Reference",
    "compile_condition",
    "compile_expression",
    "compile_formula",
    "compile_template",
]
