"""Every code has an explanation whose examples are true, and problems come all at once."""

from typing import Any

import pytest

from fakes.flows import registry
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, render
from flowc.compiler.reading.documents import from_data, read_text
from flowc.compiler.reading.remedies import OF_ENVIRONMENT
from flowc.compiler.reports.explanations import explanations

NOT_A_TEXT = {
    "unreadable-file",
    "not-a-workflow",
    "too-many-nodes",
    "broken-workflow",
    *OF_ENVIRONMENT,
}


def diagnostics(text: str, file: str | None = None) -> list[Diagnostic]:
    try:
        return check_workflow(read_text(text, file), registry())
    except DefinitionRefused as refused:
        return list(refused.diagnostics)


def codes(text: str, file: str | None = None) -> set[str]:
    return {diagnostic.code for diagnostic in diagnostics(text, file)}


@pytest.mark.parametrize("code", sorted(explanations().keys() - NOT_A_TEXT))
def test_the_bad_example_gives_the_code_and_the_good_one_does_not(code: str) -> None:
    found = explanations()[code]
    file = "example.json" if code == "invalid-json" else None
    assert code in codes(found.bad, file)
    assert code not in codes(found.good, file)


def test_every_code_that_the_compiler_can_give_is_explained() -> None:
    import re
    from pathlib import Path

    import flowc.compiler

    root = Path(flowc.compiler.__file__ or "").parent
    sources = [p for p in root.rglob("*.py") if p.name not in {"execution.py", "node.py"}]
    pattern = re.compile(
        r"(?:Problem|Diagnostic|NotPlain|TextProblem|_refused|refusal=)\(\s*\"([a-z]+(?:-[a-z]+)+)\""
    )
    given = {code for path in sources for code in pattern.findall(path.read_text())}
    assert given <= explanations().keys()


def test_all_problems_of_a_stage_are_reported_at_once_each_with_its_place() -> None:
    text = """\
nodes:
  - {id: begin, type: start}
  - {id: route, type: conditional, config: {condition: "{{input.n}} >", true_edge: nowhere}}
  - {id: say, type: template, config: {templat: x}}
edges:
  - {source: begin, target: rout}
"""
    found = diagnostics(text, "flow.yaml")
    assert {(d.code, d.at.line) for d in found} == {
        ("unknown-node", 6),
        ("unknown-node", 3),
        ("invalid-expression", 3),
        ("unknown-key", 4),
        ("missing-key", 4),
    }
    assert all(d.at.column and d.at.file == "flow.yaml" for d in found)


def test_a_diagnostic_is_rendered_with_its_line_and_hint() -> None:
    text = "nodes:\n  - {id: a, type: templat}\n"
    shown = render(diagnostics(text, "f.yaml"), text)
    assert "f.yaml:2:19: error[unknown-node-type]" in shown
    assert "^^^^^^^" in shown
    assert "hint: Did you mean 'template'?" in shown


def test_data_without_text_has_pointers() -> None:
    [found] = check_workflow(from_data({"nodes": [{"id": "a", "type": "b/c"}]}), registry())
    assert (found.at.pointer, found.at.line) == ("/nodes/0/type", None)


def test_json_has_lines_and_columns_too() -> None:
    text = '{\n\t"nodes": [\n\t\t{"id": "a", "type": "nope"}\n\t]\n}'
    [found] = diagnostics(text, "f.json")
    assert (found.at.line, found.at.column) == (3, 23)


PARALLEL = """\
nodes:
  - {id: begin, type: start}
  - {id: a, type: template, config: {template: a}}
  - {id: b, type: template, config: {template: b}}
  - {id: join, type: template, config: {template: "{{a.output.text}}{{b.output.text}}"}}
edges:
  - {source: begin, target: a}
  - {source: begin, target: b}
  - {source: a, target: join}
  - {source: b, target: join}
"""

BRANCHES = """\
nodes:
  - {id: begin, type: start}
  - {id: route, type: conditional, config: {condition: "{{input.n}} > 1", true_edge: a, false_edge: b}}
  - {id: a, type: template, config: {template: a}}
  - {id: b, type: template, config: {template: b}}
  - {id: join, type: template, config: {template: "%s"}, join: %s}
edges:
  - {source: begin, target: route}
  - {source: a, target: join}
  - {source: b, target: join}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PARALLEL, set()),
        (BRANCHES % ("{{route.output.result}}", "any"), set()),
        (BRANCHES % ("{{a.output.text}}", "any"), {"maybe-undefined"}),
        (BRANCHES % ("{{a.output.text|default('-')}}", "any"), set()),
        (BRANCHES % ("{{a.output.text if a is defined else b.output.text}}", "any"), set()),
        (BRANCHES % ("{{join.output.text}}", "any"), {"not-upstream"}),
    ],
)
def test_a_reference_must_be_there_on_every_path(text: str, expected: set[str]) -> None:
    assert codes(text) - {"unused-node"} == expected


def test_the_path_without_the_value_is_named() -> None:
    [found] = diagnostics(BRANCHES % ("{{a.output.text}}", "any"))
    assert "when 'route' chooses 'false'" in found.message


def test_what_both_branches_lead_to_is_there_again() -> None:
    text = BRANCHES % ("x", "any")
    after = "  - {id: after, type: template, config: {template: '{{join.output.text}}'}}\nedges:"
    text = text.replace("edges:", after) + "  - {source: join, target: after}\n"
    assert codes(text) == {"unused-node"}


def test_a_value_from_a_loops_later_node_is_not_there_on_the_first_turn() -> None:
    text = """\
nodes:
  - {id: begin, type: start}
  - {id: draft, type: template, config: {template: "%s"}}
  - {id: review, type: template, config: {template: "ok"}}
  - {id: enough, type: conditional, config: {condition: "{{input.ok}}", true_edge: done, false_edge: draft}}
  - {id: done, type: end}
edges:
  - {source: begin, target: draft}
  - {source: draft, target: review}
  - {source: review, target: enough}
  - {source: enough, target: draft, max_turns: 9}
"""
    assert codes(text % "{{review.output.text}}") == {"maybe-undefined"}
    assert codes(text % "{{review.output.text|default('')}}") == {"unused-node"}


def test_secrets_are_allowed_only_in_an_http_call() -> None:
    text = "nodes: [{id: a, type: %s, config: {%s: '{{secrets.key}}'%s}}]"
    assert codes(text % ("http", "url", "")) == set()
    assert codes(text % ("llm", "prompt", "")) == {"secret-not-allowed"}
    assert codes(text % ("conditional", "condition", "")) == {"secret-not-allowed"}


def test_twenty_diamonds_in_a_row_are_checked_in_no_time() -> None:
    nodes: list[Any] = [{"id": "n0", "type": "start"}]
    edges: list[Any] = []
    for i in range(20):
        config = {"condition": "{{input.x}} > 1", "true_edge": f"a{i}", "false_edge": f"b{i}"}
        nodes.append({"id": f"r{i}", "type": "conditional", "config": config})
        nodes += [{"id": f"{k}{i}", "type": "template", "config": {"template": k}} for k in "ab"]
        joined = {"template": f"{{{{r{i}.output.result}}}}"}
        nodes.append({"id": f"n{i + 1}", "type": "template", "config": joined})
        edges.append({"source": f"n{i}", "target": f"r{i}"})
        edges += [{"source": f"{k}{i}", "target": f"n{i + 1}"} for k in "ab"]
    found = check_workflow(from_data({"nodes": nodes, "edges": edges}), registry())
    assert {problem.code for problem in found} == {"unused-node"}


def with_schema(text: str, **more: Any) -> dict[str, Any]:
    """Return a workflow of an llm node with a schema, and a template that reads it."""
    schema = {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["bug", "wish"]},
            "tags": {
                "type": "array",
                "items": {"type": "object", "properties": {"n": {"type": "integer"}}},
            },
            "more": {"type": "object", "additionalProperties": True},
            "place": {"type": ["object", "null"], "properties": {"city": {"type": "string"}}},
        },
    }
    ask = {"id": "ask", "type": "llm", "config": {"prompt": "?", "output_schema": schema}, **more}
    say = {"id": "say", "type": "template", "config": {"template": text}}
    return {"nodes": [ask, say], "edges": [{"source": "ask", "target": "say"}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ask.output.kind}}", []),
        ("{{ask.output.text}}", []),
        ("{{ask.output.usage.total_tokens}}", []),
        ("{{ask.output.knid}}", ["unknown-field"]),
        ("{{ask.output.knid|default('-')}}", []),
        ("{{ask.output.kind.first}}", ["unknown-field"]),
        ("{{ask.output.tags[0].n}}", []),
        ("{{ask.output.tags[0].m}}", ["unknown-field"]),
        ("{{ask.output.tags.n}}", ["unknown-field"]),
        ("{{ask.output.more.anything.at.all}}", []),
        ("{{ask.output.place.city}}", []),
        ("{{ask.output.place.town}}", ["unknown-field"]),
        ("{{'x' if ask.output.kind == 'bgu' else 'y'}}", ["never-equal"]),
        ("{{'x' if ask.output.kind == 'bug' else 'y'}}", []),
        ("{{'x' if ask.output.kind in ['bug', 'hope'] else 'y'}}", ["never-equal"]),
        ("{{'x' if ask.output.tags[0].n == '1' else 'y'}}", ["never-equal"]),
        ("{{'x' if ask.output.tags[0].n == 1.5 else 'y'}}", []),
        ("{{'x' if ask.output.place == none else 'y'}}", []),
    ],
)
def test_fields_are_looked_up_in_the_schemas_of_outputs(text: str, expected: list[str]) -> None:
    found = check_workflow(from_data(with_schema(text)), registry())
    assert [problem.code for problem in found] == expected


def test_the_field_that_is_missing_is_named_with_those_that_are_there() -> None:
    [found] = check_workflow(from_data(with_schema("{{ask.output.knid}}")), registry())
    assert "'knid', which 'ask' does not have" in found.message
    assert found.hint == "Did you mean 'kind'?"
    assert found.at.pointer == "/nodes/1/config/template"


def test_a_node_that_copes_with_failures_may_give_anything() -> None:
    coping = with_schema("{{ask.output.other}}", on_error={"output": {"other": 1}})
    assert check_workflow(from_data(coping), registry()) == []


def test_the_fields_of_the_input_are_looked_up_too_and_in_bodies() -> None:
    body = {
        "nodes": [{"id": "say", "type": "template", "config": {"template": "{{input.user.nmae}}"}}]
    }
    each = {"id": "each", "type": "map", "config": {"items": [1], "body": body}}
    workflow = {"input": {"user": {"name": "string"}}, "nodes": [each]}
    assert [p.code for p in check_workflow(from_data(workflow), registry())] == ["unknown-field"]


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("map", {"items": "{{input.names}}"}, []),
        ("map", {"items": "{{input.count}}"}, ["type-mismatch"]),
        ("map", {"items": [1], "max_parallel": "{{input.count}}"}, []),
        ("map", {"items": [1], "max_parallel": "{{input.names}}"}, ["type-mismatch"]),
        ("http", {"url": "{{input.count}}"}, ["type-mismatch"]),
        ("http", {"url": "http://x/{{input.count}}"}, []),
        ("http", {"url": "{{input.count + 1}}"}, ["type-mismatch"]),
        ("http", {"url": "{{input.names|join('/')}}"}, []),
        ("map", {"items": "{{input.names|first}}"}, ["type-mismatch"]),
        ("map", {"items": "{{input.names|sort}}"}, []),
        ("map", {"items": "{{input.names[0]|split(',')}}"}, []),
        ("map", {"items": "{{input.count|string}} {{input.names|length}}"}, ["type-mismatch"]),
        ("map", {"items": "{{input.other|default([])}}"}, []),
        ("map", {"items": "{{input.count|default([])}}"}, []),
        ("map", {"items": "{{input.names if input.count > 1 else none}}"}, []),
        ("map", {"items": [1], "max_parallel": "{{input.count * 2}}"}, []),
        ("map", {"items": [1], "max_parallel": "{{input.names|sort}}"}, ["type-mismatch"]),
        ("http", {"url": "x", "headers": "{{input.names}}"}, ["type-mismatch"]),
        ("http", {"url": "x", "body": "{{input.names}}"}, []),
        ("http", {"url": "x", "query": {"n": "{{input.names}}"}}, []),
        ("subworkflow", {"input": {"n": "{{input.count}}"}}, []),
        ("subworkflow", {"input": {"n": "{{input.names}}"}}, ["type-mismatch"]),
    ],
)
def test_values_must_fit_where_they_are_used(kind: str, config: Any, expected: list[str]) -> None:
    inner = [{"id": "x", "type": "template", "config": {"template": "x"}}]
    more = {
        "map": {"body": {"nodes": inner}},
        "subworkflow": {"workflow": {"input": {"n": "number"}, "nodes": inner}},
    }
    node = {"id": "node", "type": kind, "config": {**config, **more.get(kind, {})}}
    workflow = {"input": {"names": ["string"], "count": "integer"}, "nodes": [node]}
    assert [p.code for p in check_workflow(from_data(workflow), registry())] == expected


def setting(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "set", "config": {"variables": {"x": id}}, **more}


def test_nodes_that_set_a_variable_at_the_same_time_are_found() -> None:
    def found(*nodes: Any) -> list[str]:
        return [p.code for p in check_workflow(from_data({"nodes": list(nodes)}), registry())]

    route = {
        "id": "route",
        "type": "conditional",
        "config": {"condition": "{{input.n}} > 1", "true_edge": "a", "false_edge": "b"},
    }
    body = {"nodes": [setting("inner")]}
    each = {"id": "each", "type": "map", "config": {"items": [1], "body": body}}
    assert found(setting("a"), setting("b")) == ["concurrent-writers"]
    assert found(setting("a"), setting("b", depends_on=["a"])) == []
    assert found(route, setting("a"), setting("b")) == []
    assert found(setting("a"), each) == ["concurrent-writers"]
    assert found(each) == []


def test_a_limit_for_an_unknown_node_type_is_reported() -> None:
    text = "settings:\n  max_parallel_by_type: {lm: 2}\nnodes:\n  - {id: begin, type: start}\n"
    assert [(d.code, d.at.line, d.hint) for d in diagnostics(text)] == [
        ("unknown-node-type", 2, "Did you mean 'llm'?")
    ]
