"""The expression language: Jinja2's syntax over plain JSON, without access to Python.

>>> compile_template("Hello {{input.name|title}}").evaluate({"input": {"name": "ada"}})
'Hello Ada'
>>> compile_condition("{{input.n}} > 1 and input.tags is defined").evaluate({"input": {"n": 2}})
False
>>> [reference.path for reference in compile_expression("a.b[0] + nodes.c.output").references]
[('a', 'b', 0), ('nodes', 'c', 'output')]
"""

from flowc.compiler.expressions.budget import evaluated
from flowc.compiler.expressions.diagnosis import Diagnosis, Mask, diagnose, reads_secrets
from flowc.compiler.expressions.errors import ExpressionError, MissingValue
from flowc.compiler.expressions.expression import (
    Expression,
    Names,
    Reference,
    compile_condition,
    compile_expression,
    compile_formula,
    compile_template,
    has_expressions,
)
from flowc.compiler.expressions.frame import RECORDED, RecordedValues
from flowc.compiler.expressions.shown_values import described, shortened

__all__ = [
    "RECORDED",
    "Diagnosis",
    "Expression",
    "ExpressionError",
    "Mask",
    "MissingValue",
    "Names",
    "RecordedValues",
    "Reference",
    "compile_condition",
    "compile_expression",
    "compile_formula",
    "compile_template",
    "described",
    "diagnose",
    "evaluated",
    "has_expressions",
    "reads_secrets",
    "shortened",
]
