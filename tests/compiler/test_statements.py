"""What statements in a text read is checked as in any other expression."""

from typing import Any

import pytest

from fakes.flows import compiled, registry, run
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.expressions import Reference, compile_template
from flowc.compiler.reading.documents import from_data

INPUT = {
    "orders": [{"id": "integer", "city": {"type": "string", "enum": ["Rome", "Oslo"]}}],
    "vip": "boolean",
    "name": "string",
    "address": {"street": "string"},
}


def found_in(template: str, *nodes: dict[str, Any], **more: Any) -> list[Diagnostic]:
    say = {"id": "say", "type": "template", "config": {"template": template}, **more}
    return check_workflow(from_data({"input": INPUT, "nodes": [*nodes, say]}), registry())


def paths_of(template: str) -> list[tuple[str | int, ...]]:
    return [reference.path for reference in compile_template(template).references]


@pytest.mark.parametrize(("template", "code"), [
    ("{% if input.vp %}x{% endif %}", "unknown-input"),
    ("{% for o in input.ordrs %}x{% endfor %}", "unknown-input"),
    ("{% for o in input.orders %}{{ o.idd }}{% endfor %}", "unknown-field"),
    ("{% for o in input.orders %}{% if o.city == 'Paris' %}x{% endif %}{% endfor %}", "never-equal"),
    ("{% set o = input.address %}{{ o.stret }} !", "unknown-field"),
    ("{% set x %}{{ input.nam }}{% endset %}{{ x }}", "unknown-input"),
    ("{% with x = input.nam %}{{ x }}{% endwith %}", "unknown-input"),
    ("{% for o in input.orders if o.idd %}x{% endfor %}", "unknown-field"),
    ("{% if secrets.key %}x{% endif %}", "secret-not-allowed"),
    ("{% for s in [secrets.key] %}{{ s }}{% endfor %}", "secret-not-allowed"),
    ("{% set s = secrets %}{{ s.key }} !", "secret-not-allowed"),
    ("{% if nobody.output %}x{% endif %}", "unknown-reference"),
    ("{% for o in input.orders %}{% endfor %}{{ o.id }}", "unknown-reference"),
    ("{% for o in input.orders %}{{ loop.indx }}{% endfor %}", "invalid-expression"),
    ("{% set input = 1 %}{{ input }} !", "invalid-expression"),
    ("{% set secrets = {'key': 1} %}{{ secrets.key }} !", "invalid-expression"),
    ("{% for run in [1] %}{{ run }}{% endfor %}", "invalid-expression"),
])  # fmt: skip
def test_a_mistake_in_a_statement_is_found(template: str, code: str) -> None:
    assert code in {diagnostic.code for diagnostic in found_in(template)}


@pytest.mark.parametrize("template", [
    "{% for o in input.orders %}{{ loop.index }} {{ o.id }} {{ o.city }}{% else %}none{% endfor %}",
    "{% for key, value in input.address|items %}{{ key }}={{ value }}{% endfor %}",
    "{% for key in input.address %}{{ key }}{% endfor %}",
    "{% for letter in input.name|list %}{{ letter }}{% endfor %}",
    "{% if input.vip %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }} !",
    "{% set o = input.address %}{% if input.vip %}{% set o = {'other': 1} %}{% endif %}{{ o.other }} !",
    "{% for o in input.orders if o.city == 'Rome' %}{{ o.id }}{% endfor %}",
    "{% set x = input.address %}{% for o in input.orders %}{% if o.id %}{% set x = o %}{% endif %}"
    "{{ x.street }}{% endfor %}",
    "{% raw %}{{ nobody.output }}{% endraw %}",
    "{# {{ nobody.output }} #} x",
])  # fmt: skip
def test_a_right_statement_has_no_mistake(template: str) -> None:
    assert found_in(template) == []


def test_a_node_that_may_not_have_run_is_allowed_where_that_is_tested() -> None:
    route = {
        "id": "route",
        "type": "conditional",
        "config": {"condition": "input.vip", "true_edge": "maybe", "false_edge": "say"},
    }
    maybe = {"id": "maybe", "type": "template", "config": {"template": "x"}}
    for test, code in (("true", "maybe-undefined"), ("maybe is defined", None)):
        say = "{% if " + test + " %}{{ maybe.output.text }}{% endif %}!"
        nodes = [route, maybe, {"id": "say", "type": "template", "config": {"template": say}}]
        edges = [{"source": "maybe", "target": "say"}]
        found = check_workflow(
            from_data({"input": INPUT, "nodes": nodes, "edges": edges}), registry()
        )
        assert {diagnostic.code for diagnostic in found} == ({code} if code else set())


def test_references_name_what_a_variable_stands_for() -> None:
    template = "{% for o in a.output.list if o.ok %}{{ o.x }}{% for p in o.inner %}{{ p.y }}{% endfor %}{% endfor %}"
    assert paths_of(template) == [
        ("a", "output", "list"),
        ("a", "output", "list", 0, "ok"),
        ("a", "output", "list", 0, "x"),
        ("a", "output", "list", 0, "inner"),
        ("a", "output", "list", 0, "inner", 0, "y"),
    ]
    assert paths_of("{% set x = a.output %}{{ x.y }} {% set x = 1 %}{{ x.z }}") == [
        ("a", "output"),
        ("a", "output", "y"),
    ]
    assert paths_of(
        "{% for loop_ in a.b %}{{ loop.index }}{{ now() }}{% endfor %}{{ loop.index }}"
    ) == [
        ("a", "b"),
        ("loop", "index"),
    ]


def test_what_a_model_must_answer_is_inferred_from_statements() -> None:
    nodes = [
        {"id": "classify", "type": "llm", "config": {"prompt": "x"}},
        {
            "id": "say",
            "type": "template",
            "depends_on": ["classify"],
            "config": {
                "template": "{% if classify.output.kind == 'a' %}A{% endif %}"
                "{% for t in classify.output.tags %}{{ t.name }}{% endfor %}"
            },
        },
    ]
    [found] = check_workflow(from_data({"nodes": nodes}), registry())
    assert found.code == "inferred-output"
    references = {r.path: r for r in compile_template(nodes[1]["config"]["template"]).references}
    assert references["classify", "output", "kind"] == Reference(
        ("classify", "output", "kind"), used_as="string", literals=("a",)
    )


@pytest.mark.parametrize(("template", "message", "hint"), [
    ("{% macro m() %}{% endmacro %}", "the statement 'macro' is not available", "{% set %}"),
    ("{% include 'x' %}", "the statement 'include' is not available", "variables"),
    ("{% import 'x' as y %}", "the statement 'import' is not available", "variables"),
    ("{% from 'x' import y %}", "the statement 'from' is not available", "variables"),
    ("{% extends 'x' %}", "the statement 'extends' is not available", "variables"),
    ("{% block b %}{% endblock %}", "the statement 'block' is not available", "variables"),
    ("{% filter upper %}x{% endfilter %}", "the statement 'filter' is not available", "{% set text %}"),
    ("{% call m() %}{% endcall %}", "the statement 'call' is not available", "{% set %}"),
    ("{% do x %}", "the statement 'do' is not available", "{% set name"),
    ("{% elseif x %}", "the statement 'elseif' is not available", "{% elif"),
    ("{% fro x in y %}{% endfor %}", "there is no statement 'fro'", "Did you mean 'for'?"),
    ("{% if a %}x", "{% if %} is not closed", "{% endif %}"),
    ("a\nb{% for x in y %}x", "{% for %} on line 2 is not closed", "{% endfor %}"),
    ("{% endif %}", "{% endif %} closes nothing", ""),
    ("{% if a %}{% endfor %}", "{% endfor %} is where {% endif %} is expected", ""),
    ("{% else %}", "{% else %} is outside of {% if %} or {% for %}", ""),
    ("{% for x in y %}{% elif z %}{% endfor %}", "{% elif %} is outside of {% if %}", ""),
    ("{% if %}{% endif %}", "{% if %} says nothing more", "For example {% if"),
    ("{% for %}{% endfor %}", "{% for %} says nothing more", "For example {% for"),
    ("{% %}", "a {% %} is empty", ""),
    ("{% for x in y recursive %}{% endfor %}", "a recursive 'for' is not available", ""),
    ("{% set x.y = 1 %}", "x.y cannot be set", "namespace()"),
    ("{% for _x in y %}{% endfor %}", "the name '_x' is not allowed", ""),
    ("{% raw %}x", "a {% raw %} has no {% endraw %}", ""),
    ("{# x", "a {# has no closing #}", ""),
    ("{% if a == %}x{% endif %}", "the expression ends too early", "at the end"),
    ("{% if a = 1 %}x{% endif %}", "'=' does not compare", "Write =="),
    ("{% for x of y %}{% endfor %}", "'in' is missing before 'of'", "{% for item in"),
    ("{% for x %}{% endfor %}", "'in' is missing before the end", "{% for item in"),
    ("{% set 1 = 2 %}", "cannot be set", "{% set name"),
    ("{% set x = %}", "there is no expression", "Write what the value is"),
    ("{% if a", "a {{ or {% is not closed", "its %}"),
    ("{% if a %}{% else %}{% elif b %}{% endif %}", "{% elif %} cannot be here", "before the {% else %}"),
])  # fmt: skip
def test_a_wrong_statement_is_explained(template: str, message: str, hint: str) -> None:
    [found] = [each for each in found_in(template) if each.code == "invalid-expression"]
    assert message in found.message
    assert "print statement" not in found.message
    assert hint in (found.hint or "")


async def test_a_text_without_expressions_loses_its_comments_and_marks() -> None:
    nodes = [
        {"id": "a", "type": "template", "config": {"template": "x{# note #}y"}},
        {"id": "b", "type": "template", "config": {"template": "{% raw %}{{x}}{% endraw %}"}},
    ]
    outputs = (await run(compiled({"nodes": nodes}))).outputs
    assert (outputs["a"]["text"], outputs["b"]["text"]) == ("xy", "{{x}}")


async def test_a_prompt_is_written_with_statements() -> None:
    template = (
        "Orders of {{ input.name }}:\n"
        "{%- for order in input.orders %}\n"
        "{{ loop.index }}. {{ order.city }}{% if order.id > 7 %} (new){% endif %}\n"
        "{%- else %}\nnone\n{%- endfor %}"
    )
    flow = compiled({"nodes": [{"id": "a", "type": "template", "config": {"template": template}}]})
    orders = [{"id": 7, "city": "Rome"}, {"id": 8, "city": "Oslo"}]
    ran = await run(flow, {"name": "Ada", "orders": orders})
    assert ran.output["text"] == "Orders of Ada:\n1. Rome\n2. Oslo (new)"
    assert (await run(flow, {"name": "Bo", "orders": []})).output["text"] == "Orders of Bo:\nnone"
