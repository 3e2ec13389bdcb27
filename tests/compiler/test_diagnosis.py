"""A failed evaluation is explained: by which part, with which value, and within bounds."""

import json
from collections import UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.flows import run
from fakes.places import TESTS
from flowc.compiler.expressions import (
    Expression,
    ExpressionError,
    compile_condition,
    compile_template,
    described,
    diagnose,
    evaluated,
    shortened,
)
from flowc.compiler.expressions.budget import BudgetSize, within
from flowc.compiler.expressions.diagnosis import Diagnosis
from flowc.compiler.expressions.syntax import parse_condition, parse_expression
from flowc.compiler.expressions.writing import written
from flowc.compiler.running.redaction import Redactor
from flowc.compiler.running.run_context import NodeFailed

NAMES: dict[str, Any] = {
    "input": {"n": 3, "name": "Ada", "many": [{"n": n} for n in range(9_000)] + [{"m": 1}]}
}


def failure(expression: Expression, names: Any = NAMES) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(names)
    return caught.value


def why(source: str, names: Any = NAMES) -> Diagnosis:
    return diagnose(failure(compile_template(source), names), lambda value: value)


HANDLED = [
    ("{{ (input.x|default(input.n)) * input.name }}", "input.name"),
    ("{{ (1 if input.x is defined else input.n) * input.name }}", "input.name"),
    ("{{ input.x|default(input.name * 2) }}", "input.name"),
    ("{{ input.x|default(input.y.z) }}", "input.y"),
    (
        "{% if input.x is defined %}{{ input.x }}{% else %}{{ -input.name }}{% endif %}",
        "input.name",
    ),
    ("{{ true or input.x }}{{ input.name - 1 }}", "input.name"),
]


@pytest.mark.parametrize(("source", "reference"), HANDLED)
def test_a_missing_value_that_is_handled_is_not_blamed(source: str, reference: str) -> None:
    assert why(source).reference == reference


def test_of_a_loop_the_turn_that_failed_is_shown() -> None:
    found = why("{% for item in input.many[8998:] %}{{ item.n * 2 }},{% endfor %}")
    assert (found.reference, found.value) == ("item.n", '{"m": 1}')


async def test_a_long_evaluation_is_explained_in_its_thread() -> None:
    expression = compile_template("{% for item in input.many %}{{ item.n * 2 }},{% endfor %}")
    with pytest.raises(ExpressionError) as caught:
        await evaluated(lambda: expression.evaluate(NAMES))
    assert diagnose(caught.value, lambda value: value).reference == "item.n"


def test_what_is_too_long_to_do_twice_keeps_its_own_message() -> None:
    expression = compile_template("{% for item in input.many %}{{ item.n * 2 }},{% endfor %}")
    size = next(
        size
        for size in range(10_000, 1_000_000, 10_000)
        if "item" in str(_failure_within(expression, size)) or _is_missing(expression, size)
    )
    problem = _failure_within(expression, size)
    assert problem.part is None
    found = diagnose(problem, lambda value: value)
    assert (found.message, found.reference) == ("there is no field 'n'", None)


def _failure_within(expression: Expression, steps: int) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        within(BudgetSize(steps, 1 << 26, 10.0), lambda: expression.evaluate(NAMES))
    return caught.value


def _is_missing(expression: Expression, steps: int) -> bool:
    return "no field" in str(_failure_within(expression, steps))


def test_what_does_not_fail_again_is_reported_as_it_failed() -> None:
    class Once(UserDict[str, Any]):
        """Names that lack one the first time that they are copied."""

        copied = 0

        def keys(self) -> Any:
            self.copied += 1
            return super().keys() - ({"n"} if self.copied == 1 else set())

    assert why("{{ n }}", Once(n=1)) == Diagnosis("'n' is not defined")


def conditions() -> list[str]:
    cases = json.loads((TESTS / "compiler/cases/condition_cases.json").read_text())["cases"]
    return sorted({case["condition"] for case in cases if isinstance(case["condition"], str)})


def test_each_part_of_the_language_is_written_as_it_is_read() -> None:
    seen = 0
    for source in conditions():
        try:
            tree = parse_condition(source)
        except ExpressionError:
            continue
        text = written(tree)
        if not text.endswith("…"):
            assert written(parse_expression(text)) == text
            seen += 1
    assert seen > 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.integers(1, 200))
def test_a_value_is_shown_within_its_bound(value: Any, most: int) -> None:
    shown = shortened(value, most)
    assert len(shown) <= most
    assert shown.endswith("…") or shown == json.dumps(value, ensure_ascii=False)


def test_a_large_value_is_not_written_out_to_be_shortened() -> None:
    deep: Any = "x"
    for _ in range(60):
        deep = [deep, deep]
    assert len(shortened(deep)) <= 200
    assert len(shortened(["y" * 1_000_000] * 100_000)) == 200


SECRETS = ["sesame-42-" + "open" * 80, "äöü-geheim", "a b&c=1"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", [0, 60, 100, 190, 198])
def test_no_part_of_a_secret_is_shown_where_a_value_is_cut(secret: str, before: int) -> None:
    value = {"text": "x" * before + secret + "y" * 500, "n": 1}
    redactor = Redactor([secret])
    found = diagnose(failure(compile_template("{{ a * 2 }}"), {"a": value}), redactor.json)
    for shown in (found.message, found.value or "", described(value, redactor.json(value))):
        assert not any(secret[at : at + 4] in shown for at in range(len(secret) - 3))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ secrets.key * 2 }}", {}),
        ("{% set k = secrets.key|upper %}{{ k * 2 }}", {}),
        ("{{ input.n ~ (secrets.key|list|first).x }}", {}),
        ("{{ input[secrets.key].x }}", {"SESAME": 1}),
        ("{% for c in secrets.key|list %}{{ c * 2 }}{% endfor %}", {}),
    ],
)
def test_no_value_made_from_a_secret_is_shown(source: str, names: dict[str, Any]) -> None:
    everything = {"input": {"n": 1, **names}, "secrets": {"key": "SESAME"}}
    found = diagnose(failure(compile_template(source), everything), Redactor(["SESAME"]).json)
    assert found.value is None
    assert "SESAME" not in found.message


def test_a_condition_is_explained_as_well() -> None:
    problem = failure(compile_condition("{{input.name}} >= 1 or true"))
    assert "'>=' compares it with a number (1)" in diagnose(problem, lambda value: value).message


async def test_the_input_of_a_sub_workflow_that_does_not_fit_is_shown() -> None:
    inner = {"input": {"n": "integer"}, "nodes": [{"id": "a", "type": "start"}]}
    config = {"workflow": inner, "input": {"n": "{{input.n}}"}}
    with pytest.raises(NodeFailed) as caught:
        await run({"nodes": [{"id": "s", "type": "subworkflow", "config": config}]}, {"n": "x"})
    assert caught.value.code == "input-does-not-fit"
    assert caught.value.at == ("nodes", 0, "config", "input", "n")
    assert caught.value.evidence[1:3] == ("input.n", '{"n": "x"}')
