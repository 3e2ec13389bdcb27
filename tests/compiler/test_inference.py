"""What the compiler asks a model for, from what is read of its answer."""

from typing import Any

import pytest

from fakes.flows import compiled, registry
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import from_data

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
TEXTS = {"type": "array", "items": TEXT}


def after(**config: Any) -> dict[str, Any]:
    kind = config.pop("type", "template")
    return {"id": "use", "type": kind, "depends_on": ["ask"], "config": config}


def asking(*others: dict[str, Any], **config: Any) -> dict[str, Any]:
    ask = {"id": "ask", "type": "llm", "config": {"prompt": "x", **config}}
    return {"nodes": [ask, *others]}


def inferred(workflow: dict[str, Any]) -> Any:
    config = compiled(workflow).plan.nodes["ask"].definition.config
    return config.get("output_schema", {}).get("properties")


def of(template: str) -> Any:
    return inferred(asking(after(template=template)))


PROMISED = (
    "text", "model", "finish_reason", "usage.total_tokens", "cost", "reasoning", "refusal",
    "tool_calls", "citations", "logprobs",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["llm", "agent"])
@pytest.mark.parametrize("path", [*PROMISED, "tool_calls[0].function.name"])
def test_what_a_type_promises_is_not_asked_of_the_model(kind: str, path: str) -> None:
    workflow = asking(after(template="{{ask.output.%s}}" % path))  # noqa: UP031
    workflow["nodes"][0]["type"] = kind
    assert inferred(workflow) is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% for x in ask.output.a %}{{x}}{% endfor %}", {"a": TEXTS}),
        ("{% for x in ask.output.a|sort %}{{x}}{% endfor %}", {"a": TEXTS}),
        ("{{ask.output.a|join(', ')}}", {"a": {"type": "array"}}),
        ("{{ask.output.a|length}}", {"a": {"type": "array"}}),
        ("{{ask.output.a|default([])|length}}", {"a": {"type": "array"}}),
        ("{{ask.output.a[0]}} and {{ask.output.a[1]}}", {"a": TEXTS}),
        ("{{ask.output.a|round(2)}}", {"a": NUMBER}),
        ("{{ask.output.a * 2 - ask.output.b * 3}}", {"a": NUMBER, "b": NUMBER}),
        ("{{ask.output.a + 1}}", {"a": NUMBER}),
        ("{{ask.output.a + 'x'}}", {"a": TEXT}),
        ("{{ask.output.a|upper}}", {"a": TEXT}),
        ("{{ask.output.a|keys}}", {"a": {"type": "object"}}),
        ("{{ask.output.a|default({})}}", {"a": {"type": "object"}}),
        ("{{ask.output.a|default(0)}}", {"a": NUMBER}),
        ("{{ask.output.a == ['x']}}", {"a": {"type": "array"}}),
        ("{{ask.output.a > 3}}", {"a": NUMBER}),
        ("{{ask.output.a in ['x', 'y']}}", {"a": {**TEXT, "examples": ["x", "y"]}}),
        ("{{'x' in ask.output.a}}", {"a": TEXT}),
        ("{{not ask.output.a}}", {"a": {"type": "boolean"}}),
        ("{{ask.output.a or 'nothing'}}", {"a": TEXT}),
        ("{% if ask.output.a %}yes{% endif %}", {"a": {"type": "boolean"}}),
        ("{% if ask.output.a %}It is {{ask.output.a}}.{% endif %}", {"a": TEXT}),
        ("{% if ask.output.a %}{{ask.output.a|join}}{% endif %}", {"a": {"type": "array"}}),
        ("{{'yes' if ask.output.a else 'no'}}", {"a": {"type": "boolean"}}),
    ],
)
def test_the_type_of_a_field_is_known_from_its_use(template: str, expected: Any) -> None:
    assert of(template) == expected


@pytest.mark.parametrize(
    ("template", "properties"),
    [
        ("{% for x in ask.output.a %}{{x.n}}{% endfor %}", {"n": TEXT}),
        ("{{ask.output.a|map(attribute='n')|join}}", {"n": TEXT}),
        ("{{ask.output.a|sum(attribute='n')}}", {"n": NUMBER}),
        ("{{ask.output.a|sum('n')}}", {"n": NUMBER}),
        ("{{ask.output.a|sort(attribute='n')}}", {"n": TEXT}),
        ("{{ask.output.a|selectattr('n', 'gt', 3)|list}}", {"n": NUMBER}),
        ("{{ask.output.a|selectattr('n')|list}}", {"n": {"type": "boolean"}}),
        ("{{ask.output.a|rejectattr('n', 'eq', 'x')|list}}", {"n": {**TEXT, "examples": ["x"]}}),
        ("{{ask.output.a|groupby('n')}}", {"n": TEXT}),
        ("{{ask.output.a[0].n * 2}}", {"n": NUMBER}),
    ],
)
def test_the_items_of_a_list_are_objects_if_their_fields_are_read(
    template: str, properties: Any
) -> None:
    item = {"type": "object", "properties": properties, "required": list(properties)}
    assert of(template) == {"a": {"type": "array", "items": item}}


def test_a_map_over_a_field_makes_it_a_list_of_what_the_body_reads() -> None:
    inner = {
        "id": "say",
        "type": "template",
        "config": {"template": "{{item.name}}: {{item.price * 2}}"},
    }
    each = after(type="map", items="{{ask.output.people}}", body={"nodes": [inner]})
    item = {"type": "object", "properties": {"name": TEXT, "price": NUMBER}}
    item["required"] = ["name", "price"]
    assert inferred(asking(each)) == {"people": {"type": "array", "items": item}}


def test_a_map_in_a_map_reads_the_lists_in_the_items() -> None:
    say = {"id": "say", "type": "template", "config": {"template": "{{item}}"}}
    inner = {
        "id": "inner",
        "type": "map",
        "config": {"items": "{{item.tags}}", "body": {"nodes": [say]}},
    }
    each = after(type="map", items="{{ask.output.people|reverse}}", body={"nodes": [inner]})
    item = {"type": "object", "properties": {"tags": TEXTS}, "required": ["tags"]}
    assert inferred(asking(each)) == {"people": {"type": "array", "items": item}}


def test_a_loop_over_a_field_makes_it_a_list() -> None:
    say = {"id": "say", "type": "template", "config": {"template": "{{item}}"}}
    each = after(type="loop", for_each="{{ask.output.words}}", body={"nodes": [say]})
    assert inferred(asking(each)) == {"words": TEXTS}


ITEM = {"type": "object", "properties": {"price": NUMBER}, "required": ["price"]}


def test_a_variable_is_what_it_was_set_from() -> None:
    keep = after(type="set", variables={"found": "{{ask.output.found}}"})
    say = {"id": "say", "type": "template", "config": {"template": "{{item.price * 2}}"}}
    each = {"id": "each", "type": "map", "depends_on": ["use"]}
    each["config"] = {"items": "{{variables.found}}", "body": {"nodes": [say]}}
    assert inferred(asking(keep, each)) == {"found": {"type": "array", "items": ITEM}}


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "filter", "where": "item.price > 3"},
        {"type": "map", "expression": "item.price * 2"},
    ],
)
def test_a_rule_for_items_makes_the_data_a_list(rule: Any) -> None:
    change = after(type="transform", data="{{ask.output.found}}", rules=[rule])
    assert inferred(asking(change)) == {"found": {"type": "array", "items": ITEM}}


def test_what_a_function_takes_has_the_type_of_its_parameter() -> None:
    code = "def process(words: list, many: int, flag: bool, other):\n    return words"
    names = ("words", "many", "flag", "other")
    taken = {name: "{{" + f"ask.output.{name}" + "}}" for name in names}
    assert inferred(asking(after(type="code", code=code, input_mapping=taken))) == {
        "words": {"type": "array"},
        "many": {"type": "integer"},
        "flag": {"type": "boolean"},
        "other": TEXT,
    }


def test_what_a_workflow_takes_has_the_type_of_its_input() -> None:
    inner = {
        "input": {"words": ["string"]},
        "nodes": [{"id": "say", "type": "template", "config": {"template": "{{input.words}}"}}],
    }
    call = after(type="subworkflow", workflow=inner, input={"words": "{{ask.output.words}}"})
    assert inferred(asking(call)) == {"words": {"type": "array"}}


def test_a_number_that_a_field_of_a_node_takes_is_a_number() -> None:
    inner = {"id": "say", "type": "template", "config": {"template": "{{index}}"}}
    each = after(type="map", items=[1], max_parallel="{{ask.output.many}}", body={"nodes": [inner]})
    assert inferred(asking(each)) == {"many": NUMBER}


def test_the_compiler_says_what_it_inferred_as_an_author_would_write_it() -> None:
    template = "{% for x in ask.output.people %}{{x.name}} {{x.age + 1}}{% endfor %}"
    [found] = check_workflow(from_data(asking(after(template=template))), registry())
    assert found.code == "inferred-output"
    assert "people ([{name: string, age: number}])" in found.message


def test_a_declared_schema_is_never_changed() -> None:
    declared = {"reasoning": "string", "answer": "string"}
    workflow = asking(after(template="{{ask.output.reasoning}}"), output_schema=declared)
    config = compiled(workflow).plan.nodes["ask"].definition.config
    assert config["output_schema"] == declared
