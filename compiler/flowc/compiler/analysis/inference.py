"""Which outputs do readers expect of a node that promises none?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.diagnostics import Pointer, Problem
from flowc.compiler.expressions import Reference

Path = tuple[str | int, ...]
Fields = dict[Path, list[Reference]]


def infer(draft: Draft) -> tuple[Draft, list[Problem]]:
    """Complete the configurations of nodes whose output others read, and say what was inferred.

    An `llm` node without an output schema whose `output.category` is read gets one that has a
    `category`; the literals it is compared with become examples in it.
    """
    for key, used in draft.uses.drafts.items():
        draft.uses.drafts[key] = replace(used, inferred=_inferred(used)[0])
    configurations, said = _inferred(draft)
    if not said and not draft.uses.drafts:
        return draft, said
    return replace(draft, inferred=configurations), said


def _inferred(draft: Draft) -> tuple[dict[Pointer, dict[str, Any]], list[Problem]]:
    configurations: dict[Pointer, dict[str, Any]] = {}
    said: list[Problem] = []
    for part in draft.walk():
        for node, config, fields in _completed(part):
            configurations[node.at] = config
            words = ", ".join(f"{path[0]} ({_type_of(uses)})" for path, uses in fields.items())
            message = f"{node.id!r} has no output schema; from what is read of it: {words}."
            said.append(Problem("inferred-output", message, node.at, severity="info"))
    return configurations, said


def _completed(draft: Draft) -> Iterator[tuple[NodeDefinition, dict[str, Any], Fields]]:
    for name, fields in _expected_fields(draft).items():
        node = draft.nodes[name]
        config = draft.types[name].with_inferred(node.config, properties_for(fields))
        if config is not None:
            yield node, config, fields


def _expected_fields(draft: Draft) -> Mapping[str, Fields]:
    """Return for each node the paths within its output that readers use and it does not promise."""
    expected: dict[str, Fields] = {}
    for name, path, reference in _reads_of_outputs(draft):
        known = draft.describe_output(name) or {}
        if path[0] not in known.get("properties", {}):
            expected.setdefault(name, {}).setdefault(path, []).append(reference)
    return expected


def _reads_of_outputs(draft: Draft) -> Iterator[tuple[str, Path, Reference]]:
    """Yield what this draft's nodes, and those of the bodies in it, read of this draft's nodes."""
    readers = [found for part in draft.walk() for found in part.configurations.values()]
    if draft.outer is not None:
        readers.append(draft.outer.configurations[draft.container])
    for configuration in readers:
        for use in uses_in(configuration):
            found = node_path(use.reference.path, draft.nodes)
            if found is None or found[0] not in draft.types:
                continue
            name, path = found
            if path[:1] == ("output",) and len(path) > 1 and isinstance(path[1], str):
                yield name, path[1:], use.reference


def fields_of(references: Iterable[Reference]) -> Fields:
    """Return references to fields of one name by the paths within it."""
    fields: Fields = {}
    for reference in references:
        if len(reference.path) > 1 and isinstance(reference.path[1], str):
            fields.setdefault(reference.path[1:], []).append(reference)
    return fields


def properties_for(fields: Fields) -> dict[str, Schema]:
    """Return schemas for paths: `a.b` makes `a` an object, `a[0]` makes it a list."""
    properties: dict[str, Schema] = {}
    heads = dict.fromkeys(path[0] for path in fields)
    for head in heads:
        below = {path[1:]: uses for path, uses in fields.items() if path[0] == head}
        properties[str(head)] = _schema(below)
    return properties


def _schema(below: Mapping[Path, list[Reference]]) -> Schema:
    deeper = {path: uses for path, uses in below.items() if path}
    if not deeper:
        return _leaf(below[()])
    if all(isinstance(path[0], int) for path in deeper):
        return {"type": "array", "items": _schema({p[1:]: uses for p, uses in deeper.items()})}
    named = {path: uses for path, uses in deeper.items() if isinstance(path[0], str)}
    properties = properties_for(named)
    return {"type": "object", "properties": properties, "required": list(properties)}


def _leaf(uses: list[Reference]) -> Schema:
    schema: Schema = {"type": _type_of(uses)}
    literals = [value for use in uses for value in use.literals if value is not None]
    if schema["type"] == "string" and literals:
        schema["examples"] = list(dict.fromkeys(literals))
    return schema


def _type_of(uses: list[Reference]) -> str:
    found = {use.used_as for use in uses if use.used_as}
    return found.pop() if len(found) == 1 else "string"
