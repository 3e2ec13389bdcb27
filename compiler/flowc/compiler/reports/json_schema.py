"""Builds the JSON Schema of definitions, with the node types that are installed."""

from flowc.compiler.definition import NodeDefinition, WorkflowDefinition
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Node
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects.steps import Step, StepsForm
from flowc.compiler.reading.familiar import familiar_words
from flowc.compiler.reports.vocabulary import vocabulary

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of_node_type(node_type: type[Node]) -> Schema:
    """Return the JSON Schema of a node type's configuration."""
    return node_type.model_json_schema(mode="validation")


def definition_schema(registry: Registry) -> Schema:
    """Return the JSON Schema of definitions; a node's `config` depends on its type.

    `x-expressions` has the words of expressions, for editors that complete them.
    """
    native = WorkflowDefinition.model_json_schema(ref_template="#/$defs/{model}")
    steps = StepsForm.model_json_schema(ref_template="#/$defs/{model}")
    defs: Schema = {**native.pop("$defs", {}), **steps.pop("$defs", {})}
    for node_type in registry:
        defs.update(_configuration(node_type))
    defs[NodeDefinition.__name__] = _by_type(defs[NodeDefinition.__name__], registry, ("config",))
    defs[Step.__name__] = _by_type(defs[Step.__name__], registry, ("input", "config"))
    defs["Workflow"], defs["Steps"] = native, steps
    return {
        "$schema": DIALECT,
        "title": "flowc workflow definition",
        "anyOf": [{"$ref": "#/$defs/Workflow"}, {"$ref": "#/$defs/Steps"}],
        "$defs": defs,
        "x-expressions": vocabulary(),
    }


def _configuration(node_type: type[Node]) -> Schema:
    schema = node_type.model_json_schema(ref_template=f"#/$defs/{node_type.type}.{{model}}")
    inner = schema.pop("$defs", {})
    named = {f"{node_type.type}.{name}": _templated(found) for name, found in inner.items()}
    return {**named, f"config:{node_type.type}": _templated(schema)}


def _templated(schema: Schema) -> Schema:
    """Allow a template in place of any value."""
    properties = {
        name: {"anyOf": [field, {"type": "string", "pattern": r"\{[{%]"}], **_described(field)}
        for name, field in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties} if properties else schema


def _described(field: Schema) -> Schema:
    return {key: field[key] for key in ("title", "description", "default") if key in field}


def _by_type(node: Schema, registry: Registry, keys: tuple[str, ...]) -> Schema:
    words = sorted([*registry.words(), *familiar_words(registry)])
    properties = {**node["properties"], "type": {"enum": words}}
    choices = [
        {
            "if": {"properties": {"type": {"enum": [found.type, *found.also]}}},
            "then": {"properties": {key: {"$ref": f"#/$defs/config:{found.type}"} for key in keys}},
        }
        for found in registry
    ]
    return {**node, "properties": properties, "allOf": choices}
