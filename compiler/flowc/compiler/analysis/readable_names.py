"""Lists the names that the expressions of a node can read, with their types, for editors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flowc.compiler.analysis.graph import Graph, written_graph
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import ToolDefinition, declarations_in, initial_values
from flowc.compiler.definition.schema_paths import names_in, schema_at, type_of, types_of
from flowc.compiler.definition.short_schemas import Schema

MAX_NAMES = 200
_DEPTH = 3
_RUN: Mapping[str, str] = {"id": "Id of the run.", "workflow": "Id of the run's workflow."}
_INNER: Mapping[str, tuple[str | None, str]] = {
    "item": (None, "The item that the body runs for."),
    "index": ("integer", "Its place in the list, from 0."),
    "loop": ("object", "Has `index`, `previous` and `accumulators`."),
    "loop.index": ("integer", "The number of the turn, from 0."),
    "loop.previous": (None, "Output of the previous turn."),
    "loop.accumulators": ("object", "Values that each turn updates."),
    "error": ("object", "The failure after which a run continues here."),
    "arguments": ("object", "The arguments of the tool's call."),
    "result": (None, "Output of the latest turn or item."),
    "value": (None, "The current value of the accumulator."),
    "data": (None, "The data that is transformed."),
}


@dataclass(frozen=True, slots=True)
class ReadableName:
    """A name as one writes it in an expression, and the JSON type of its value if it is known."""

    name: str
    type: str | None = None
    description: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {"name": self.name, "type": self.type, "description": self.description}


def names_at_path(scope: Scope, path: str) -> tuple[list[ReadableName] | None, bool]:
    """Return what the node at a dotted path can read, and whether there is more than is shown.

    The nearest nodes are the first ones. Without such a node, there are no names.
    """
    found = node_at(scope, path)
    return (None, False) if found is None else readable_names(*found)


def node_at(scope: Scope, path: str) -> tuple[Scope, str] | None:
    """Return the scope and the id of the node at a dotted path such as `each.send`."""
    *around, name = path.split(".")
    for container in around:
        body = scope.bodies.get(container)
        if body is None:
            return None
        scope = body
    return (scope, name) if name in scope.nodes else None


def readable_names(scope: Scope, node_id: str) -> tuple[list[ReadableName], bool]:
    """Return what a node can read, and whether there is more than is shown."""
    found = list(islice(dict.fromkeys(_names(scope, node_id)), MAX_NAMES + 1))
    return found[:MAX_NAMES], len(found) > MAX_NAMES


def _names(scope: Scope, node_id: str) -> Iterator[ReadableName]:
    yield from _inner(scope, node_id)
    yield from _fields("input", scope.whole.workflow.input, None, 0)
    yield from _variables(scope.whole)
    for name, value in scope.whole.workflow.env.items():
        kind = _type_of_value(value.default) if value.default is not None else None
        yield ReadableName(_step("env", name), kind, value.description)
    yield from _outputs(scope, node_id)
    for field, description in _RUN.items():
        yield ReadableName(f"run.{field}", "string", description)


def _inner(scope: Scope, node_id: str) -> Iterator[ReadableName]:
    kind = scope.types.get(node_id)
    for name in sorted(scope.inner_names | (kind.formula_names if kind else frozenset())):
        for full, (type, description) in _INNER.items():
            if full == name or full.startswith(f"{name}."):
                yield ReadableName(full, type, description)
    tool = _tool_around(scope, node_id)
    if tool is not None:
        yield from _fields("arguments", tool.parameters, None, 0)


def _tool_around(scope: Scope, node_id: str) -> ToolDefinition | None:
    node = scope.nodes.get(node_id)
    if isinstance(node, ToolDefinition):
        return node
    return _tool_around(scope.outer, scope.container) if scope.outer is not None else None


def _variables(whole: Scope) -> Iterator[ReadableName]:
    declared = whole.workflow.variables
    typed, values = declarations_in(declared), initial_values(declared)
    for name, value in values.items():
        each = typed.get(name)
        if each is None or each.type is None:
            about = each.description if each is not None else None
            yield ReadableName(_step("variables", name), _type_of_value(value), about)
        else:
            yield from _fields(_step("variables", name), each.type, each.description, 0)
    for name in sorted(set[str]().union(*(whole.writes(each) for each in whole.nodes))):
        if name not in declared:
            yield ReadableName(_step("variables", name))


def _outputs(scope: Scope, node_id: str) -> Iterator[ReadableName]:
    """Yield the outputs of the nodes before this one, also those around its body."""
    graph = written_graph(scope.workflow, scope.registry)
    for name in _before(graph, node_id):
        node = scope.nodes[name]
        if not node.disabled:
            start = name if name.isidentifier() and name.isascii() else f"nodes['{name}']"
            yield from _fields(f"{start}.output", _output_of(scope, name), node.name, 0)
    if scope.outer is not None:
        yield from _outputs(scope.outer, scope.container)


def _before(graph: Graph, node_id: str) -> Iterator[str]:
    """Yield the nodes from which a path leads to a node, the nearest first."""
    seen, todo = {node_id}, [node_id]
    # It grows while it is gone through.
    for name in todo:
        for edge in graph.incoming.get(name, ()):
            if edge.source not in seen:
                seen.add(edge.source)
                todo.append(edge.source)
                yield edge.source


def _output_of(scope: Scope, name: str) -> Schema | None:
    return scope.describe_output(name) if name in scope.types else None


def _fields(
    path: str, schema: Schema | None, description: str | None, depth: int
) -> Iterator[ReadableName]:
    """Yield a path and the fields of its value, as deep as is shown."""
    types = types_of(schema) if schema is not None else None
    type = next(iter(types)) if types is not None and len(types) == 1 else None
    said = schema.get("description") if isinstance(schema, dict) else None
    yield ReadableName(path, type, said if isinstance(said, str) else description)
    if schema is None or depth >= _DEPTH:
        return
    for field in names_in(schema):
        inner = schema_at(schema, (field,))
        yield from _fields(
            _step(path, field), inner if isinstance(inner, dict) else None, None, depth + 1
        )


def _step(path: str, field: str) -> str:
    return f"{path}.{field}" if field.isidentifier() and field.isascii() else f"{path}[{field!r}]"


def _type_of_value(value: Any) -> str | None:
    return type_of(value) if value is not None else None
