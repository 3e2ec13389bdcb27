"""What the inspection of an expression says is true of each of its evaluations."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from flowc.compiler.definition.schema_paths import schema_at
from flowc.compiler.definition.short_schemas import to_json_schema
from flowc.compiler.expressions import ExpressionError, compile_template
from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.filters import FILTERS, TESTS
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.syntax import parse_template
from flowc.compiler.expressions.trees import new_compilation
from flowc.compiler.expressions.values import kind_of
from flowc.compiler.inspection.inspection import Inspection
from flowc.compiler.inspection.possible import ANYTHING, Possible, described_by
from flowc.compiler.inspection.texts import inspect_template, new_inspection
from flowc.compiler.schemas.fitting import problems_of

SCHEMA = to_json_schema(
    {
        "text": "string",
        "count": "integer",
        "flag": "boolean",
        "tags": ["string"],
        "kind": {"type": "string", "enum": ["bug", "wish"]},
        "size": {"type": "integer", "enum": [1, 2]},
        "percent": {"type": "integer", "minimum": 0, "maximum": 100},
        "maybe": {"type": ["string", "null"]},
        "mixed": {"type": ["number", "string"]},
        "any": "any",
        "user": {"name": "string", "age": "integer"},
        "orders": [{"n": "integer", "city": {"type": "string", "enum": ["Rome", "Milan"]}}],
        "nick": "string?",
    }
)
# For each path, values that fit the schema; ABSENT leaves it out.
ABSENT = object()
VALUES: Mapping[str, list[Any]] = {
    "text": ["", "a", "7"],
    "count": [-1, 0, 3],
    "flag": [True, False],
    "tags": [[], ["a", "bug"]],
    "kind": ["bug", "wish"],
    "size": [1, 2],
    "percent": [0, 100],
    "maybe": [None, "x"],
    "mixed": [1.5, "b"],
    "any": [None, True, 2, "q", [1], {"a": 1}],
    "user": [{"name": "", "age": 0}, {"name": "Ada", "age": 36}],
    "orders": [[], [{"n": 1, "city": "Rome"}, {"n": 2, "city": "Milan"}]],
    "nick": ["z", ABSENT],
}
PATHS = [f"input.{name}" for name in VALUES] + [
    "input.user.name", "input.user.age", "input.orders[0].n", "input.orders[0].city",
    "input.tags[0]", "input.text[0]",
]  # fmt: skip
CONSTANTS = [
    "0",
    "2",
    "101",
    "'a'",
    "'bug'",
    "'7'",
    "''",
    "true",
    "false",
    "none",
    "[1, 'a']",
    "[]",
    "{'a': 1}",
    "now()",
    "duration('1h')",
]
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "in",
    "not in",
    "and",
    "or",
    "~",
]
BARE_FILTERS = sorted(
    name
    for name, word in FILTERS.items()
    if not [
        p for p in word.parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    and name not in {"map", "random", "selectattr", "rejectattr", "html2text"}
)
FILTERS_USED = [*BARE_FILTERS, "default('a')", "default(3)", "int(0)", "float('x')", "map('upper')", "map('length')",
    "map(attribute='n')", "map(attribute='city')", "selectattr('n', 'gt', 1)", "select('string')", "batch(2)",
    "split('a')", "round(1)", "replace('a', 'b')", "contains('a')", "get('a', 1)", "groupby('n')", "min(attribute='n')"]  # fmt: skip
TESTS_USED = [
    name
    for name in sorted(TESTS)
    if name.isalpha() and not TESTS[name].parameters and name not in {"defined", "undefined"}
]
TESTS_USED += [
    "defined",
    "undefined",
    "divisibleby(2)",
    "eq(2)",
    "gt(1)",
    "lt('b')",
    "in(['a', 'bug'])",
    "ne('a')",
]


def expressions(names: list[str]) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(names) | st.sampled_from(CONSTANTS) | st.sampled_from(names)

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda p: f"({' '.join(p)})"),
            st.tuples(inner, st.sampled_from(FILTERS_USED)).map(lambda p: f"({p[0]}|{p[1]})"),
            st.tuples(inner, st.sampled_from(TESTS_USED)).map(lambda p: f"({p[0]} is {p[1]})"),
            st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
            inner.map(lambda one: f"(not {one})"),
            inner.map(lambda one: f"(-{one})"),
            inner.map(lambda one: f"({one}[1:])"),
            inner.map(lambda one: f"({one}[0])"),
            st.tuples(inner, inner).map(lambda p: f"[{p[0]}, {p[1]}]"),
            st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} < {p[1]} == {p[2]})"),
        )

    return st.recursive(leaves, larger, max_leaves=5)


OUTSIDE = expressions(PATHS)
INSIDE = expressions([*PATHS, "x", "x", "x.n", "x.city", "loop.index", "loop.first"])
TEXTS = st.one_of(
    st.tuples(OUTSIDE, INSIDE).map(
        lambda p: f"{{% for x in {p[0]} %}}{{{{ {p[1]} }}}}{{% endfor %}}"
    ),
    st.tuples(OUTSIDE, INSIDE, INSIDE).map(
        lambda p: f"{{% for x in {p[0]} if {p[1]} %}}{{{{ {p[2]} }}}}{{% else %}}-{{% endfor %}}"
    ),
    st.tuples(OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE).map(
        lambda p: (
            f"{{% if {p[0]} %}}{{{{ {p[1]} }}}}{{% elif {p[2]} %}}{{{{ {p[3]} }}}}{{% endif %}}"
        )
    ),
    st.tuples(OUTSIDE, OUTSIDE, OUTSIDE, INSIDE).map(
        lambda p: (
            f"{{% set x = {p[0]} %}}{{% if {p[1]} %}}{{% set x = {p[2]} %}}{{% endif %}}"
            f"{{{{ {p[3].replace('loop.', 'input.')} }}}}"
        )
    ),
)


def read(path: tuple[str | int, ...]) -> Possible:
    found = schema_at(SCHEMA, path[1:]) if path[0] == "input" and len(path) > 1 else None
    return described_by(found) if isinstance(found, dict) else ANYTHING


def inputs_for(source: str) -> Iterator[dict[str, Any]]:
    """Yield inputs in which what the source reads has all of its values."""
    used = [name for name in VALUES if f"input.{name}" in source]
    for values in product(*(VALUES[name] for name in used)):
        given = {name: found[0] for name, found in VALUES.items()}
        given |= dict(zip(used, values, strict=True))
        yield {name: value for name, value in given.items() if value is not ABSENT}


def evaluated(tree: nodes.Node, given: dict[str, Any]) -> Any:
    evaluate = new_compilation().compile(tree)
    try:
        return evaluate(Frame({"input": given}, EvaluationBudget()))
    except ExpressionError:
        return ExpressionError


def inspected(source: str) -> tuple[Inspection, Possible, nodes.Expr]:
    body = parse_template(source)
    inspection = new_inspection(read)
    found = inspect_template(inspection, body)
    return inspection, found, body[-1].nodes[0] if isinstance(body[-1], nodes.Output) else body[-1]  # type: ignore[return-value]


def is_among(result: Any, found: Possible) -> bool:
    if found.values is not None and result not in found.values:
        return False
    if kind_of(result) == "number" and found.least is not None and result < found.least:
        return False
    return kind_of(result) in found.kinds


def test_the_values_fit_the_schema() -> None:
    names = " ".join(f"input.{name}" for name in VALUES if name not in {"text", "count", "any"})
    assert all(not problems_of(given, SCHEMA) for given in inputs_for(names))


@given(OUTSIDE)
@settings(max_examples=500, deadline=None)
def test_every_value_of_an_expression_is_possible_and_what_is_found_is_so(code: str) -> None:
    source = "{{ " + code + " }}"
    inspection, found, tree = inspected(source)
    for given_input in inputs_for(source):
        result = evaluated(tree, given_input)
        assert result is ExpressionError or is_among(result, found)
        for finding in inspection.findings:
            if finding.code == "type-mismatch":
                assert evaluated(finding.tree, given_input) is ExpressionError
                assert result is ExpressionError or not finding.is_certain
            elif finding.code in {"always-true", "always-false"}:
                holds = evaluated(finding.tree, given_input)
                assert holds is ExpressionError or bool(holds) is (finding.code == "always-true")


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_a_text_with_a_certain_finding_always_fails(source: str) -> None:
    inspection, _, _ = inspected(source)
    is_certain = any(f.code == "type-mismatch" and f.is_certain for f in inspection.findings)
    for given_input in inputs_for(source):
        try:
            compile_template(source).evaluate({"input": given_input})
        except ExpressionError:
            continue
        assert not is_certain


def test_an_inspection_evaluates_little_whatever_there_is_to_evaluate() -> None:
    large = "'a'|center(900000)" + "|upper" * 40
    inspection, found, _ = inspected("{{ " + large + " }}")
    assert found.kinds == {"text"} and found.values is None
    assert inspection.budget.bytes <= 0
    many = " ~ ".join(["('x' if input.kind == 'bug' else 'y')"] * 40)
    inspection, found, _ = inspected("{{ (" + many + ")|length > 0 }}")
    assert found.kinds == {"boolean"}
    assert inspection.budget.steps > -5_000
