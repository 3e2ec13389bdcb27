"""The `input` of a workflow as a form: its fields become a JSON Schema, with defaults that count."""

from typing import Any

import pytest

from fakes.flows import compiled, registry, run
from flowc.compiler.check import check_workflow
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.reading.documents import from_data

pytestmark = pytest.mark.usefixtures("granularity")

SAY = {"nodes": [{"id": "a", "type": "template", "config": {"template": "{{input}}"}}]}


def schema_of(form: Any) -> dict[str, Any]:
    found = WorkflowDefinition.model_validate({**SAY, "input": form}).input
    assert found is not None
    return found


TEXT = {"type": "string"}
FIELDS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"name": "x"}, TEXT, True),
    ({"name": "x", "type": "text", "label": "Your name"}, {**TEXT, "title": "Your name"}, True),
    ({"variable": "x", "type": "text-input", "max_length": 48, "required": False}, {**TEXT, "maxLength": 48}, False),
    ({"variable": "x", "type": "paragraph", "hint": "Long."}, {**TEXT, "format": "textarea", "description": "Long."}, True),
    ({"id": "x", "type": "STRING", "defaults": "a", "displayName": "X"}, {**TEXT, "title": "X", "default": "a"}, False),
    ({"id": "x", "type": "INT", "min": 1, "max": 5}, {"type": "integer", "minimum": 1, "maximum": 5}, True),
    ({"id": "x", "type": "BOOLEAN", "default": False}, {"type": "boolean", "default": False}, False),
    ({"name": "x", "type": "select", "options": ["a", "b"]}, {**TEXT, "enum": ["a", "b"]}, True),
    ({"name": "x", "type": "dropdown", "choices": [{"label": "A", "value": 1}, {"label": "B", "value": 2}]}, {"enum": [1, 2]}, True),
    ({"name": "x", "type": "select", "options": ["a"], "multiple": True}, {"type": "array", "items": {**TEXT, "enum": ["a"]}, "uniqueItems": True}, True),
    ({"name": "x", "type": "checkboxes", "options": ["a"]}, {"type": "array", "items": {"enum": ["a"]}, "uniqueItems": True}, True),
    ({"fieldLabel": "Your Mail", "fieldType": "email", "requiredField": True}, {**TEXT, "format": "email", "title": "Your Mail"}, True),
    ({"fieldLabel": "Kind", "fieldType": "dropdown", "fieldOptions": {"values": [{"option": "a"}, {"option": "b"}]}}, {**TEXT, "enum": ["a", "b"], "title": "Kind"}, True),
    ({"name": "x", "type": "file"}, {**TEXT, "format": "file"}, True),
    ({"name": "x", "type": "file-list", "optional": True}, {"type": "array", "items": {**TEXT, "format": "file"}}, False),
    ({"name": "x", "type": "date", "placeholder": "2026-01-31"}, {**TEXT, "format": "date", "examples": ["2026-01-31"]}, True),
    ({"name": "x", "type": "number", "widget": "slider", "min": 0}, {"type": "number", "minimum": 0}, True),
    ({"name": "x", "type": "string", "widget": "textarea"}, {**TEXT, "format": "textarea"}, True),
    ({"name": "x", "type": "array", "items": {"type": "number"}}, {"type": "array", "items": {"type": "number"}}, True),
]  # fmt: skip


@pytest.mark.parametrize(("field", "schema", "is_required"), FIELDS)
def test_a_field_of_a_form_is_a_property(
    field: dict[str, Any], schema: dict[str, Any], is_required: bool
) -> None:
    found = schema_of([field])
    [(name, property)] = found["properties"].items()
    assert property == schema
    assert found["required"] == ([name] if is_required else [])


def test_a_form_may_be_a_mapping_and_stays_what_it_is_if_it_is_a_schema() -> None:
    fields = {"name": {"type": "text", "title": "Name"}, "n": {"type": "integer", "default": 3}, "note": "string?", "any": "any"}  # fmt: skip
    assert schema_of(fields) == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Name"},
            "n": {"type": "integer", "default": 3},
            "note": {"type": "string"},
            "any": {},
        },
        "required": ["name", "any"],
    }
    whole = {"type": "object", "properties": {"a": {"type": "string", "title": "A"}}}
    assert schema_of(whole) == whole
    assert schema_of({"a": {"type": "string", "description": "x"}})["required"] == ["a"]
    # An object with the fields `type` and `title`.
    nested = schema_of({"doc": {"type": "string", "title": "string"}})["properties"]["doc"]
    assert nested["required"] == ["type", "title"]


async def test_defaults_count_wherever_the_input_is_read() -> None:
    form = [{"name": "city", "default": "Rome"}, {"name": "n", "type": "integer", "default": 2}]
    workflow = compiled({**SAY, "input": form})
    assert (await run(workflow, {})).output["text"] == '{"city":"Rome","n":2}'
    assert (await run(workflow, {"n": 7})).output["text"] == '{"n":7,"city":"Rome"}'
    assert workflow.input_problems({}) == []
    assert workflow.input_problems({"n": "x"}) == ["n: 'x' is not of type 'integer'"]
    body = {**SAY, "input": form}
    around = {
        "nodes": [
            {"id": "w", "type": "subworkflow", "config": {"workflow": body, "input": {"n": 1}}}
        ]
    }
    assert (await run(around)).output["text"] == '{"n":1,"city":"Rome"}'


async def test_defaults_of_a_json_schema_count_too() -> None:
    inner = {"type": "object", "properties": {"b": {"default": [1]}}}
    schema = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    assert (await run({**SAY, "input": schema}, {"a": {}})).output["text"] == '{"a":{"b":[1]}}'


@pytest.mark.parametrize(
    ("form", "place", "message"),
    [
        ([{"name": "x", "type": "hologram"}], "/0/type", "no kind of field 'hologram'"),
        ([{"name": "x", "colour": 1}], "/0/colour", "has no 'colour'"),
        ([{"type": "text"}], "/0", "needs a `name`"),
        ([{"name": "x", "type": "number", "default": "lots"}], "/0/default", "does not fit"),
        (
            [{"name": "x", "type": "select", "options": ["a"], "default": "b"}],
            "/0/default",
            "does not fit",
        ),
        ([{"name": "x"}, {"name": "x"}], "/1", "two fields are called 'x'"),
        ([{"name": "x", "type": "select", "options": []}], "/0", "options"),
        ([{"name": "x", "type": "number", "min": "low"}], "/properties/x/minimum", "number"),
    ],
)
def test_a_form_with_a_mistake_is_refused_at_its_place(form: Any, place: str, message: str) -> None:
    [found] = check_workflow(from_data({**SAY, "input": form}), registry())
    assert (found.code, found.at.pointer) == ("invalid-value", f"/input{place}")
    assert message in found.message
    assert found.hint


def test_what_is_not_in_the_form_is_reported_where_it_is_read() -> None:
    nodes = [{"id": "a", "type": "template", "config": {"template": "{{input.citty}}"}}]
    [found] = check_workflow(from_data({"nodes": nodes, "input": [{"name": "city"}]}), registry())
    assert (found.code, found.hint) == ("unknown-input", "Did you mean 'city'?")
