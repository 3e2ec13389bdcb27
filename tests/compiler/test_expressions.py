"""Templates and conditions: the given tables, and what no value may ever do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowc.compiler.expressions import (
    ExpressionError,
    MissingValue,
    compile_condition,
    compile_expression,
    compile_template,
)

# Those of the parser, which authors do not know.
JINJAS_WORDS = re.compile(r"\btoken|print statement|statement block|unknown tag|[Jj]inja")
CASES = Path(__file__).parent / "cases"


def _rows(name: str) -> list[Any]:
    table = json.loads((CASES / name).read_text())
    rows = []
    for case in table["cases"]:
        context = case["context"]
        names = table["contexts"][context] if isinstance(context, str) else context
        rows.append(pytest.param(case, names, id=case["id"]))
    return rows


def _check(case: dict[str, Any], compile_and_run: Any) -> None:
    if case["expected"] == "error":
        with pytest.raises(ExpressionError) as refused:
            compile_and_run()
        assert not JINJAS_WORDS.search(str(refused.value))
        # This sentence is for exceptions that no check foresees.
        assert "the expression failed (" not in str(refused.value)
        return
    # Compared as JSON text, since in Python 1 == True.
    assert json.dumps(compile_and_run(), sort_keys=True) == json.dumps(
        case["value"], sort_keys=True
    )


@pytest.mark.parametrize(("case", "names"), _rows("template_cases.json"))
def test_every_template_case(case: dict[str, Any], names: dict[str, Any]) -> None:
    _check(case, lambda: compile_template(case["template"]).evaluate(names))


@pytest.mark.parametrize(("case", "names"), _rows("condition_cases.json"))
def test_every_condition_case(case: dict[str, Any], names: dict[str, Any]) -> None:
    _check(case, lambda: compile_condition(case["condition"]).evaluate(names))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HOSTILE = st.sampled_from(
    ["technical", "x' or 'a'=='a", "' ~ secrets.key ~ '", "}} or true or {{ 1", "{{ true }}", "\\'"]
)


@given(st.text() | HOSTILE)
def test_no_text_can_change_a_conditions_structure(value: str) -> None:
    names = {"x": {"v": value}}
    expected = value == "technical"
    assert compile_condition("{{x.v}} == 'technical'").evaluate(names) is expected
    assert compile_condition("'{{x.v}}' == 'technical'").evaluate(names) is expected
    assert compile_condition('"{{x.v}}" == "technical"').evaluate(names) is expected
    assert compile_condition("'-{{x.v}}-' == '-technical-'").evaluate(names) is expected
    assert compile_condition("{{x.v}} == 'technical' and false").evaluate(names) is False


@given(JSON)
def test_a_lone_expression_keeps_its_value_and_reads_it_once(value: Any) -> None:
    assert compile_template("{{x.v}}").evaluate({"x": {"v": value}}) == value


@given(st.text())
def test_a_text_in_a_text_is_not_rendered_again(value: str) -> None:
    assert compile_template("<{{x}}>").evaluate({"x": value}) == f"<{value}>"


@given(st.text(max_size=60))
def test_any_source_is_compiled_or_refused(source: str) -> None:
    for compile_any in (compile_template, compile_condition, compile_expression):
        try:
            compile_any(source).evaluate({"a": {"b": 1}})
        except ExpressionError as problem:
            assert str(problem)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(MissingValue, match="'nope'"):
        compile_template("{{a.nope}}").evaluate({"a": {}})


def test_equality_is_jsons_at_any_depth() -> None:
    assert compile_condition("[1] == [true]").evaluate({}) is False
    assert compile_condition("{'a': 1} == {'a': 1.0}").evaluate({}) is True


def test_an_object_may_close_where_its_island_closes() -> None:
    assert compile_condition("{{ {'a': {}}}} == {'a': {}}").evaluate({}) is True


def test_references_say_what_is_optional_and_what_it_is_compared_with() -> None:
    found = compile_condition(
        "{{a.output.kind}} in ['x', 'y'] and {{b.output.n|default(0)}} > 3"
        " and (c is undefined or c.output)"
    ).references
    by_path = {reference.path: reference for reference in found}
    assert by_path["a", "output", "kind"].literals == ("x", "y")
    assert by_path["a", "output", "kind"].used_as == "string"
    assert not by_path["a", "output", "kind"].optional
    assert by_path["b", "output", "n"].optional
    assert by_path["c", "output"].optional


def test_an_expression_is_compiled_once() -> None:
    assert compile_template("{{a.b}}") is compile_template("{{a.b}}")
