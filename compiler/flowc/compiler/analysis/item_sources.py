"""Finds where values are read from and what takes them: items, variables, and typed fields."""

from typing import Any, get_origin

from flowc.compiler.analysis.configuration import (
    Configuration,
    Slot,
    members_of,
    names_of_field,
)
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition.schema_paths import types_of
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.node import PER_ITEM, Node

_TYPES: dict[Any, str] = {
    list: "array", dict: "object", str: "string", bool: "boolean", int: "number", float: "number",
}  # fmt: skip


def item_path(scope: Scope) -> ReferencePath | None:
    """Return the path of each `item` in a body; None if there is none, or it is computed.

    In the body of a `map` over `{{ask.output.people}}` it is `ask.output.people[0]`.
    """
    if scope.outer is None:
        return None
    if "item" not in scope.outer.types[scope.container].body_names:
        return item_path(scope.outer)
    items = items_of(scope.outer.configurations[scope.container])
    if items is None or items[0] != "item":
        return None if items is None else (*items, 0)
    around = item_path(scope.outer)
    return None if around is None else (*around, *items[1:], 0)


def items_of(configuration: Configuration) -> ReferencePath | None:
    """Return the path that a node's list is read from, if it has one list and that is a path."""
    kind = configuration.node_type
    found = [
        slot.expression.whole
        for slot in configuration.slots
        if len(slot.path) == 1 and type_of_field(kind, str(slot.path[0])) == "array"
    ]
    return found[0] if len(found) == 1 else None


def items_of_formulas(configuration: Configuration) -> ReferencePath | None:
    """Return the path of each `item` of a node's own formulas; None if it is not known."""
    whole = [slot.expression.whole for slot in configuration.slots if len(slot.path) == 1]
    return (*whole[0], 0) if len(whole) == 1 and whole[0] is not None else None


def reads_items(configuration: Configuration, slot: Slot) -> bool:
    """Return whether a formula works on the items of the node's data as they are.

    It does if it is in the first of the node's rules, and the rule is for no field of the data.
    """
    if slot.role not in PER_ITEM or len(slot.path) != 3 or slot.path[1] != 0:
        return False
    rule = configuration.raw[str(slot.path[0])][0]
    return isinstance(rule, dict) and not rule.keys() & {"field", "from"}


def variable_paths(scope: Scope) -> dict[ReferencePath, ReferencePath]:
    """Return the paths that variables are set from, of those that are set in one place alone."""
    found: dict[ReferencePath, list[ReferencePath | None]] = {}
    for part in scope.walk():
        for name, configuration in part.configurations.items():
            own = {slot.path[1:]: slot.expression.whole for slot in configuration.slots}
            for variable in part.types[name].writes(part.nodes[name].config):
                found.setdefault((variable,), []).append(own.get((variable,)))
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1 and paths[0]}


def type_of_place(scope: Scope, name: str, path: Pointer) -> str | None:
    """Return the JSON type of what a configuration has at a path, as far as it is declared.

    That is the type of a field, or of an argument of the function, the operation or the workflow
    that the node calls.
    """
    kind = scope.types[name]
    if len(path) == 1:
        return type_of_field(kind, str(path[0]))
    if len(path) != 2:
        return None
    inside = scope.inside(name)
    called = kind.tool_parameters({**scope.nodes[name].config, str(path[0]): "{{arguments}}"})
    if called is None and inside is not None and kind.is_isolated:
        called = inside.workflow.input
    properties = (called or {}).get("properties")
    schema = properties.get(path[1]) if isinstance(properties, dict) else None
    types = (types_of(schema) or frozenset()) - {"null"}
    return next(iter(types)) if len(types) == 1 else None


def type_of_field(node_type: type[Node], name: str) -> str | None:
    """Return the JSON type of a field of a node type; None if it can have several."""
    for own, field in node_type.model_fields.items():
        if name in names_of_field(own, field):
            kinds = {
                _TYPES.get(get_origin(member) or member)
                for member in members_of(field.annotation)
                if member is not type(None)
            }
            return kinds.pop() if len(kinds) == 1 else None
    return None
