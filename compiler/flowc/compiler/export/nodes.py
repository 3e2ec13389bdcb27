"""Writes one node: its type with the configuration, and its options for failures."""

import keyword
from collections.abc import Iterator, Mapping
from typing import Any

from flowc.compiler.analysis.configuration import Slot
from flowc.compiler.definition import GoOn, GoTo, initial_values
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.export.module import Module
from flowc.compiler.export.text import bracketed, indented, literal
from flowc.compiler.node import Role
from flowc.compiler.planning.closings import Closing
from flowc.compiler.planning.plan import Plan, PlannedNode

_FILLED = {
    None: "template",
    Role.CONDITION: "condition",
    Role.ITEM_CONDITION: "formula_condition",
    Role.ITEM_EXPRESSION: "formula",
}


def making(module: Module, node: PlannedNode) -> str:
    """Return the expression that makes the node; `names` are the values it can read."""
    configuration = node.configuration
    slots = {slot.path: slot for slot in configuration.slots}
    empty = "[]" if node.node_type.body_is_tools else "{}"
    bodies = {node.node_type.body_field, *node.node_type.parts}
    fields = {
        key: empty if key in bodies else _value(module, value, (key,), slots)
        for key, value in configuration.raw.items()
    }
    if configuration.takes_incoming is not None:
        fields[configuration.takes_incoming] = 'names["incoming"]'
    kind = module.node_type(node.node_type)
    if not fields:
        return f"{kind}()"
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in fields):
        inside = "".join(f"    {key}={indented(text, 4)},\n" for key, text in fields.items())
        return f"{kind}(\n{inside})"
    inside = "".join(f"        {key!r}: {indented(text, 8)},\n" for key, text in fields.items())
    return f"{kind}.model_validate(\n    {{\n{inside}    }}\n)"


def options(module: Module, node: PlannedNode, body_graph: str | None) -> str:
    """Return the argument with the node's options, or nothing if it has none."""
    found = dict(_options(module, node))
    if node.closes:
        edges = ", ".join(_closing(module, closing) for closing in node.closes)
        found["closes"] = f"({edges},)"
    if node.node_type.asks:
        found["ask"] = module.interrupt()
    if node.is_recorded:
        found["step"] = "runtime.execution_info"
    if body_graph is not None and node.body is not None:
        found["body"] = _body(module, node, node.body, body_graph)
    if not found:
        return ""
    inside = ", ".join(f"{key}={value}" for key, value in found.items())
    return f", {module.helper('Options')}({inside})"


def _value(module: Module, value: Any, path: Pointer, slots: Mapping[Pointer, Slot]) -> str:
    """Return a configuration's value as Python; computed values become calls."""
    if path in slots:
        slot = slots[path]
        return f"{module.helper(_FILLED[slot.role])}({slot.source!r}, names)"
    if not any(known[: len(path)] == path for known in slots):
        return literal(value)
    if isinstance(value, dict):
        items = [
            f"{key!r}: {_value(module, item, (*path, key), slots)}" for key, item in value.items()
        ]
        return bracketed("{", items, "}")
    items = [_value(module, item, (*path, index), slots) for index, item in enumerate(value)]
    return bracketed("[", items, "]")


def _options(module: Module, node: PlannedNode) -> Iterator[tuple[str, str]]:
    policy = node.definition.on_error
    if node.retry.max_attempts > 1:
        yield "retry", repr(node.retry.model_dump())
    if node.timeout is not None:
        yield "timeout", repr(node.timeout)
    if policy != "fail":
        yield "copes", "True"
    if isinstance(policy, GoOn) and policy.output is not None:
        yield "output_on_error", repr(policy.output)
    if isinstance(policy, GoTo):
        yield "goes_on_error", "True"
    if node.secrets:
        yield "secrets", repr(tuple(dict.fromkeys(node.secrets)))
    yield from _data_options(module, node)


def _data_options(module: Module, node: PlannedNode) -> Iterator[tuple[str, str]]:
    if node.env:
        kind = module.helper("EnvironmentValue")
        values = (f"{name!r}: {kind}(default={v.default!r})" for name, v in node.env.items())
        yield "env", f"{{{', '.join(values)}}}"
    if node.data_from:
        yield "data_from", repr(node.data_from)
        if node.wire.quorum == 1:
            yield "takes_first", "True"
    if node.configuration.merges and len(node.data_from) > 1:
        yield "merges", "True"


def _closing(module: Module, closing: Closing) -> str:
    edge = closing.edge
    branches = None if edge.branches is None else sorted(edge.branches)
    given = [edge.target, branches, closing.max_turns, list(closing.around), list(closing.inner)]
    return f"{module.helper('closing')}({', '.join(map(repr, given))})"


def _body(module: Module, node: PlannedNode, body: Plan, graph: str) -> str:
    parts = [graph, repr(body.exits)]
    if node.node_type.is_isolated:
        header = body.workflow
        declared = {
            "variables": initial_values(header.variables),
            "input": header.input,
            "output": header.output,
        }
        given = (f"{key}={value!r}" for key, value in declared.items() if value)
        parts += ["is_isolated=True", *given]
    if node.tools:
        tools = [f"{module.helper('Tool')}{tuple(tool)!r}" for tool in node.tools]
        parts.append(f"tools=({', '.join(tools)},)")
    return f"{module.helper('Body')}({', '.join(parts)})"
