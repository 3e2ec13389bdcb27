"""Each refusal of the expression language has a sentence of its own."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import nodes

from flowc.compiler.expressions import (
    Expression,
    ExpressionError,
    compile_condition,
    compile_template,
)
from flowc.compiler.expressions.arithmetic import multiply
from flowc.compiler.expressions.moments import computed_with_moments
from flowc.compiler.expressions.statements import compile_text
from flowc.compiler.expressions.syntax_errors import syntax_error
from flowc.compiler.expressions.trees import new_compilation

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "refusals.yaml").read_text("utf-8"))


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


VALUES: dict[str, Any] = {
    "items": [1, 2],
    "text": "abc",
    "obj": {"a": 1},
    "secretive": {"_x": 1},
    "key": "_x",
    "large": 2**255,
    "many": [0] * 100_001,
    "fields": {str(number): 0 for number in range(100_001)},
    "long": "y" * 201,
    "verylong": "y" * 20_001,
    "brackets": "[" * 3_000,
    "bangs": "!" * 1_999,
    "parens": "(" * 1_999,
    "surrogate": "\ud800",
    "digits": "9" * 80,
    "deep": nested(120),
    "deep2": nested(100_000),
    "deep3": nested(100_000),
    "text_200k": "a " * 110_000,
    "megabyte": "x" * 1_000_000,
    "ampersands": "&" * 400_000,
}


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: case.get("template", case.get("condition"))
)
def test_a_refusal_says_what_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(ExpressionError) as refused:
        if "template" in case:
            compile_template(case["template"]).evaluate({"v": VALUES})
        else:
            compile_condition(case["condition"]).evaluate({"v": VALUES})
    assert str(refused.value) == case["says"]
    if "hint" in case:
        assert refused.value.hint == case["hint"]


@pytest.mark.parametrize(
    ("read", "source", "says"),
    [
        (
            compile_template,
            "{{ a }}" + " " * 40_000,
            "the template is longer than 32,768 characters",
        ),
        (compile_condition, "a" + " " * 40_000, "the condition is longer than 32,768 characters"),
    ],
)
def test_an_expression_has_a_length(read: Any, source: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        read(source)


def refused(*parts: nodes.Node) -> str:
    """Return why a tree is refused, which Jinja does not parse from any text of today."""
    with pytest.raises(ExpressionError) as problem:
        compile_text(new_compilation(), list(parts))
    return str(problem.value)


def test_what_jinja_may_parse_one_day_is_refused() -> None:
    constant, marked = nodes.Const(1j), nodes.MarkSafe(nodes.Const("a"))
    assert refused(nodes.Output([constant])) == "this constant is not allowed"
    assert refused(nodes.Output([marked])) == "MarkSafe is not allowed"
    assert refused(nodes.Break()) == "the statement 'break' is not available"
    assert str(syntax_error("{{ a }}", "a sentence of tomorrow")) == "the syntax is wrong"


def test_what_no_check_foresees_is_an_error_of_the_expression() -> None:
    def broken(frame: Any) -> Any:
        raise KeyError("internals")

    with pytest.raises(ExpressionError, match=r"^the expression failed \(KeyError\)$"):
        Expression("{{ a }}", (), False, broken).evaluate({})
    with pytest.raises(ExpressionError, match="the number is too large"):
        multiply(10**400, 1.5)
    with pytest.raises(ExpressionError, match="one cannot compute with number and number"):
        computed_with_moments(lambda left, right: True, 1, 2)
